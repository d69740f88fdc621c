"""The report of the demo: the counts, the speed, the faults, a person, and the deviations from the expected result."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from consentory.client.api_client import ConsentoryClient, HistoryKind, JsonObject
from consentory.client.exceptions_file import FaultCount
from consentory.client.import_run import ImportOutcome
from consentory.terminal.profile_view import make_history_tree, make_profile_tree, read_consent_texts, read_history
from consentory.terminal.visible_text import show_lines, show_text

IDENTITIES: dict[str, tuple[str, ...]] = {
    "TotalRecordsReceived": ("ValidationSuccessful", "ValidationFailed"),
    "ValidationSuccessful": ("Pending", "Processed", "Exceptions", "NotHonored"),
    "Processed": ("Created", "Updated", "Unchanged", "Deleted"),
}
"""Each count that is a sum, and its parts (import-api.md, "The status object")."""

_ASKED = 15  # the number of repeated people who are read, to find the one with the longest history
_MISMATCHES_SHOWN = 10


def make_balance_table(status: JsonObject) -> Table:
    """The three counts that are sums, each with its parts."""
    table = Table("Count", "", "=", "adds up", title=f"Import {status['ImportId']}: {status['Status']}")
    table.title_justify = "left"
    table.columns[1].justify = "right"
    for total, parts in IDENTITIES.items():
        mark = "[green]yes[/green]" if _balances(status, total) else "[bold red]NO[/bold red]"
        terms = [f"{part} {status[part]:,}" for part in parts]
        table.add_row(total, f"{status[total]:,}", "\n+ ".join(["  " + terms[0], *terms[1:]]), mark, end_section=True)
    return table


def _balances(status: JsonObject, total: str) -> bool:
    return bool(status[total] == sum(status[part] for part in IDENTITIES[total]))


def print_speed(console: Console, outcome: ImportOutcome, memory: Iterable[tuple[str, int]]) -> None:
    """Print the records per second of each phase, and the peak memory of each process."""
    counts = {"stage": outcome.status["TotalRecordsReceived"], "execute": outcome.status["ValidationSuccessful"]}
    for phase, title in (("stage", "Staged"), ("execute", "Executed")):
        took = outcome.seconds.get(phase, 0.0)
        speed = counts[phase] / max(took, 0.001)
        console.print(f"{title}: {counts[phase]:,} records in {took:.1f} s, [bold]{speed:,.0f} a second[/bold]")
    if peaks := [f"{label} {size / 1e6:,.0f} MB" for label, size in memory]:
        console.print(f"Peak memory without PostgreSQL: {', '.join(peaks)}")


def print_faults(console: Console, faults: Iterable[FaultCount]) -> None:
    """Print the most frequent faults of refused records, each with an example."""
    table = Table("Times", "Code", "For example", title="The commonest faults", title_justify="left")
    for fault in faults:
        example = fault.example
        value = json.dumps(example.Value, ensure_ascii=False)
        table.add_row(f"{fault.count:,}", example.Code, show_lines(f"{example.Path} = {value}\n{example.Message}"))
    console.print(table)


def print_not_honored(console: Console, client: ConsentoryClient, status: JsonObject) -> None:
    """Print one change that was not honored, because a stored choice takes precedence."""
    page = client.exceptions(uuid.UUID(status["ImportId"]), limit=1, phase="NotHonored")
    for record in page["UserProfilePreferences"]:
        fault = record["Exceptions"][0]
        console.print(f"Not honored, for example {show_text(fault['Code'])}: {show_text(fault['Message'])}")


def print_person(console: Console, client: ConsentoryClient, crm_ids: Iterable[str]) -> None:
    """Print the person with the longest history among the people with these CRM ids, and that history, as trees."""
    best: tuple[tuple[int, int], JsonObject, dict[HistoryKind, list[JsonObject]]] | None = None
    for crm_id in list(crm_ids)[:_ASKED]:
        profile = client.profile_by_alternate_id("CRM", crm_id)
        history = read_history(client, profile["ProfileId"])
        items = [item for kind in history.values() for item in kind]
        wealth = (len({item["SequenceNumber"] for item in items}), len(items))
        if best is None or wealth > best[0]:
            best = wealth, profile, history
    if best:
        console.print("A person who came more than once:")
        console.print(make_profile_tree(best[1]))
        console.print(make_history_tree(best[2], read_consent_texts(client.configuration())))


def find_surprises(outcome: ImportOutcome, faults: Mapping[int, str]) -> list[str]:
    """The deviations of the import from the expected result. Empty: there is none.

    `faults`: the SequenceNumber of each record that must be refused, and its fault.
    """
    status = outcome.status
    surprises = [f"{total} does not add up." for total in IDENTITIES if not _balances(status, total)]
    refused = status["ValidationFailed"] + status["Exceptions"]
    if refused != len(faults):
        surprises.append(f"{refused:,} records were refused, and {len(faults):,} are faulty.")
    numbers = _read_numbers(next(iter(outcome.exceptions_files), None))
    missed = [f"Record {n} was accepted, in spite of {faults[n]}." for n in sorted(faults.keys() - numbers.keys())]
    wronged = [f"Record {n} was refused ({numbers[n]}), though good." for n in sorted(numbers.keys() - faults.keys())]
    for mismatches in (missed, wronged):
        surprises += mismatches[:_MISMATCHES_SHOWN]
        if len(mismatches) > _MISMATCHES_SHOWN:
            surprises.append(f"… and {len(mismatches) - _MISMATCHES_SHOWN:,} more.")
    return surprises


def _read_numbers(exceptions_file: Path | None) -> dict[int, str]:
    """The SequenceNumber of each refused record, and the code of its first fault."""
    numbers: dict[int, str] = {}
    if exceptions_file:
        with exceptions_file.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                numbers[record["SequenceNumber"]] = record["Exceptions"][0]["Code"]
    return numbers
