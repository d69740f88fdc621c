"""Measure a large CSV that is uploaded in the console: the time of each step, the memory of the process that reads it,
and how long another account waits for its status meanwhile.

`--megabytes 1000` is the size that the contract names. Exit code 1: the process took more memory than its bound.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import msgspec
from subject import Account, Subject

from consentory.domain.caller import Caller
from consentory.domain.upload import Upload
from consentory.services.uploads.upload_service import StagingOrder

MOST_MEGABYTES = 400
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
PART = 4_000_000
MAPPING = """\
match: CRM
columns:
  Id: AlternateIds[CRM].AlternateId
  Email: Emails[Home].EmailAddress
  First: CustomerName.FirstName
  Newsletter: {to: "Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType", values: {yes: OptIn, no: OptOut}}
otherColumns: ignore
"""


def make_parts(size: int, row_bytes: int) -> Iterator[bytes]:
    """The parts of a CSV of about so many bytes."""
    rows, length, left, n = ["Id;Email;First;Newsletter;Notes\n"], 0, size, 0
    while left > 0:
        while length < min(PART, left):
            row = f"U-{n};u{n}@example.com;First{n % 997};{'yes' if n % 3 else 'no'};"
            rows.append(row + "x" * (row_bytes - len(row) - 1) + "\n")
            length, n = length + row_bytes, n + 1
        text = "".join(rows)  # to append row by row to one text would copy it again and again
        part, rest = text[:PART].encode(), text[PART:]
        yield part
        left -= len(part)
        rows, length = [rest], len(rest)
    if rows[0]:
        yield rows[0].encode()


class Page:
    """The console as the page uses it: parts over HTTP."""

    def __init__(self, account: Account) -> None:
        self.http = httpx.Client(base_url=account.url, timeout=60, headers={"Origin": account.url})
        client_id, secret = account.credential
        form = {"client_id": client_id, "client_secret": secret, "form_token": self.token("/console/sign-in")}
        self.http.post("/console/sign-in", data=form)

    def token(self, path: str) -> str:
        found = TOKEN.search(self.http.get(path).text)
        assert found is not None
        return found[1]

    def upload(self, parts: list[int], make: Callable[[], Iterator[bytes]]) -> dict[str, Any]:
        token = self.token("/console/imports/new")
        form = {"form_token": token, "name": "people.csv", "size": str(sum(parts))}
        state = self.http.post("/console/uploads/begin", data=form).json()
        headers = {"Content-Type": "application/octet-stream", "X-Form-Token": token}
        for part in make():
            answer = self.http.post(f"{state['page']}/parts?offset={state['received']}", content=part, headers=headers)
            answer.raise_for_status()
            state = answer.json()
        return dict(state)


class Watch:
    """Asks for the list of imports of another account, again and again."""

    def __init__(self, account: Account) -> None:
        self.seconds: list[float] = []
        self._stop = Event()
        self._thread = Thread(target=self._run, args=(account,), daemon=True)
        self._thread.start()

    def _run(self, account: Account) -> None:
        page = Page(account)
        while not self._stop.wait(0.1):
            began = time.perf_counter()
            page.http.get("/console/imports/rows?status=Completed").raise_for_status()
            self.seconds.append(time.perf_counter() - began)

    def take(self) -> str:
        """Median and p99 since the last call."""
        seconds, self.seconds = sorted(self.seconds), []
        if len(seconds) < 2:
            return "no answer"
        p99 = seconds[int(len(seconds) * 0.99)]
        return f"other calls: median {statistics.median(seconds) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def find_memory(upload_id: object) -> float:
    """The most megabytes that the process of an upload has had; 0: it does not run."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and str(upload_id).encode() in (folder / "cmdline").read_bytes():
                found = re.search(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())
                return int(found[1]) / 1000 if found else 0.0
        except OSError:
            continue
    return 0.0


def wait(look: Callable[[], Upload]) -> tuple[Upload, float, float]:
    """Wait for the end of a step: the upload, the seconds, the most megabytes."""
    began, most = time.perf_counter(), 0.0
    while True:
        item = look()
        most = max(most, find_memory(item.upload_id))
        if item.state not in ("Recognizing", "Staging"):
            return item, time.perf_counter() - began, most
        time.sleep(0.2)


def main() -> None:
    """Upload, recognize and stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--row-bytes", type=int, default=1000)
    options = parser.parse_args()
    size = options.megabytes * 1_000_000
    with Subject() as subject:
        account, other = subject.create_account(), subject.create_account()
        watch = Watch(other)
        parts = [len(part) for part in make_parts(size, options.row_bytes)]
        time.sleep(5)
        print(f"  idle: {watch.take()}")
        began = time.perf_counter()
        state = Page(account).upload(parts, lambda: make_parts(size, options.row_bytes))
        print(f"  upload    {time.perf_counter() - began:6.1f} s, {watch.take()}")
        services = subject.services
        index = services.configurations.current(services.accounts.find_account(account.name))
        user = index.find_user("nightly")
        assert user is not None
        caller = Caller(index.account_id, account.name, user.id, index.permissions_of(user))
        look = lambda: services.uploads.find(caller, state["id"])  # noqa: E731
        item, seconds, first = wait(look)
        print(f"  recognize {seconds:6.1f} s, {first:.0f} MB, {watch.take()}")
        fields = {"Name": msgspec.Raw(b'"bench"')}
        services.uploads.stage(caller, state["id"], StagingOrder(fields=fields, mapping=MAPPING))
        item, seconds, most = wait(look)
        rows = item.counts.rows
        print(f"  stage     {seconds:6.1f} s, {most:.0f} MB, {rows / seconds:,.0f} rows/s, {watch.take()}")
        watch.end()
        print(f"  {item.state}: {rows:,} rows, {sum(parts) / 1e6:,.0f} MB, {item.fault}")
    sys.exit(item.state != "Staged" or max(first, most) > MOST_MEGABYTES)


if __name__ == "__main__":
    main()
