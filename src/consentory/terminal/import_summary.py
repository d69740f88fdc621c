"""The summary at the end of `consentory import`: the counts, the speed, the faults, and the next steps."""

import json
from typing import Any

from rich.table import Table

from consentory.client.api_client import JsonObject
from consentory.client.exceptions_file import FaultCount
from consentory.client.import_run import ImportOutcome
from consentory.codec.tabular.correction_columns import OPT_OUT_MARK
from consentory.terminal.terminal_output import make_console, notes
from consentory.terminal.visible_text import show_text

_WHY_NOT_HONORED = {
    "Add": "a stored choice or an update rule takes precedence",
    "Delete": "no stored person fits",
    "Undo": "newer values, opt-outs, denials and withdrawals stay",
}


def choose_exit_code(status: JsonObject, left_out: int = 0) -> int:
    """0: all processed; 1: done, with exceptions, not honored ones, broken lines or refused rows; 2: failed."""
    if status["Status"] == "Failed":
        return 2
    return int(bool(left_out or status["ValidationFailed"] or status["Exceptions"] or status["NotHonored"]))


def count(number: int, one: str, many: str) -> str:
    """`1 choice carries`, `2,000 choices carry`."""
    return f"{number:,} {one if number == 1 else many}"


def warn_undated(status: JsonObject) -> None:
    """Warn of choices that got the time of staging as their date."""
    undated = status.get("UndatedChoices", 0)
    if undated and status["ImportAction"] != "Delete":
        notes.print(
            f"[yellow]Warning[/yellow]: {count(undated, 'choice has', 'choices have')} no date of "
            f"{'its' if undated == 1 else 'their'} own. "
            "The time of this import is then the date, and such a choice wins over each choice that was made before "
            "it. Give the dates on which people chose: CustomerDate of a preference, ConsentDate of a consent."
        )


def summarize_outcome(outcome: ImportOutcome) -> JsonObject:
    """The outcome as `--json` gives it: the status object under `Status`, and what the client adds to it."""
    return {
        "Status": outcome.status,
        "ExceptionsFile": str(outcome.exceptions_files[0]) if outcome.exceptions_files else None,
        "ExceptionsFiles": [str(path) for path in outcome.exceptions_files],
        "RefusedRows": outcome.refused_rows,
        "RefusedOptOuts": outcome.refused_opt_outs,
        "AddressesLeftOut": outcome.left_out,
        "OptOutsLeftOut": outcome.opt_outs_left_out,
        "CommonestFaults": [{"Count": fault.count, "Example": fault.example} for fault in outcome.commonest_faults],
        "MoreKindsOfFault": outcome.more_kinds,
        "BrokenLines": outcome.broken,
        "BrokenFiles": outcome.broken_files,
        "BrokenOptOuts": outcome.broken_opt_outs,
        "Resumed": outcome.resumed,
        "Seconds": {phase: round(seconds, 3) for phase, seconds in outcome.seconds.items()},
    }


def print_outcome(outcome: ImportOutcome) -> None:
    """Write the summary for people: the counts, the speed, the most frequent faults, and the next steps."""
    console, status = make_console(soft_wrap=True), outcome.status
    # Only a part of a resumed import was timed.
    console.print(make_books_table(status, {} if outcome.resumed else outcome.seconds))
    for fault in outcome.commonest_faults:
        console.print(describe_fault(fault))
    if outcome.more_kinds:
        console.print(f"  and {count(outcome.more_kinds, 'more kind', 'more kinds')} of fault")
    for line in list_advice(outcome):
        console.print(line)


def describe_fault(fault: FaultCount) -> str:
    """The line on one kind of fault, with its first example, in Rich's markup."""
    example = fault.example
    words = [f"  {fault.count:,} × [bold]{show_text(example.Code)}[/bold]: {show_text(example.Message)}"]
    if example.Path or example.Value is not None:  # a fault of a whole row has neither
        place = f"{example.Path} = " if example.Path else ""
        words.append(f"Example: {show_text(place + show_value(example.Value))}")
    if example.Place:
        words.append(show_text(f"({example.Place})"))
    return " ".join(words)


def list_advice(outcome: ImportOutcome) -> list[str]:
    """The facts and advice for a person after the import, in Rich's markup, the most urgent first."""
    status, lines = outcome.status, []
    if outcome.refused_opt_outs:
        lines.append(advise_opt_outs(outcome))
    lines += advise_left_out(outcome)
    if outcome.refused_rows:
        lines.append(
            f"{count(outcome.refused_rows, 'row', 'rows')} could not become a record, so the server never saw "
            f"{'it' if outcome.refused_rows == 1 else 'them'}: see the file of refused records."
        )
    if outcome.exceptions_files:
        paths = show_text(", ".join(map(str, outcome.exceptions_files)))
        lines.append(f"Refused records: {paths}. Correct them there and import that file.")
    if outcome.exceptions_gone:
        lines.append("The server has deleted the refused records, because their retention is over.")
    if outcome.broken:
        files = show_text(", ".join(outcome.broken_files))
        what_was_done = "It was" if outcome.broken == 1 else "They were"
        told = (
            f"{count(outcome.broken, 'line is', 'lines are')} not JSON. {what_was_done} skipped and written to {files}."
        )
        if lost := outcome.broken_opt_outs:
            told += (
                f" [bold red]{count(lost, 'of them holds', 'of them hold')}[/bold red] an opt-out: correct it first."
            )
        lines.append(told)
    if local := status.get("NumbersWithoutCountryCode", 0):
        lines.append(
            f"{count(local, 'telephone number has', 'telephone numbers have')} no country code. The account's "
            "region was used. Write a number of another country as +, country code, number."
        )
    if status.get("Created") and not status["MatchValue"]:
        lines.append(
            f"{count(status['Created'], 'person is', 'people are')} new, because --match is not given. A second import "
            "of the file would make them a second time. If the records have an id, give --match (with a preset: "
            "--set id=TYPE)."
        )
    return lines + advise_not_honored(status)


def advise_not_honored(status: JsonObject) -> list[str]:
    """The line on the records that were not honored, in Rich's markup. Empty: there are none."""
    if not status["NotHonored"]:
        return []
    records = count(status["NotHonored"], "record was", "records were")
    why = _WHY_NOT_HONORED[status["ImportAction"]]
    # Another user's access token is not shown.
    ref = status["AccessToken"] or status["ImportId"]
    return [f"{records} not honored, because {why}: see consentory exceptions {ref} --phase NotHonored"]


def advise_left_out(outcome: ImportOutcome) -> list[str]:
    """The lines on parts of rows that are in no record, in Rich's markup."""
    lines = []
    if outcome.opt_outs_left_out and outcome.status["ImportAction"] != "Delete":
        lost = count(outcome.opt_outs_left_out, "opt-out was", "opt-outs were")
        lines.append(
            f"[bold red]{lost} left out[/bold red], because the row has no email address, telephone number or postal "
            "address that the opt-out refuses. Add the address or the number to such rows, and import them again."
        )
    if outcome.left_out:
        lines.append(
            f"{count(outcome.left_out, 'address was', 'addresses were')} left out, because only a part of "
            f"{'it' if outcome.left_out == 1 else 'each'} is in the row. An address needs its street, city, state and "
            "postcode."
        )
    return lines


def advise_opt_outs(outcome: ImportOutcome) -> str:
    """The line on refused records that hold an opt-out, a denial or a withdrawal, in Rich's markup."""
    refused = outcome.refused_opt_outs
    subject, do, stand, them = ("It", "does", "stands", "it") if refused == 1 else ("They", "do", "stand", "them")
    line = (
        f"[bold red]{count(refused, 'refused record holds', 'refused records hold')}[/bold red] an opt-out, a "
        f"denial or a withdrawal. {subject} {do} not count yet: correct and import {them} first."
    )
    if not outcome.exceptions_files:
        return line
    if all(path.suffix == ".ndjson" for path in outcome.exceptions_files):
        return f'{line} {subject} {stand} at the top of the file of refused records, marked "HoldsOptOut": true.'
    return f"{line} In the file of refused records consentory_faults marks {them}: {OPT_OUT_MARK}."


def show_value(value: Any) -> str:
    """A refused value as JSON, so that a text and a number look different."""
    return json.dumps(value, ensure_ascii=False)


def make_books_table(status: JsonObject, seconds: dict[str, float] | None = None) -> Table:
    """The counts of an import as a table that adds up, with the records a second if the times are known."""
    table = Table(title=f"{show_text(status['Name'])}: {status['Status']}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for field in ("TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed"):
        table.add_row(field, f"{status[field]:,}", end_section=field == "ValidationFailed")
    table.add_row("Processed", f"{status['Processed']:,}")
    for field in ("Created", "Updated", "Unchanged", "Deleted"):
        if field in status:
            table.add_row(f"  {field}", f"{status[field]:,}")
    for field in ("NotHonored", "Exceptions", "Pending"):
        table.add_row(field, f"{status[field]:,}", end_section=field == "Pending")
    counts = {"stage": status["TotalRecordsReceived"], "execute": status["ValidationSuccessful"]}
    for phase, took in (seconds or {}).items():
        table.add_row(f"Records a second, {phase}", f"{counts[phase] / max(took, 0.001):,.0f}")
    table.add_row("AccessToken", str(status["AccessToken"]))
    return table
