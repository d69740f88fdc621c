"""An import that the guard holds, for people: why it is held, and the commands that release or cancel it."""

from __future__ import annotations

import shlex
from typing import NoReturn

import typer

from consentory.cli.effects_approval import NOT_EXECUTED
from consentory.client.api_client import JsonObject
from consentory.terminal.connection import list_connection_words
from consentory.terminal.terminal_output import notes, print_json
from consentory.terminal.visible_text import show_text


def list_held(status: JsonObject) -> list[str]:
    """Why the guard holds an import, and the commands for it, in Rich's markup. Empty: no guard holds it."""
    reasons = status.get("HeldReason") or []
    if not reasons:
        return []
    lines = ["[bold red]Held[/bold red]: the import exceeds the guard of the account. Nothing of it is applied yet."]
    for one in reasons:
        if one["Code"] == "Guard.Exceeded":
            lines.append(show_text(f"  {one['Limit']}: {one['Found']:,} found, {one['Allowed']:,} allowed"))
        else:
            lines.append(show_text(f"  {one['Code']}: the preview failed, so no limit could be checked"))
    lines.append("To see its effects:")
    lines.append(f"  {_spell('status', status, '--preview')}")
    lines.append("To release it, with the permission release:")
    lines.append(f"  {_spell('release', status)}")
    lines.append("To cancel it:")
    lines.append(f"  {_spell('cancel', status)}")
    return lines


def exit_held(status: JsonObject, answer: JsonObject | None, *, can_resume: bool = False) -> NoReturn:
    """Say why the guard holds the import, and the commands for it, and end the command with exit code 3.

    `answer`: the answer for machines; None: for people. `can_resume`: after the release, the same command continues
    the import.
    """
    if answer is not None:
        print_json(answer)
    else:
        for line in list_held(status):
            notes.print(line, soft_wrap=True)
        if can_resume:
            notes.print("After the release, run the same command again: it waits, and fetches the refused records.")
    raise typer.Exit(NOT_EXECUTED)


def _spell(command: str, status: JsonObject, *options: str) -> str:
    return show_text(shlex.join(["consentory", command, status["ImportId"], *options, *list_connection_words()]))
