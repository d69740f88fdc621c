"""Measure single writes while an import runs: one client changes profiles of the account as fast as it can.

The script prints the duration of the writes (median, p99, longest), the failed writes, and the longest wait for a lock
in PostgreSQL. Exit code 1: a write failed, or a lock was waited for over 250 ms.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg
from subject import Account, Subject
from workload import write_lines

LOCK_LIMIT_MS = 250.0


def main() -> None:
    """Import N people, then import them again changed while single profiles are written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, Subject() as subject:
        account = subject.create_account()
        path = Path(folder) / "people.ndjson"
        outside = create_outsiders(account, 200)
        write_file(path, people, changed=False)
        account.import_file(path)
        write_file(path, people, changed=True)
        where, _ = account.stage_file(path)
        account.client.get(f"{where}/Status").raise_for_status()
        alone, _ = write_for(account, people, outside, lambda begun: time.perf_counter() - begun > 5)
        stop, waits = threading.Event(), [0.0]
        watcher = threading.Thread(target=watch_locks, args=(subject.conninfo, stop, waits))
        watcher.start()
        account.client.post(f"{where}/Execute").raise_for_status()
        during, failed = write_for(account, people, outside, lambda _: has_ended(account, where))
        stop.set()
        watcher.join()
    show("alone", alone)
    show("during the import", during)
    print(f"  failed: {len(failed)} {failed[:3]}; longest wait for a lock: {waits[0]:.0f} ms")
    sys.exit(bool(failed) or waits[0] > LOCK_LIMIT_MS)


def write_file(path: Path, people: int, *, changed: bool) -> None:
    """The people of file 1, or of file 2."""
    with path.open("wb") as out:
        out.writelines(line + b"\n" for line in write_lines(people, changed=changed))


def create_outsiders(account: Account, count: int) -> list[int]:
    """Make people whom the import does not name. The result is their ProfileIds."""
    made = []
    for number in range(count):
        answer = account.client.post(
            f"/Profiles/v4/{account.name}/Profile", json={"CustomerName": {"FirstName": f"Out{number}"}}
        )
        made.append(answer.raise_for_status().json()["ProfileId"])
    return made


def has_ended(account: Account, where: str) -> bool:
    """True once the import is over. The bench asks between some writes."""
    return random.random() < 0.05 and account.client.get(f"{where}/Status").json()["Status"] == "Completed"


def write_for(account: Account, people: int, outside: list[int], is_over) -> tuple[list[float], list[str]]:
    """Milliseconds of each write until `is_over(begun)`, and the failures."""
    draw = random.Random(3)
    times: list[float] = []
    failed: list[str] = []
    begun = time.perf_counter()
    while not is_over(begun):
        profile = draw.choice(outside) if draw.random() < 0.2 else outside[-1] + 1 + draw.randrange(people)
        at = time.perf_counter()
        answer = account.client.post(
            f"/Profiles/v4/{account.name}/Profile/{profile}",
            json={"CustomFields": [{"Name": "Score", "Value": str(draw.randrange(100_000))}]},
        )
        times.append((time.perf_counter() - at) * 1000)
        if answer.status_code != 200:
            failed.append(f"{answer.status_code} {answer.json().get('code')}")
    return times, failed


def watch_locks(conninfo: str, stop: threading.Event, longest: list[float]) -> None:
    """Sample the longest wait for a lock, in ms, until stopped."""
    query = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0) * 1000 FROM pg_locks"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while not stop.wait(0.02):
            row = connection.execute(query + " WHERE NOT granted").fetchone()
            longest[0] = max(longest[0], float(row[0]) if row else 0.0)


def show(title: str, times: list[float]) -> None:
    """One line of figures."""
    ordered = sorted(times)
    middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    print(
        f"  {title:<18} {len(times):>6} writes, median {middle:.1f} ms, p99 {late:.1f} ms, longest {ordered[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
