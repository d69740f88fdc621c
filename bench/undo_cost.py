"""Measure the cost of before-images: import file 1 and file 2 into an account without undo and into one with undo.

Both accounts are on one server. They are measured in turn, and each round begins with the other one. The script prints
for each file the medians of both, and the ratio (the median over the rounds, because the two imports of a round follow
each other). Processor seconds are those of all processes of Consentory and PostgreSQL, of the least disturbed round: on
a busy machine they are more reliable than the clock. Exit code 1: an import is slower than docs/effects.md permits, by
the clock.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from everyday_writes import write_file
from processor_time import read_seconds
from subject import Subject

KINDS = {"without": 0, "with": None}
"""`undoDays` of both accounts; None: the default."""
LEAST = {"file 1": 0.98, "file 2": 0.90}
"""The least speed with undo, as a part of the speed without undo."""

Figures = dict[tuple[str, str], list[tuple[float, float, float]]]
"""(Seconds of the whole import, of its execution, of processors) for each round, by file and kind of account."""


def main() -> None:
    """Run the rounds that the arguments ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    figures: Figures = {(file, kind): [] for file in LEAST for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, Subject() as subject:
        paths = {file: Path(folder) / f"{file}.ndjson" for file in LEAST}
        for file, path in paths.items():
            write_file(path, arguments.people, changed=file == "file 2")
        for number in range(arguments.rounds + 1):
            for kind in sorted(KINDS, reverse=number % 2 == 1):
                measure(subject, kind, paths, figures)
            if number == 0:  # the caches of all processes are empty
                figures = {key: [] for key in figures}
    sys.exit(not report(figures, arguments.people))


def measure(subject: Subject, kind: str, paths: dict[str, Path], figures: Figures) -> None:
    """Import both files into a new account."""
    account = subject.create_account(undo_days=KINDS[kind])
    for file, path in paths.items():
        before = read_seconds(subject.process.pid)
        timing = account.import_file(path)
        if timing.status["Status"] != "Completed" or timing.status["Exceptions"]:
            raise SystemExit(f"the import did not end as it should: {timing.status}")
        figures[file, kind].append((timing.total, timing.execute, read_seconds(subject.process.pid) - before))


def report(figures: Figures, people: int) -> bool:
    """Print medians and ratios. True if undo costs no more than is permitted."""
    is_good = True
    print(
        f"{people:,} people, medians of {len(figures['file 1', 'with'])} rounds; ratio: with undo against without undo"
    )
    for file, least in LEAST.items():
        titles = ("end to end, records/s", "execution, records/s", "processor, microseconds a record")
        for place, title in enumerate(titles):
            without, with_undo = ([one[place] for one in figures[file, kind]] for kind in KINDS)
            if place == 2:
                shown = [1e6 * min(one) / people for one in (without, with_undo)]
                ratio = shown[0] / shown[1]
            else:
                shown = [people / statistics.median(one) for one in (without, with_undo)]
                ratio = statistics.median(a / b for a, b in zip(without, with_undo, strict=True))
            print(f"  {file}, {title:<34} without {shown[0]:>8,.0f}  with {shown[1]:>8,.0f}  ratio {ratio:.3f}")
            is_good = is_good and (place > 0 or ratio >= least)
    return is_good


if __name__ == "__main__":
    main()
