"""Measure the figures of docs/performance.md that need no rounds: staging on one core, paging, waiting, memory,
start, workers, growth, and one long import.

scripts/bench --reach [--people N] [--only NAME …]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

from flame import read_ticks
from long_import import measure_long
from run import STAGING, find_processes, read_peak
from subject import Account, Subject, cut_bodies
from workload import write_lines

BIG_BODY = 28_000_000
MEGABYTE = 1_000_000
PAGE = 1000


def measure_paging(people: int) -> dict[str, float]:
    """Exceptions: the page near the end against the first page, of an import whose records are all refused."""
    records = 10 * people
    with Subject() as subject:
        account = subject.create_account()
        where, _ = account.initiate("paging")
        for first in range(0, records, 100_000):
            body = b"\n".join(b'{"Nobody":%d}' % number for number in range(first, min(first + 100_000, records)))
            account.stage(where, body)

        def read(offset: int) -> float:
            begun = time.perf_counter()
            answer = account.client.get(f"{where}/Exceptions", params={"limit": PAGE, "offset": offset})
            assert len(answer.raise_for_status().json()["UserProfilePreferences"]) == PAGE
            return time.perf_counter() - begun

        account.client.post(f"{where}/Cancel").raise_for_status()
        deep = records * 9 // 10
        pairs = [(read(1), read(deep)) for _ in range(9)]
    first_page, deep_page = (statistics.median(seconds) * 1000 for seconds in zip(*pairs, strict=True))
    return {"first page, ms": first_page, f"page at {deep:,}, ms": deep_page, "ratio": deep_page / first_page}


def measure_status(people: int) -> dict[str, float]:
    """Status while 4 clients stage and 2 workers execute. A process of its own asks for it."""
    with write_file(people) as path, Subject() as subject:
        busy, staging = subject.create_account(), subject.create_account()
        where, _ = busy.stage_file(path)
        busy.client.post(f"{where}/Execute").raise_for_status()
        target, _ = staging.initiate("staged meanwhile")
        processes = multiprocessing.get_context("spawn")
        meanwhile, answers = processes.Event(), processes.Queue()
        watcher = processes.Process(
            target=poll_status, args=(busy.url, busy.name, busy.credential, where, meanwhile, answers)
        )
        watcher.start()
        meanwhile.wait()
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(lambda body: staging.stage(target, body), cut_bodies(path, 4_000_000)))
        meanwhile.clear()
        ordered = sorted(answers.get())
        watcher.join()
    return {
        "calls": len(ordered), "median, ms": statistics.median(ordered) * 1000,
        "p99, ms": ordered[len(ordered) * 99 // 100] * 1000, "longest, ms": ordered[-1] * 1000,
    }  # fmt: skip


def poll_status(
    url: str, name: str, credential: tuple[str, str], where: str, meanwhile: EventType, answers: Queue[list[float]]
) -> None:
    """Set `meanwhile` and ask for the Status until it is cleared; the seconds of each answer."""
    account, seconds = Account(url, name, credential), []
    account.client.get(f"{where}/Status").raise_for_status()
    meanwhile.set()
    while meanwhile.is_set():
        begun = time.perf_counter()
        account.client.get(f"{where}/Status").raise_for_status()
        seconds.append(time.perf_counter() - begun)
        time.sleep(0.01)
    answers.put(seconds)


def measure_memory(people: int) -> dict[str, float]:
    """Peaks: one server process with its stage processes that takes bodies of 28 MB from 4 clients, and a worker."""
    with write_file(people) as path, Subject(processes=1) as subject:
        account = subject.create_account()
        where, _ = account.initiate("memory")
        bodies = list(cut_bodies(path, BIG_BODY - 2_000))
        with ThreadPoolExecutor(4) as clients:
            calls = [clients.submit(account.stage, where, body) for body in bodies * max(1, 8 // len(bodies))]
            together = [0.0]
            while not all(call.done() for call in calls):
                together.append(
                    sum(read_use(pid) for name in ("serve", STAGING) for pid in find_processes(subject, name))
                )
                time.sleep(0.02)
        for call in calls:
            call.result()
        account.execute(where)
        return {
            "server process, MB": read_peak(subject, "serve"), "a stage process, MB": read_peak(subject, STAGING),
            "all of them at one moment, MB": max(together), "worker, MB": read_peak(subject, "worker"),
        }  # fmt: skip


def read_use(pid: int) -> float:
    """The use of a process now, in MB: memory (what several share in parts, PSS) and bodies in files in memory."""
    try:
        memory = int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("Pss:")[1].split()[0]) * 1024
        files = [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if "memfd:batch" in str(entry.readlink())]
        return (memory + sum(entry.stat().st_blocks * 512 for entry in files)) / MEGABYTE
    except OSError:  # it ended, or closed one, meanwhile
        return 0.0


def measure_staging(people: int) -> dict[str, float]:
    """Staging by one server process with its stage processes, all on one core; everything else is on the others.

    Processor time is theirs alone, not PostgreSQL's or the client's.
    """
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others)  # whatever is started from here on inherits it
    try:
        with write_file(people) as path, Subject(processes=1) as subject:
            subject.create_account().stage_file(path)
            serving = [pid for name in ("serve", STAGING) for pid in find_processes(subject, name)]
            for thread in [task.name for pid in serving for task in Path(f"/proc/{pid}/task").iterdir()]:
                os.sched_setaffinity(int(thread), {core})
            taken, used = [], []
            for _ in range(5):
                ticks = sum(map(read_ticks, serving))
                taken.append(subject.create_account().stage_file(path)[1])
                used.append((sum(map(read_ticks, serving)) - ticks) / os.sysconf("SC_CLK_TCK"))
            size = path.stat().st_size / MEGABYTE
    finally:
        os.sched_setaffinity(0, {core, *others})
    seconds, processor = statistics.median(taken), statistics.median(used)
    return {
        "records/s": people / seconds, "MB/s": size / seconds,
        "records a second of processor time": people / processor, "MB a second of processor time": size / processor,
    }  # fmt: skip


def measure_start(_: int) -> dict[str, float]:
    """Seconds to "Consentory is up" on an existing folder."""
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder:
        Path(folder).chmod(0o755)
        seconds = []
        for _ in range(4):
            with Subject(folder=Path(folder), keep=True) as subject:
                seconds.append(subject.seconds_to_up)
        subject.database.erase()
    return {"first, s": seconds[0], "again, s": statistics.median(seconds[1:])}


def measure_workers(people: int) -> dict[str, float]:
    """Records a second of execution, with one worker and with two."""
    rates = {}
    with write_file(people) as path:
        for workers in (1, 2):
            with Subject(workers=workers) as subject:
                taken = [subject.create_account().import_file(path).execute for _ in range(3)]
            rates[f"{workers} workers, records/s"] = people / statistics.median(taken)
    return {**rates, "ratio": rates["2 workers, records/s"] / rates["1 workers, records/s"]}


def measure_growth(people: int) -> dict[str, float]:
    """End to end, import after import of new people into one account."""
    rates = []
    with Subject() as subject:
        account = subject.create_account()
        for number in range(10):
            with write_file(people, first=number * people) as path:
                taken = account.import_file(path)
            rates.append(people / taken.total)
            parts = f"staging {taken.stage:.1f} s, execution {taken.execute:.1f} s"
            print(f"  import {number + 1}: {rates[-1]:,.0f} records/s; {parts}", file=sys.stderr, flush=True)
    return {"first, records/s": rates[0], "tenth, records/s": rates[-1], "ratio": rates[-1] / rates[0]}


@contextmanager
def write_file(people: int, first: int = 0) -> Iterator[Path]:
    """A file of new people, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder:
        path = Path(folder) / f"people-{first}.ndjson"
        with path.open("wb") as out:
            out.writelines(line + b"\n" for line in write_lines(people, first=first))
        yield path


MEASURES: dict[str, Callable[[int], dict[str, float]]] = {
    "staging": measure_staging, "paging": measure_paging, "status": measure_status, "memory": measure_memory,
    "start": measure_start, "workers": measure_workers, "growth": measure_growth, "long": measure_long,
}  # fmt: skip


def main() -> None:
    """Run the measurements that the arguments name. Print each figure when it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    figures = {}
    for name in arguments.only:
        figures[name] = MEASURES[name](arguments.people)
        print(f"{name}: {json.dumps(figures[name])}", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
