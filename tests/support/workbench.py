"""The services of a server and of a worker over one database, in this process, with an account to work on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from record_cases import ALL, read_document

from consentory.bootstrap.composition import WorkerServices, open_services, open_worker
from consentory.domain.caller import Caller
from consentory.domain.imports import Import
from consentory.services.service_set import Services

Wire = dict[str, Any]


@dataclass(frozen=True)
class Workbench:
    """Nothing works by itself here: a test calls `work_off` and `worker.retention.run_maintenance` when it wants to."""

    url: str
    services: Services
    worker: WorkerServices
    caller: Caller

    def initiate(self, **settings: Any) -> Import:
        """A new import with these Initiate fields, by their wire names."""
        body = json.dumps({"Name": "workbench", **settings}).encode()
        return self.services.imports.initiate(self.caller, body, None)

    def stage(self, item: Import, records: Sequence[Wire]) -> None:
        """Stage records as one batch."""
        body = json.dumps({"UserProfilePreferences": list(records)}).encode()
        self.services.staging.stage(self.caller, str(item.access_token), body, "json", None)

    def execute(self, item: Import) -> Import:
        """Queue it."""
        return self.services.imports.execute(self.caller, str(item.access_token))

    def cancel(self, item: Import) -> Import:
        """Fail it."""
        return self.services.imports.cancel(self.caller, str(item.access_token))

    def work_off(self) -> None:
        """Resolve and apply whatever waits."""
        while self.worker.execution.resolve_next() is not None or self.worker.execution.process_slice() is not None:
            pass

    def complete(self, records: Sequence[Wire], **settings: Any) -> Import:
        """An import of these records from beginning to end."""
        item = self.initiate(**settings)
        self.stage(item, records)
        self.execute(item)
        self.work_off()
        return self.find(item)

    def find(self, item: Import) -> Import:
        """The import as it is now."""
        return self.services.imports.find_by_id(self.caller, str(item.import_id))

    def owner(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement run by the database's owner, past all walls; [] where it gives none."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


@contextmanager
def open_workbench(database_url: str, client_id: str = "ACME") -> Iterator[Workbench]:
    """A workbench over a migrated database, on an account made from tests/accounts/acme.yaml."""
    services, worker = open_services(database_url), open_worker(database_url)
    try:
        document = read_document()
        document["account"]["clientId"] = client_id
        services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
        account_id = services.accounts.find_account(client_id)
        yield Workbench(database_url, services, worker, Caller(account_id, client_id, "nightly", ALL))
    finally:
        services.close()
        worker.close()


def make_person(number: int, **more: Any) -> Wire:
    """A valid record that names nobody but itself."""
    return {
        "CustomerName": {"FirstName": "Nour", "LastName": f"Person {number}"},
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"w-{number}"}],
        **more,
    }


def make_faulty(number: int) -> Wire:
    """A record that staging refuses."""
    return {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"w {number}!"}]}
