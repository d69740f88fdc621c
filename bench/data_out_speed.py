"""Measure getting data out: the speed of reading changes, and the price of positions for an import.

The script imports file 1 (new people) and file 2 (half of them changed), waits for the positions, and reads all changes
over HTTP with one client. Then it executes both files several times in this process, in turn with and without the
storage of changes. It prints changes a second, and the price as a share of the worker's processor time, which other
programs of the machine disturb less than the time by the clock.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from everyday_writes import write_file
from subject import Account, Subject, apply_fresh_document, cut_bodies

from consentory.bootstrap.composition import WorkerServices, open_services, open_worker
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


def main() -> None:
    """Measure both on N people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often the price is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as name:
        paths = [Path(name) / f"people-{changed}.ndjson" for changed in (False, True)]
        for changed, path in enumerate(paths):
            write_file(path, options.people, changed=bool(changed))
        measure_reading(paths)
        measure_price(paths, Path(name) / "data", options.rounds)


def measure_reading(paths: list[Path]) -> None:
    """Import the files, and read all changes with pages of two sizes."""
    with Subject() as subject:
        account = subject.create_account()
        for path in paths:
            account.import_file(path)
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


def read_page(account: Account, after: int, limit: int) -> dict[str, Any]:
    """One page of changes."""
    answer = account.client.get(f"/Profiles/v4/{account.name}/Changes", params={"after": after, "limit": limit})
    return dict(answer.raise_for_status().json())


def measure_price(paths: list[Path], folder: Path, rounds: int) -> None:
    """Execute the files with and without changes, in turn."""
    with EmbeddedServer(folder) as database:
        migrate(database.conninfo)
        services, worker = open_services(database.conninfo), open_worker(database.conninfo)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        numbering = []
        for number in range(-1, 2 * rounds):
            has_changes = number % 2 == 0
            with without_changes(not has_changes):
                taken = execute(services, worker, paths)
            begun = time.perf_counter()
            worker.sequencing.number_waiting()
            if number >= 0:  # the first one warms up
                seconds[has_changes].append(taken)
                numbering += [time.perf_counter() - begun] if has_changes else []
        services.close()
        worker.close()
    with_changes, without = (statistics.median(seconds[one]) for one in (True, False))
    print(
        f"  price of positions: {(with_changes / without - 1) * 100:+.1f} % of the worker's processor time"
        f" ({with_changes:.2f} s with, {without:.2f} s without), and {statistics.median(numbering):.2f} s of numbering",
        flush=True,
    )


@contextmanager
def without_changes(wanted: bool) -> Iterator[None]:
    """Store no changes, if wanted."""
    if not wanted:
        yield
        return
    with (
        mock.patch.object(ChangeSet, "_add_position"),
        mock.patch.object(change_writing.change_store, "insert_changes"),
    ):
        yield


def execute(services: Services, worker: WorkerServices, paths: list[Path]) -> float:
    """Stage the files for a fresh account, and execute them in this process; the processor time of it."""
    name = apply_fresh_document(services)
    caller = Caller(services.accounts.find_account(name), name, "nightly", ALL)
    seconds = 0.0
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
    return seconds


if __name__ == "__main__":
    main()
