"""The bench measures Consentory and the yardsticks in turn. It prints medians and the ratios of docs/performance.md.

Ratios are more reliable than rates, because machines are noisy. Both sides of a ratio are measured minutes apart on
the same server.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from subject import Subject
from workload import write_lines
from yardsticks import prepare_floor, run_floor, run_loop

Figures = dict[str, list[float]]
STAGING = "consentory.bootstrap.stage_entry"
"""The program of the processes that validate batches."""
FILES = {"new": {}, "changed": {"changed": True}, "faulty5": {"faulty": 0.05}, "faulty100": {"faulty": 1.0}}


def main() -> None:
    """Run the rounds that the arguments ask for and print the table; --json for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dlt", help="a Python with dlt[postgres] installed, to be measured too")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, Subject() as subject:
        files = {name: Path(folder) / f"{name}.ndjson" for name in FILES}
        for name, path in files.items():
            with path.open("wb") as out:
                out.writelines(line + b"\n" for line in write_lines(arguments.people, **FILES[name]))
        figures: Figures = {}
        if arguments.dlt:
            measure_dlt(subject, arguments.dlt, files, arguments.people, figures)
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            run_round(subject, files, arguments.people, figures)
        for command, name in (("serve", "server"), (STAGING, "stage"), ("worker", "worker")):
            figures[f"memory of a {name} process, MB"] = [read_peak(subject, command)]
    report(arguments.people, figures, arguments.json)


def run_round(subject: Subject, files: dict[str, Path], people: int, figures: Figures) -> None:
    """Every measurement once; rates in records a second."""
    conninfo = subject.conninfo

    def note(name: str, seconds: float) -> None:
        figures.setdefault(name, []).append(people / seconds)

    prepare_floor(conninfo)
    note("floor, new", run_floor(conninfo, files["new"]))
    account = subject.create_account()
    before = read_size(conninfo)
    new = account.import_file(files["new"])
    figures.setdefault("bytes on disk a byte sent", []).append(
        (read_size(conninfo) - before) / files["new"].stat().st_size
    )
    check(new.status, people, "Created")
    note("ours, new", new.total)
    note("ours, new: staging", new.stage)
    note("ours, new: execution", new.execute)
    note("floor, changed", run_floor(conninfo, files["changed"]))
    changed = account.import_file(files["changed"])
    note("ours, changed", changed.total)
    note("ours, changed: execution", changed.execute)
    again = account.import_file(files["changed"])
    check(again.status, people, "Unchanged")
    note("ours, changed sent again", again.total)
    note("ours, changed sent again: execution", again.execute)
    for name in ("faulty5", "faulty100"):
        note(f"ours, {name}", subject.create_account().import_file(files[name]).total)
    prepare_floor(conninfo)
    note("loop, new", run_loop(conninfo, files["new"]))


def check(status: dict[str, int], people: int, outcome: str) -> None:
    """A fast wrong answer is no answer."""
    if status["Status"] != "Completed" or status[outcome] != people:
        raise SystemExit(f"the import did not end as it should: {status}")


def measure_dlt(subject: Subject, python: str, files: dict[str, Path], people: int, figures: Figures) -> None:
    """Run dlt once, before the other measurements: it takes minutes, and its failure must not cost the others.

    File 2 is merged into what file 1 left, as ours is.
    """
    words = psycopg.conninfo.conninfo_to_dict(subject.conninfo)
    host = quote(str(words["host"]), safe="")  # dlt wants it there, and not as a parameter
    url = f"postgresql://{words['user']}:{words['password']}@{host}:{words.get('port', 5432)}/{words['dbname']}"
    with tempfile.TemporaryDirectory(prefix="consentory-dlt-") as folder:
        surroundings = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": folder}
        for name in ("new", "changed"):
            answer = subprocess.run(
                [python, str(Path(__file__).parent / "dlt_load.py"), url, str(files[name]), "bench_dlt"],
                capture_output=True, text=True, env=surroundings,
            )  # fmt: skip
            if answer.returncode:
                raise SystemExit(f"dlt failed:\n{answer.stderr[-2000:]}")
            figures[f"dlt nested, {name}"] = [people / float(answer.stdout.split()[-1])]


def read_size(conninfo: str) -> int:
    """Bytes of people: bodies, keys, history and their indexes."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS t (name)",
            (["profile", "alternate_key", "contact_key", "ledger", "tag_change"],),
        ).fetchone()
    assert row is not None
    return int(row[0])


def read_peak(subject: Subject, command: str) -> float:
    """The largest peak memory of the tree's processes that run this command, in MB."""
    return max((read_memory(pid) for pid in find_processes(subject, command)), default=0.0)


def read_memory(pid: int) -> float:
    """The peak memory of a process in MB; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
    except (OSError, IndexError):
        return 0.0


def find_processes(subject: Subject, command: str) -> list[int]:
    """The tree's processes that run this command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if (
            any(word.startswith("consentory") for word in words)
            and command in words
            and find_root(folder, subject.process.pid)
        ):
            found.append(int(folder.name))
    return found


def find_root(folder: Path, wanted: int) -> bool:
    """True when the process descends from `wanted`."""
    pid = int(folder.name)
    while pid > 1:
        if pid == wanted:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


RATIOS: list[tuple[str, str, str, float]] = [
    ("end to end, file 1, against the floor", "ours, new", "floor, new", 0.25),
    ("end to end, file 2, against the floor", "ours, changed", "floor, changed", 0.25),
    ("end to end, file 1, against dlt nested", "ours, new", "dlt nested, new", 6),
    ("end to end, file 2, against dlt nested", "ours, changed", "dlt nested, changed", 6),
    ("file 2 sent again unchanged, against file 2", "ours, changed sent again", "ours, changed", 2),
    ("5 % faulty against none", "ours, faulty5", "ours, new", 0.8),
    ("all faulty against none", "ours, faulty100", "ours, new", 0.3),
]


def report(people: int, figures: Figures, target: Path | None) -> None:
    """Print medians and ratios; write them as JSON."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    print(f"\n{people:,} people; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, value in medians.items():
        print(f"  {name:<42} {value:>12,.2f}" if value < 1000 else f"  {name:<42} {value:>12,.0f}")
    print()
    ratios = {}
    for title, above, below, reach in RATIOS:
        if above in medians and below in medians:
            ratios[title] = medians[above] / medians[below]
            print(f"  {title:<48} {ratios[title]:>6.2f}   to reach {reach}")
    if target is not None:
        target.write_text(
            json.dumps({"people": people, "medians": medians, "ratios": ratios, "all": figures}, indent=1)
        )


if __name__ == "__main__":
    main()
