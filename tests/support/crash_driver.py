"""Kills processes at random instants of real imports, round after round: `scripts/crash [ROUNDS] [SEED] [--undo]`.

Every second dataset has undos, and its kills come while an undo is staged, previewed or executed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import typer
from crash.crash_round import Report, run_round
from crash.dataset import make_dataset, make_undo_dataset
from crash.import_run import Trial
from crash.machine import Machine

ROUNDS_A_DATASET = 25
SEEDS_APART = 1_000_000


def main() -> int:
    """Run the rounds and print what happened; 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=500)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--undo", action="store_true", help="only datasets with undos")
    options = parser.parse_args()
    machine = Machine()
    machine.start()
    summary = Summary()
    try:
        for number in range(options.rounds):
            if number % ROUNDS_A_DATASET == 0:
                has_undo = options.undo or number // ROUNDS_A_DATASET % 2 == 1
                make = make_undo_dataset if has_undo else make_dataset
                trial = Trial(machine, make(options.seed * SEEDS_APART + number))
            summary.add(run_round(machine, trial, options.seed * SEEDS_APART + number))
    except KeyboardInterrupt:
        typer.echo("stopped")
    finally:
        machine.stop()
    return summary.print_all()


class Summary:
    """All rounds together."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.rounds = 0
        self.bad: list[int] = []
        self.total = Report()

    def add(self, report: Report) -> None:
        """Note a round, and print it."""
        self.rounds += 1
        total = self.total
        total.kills += report.kills
        total.recoveries += report.recoveries
        total.answers += report.answers
        total.looks += report.looks
        kills = ", ".join(f"{target} ({phase})" for target, phase in report.kills)
        typer.echo(f"round {self.rounds}: {report.seconds:.1f} s, killed: {kills or 'nothing'}")
        if report.differences:
            self.bad.append(self.rounds)
            typer.echo("\n    ".join([f"  {len(report.differences)} DIFFERENCES", *report.differences[:10]]))

    def print_all(self) -> int:
        """The exit code, 1 when a round was not as it should be."""
        total, took = self.total, time.monotonic() - self.begun
        typer.echo(f"\n{self.rounds} rounds in {took:.0f} s, {len(total.kills)} kills; books seen {total.looks} times")
        _tell_counts("kills by target", Counter(target for target, _ in total.kills))
        _tell_counts("kills by phase", Counter(phase for _, phase in total.kills))
        _tell_counts("answers to the client that imports, by status", total.answers)
        if total.recoveries:
            slowest, mean = max(total.recoveries), sum(total.recoveries) / len(total.recoveries)
            typer.echo(f"seconds until the server was ready again: {mean:.1f} on average, {slowest:.1f} at most")
        typer.echo(f"rounds with differences: {', '.join(map(str, self.bad)) or 'none'}")
        return 1 if self.bad else 0


def _tell_counts(title: str, counts: Counter[str]) -> None:
    typer.echo(f"{title}: {', '.join(f'{name} {count}' for name, count in counts.most_common())}")


if __name__ == "__main__":
    sys.exit(main())
