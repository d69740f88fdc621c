"""The effects of an import before it is executed: a table of counts, and examples of the changes that can do harm."""

from __future__ import annotations

from rich.table import Table

from consentory.client.api_client import JsonObject
from consentory.client.preview_run import PreviewFindings
from consentory.domain.effects import DANGEROUS, EFFECT_KINDS
from consentory.terminal.import_summary import count, show_value
from consentory.terminal.terminal_output import make_console
from consentory.terminal.visible_text import show_text

_OUTCOMES = ("Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exceptions")


def print_findings(findings: PreviewFindings) -> None:
    """Write the table of effects and the examples to standard output. They may hold personal data."""
    console, preview = make_console(soft_wrap=True), findings.preview
    console.print(make_effects_table(preview))
    for kind, changes in findings.examples.items():
        total = preview["Effects"].get(kind, preview.get(kind, 0))
        console.print(f"[bold]{kind}[/bold], {'all' if len(changes) >= total else 'the first'} {len(changes)}:")
        for change in changes:
            console.print(f"  {show_text(describe_change(change))}")
    for limit in preview["LimitsExceeded"]:
        told = f"{limit['Limit']}: {limit['Found']:,} found, {limit['Allowed']:,} allowed."
        console.print(f"[bold red]Above a limit of the guard[/bold red]: {show_text(told)}")
    if preview["Stale"]:
        console.print("[yellow]Stale[/yellow]: more was staged meanwhile, or the account document changed.")


def make_effects_table(preview: JsonObject) -> Table:
    """The counts of a preview; of the effects those that are there, the kinds that can do harm first."""
    title = f"Effects of {count(preview['Records'], 'record', 'records')}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name in _OUTCOMES:
        table.add_row(name, f"{preview[name]:,}", end_section=name == _OUTCOMES[-1])
    effects = preview["Effects"]
    for kind in sorted(EFFECT_KINDS, key=lambda kind: kind not in DANGEROUS):
        if effects[kind]:
            table.add_row(f"[bold]{kind}[/bold]" if kind in DANGEROUS else kind, f"{effects[kind]:,}")
    return table


def describe_change(change: JsonObject) -> str:
    """One change as a line: the record, the person, the place, and the values or the fault."""
    who = "a new person" if change["ProfileId"] is None else f"profile {change['ProfileId']}"
    fault, place = change["Fault"], " ".join((change["Place"] or {}).values())
    if fault is not None:
        return f"record {change['SequenceNumber']}: {fault['Code']}, {fault['Message']}"
    where = ", ".join(filter(None, (place, change["Member"])))
    return (
        f"record {change['SequenceNumber']}, {who}, {where}: "
        f"{_show_side(change['Before'])} → {_show_side(change['After'])}"
    )


def _show_side(value: object) -> str:
    return "nothing" if value is None else show_value(value)
