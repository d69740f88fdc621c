"""A dataset on its way into a new account: the client that brings it, the watch over its books, whoever disturbs it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Protocol, TypeVar
from uuid import uuid4

import psycopg
import stamina
import yaml
from waiting import let_pass

from consentory.bootstrap.composition import open_services
from consentory.errors import StoreUnavailable
from consentory.services.access.secret_box import SecretBox
from crash.database_snapshot import DatabaseSnapshot, list_differences, take_snapshot
from crash.dataset import Dataset
from crash.import_client import OUTCOMES, Access, ImportClient, Wire
from crash.watch import Watch

LONGEST_SECONDS = 180

_Result = TypeVar("_Result")


class Site(Protocol):
    """A running Consentory whose database can be looked into."""

    @property
    def url(self) -> str: ...

    @property
    def conninfo(self) -> str: ...

    @property
    def secret_key(self) -> str: ...

    def await_answer(self) -> float:
        """Wait until it is ready; the seconds taken."""

    def read_log(self) -> str: ...


@dataclass
class ImportRun:
    """One dataset on one new account of a site."""

    site: Site
    dataset: Dataset
    keyed: bool
    import_client: ImportClient = field(init=False)
    watch: Watch = field(init=False)
    stock: DatabaseSnapshot = field(init=False)
    """The whole content of the account after the run."""
    seconds: float = 0.0
    _failures: list[BaseException] = field(default_factory=list)

    def run(self, disturb: Callable[[ImportRun], None] | None = None) -> ImportRun:
        """Until all imports are completed. Raises AssertionError for a breach of the contract on the way."""
        self.site.await_answer()
        account_id, access = _insist(self._create_account)
        self.import_client = ImportClient(Wire(access), self.dataset, self.keyed)
        self.watch = Watch(Wire(access), self.import_client)
        delivery = threading.Thread(target=self._deliver, name="import client", daemon=True)
        begun = time.monotonic()
        for thread in (self.watch, delivery):
            thread.start()
        try:
            if disturb is not None:
                disturb(self)
            self._await_end(begun + LONGEST_SECONDS)
        finally:
            self.watch.stop.set()
            for thread in (delivery, self.watch):
                thread.join(10)
            self.import_client.wire.close()
        self.seconds = time.monotonic() - begun
        self._check_preview()
        self.stock = _insist(lambda: take_snapshot(self.site.conninfo, account_id))
        return self

    @property
    def progress(self) -> float:
        """The progress from 0 to 1, from the client's calls and the processed records."""
        return (self.import_client.calls / self.dataset.calls + self.watch.settled / self.dataset.records) / 2

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to disturb."""
        return self.watch.finished or self.failure is not None

    @property
    def failure(self) -> BaseException | None:
        """The error that broke the contract, if there is one."""
        return self._failures[0] if self._failures else self.watch.failure

    def await_progress(self, least: float) -> bool:
        """False when it is over before."""
        while not self.is_over:
            if self.progress >= least:
                return True
            let_pass(0.002, because="the next look at the progress")
        return False

    def await_call(self, number: int) -> bool:
        """Wait until the client begins its call with this number. False when it is over before."""
        while not self.is_over:
            if self.import_client.calls >= number:
                return True
            let_pass(0.002, because="the next look at the calls")
        return False

    def _deliver(self) -> None:
        try:
            self.import_client.deliver()
        except BaseException as error:
            self._failures.append(error)

    def _await_end(self, deadline: float) -> None:
        while not self.is_over:
            if time.monotonic() > deadline:
                state = self.watch.describe()
                raise AssertionError(f"not completed within {LONGEST_SECONDS} s: {state}\n{self.site.read_log()}")
            self.site.await_answer()  # starts again what went by itself
            let_pass(0.02, because="the next look at the end")
        if self.failure is not None:
            raise self.failure

    def _check_preview(self) -> None:
        """Nothing else went on when the first import or an undo was previewed, so its execution has the same counts."""
        client = self.import_client
        for load, token, previewed in zip(self.dataset.loads, client.tokens, client.previews, strict=True):
            if load is self.dataset.loads[0] or load.undo_of is not None:
                executed = self.watch.read_status(token)
                counts = [{name: one.get(name, 0) for name in OUTCOMES} for one in (previewed, executed)]
                assert counts[0] == counts[1], (load.undo_of, counts)

    def _create_account(self) -> tuple[int, Access]:
        document = yaml.safe_load(files("consentory.demo").joinpath("demo_account.yaml").read_bytes())
        name = f"C{uuid4().hex[:10].upper()}"
        document["account"]["clientId"] = name
        document["userGroups"][0]["permissions"]["release"] = True
        user = document["users"][0]["id"]
        services = open_services(self.site.conninfo, SecretBox([self.site.secret_key]))
        try:
            services.accounts.apply_document(json.dumps(document).encode(), source="crash", dry_run=False)
            account_id = services.accounts.find_account(name)
            credential = services.authentication.create_credential(account_id, user)
            return account_id, Access(self.site.url, name, *credential)
        finally:
            services.close()


def _insist(work: Callable[[], _Result]) -> _Result:
    """Do what needs the database, which a kill may have left on its way back."""
    for attempt in stamina.retry_context(on=(psycopg.OperationalError, StoreUnavailable), timeout=60, wait_max=1):
        with attempt:
            return work()
    raise AssertionError("stamina gives a result or raises")


@dataclass
class Trial:
    """Import runs of one dataset on one site, each compared with an undisturbed one."""

    site: Site
    dataset: Dataset
    wanted: DatabaseSnapshot = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = ImportRun(self.site, self.dataset, keyed=True).run().stock
        assert [row["status"] for row in self.wanted["import"]] == ["Completed"] * len(self.dataset.loads)

    def disturb(self, disturb: Callable[[ImportRun], None], *, keyed: bool) -> tuple[list[str], ImportRun]:
        """A disturbed import run, and what it made different; nothing, if all is well."""
        import_run = ImportRun(self.site, self.dataset, keyed).run(disturb)
        return list_differences(import_run.stock, self.wanted), import_run
