"""A client of the MyPreferences 3.0 wire contract as small as can be, and the books polled beside every import."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Self
from uuid import UUID

import httpx
import psycopg
from model_check import check_books
from running_server import AccountAccess
from waiting import wait_for

Wire = dict[str, Any]

BASE = "/Profiles/v4"
ENDED = ("Completed", "Failed")
NEVER_DOWN = (
    "TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed", "Processed", "Exceptions", "NotHonored",
    "Created", "Updated", "Unchanged", "Deleted",
)  # fmt: skip
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code"}
POLL_SECONDS = 0.03


class WireClient:
    """One user of one account over HTTP. Every import that `initiate` starts has its books watched until it ends."""

    def __init__(self, access: AccountAccess) -> None:
        self.access = access
        self.http = httpx.Client(base_url=access.url, timeout=30, verify=False)
        form = {"client_id": access.client_id, "client_secret": access.client_secret}
        answer = self.http.post("/oauth2/token", data=form | {"scope": f"{access.account}/{access.user}"})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self.imports = f"{BASE}/Async/{access.account}"
        self.account = f"{BASE}/{access.account}"
        self._watches = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._watches.close()
        finally:
            self.http.close()

    # The five calls, and Cancel

    def path(self, token: int | str, call: str) -> str:
        return f"{self.imports}/Import/{token}/{call}"

    def try_initiate(self, body: Any, key: str | None = None) -> httpx.Response:
        """Initiate with anything as the body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self.http.post(f"{self.imports}/Import", content=content, headers=headers)

    def initiate(self, key: str | None = None, **fields: Any) -> Wire:
        """The status object of a new import, whose books are watched from here on."""
        status = require(self.try_initiate({"Name": "test", **fields}, key))
        self._watches.enter_context(watch_books(lambda: self.try_status(status["AccessToken"])))
        return status

    def try_stage(
        self, token: int | str, body: Any, media: str = "application/json", key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Stage a list of records, or bytes as they are; further headers with _ for -."""
        content = body if isinstance(body, bytes) else pack(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": media}
        if key is not None:
            named["Idempotency-Key"] = key
        return self.http.post(self.path(token, "Stage"), content=content, headers=named)

    def stage(self, token: int, records: Sequence[Any], key: str | None = None) -> Wire:
        return require(self.try_stage(token, list(records), key=key))

    def call(self, token: int | str, call: str) -> httpx.Response:
        """Execute, Cancel: without a body."""
        return self.http.post(self.path(token, call))

    def try_status(self, token: int | str) -> httpx.Response:
        return self.http.get(self.path(token, "Status"))

    def status(self, token: int) -> Wire:
        return require(self.try_status(token))

    def try_exceptions(self, token: int | str, accept: str | None = None, **parameters: Any) -> httpx.Response:
        headers = {"Accept": accept} if accept else {}
        return self.http.get(self.path(token, "Exceptions"), params=parameters, headers=headers)

    def exceptions(self, token: int, **parameters: Any) -> Wire:
        return require(self.try_exceptions(token, **parameters))

    def wait(self, token: int) -> Wire:
        """The status once the import has ended."""
        return wait_for(lambda: self.status(token), lambda status: status["Status"] in ENDED)

    def prepare(self, records: Sequence[Any], **fields: Any) -> int:
        """The token of a new import with these records staged."""
        token = self.initiate(**fields)["AccessToken"]
        self.stage(token, records)
        return token

    def finish(self, token: int) -> Wire:
        require(self.call(token, "Execute"))
        return self.wait(token)

    def run(self, records: Sequence[Any], **fields: Any) -> Wire:
        """The last status of a whole import of one batch, Completed."""
        status = self.finish(self.prepare(records, **fields))
        assert status["Status"] == "Completed", status
        return status

    # Imports by id, profiles

    def try_import(self, import_id: str, more: str = "", **parameters: Any) -> httpx.Response:
        return self.http.get(f"{self.imports}/Imports/{import_id}{more}", params=parameters)

    def try_list(self, **parameters: Any) -> httpx.Response:
        return self.http.get(f"{self.imports}/Imports", params=parameters)

    def try_profile(self, profile_id: int | str, more: str = "", **parameters: Any) -> httpx.Response:
        return self.http.get(f"{self.account}/Profile/{profile_id}{more}", params=parameters)

    def profile(self, profile_id: int) -> Wire:
        return require(self.try_profile(profile_id))

    def try_find(self, **parameters: str) -> httpx.Response:
        return self.http.get(f"{self.account}/Profile", params=parameters)

    def find_crm(self, value: str) -> Wire:
        return require(self.try_find(alternateIdType="CRM", alternateId=value))

    def try_write(self, record: Any, profile_id: int | None = None, **flags: Any) -> httpx.Response:
        """POST one person; flags as query parameters."""
        path = f"{self.account}/Profile" + ("" if profile_id is None else f"/{profile_id}")
        content = record if isinstance(record, bytes) else json.dumps(record).encode()
        return self.http.post(path, content=content, params=flags, headers={"Content-Type": "application/json"})

    def write(self, record: Any, profile_id: int | None = None, **flags: Any) -> Wire:
        answer = self.try_write(record, profile_id, **flags)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    # Access past HTTP

    def change(self, sql: str, *parameters: Any) -> None:
        """Change the database as its owner, whom no policy binds."""
        with psycopg.connect(self.access.database_url) as connection:
            connection.execute(sql, parameters)  # type: ignore[call-overload]

    def events(self, action: str) -> list[Wire]:
        """The details of the account's audit events of an action, oldest first."""
        query = """SELECT details FROM audit_event JOIN account USING (account_id)
            WHERE client_id = %s AND action = %s ORDER BY recorded_at"""
        with psycopg.connect(self.access.database_url) as connection:
            return [row[0] for row in connection.execute(query, (self.access.account, action)).fetchall()]

    def expire(self, import_id: str) -> None:
        self.change("UPDATE import SET expires_at = now() - interval '1 second' WHERE import_id = %s", UUID(import_id))

    @contextmanager
    def held_queue(self) -> Iterator[None]:
        """No worker resolves an import of this account meanwhile: what is executed stays Queued."""
        with psycopg.connect(self.access.database_url) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(1919251311, %s)", (self.access.account_id,))
            yield
            connection.rollback()

    @contextmanager
    def held_profiles(self) -> Iterator[None]:
        """Block every write of a profile during the block: an executed import stays Processing."""
        with psycopg.connect(self.access.database_url) as connection:
            connection.execute("LOCK TABLE profile IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    def reconfigure(self, change: Callable[[Wire], None]) -> None:
        """Apply the account's document after `change`, as the operator would."""
        accounts = self.access.services.accounts
        document = json.loads(accounts.show(self.access.account, "json"))
        change(document)
        accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)


def require(answer: httpx.Response) -> Wire:
    """The object of a 200."""
    assert answer.status_code == 200, (answer.request.method, answer.request.url.path, answer.text)
    return dict(answer.json())


def check_problem(answer: httpx.Response, status: int, code: str) -> Wire:
    """The one shape of every refusal (RFC 9457), with this status and this stable code; gives the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert set(problem) - {"errors", "error"} == PROBLEM_MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:consentory:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert all(set(error) == {"code", "path", "message"} for error in problem.get("errors", []))
    return problem


def codes(problem: Wire) -> list[tuple[str, str]]:
    """(code, path) of each of a problem's errors."""
    return [(error["code"], error["path"]) for error in problem["errors"]]


def pack(records: Sequence[Any]) -> bytes:
    """The body of a Stage call."""
    return json.dumps({"UserProfilePreferences": list(records)}).encode()


@contextmanager
def watch_books(ask: Callable[[], httpx.Response]) -> Iterator[None]:
    """Polls an import's status in a second thread until it ends or the block does.

    "In every answer, at every moment": the three identities hold, and no count except Pending ever goes down.
    """
    stop = threading.Event()
    broken: list[AssertionError] = []

    def poll() -> None:
        last: Wire = dict.fromkeys(NEVER_DOWN, 0)
        while not stop.wait(POLL_SECONDS):
            answer = ask()
            if answer.status_code in (401, 403):  # the test let its token expire, or took the permission away
                return
            try:
                status = require(answer)
                check_books(status)
                assert all(status[name] >= last[name] for name in NEVER_DOWN), (last, status)
            except AssertionError as error:
                broken.append(error)
                return
            last = status
            if status["Status"] in ENDED:
                return

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if broken:
        raise broken[0]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Every call in a thread of its own, let go together; what each returned. Raises what one of them raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def person(number: int | str, **members: Any) -> Wire:
    """A good record: a CRM id and an email address."""
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "Emails": [{"EmailAddress": f"c{number}@example.com"}],
    } | members


def choice(filter_id: str, kind: int, at: str, **members: Any) -> Wire:
    return {"FilterId": filter_id, "PreferenceType": kind, "CustomerDate": at} | members


def mail(address: str, *choices: Wire, **members: Any) -> list[Wire]:
    """Emails of one address with these preferences."""
    return [{"EmailAddress": address, "EmailPreferences": list(choices)} | members]


FAULTY: Wire = {"Emails": [{"EmailAddress": "not-an-address"}]}
