"""An account on the real services over real PostgreSQL, for tests that look at what imports leave behind."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from model_check import check_books, read_status, to_wire

from consentory.bootstrap.composition import open_services
from consentory.codec.answers.exceptions_answer import render_row
from consentory.codec.answers.history_answer import render_history
from consentory.codec.answers.profile_answer import render_profile, render_written
from consentory.domain.caller import Caller
from consentory.domain.imports import StagedBatch
from consentory.errors import StoreUnavailable
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.import_execution import Execution
from consentory.services.imports.retention import Retention
from consentory.services.service_set import Services
from consentory.store.database import Database
from model.histories import build_account

Wire = dict[str, Any]
Result = TypeVar("Result")
REFUSED = frozenset(("Stage", "Execute"))
HELD = frozenset(("NotHonored",))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PEOPLE_TABLES = ("profile", "alternate_key", "contact_key", "ledger", "tombstone", "tag_change")


def drop_uuids(text: str) -> str:
    """The text without them: by chance one holds any short secret that is looked for."""
    return _UUID.sub("", text)


def at_once(*calls: Callable[[], Result]) -> list[Result | Exception]:
    """Every call in a thread of its own, let go together; what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Result]) -> None:
        barrier.wait()
        try:
            results[place] = call()
        except Exception as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@dataclass
class LiveStore:
    """One database: services of a server, connections of workers, and a connection that no policy binds."""

    database_url: str
    services: Services = field(init=False)
    workers: Database = field(init=False)
    owner: Database = field(init=False)

    def __post_init__(self) -> None:
        self.services = open_services(self.database_url)
        self.workers = Database(self.database_url, "consentory_worker", size=8)
        self.owner = Database(self.database_url, "owner", size=2)

    def close(self) -> None:
        self.services.close()
        self.workers.close()
        self.owner.close()

    def open_account(self, document: Wire | None = None, user: str = "nightly") -> LiveAccount:
        """An account of its own, by default the judge's."""
        document = document or build_account(f"L{uuid4().hex[:12].upper()}")
        self.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
        account_id = self.services.accounts.find_account(document["account"]["clientId"])
        configuration_index = self.services.configurations.current(account_id)
        found = configuration_index.find_user(user)
        assert found is not None
        caller = Caller(
            account_id, configuration_index.account.client_id, found.id, configuration_index.permissions_of(found)
        )
        return LiveAccount(self, caller, document)

    def make_execution(self, chunk_size: int | None = None) -> Execution:
        """A worker's execution; None: the default chunk size."""
        configurations = ConfigurationCache(self.workers)
        if chunk_size is None:
            return Execution(self.workers, configurations)
        return Execution(self.workers, configurations, chunk_records=chunk_size)

    def make_retention(self) -> Retention:
        return Retention(self.workers)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows as the owner sees them, over all accounts."""
        with self.owner.transaction() as tx:
            return tx.connection.execute(sql, parameters or None).fetchall()  # type: ignore[call-overload]

    def change(self, sql: str, *parameters: Any) -> None:
        with self.owner.transaction() as tx:
            tx.connection.execute(sql, parameters or None)  # type: ignore[call-overload]


@dataclass
class Ended:
    """An import that has ended; faults by SequenceNumber."""

    import_id: UUID
    token: str
    first_id: int
    """The record with SequenceNumber n would create the profile first_id + n - 1."""
    status: Wire
    faults: dict[int, list[Wire]]
    not_honored: dict[int, list[Wire]]
    answers: list[bytes]
    """The exception records as given out."""


@dataclass
class LiveAccount:
    store: LiveStore
    caller: Caller
    document: Wire

    # Imports

    def initiate(self, key: str | None = None, **settings: Any) -> str:
        """The token of a new import."""
        body = json.dumps({"Name": "live", **settings}).encode()
        return str(self.store.services.imports.initiate(self.caller, body, key).access_token)

    def stage(self, token: str, records: Sequence[Any], key: str | None = None) -> StagedBatch | None:
        return self.stage_body(token, json.dumps({"UserProfilePreferences": list(records)}).encode(), key)

    def stage_body(self, token: str, body: bytes, key: str | None = None) -> StagedBatch | None:
        return self.store.services.staging.stage(self.caller, token, body, "json", key)[1]

    def execute(self, token: str) -> None:
        self.store.services.imports.execute(self.caller, token)

    def status(self, token: str) -> Wire:
        status = read_status(self.store.services, self.caller, token)
        check_books(status)
        return status

    def has_ended(self, token: str) -> bool:
        return self.status(token)["Status"] in ("Completed", "Failed")

    def run(
        self,
        batches: Iterable[Sequence[Any]],
        *,
        chunk_size: int | None = None,
        workers: int = 1,
        **settings: Any,
    ) -> Ended:
        """A whole import."""
        token = self.initiate(**settings)
        for batch in batches:
            self.stage(token, batch)
        return self.finish(token, chunk_size=chunk_size, workers=workers)

    def finish(self, token: str, *, chunk_size: int | None = None, workers: int = 1) -> Ended:
        """Execute a staged import and work it off."""
        self.execute(token)
        self.work_off([token], chunk_size=chunk_size, workers=workers)
        return self.read_end(token)

    def work_off(self, tokens: Sequence[str], *, chunk_size: int | None = None, workers: int = 1) -> None:
        """Work with so many threads until these imports have ended."""

        def work() -> None:
            execution = self.store.make_execution(chunk_size)
            while True:
                try:
                    if execution.process_slice() is not None or execution.resolve_next() is not None:
                        continue
                except StoreUnavailable:  # a deadlock or the like: the worker's loop waits it out
                    continue
                if all(self.has_ended(token) for token in tokens):
                    return

        if workers == 1:
            work()
            return
        for result in at_once(*[work] * workers):
            if isinstance(result, Exception):
                raise result

    def read_end(self, token: str) -> Ended:
        item = self.store.services.imports.find_by_token(self.caller, token)
        assert item.status == "Completed", item
        ((first_id,),) = self.store.query("SELECT first_profile_id FROM import WHERE import_id = %s", item.import_id)
        stream = self.store.services.exceptions.stream
        refused = list(stream(self.caller, item, REFUSED))  # type: ignore[arg-type]
        unhonored = list(stream(self.caller, item, HELD))  # type: ignore[arg-type]
        return Ended(
            import_id=item.import_id,
            token=token,
            first_id=first_id,
            status=self.status(token),
            faults={row.sequence_number: json.loads(render_row(row))["Exceptions"] for row in refused},
            not_honored={row.sequence_number: json.loads(render_row(row))["Exceptions"] for row in unhonored},
            answers=[render_row(row) for row in refused],
        )

    # People

    def write(self, record: Wire, profile_id: int | None = None, **refresh: bool) -> Wire:
        body = json.dumps(record).encode()
        written = self.store.services.profiles.write(self.caller, profile_id, body, refresh)
        return to_wire(render_written(written))

    def profile_ids(self) -> list[int]:
        query = "SELECT profile_id FROM profile WHERE account_id = %s ORDER BY profile_id"
        return [row[0] for row in self.store.query(query, self.caller.account_id)]

    def profile(self, profile_id: int) -> Wire:
        return to_wire(render_profile(self.store.services.profiles.get(self.caller, profile_id)))

    def profiles(self) -> dict[int, Wire]:
        return {profile_id: self.profile(profile_id) for profile_id in self.profile_ids()}

    def history(self, profile_id: int, of: str) -> list[Wire]:
        found = self.store.services.profiles.history(self.caller, profile_id, of, 10_000, 1)  # type: ignore[arg-type]
        assert not found.has_more
        return to_wire(render_history(found).Items)

    def versions(self) -> list[tuple[Any, ...]]:
        """Every row about people with its place and version: equal means that nothing was written."""
        found = []
        for table in PEOPLE_TABLES:
            query = f"SELECT '{table}', ctid::text, xmin::text, t::text FROM {table} AS t WHERE account_id = %s"
            found += self.store.query(f"{query} ORDER BY ctid", self.caller.account_id)
        return found

    def check_alternate_ids(self) -> None:
        """No alternate id is held twice, and the keys are just what the bodies hold."""
        held: dict[tuple[str, str], int] = {}
        for profile_id, body in self.store.query(
            "SELECT profile_id, body::text FROM profile WHERE account_id = %s", self.caller.account_id
        ):
            for one in json.loads(body).get("alternate_ids", []):
                if one.get("active", True):
                    key = (one["type"], one["value"].casefold())
                    assert key not in held, f"{key} is held by {held[key]} and by {profile_id}"
                    held[key] = profile_id
        rows = self.store.query(
            "SELECT type, value, profile_id FROM alternate_key WHERE account_id = %s", self.caller.account_id
        )
        assert {(kind, value.casefold()): holder for kind, value, holder in rows} == held
