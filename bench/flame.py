"""Flame graphs of one import: a stage process, and a worker that executes.

scripts/bench --flame [--people N] [--to FOLDER]   (the system must permit py-spy to read a process of the same user)
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from run import STAGING, find_processes
from subject import Subject
from workload import write_lines

SAMPLES_A_SECOND = 250


def main() -> None:
    """Import a file of new people, and draw the time of each half of the import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--to", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--spy", default="py-spy", help="where py-spy is")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, Subject(processes=1) as subject:
        path = Path(folder) / "new.ndjson"
        with path.open("wb") as out:
            out.writelines(line + b"\n" for line in write_lines(arguments.people))
        account = subject.create_account()
        account.import_file(path)  # what is done only once is done
        account = subject.create_account()
        with drawn(arguments.spy, subject, STAGING, arguments.to / "flame-staging.svg", "A stage process"):
            where, _ = account.stage_file(path)
        with drawn(
            arguments.spy, subject, "worker", arguments.to / "flame-execution.svg", "A worker that imports new people"
        ):
            account.execute(where)


@contextmanager
def drawn(spy_path: str, subject: Subject, command: str, picture: Path, title: str) -> Iterator[None]:
    """Sample the busiest process that runs this command, during the block."""
    picture.unlink(missing_ok=True)
    pid = max(find_processes(subject, command), key=read_ticks)
    spy = subprocess.Popen(
        [spy_path, "record", "--rate", str(SAMPLES_A_SECOND), "--format", "flamegraph", "--output", str(picture),
         "--pid", str(pid)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        said = spy.communicate(timeout=60)[1]
    if not picture.exists():
        raise SystemExit(f"py-spy drew nothing: {said}")
    picture.write_text(picture.read_text().replace("py-spy record", title))
    print(picture)


def read_ticks(pid: int) -> int:
    """Processor time so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


if __name__ == "__main__":
    main()
