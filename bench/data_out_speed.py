"""Measure getting data out: how fast changes, an export and an audience are read, the memory of a server that streams,
an import beside a stream, and the price of positions for an import.

The script imports file 1 (new people) and file 2 (half of them changed), waits for the positions, and reads over HTTP
with one client. The audience has a row for each person, so each person costs as much as a person can. Then file 1 and
file 2 are imported in turn, alone and beside exports that follow each other. Last, both files are executed several
times in this process, in turn with and without the storage of changes. The price is a share of the worker's processor
time, which other programs of the machine disturb less than the time by the clock. Each ratio is the median over the
rounds, because the two measurements of a round follow each other.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import structlog
from everyday_writes import write_file
from processor_time import read_memory, read_seconds
from subject import Account, Subject, apply_fresh_document, cut_bodies

from consentory.bootstrap.composition import WorkerServices, open_services, open_worker
from consentory.bootstrap.process_setup import tune_garbage_collector
from consentory.domain.caller import Caller
from consentory.domain.configuration import Permissions
from consentory.services.changes import change_writing
from consentory.services.changes.change_set import ChangeSet
from consentory.services.service_set import Services
from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.store.migration import migrate

ALL = Permissions(
    import_=True, profile=("read", "write", "delete"), channels="all", programs="all", consent_types="all"
)


STREAMS = {"export": "Export?format=ndjson", "audience": "Audience/DATA-SHARING?format=ndjson&optedOut=true"}


def main() -> None:
    """Measure all of it on N people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often the last two are measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as name:
        paths = [Path(name) / f"people-{changed}.ndjson" for changed in (False, True)]
        for changed, path in enumerate(paths):
            write_file(path, options.people, changed=bool(changed))
        with Subject() as subject:
            account = subject.create_account()
            for path in paths:
                account.import_file(path)
            measure_changes(account)
            cores = [measure_stream(subject, account, *stream, options.people) for stream in STREAMS.items()]
            measure_beside(subject, account, paths, options.rounds, cores[0])
        measure_price(paths, Path(name) / "data", options.rounds)


def measure_changes(account: Account) -> None:
    """Read all changes with pages of two sizes."""
    while True:
        latest = read_page(account, 0, 1)["Latest"]
        time.sleep(1)
        if read_page(account, 0, 1)["Latest"] == latest:
            break
    for limit in (1000, 10_000):
        begun, count, after = time.perf_counter(), 0, 0
        while (page := read_page(account, after, limit))["Items"]:
            count, after = count + len(page["Items"]), page["Next"]
        seconds = time.perf_counter() - begun
        print(f"  changes, {limit:>6,} a page: {count / seconds:>7,.0f} a second ({count:,} changes)", flush=True)


def measure_stream(subject: Subject, account: Account, title: str, call: str, people: int) -> float:
    """Read a stream three times. The memory is that of the largest server process. The result is the number of cores
    that the stream keeps busy."""
    pid = subject.process.pid
    speeds, cores, before, most = [], [], read_memory(pid, "serve"), 0.0
    for _ in range(3):
        begun, used, looked = time.perf_counter(), read_seconds(pid), 0.0
        for _ in read_stream(account, call):
            if time.perf_counter() > looked + 0.2:
                looked = time.perf_counter()
                most = max(most, read_memory(pid, "serve"))
        seconds = time.perf_counter() - begun
        speeds.append(people / seconds)
        cores.append((read_seconds(pid) - used) / seconds)
    print(
        f"  {title:<9} {statistics.median(speeds):>7,.0f} profiles looked at a second,"
        f" memory of the server {before:.0f} MB before and {most:.0f} MB at most",
        flush=True,
    )
    return statistics.median(cores)


def read_stream(account: Account, call: str) -> Iterator[bytes]:
    """The bytes of a stream as they come."""
    headers = {"Accept-Encoding": "identity"}
    with account.client.stream("GET", f"/Profiles/v4/{account.name}/{call}", headers=headers) as answer:
        yield from answer.raise_for_status().iter_raw()


def measure_beside(subject: Subject, account: Account, paths: list[Path], rounds: int, stream_cores: float) -> None:
    """Import the files alone and beside a stream. Each import changes half of the people.

    The fair share of an import: the cores of the machine, as a part of the cores that the import and the stream would
    keep busy.
    """
    pid, ratios, cores = subject.process.pid, [], []
    for number in range(rounds):
        seconds: dict[tuple[bool, Path], float] = {}
        for is_beside in sorted((False, True), reverse=number % 2 == 1):
            for path in paths:
                with streaming(account) if is_beside else nullcontext():
                    used = read_seconds(pid)
                    seconds[is_beside, path] = account.import_file(path).total
                    if not is_beside:
                        cores.append((read_seconds(pid) - used) / seconds[False, path])
        ratios += [seconds[False, path] / seconds[True, path] for path in paths]
    share = min(1.0, (os.cpu_count() or 1) / (statistics.median(cores) + stream_cores))
    print(
        f"  an import beside an export: {statistics.median(ratios):.2f} of its speed alone"
        f" ({len(ratios)} pairs: {min(ratios):.2f} to {max(ratios):.2f}); its fair share is {share:.2f}",
        flush=True,
    )


READER = """
import sys, httpx
url, name, authorization = sys.argv[1:]
headers = {"Authorization": authorization, "Accept-Encoding": "identity"}
while True:
    with httpx.stream("GET", f"{url}/Profiles/v4/{name}/Export?format=ndjson", headers=headers, timeout=120) as answer:
        print(answer.raise_for_status(), flush=True)
        for _ in answer.iter_raw():
            pass
"""


@contextmanager
def streaming(account: Account) -> Iterator[None]:
    """Read exports, one after the other, in a process of its own."""
    command = [sys.executable, "-c", READER, account.url, account.name, account.client.headers["Authorization"]]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert reader.stdout is not None
    reader.stdout.readline()  # the first answer has begun
    try:
        yield
    finally:
        reader.kill()
        reader.wait()


def read_page(account: Account, after: int, limit: int) -> dict[str, Any]:
    """One page of changes."""
    answer = account.client.get(f"/Profiles/v4/{account.name}/Changes", params={"after": after, "limit": limit})
    return dict(answer.raise_for_status().json())


def measure_price(paths: list[Path], folder: Path, rounds: int) -> None:
    """Execute the files with and without changes, in turn."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    tune_garbage_collector()  # as a worker does
    with EmbeddedServer(folder) as database:
        migrate(database.conninfo)
        services, worker = open_services(database.conninfo), open_worker(database.conninfo)
        pairs, numbering = [], []
        for number in range(-1, rounds):
            seconds = {}
            for has_changes in sorted((False, True), reverse=number % 2 == 1):
                with without_changes(not has_changes):
                    seconds[has_changes] = execute(services, worker, paths)
                begun = time.perf_counter()
                worker.sequencing.number_waiting()
                numbering += [time.perf_counter() - begun] if has_changes else []
            pairs += [seconds] if number >= 0 else []  # the first one warms up
        services.close()
        worker.close()
    prices = [(pair[True].worker / pair[False].worker - 1) * 100 for pair in pairs]
    least = {one: min(pair[one].worker for pair in pairs) for one in (True, False)}
    whole = statistics.median((pair[True].worker - pair[False].worker) / pair[False].whole * 100 for pair in pairs)
    print(
        f"  price of positions: {whole:+.1f} % of an import's processor time; {statistics.median(prices):+.1f} % of the"
        f" worker's ({len(prices)} pairs: {min(prices):+.1f} to {max(prices):+.1f}; least disturbed rounds"
        f" {least[True]:.2f} s with and {least[False]:.2f} s without), and {statistics.median(numbering):.2f} s of"
        " numbering",
        flush=True,
    )


@contextmanager
def without_changes(wanted: bool) -> Iterator[None]:
    """Store no changes, if wanted."""
    if not wanted:
        yield
        return
    # A function and no mock, because a mock notes each call and takes longer than the storage.
    with (
        mock.patch.object(ChangeSet, "_add_position", do_nothing),
        mock.patch.object(change_writing.change_store, "insert_changes", do_nothing),
    ):
        yield


def do_nothing(*_: object, **__: object) -> None:
    """Store no change."""


class Seconds(NamedTuple):
    """Processor time. `worker`: of the executing thread's process. `whole`: with staging and PostgreSQL."""

    worker: float
    whole: float


def execute(services: Services, worker: WorkerServices, paths: list[Path]) -> Seconds:
    """Stage the files for a fresh account, and execute them in this process."""
    name = apply_fresh_document(services)
    caller = Caller(services.accounts.find_account(name), name, "nightly", ALL)
    whole, seconds = read_seconds(os.getpid()), 0.0
    for path in paths:
        body = b'{"Name": "bench", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}'
        token = str(services.imports.initiate(caller, body, None).access_token)
        for part in cut_bodies(path):
            services.staging.stage(caller, token, part, "ndjson", None)
        services.imports.execute(caller, token)
        begun = time.process_time()
        while worker.execution.resolve_next() is not None or worker.execution.process_slice() is not None:
            pass
        seconds += time.process_time() - begun
    return Seconds(seconds, read_seconds(os.getpid()) - whole)


if __name__ == "__main__":
    main()
