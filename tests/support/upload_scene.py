"""Uploads through the services, and their work done in the test's own process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from workbench import Workbench

from consentory.domain.caller import Caller
from consentory.domain.upload import Upload, UploadState
from consentory.services.uploads.upload_service import PART_BYTES, StagingOrder, UploadService
from consentory.services.uploads.upload_work import UploadWork

MAPPING = """\
match: CRM
columns:
  Kunde: AlternateIds[CRM].AlternateId
  E-Mail: Emails[Home].EmailAddress
  Vorname: CustomerName.FirstName
  Newsletter:
    to: Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType
    values: {ja: OptIn, nein: OptOut}
"""
HEADER = "Kunde;E-Mail;Vorname;Newsletter\r\n"


def make_table(rows: int, *more: str, family: str = "u") -> bytes:
    """A CSV in cp1252 of so many good rows, and then the lines `more`."""
    lines = [f"{family}-{n};p{n}.{family}@example.com;Zoë;ja\r\n" for n in range(rows)]
    return (HEADER + "".join(lines) + "".join(f"{line}\r\n" for line in more)).encode("cp1252")


def make_order(mapping: str | None = MAPPING, **more: Any) -> StagingOrder:
    """An order with the name "upload"; `fields` are added to those of Initiate."""
    fields = {"Name": "upload", **more.pop("fields", {})}
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}
    return StagingOrder(fields=raw, mapping=mapping, **more)


def receive(uploads: UploadService, caller: Caller, name: str, chunks: Iterable[bytes]) -> Upload:
    """Upload a file of unknown size, as a form does. A file that does not come whole is given up."""
    item, at, gathered = uploads.begin(caller, name, None), 0, b""
    try:
        for chunk in chunks:
            gathered += chunk
            if len(gathered) >= PART_BYTES // 2:
                uploads.append_piece(caller, item, at, gathered)
                at, gathered = at + len(gathered), b""
        if gathered:
            uploads.append_piece(caller, item, at, gathered)
        return uploads.complete(caller, item)
    except BaseException:
        uploads.give_up(caller, str(item.upload_id))
        raise


@dataclass
class UploadScene:
    """One caller's uploads over a workbench."""

    bench: Workbench
    caller: Caller

    @property
    def work(self) -> UploadWork:
        services = self.bench.services
        return UploadWork(
            services.database, services.configurations, services.imports, services.staging, services.exceptions
        )

    def send(self, data: bytes, name: str = "people.csv", cuts: Sequence[int] = ()) -> Upload:
        """Upload a file in parts that end at `cuts`, from byte `received` on each time."""
        uploads = self.bench.services.uploads
        item = uploads.begin(self.caller, name, len(data))
        for end in [*cuts, len(data)]:
            item = uploads.append(self.caller, str(item.upload_id), item.received, data[item.received : end])
        return item

    def do_work(self, item: Upload) -> Upload:
        """Do the work of a process of a worker."""
        self.work.work_off(item.account_id, item.upload_id)
        return self.find(item)

    def find(self, item: Upload) -> Upload:
        return self.bench.services.uploads.find(self.caller, str(item.upload_id))

    def recognize(self, data: bytes, name: str = "people.csv") -> Upload:
        """Upload and recognize a file."""
        return self.do_work(self.send(data, name))

    def stage(self, item: Upload, order: StagingOrder | None = None) -> Upload:
        """Stage a recognized file."""
        self.bench.services.uploads.stage(self.caller, str(item.upload_id), order or make_order())
        return self.do_work(item)

    def state(self, item: Upload) -> UploadState:
        return self.find(item).state

    def status(self, item: Upload) -> Mapping[str, Any]:
        """The books of the upload's import."""
        found = self.bench.services.imports.find_by_id(self.caller, str(self.find(item).import_id))
        return {"status": found.status, "received": found.books.received, "failed": found.books.failed}
