"""A user of the services over a running server, whose workers read the uploads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from running_server import AccountAccess
from upload_scene import MAPPING, make_order, receive
from waiting import wait_for

from consentory.codec.answers.exceptions_answer import render_row
from consentory.domain.caller import Caller
from consentory.domain.imports import REFUSED, Import
from consentory.domain.upload import Upload

DONE = ("Recognized", "Staged", "Failed")


@dataclass
class Person:
    """A user of the services over a running server, as the console is one."""

    access: AccountAccess

    @property
    def caller(self) -> Caller:
        index = self.access.services.configurations.current(self.access.account_id)
        user = index.find_user(self.access.user)
        assert user is not None
        return Caller(self.access.account_id, self.access.account, user.id, index.permissions_of(user))

    def upload(self, data: bytes, name: str) -> Upload:
        """Upload a file, and wait until a worker has recognized it."""
        item = receive(self.access.services.uploads, self.caller, name, iter([data]))
        return self.wait(item)

    def order(self, item: Upload, mapping: str | None = MAPPING, **more: Any) -> None:
        self.access.services.uploads.stage(self.caller, str(item.upload_id), make_order(mapping, **more))

    def find(self, item: Upload) -> Upload:
        return self.access.services.uploads.find(self.caller, str(item.upload_id))

    def wait(self, item: Upload, seconds: float = 60) -> Upload:
        return wait_for(lambda: self.find(item), lambda seen: seen.state in DONE, seconds)  # type: ignore[no-any-return]

    def stage(self, item: Upload, mapping: str | None = MAPPING, **more: Any) -> Import:
        self.order(item, mapping, **more)
        item = self.wait(item)
        assert item.state == "Staged", item.fault
        return self.import_of(item)

    def import_of(self, item: Upload) -> Import:
        return self.access.services.imports.find_by_id(self.caller, str(item.import_id))

    def execute(self, found: Import) -> Import:
        self.access.services.imports.execute(self.caller, str(found.access_token))
        look = lambda: self.access.services.imports.find_by_id(self.caller, str(found.import_id))  # noqa: E731
        return wait_for(look, lambda seen: seen.status == "Completed")  # type: ignore[no-any-return]

    def list_exceptions(self, found: Import) -> list[dict[str, Any]]:
        rows = self.access.services.exceptions.stream(self.caller, found, REFUSED)
        return [json.loads(render_row(row)) for row in rows]
