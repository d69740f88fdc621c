"""Compare a preview with the execution of the same import, and measure single writes beside a preview.

The script previews and executes file 1 (new people), file 2 (changed people) and file 2 again (unchanged people). It
prints records a second of both and their ratio. During another preview of file 2, one client changes single profiles.
Exit code 1: a write failed, or a process waited for a lock for over 250 ms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from everyday_writes import LOCK_LIMIT_MS, create_outsiders, show, watch_locks, write_file, write_for
from subject import Account, Subject


def main() -> None:
    """Measure both halves on N people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, Subject() as subject:
        account = subject.create_account()
        outside = create_outsiders(account, 200)
        paths = {changed: Path(folder) / f"people-{changed}.ndjson" for changed in (False, True)}
        for changed, path in paths.items():
            write_file(path, people, changed=changed)
        compare("new people", account, paths[False], people)
        where, _ = account.stage_file(paths[True])
        is_good = write_beside(subject, account, where, people, outside)
        compare("changed people", account, paths[True], people)
        compare("nobody changed", account, paths[True], people)
    sys.exit(not is_good)


def compare(title: str, account: Account, path: Path, people: int) -> None:
    """Preview and execute one file. Print one line of figures."""
    where, _ = account.stage_file(path)
    seconds = preview(account, where)
    _, executing = account.execute(where)
    print(
        f"  {title:<15} preview {people / seconds:>7,.0f} records/s, execution {people / executing:>7,.0f} records/s,"
        f" ratio {executing / seconds:.2f}",
        flush=True,
    )


def preview(account: Account, where: str) -> float:
    """Start a preview and wait for its end. The result is the time in seconds."""
    begun = time.perf_counter()
    account.client.post(f"{where}/Preview").raise_for_status()
    while not is_done(account, where):
        time.sleep(0.05)
    return time.perf_counter() - begun


def is_done(account: Account, where: str) -> bool:
    """True once the preview has ended. It must not have failed."""
    state = account.client.get(f"{where}/Preview").raise_for_status().json()["State"]
    if state == "Failed":
        raise RuntimeError("the preview failed")
    return bool(state == "Done")


def write_beside(subject: Subject, account: Account, where: str, people: int, outside: list[int]) -> bool:
    """Change single profiles alone and beside a preview; False when a write failed or a lock was waited for."""
    account.client.get(f"{where}/Status").raise_for_status()
    alone, _ = write_for(account, people, outside, lambda begun: time.perf_counter() - begun > 5)
    stop, waits = threading.Event(), [0.0]
    watcher = threading.Thread(target=watch_locks, args=(subject.conninfo, stop, waits))
    watcher.start()
    account.client.post(f"{where}/Preview").raise_for_status()
    looked = time.perf_counter()

    def is_over(_: float) -> bool:
        nonlocal looked
        if time.perf_counter() < looked + 0.2:
            return False
        looked = time.perf_counter()
        return is_done(account, where)

    during, failed = write_for(account, people, outside, is_over)
    stop.set()
    watcher.join()
    show("alone", alone)
    show("beside the preview", during)
    print(f"  failed: {len(failed)} {failed[:3]}; longest wait for a lock: {waits[0]:.0f} ms", flush=True)
    return not failed and waits[0] <= LOCK_LIMIT_MS


if __name__ == "__main__":
    main()
