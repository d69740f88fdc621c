"""The question before an import is executed: show the effects, and execute the import only if a person says yes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from consentory.client.api_client import JsonObject
from consentory.client.preview_run import PreviewFindings
from consentory.terminal.connection import exit_refused, list_connection_words
from consentory.terminal.preview_view import print_findings
from consentory.terminal.terminal_output import say

NOT_EXECUTED = 3
"""The exit code if nobody approved the effects of a preview."""

PreviewOption = Annotated[bool, typer.Option("--preview", help="Show the effects, and ask before execution.")]
YesOption = Annotated[bool, typer.Option("--yes", help="The answer to the question of --preview.")]

Approve = Callable[[PreviewFindings], bool]


def choose_approval(preview: bool, yes: bool, as_json: bool) -> Approve | None:
    """The function that decides on the effects. None: there is no preview. Ends the command if the options conflict."""
    if yes and not preview:
        exit_refused("--yes answers the question of --preview. Give --preview too, or leave --yes out.")
    if not preview:
        return None

    def approve(findings: PreviewFindings) -> bool:
        if as_json:  # the answer is for a machine, which cannot be asked
            return yes
        print_findings(findings)
        return yes or _ask()

    return approve


def _ask() -> bool:
    """Ask a person. False if nobody can read the effects and answer."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return False
    try:
        return typer.confirm("Execute the import with these effects?", err=True)
    except typer.Abort:
        return False


def summarize_findings(import_id: str, findings: PreviewFindings, *, is_stopped: bool) -> dict[str, Any]:
    """The members of the `--json` answer after a preview. `Execute`: the command that executes the import."""
    command = spell_execute(import_id, findings.preview) if is_stopped else None
    return {**summarize_preview(findings), "Execute": command}


def summarize_preview(findings: PreviewFindings) -> dict[str, Any]:
    """The members of the `--json` answer that describe a preview."""
    return {"Preview": findings.preview, "Examples": findings.examples}


def say_how_to_go_on(import_id: str, preview: JsonObject) -> None:
    """Write the commands that execute or cancel a staged import."""
    say("Nothing was executed. To execute the import with these effects:")
    say(f"  {spell_execute(import_id, preview)}")
    say("To cancel the import:")
    say(f"  {shlex.join(['consentory', 'cancel', import_id, *list_connection_words()])}")


def spell_execute(import_id: str, preview: JsonObject) -> str:
    """The command that executes a staged import if this preview is still current."""
    words = ["consentory", "execute", import_id, "--preview-id", preview["PreviewId"], *list_connection_words()]
    return shlex.join(words)
