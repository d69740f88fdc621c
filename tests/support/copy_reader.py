"""A reader that keeps a copy of an account over HTTP: an export, and the changes after its position.

It does what docs/data-out.md says, and no more: it shares no code with the server or with the commands.
"""

from __future__ import annotations

import json
import threading
from itertools import islice
from typing import Any, Literal

from wire_client import Wire, WireClient, require

Way = Literal["file", "pages", "cut"]
"""How the export comes: as one file, as pages of JSON, or as a file that is cut after each few lines."""


class CopyReader(threading.Thread):
    """Reads an export, and follows the changes until a change of the person `last` was seen."""

    def __init__(self, client: WireClient, way: Way | None, limit: int) -> None:
        super().__init__(daemon=True)
        self.client, self.way, self.limit = client, way, limit
        self.last: int | None = None
        """The person whose change is the last one. It is set when all work is done."""
        self.people: dict[int, Wire] = {}
        """The copy: profiles by ProfileId."""
        self.exported: dict[int, Wire] = {}
        self.seen: list[Wire] = []
        """All changes that were read, in their order."""
        self.position = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        """Read until all is seen."""
        try:
            if self.way is not None:
                self._read_export(self.way)
                self.people = dict(self.exported)
            while self.last is None or self.last not in {one["ProfileId"] for one in self.seen}:
                self._read_changes()
        except BaseException as error:
            self.error = error

    def finish(self, last: int) -> None:
        """Wait until the reader has seen the change of a person. Raises the reader's error."""
        self.last = last
        self.join(60)
        if self.error is not None:
            raise self.error
        assert not self.is_alive(), f"{self.way}: position {self.position}, waiting for a change of {last}"

    # The export

    def _read_export(self, way: Way) -> None:
        first, after, goes_on = True, 0, True
        while goes_on:
            rows, position, goes_on = self._read_page(after) if way == "pages" else self._read_lines(after, way)
            if first:  # the position of the first answer counts
                self.position, first = position, False
            for row in rows:
                assert row["ProfileId"] > after, "profiles come in the order of ProfileId, and none comes twice"
                after = row["ProfileId"]
                self.exported[after] = row

    def _read_page(self, after: int) -> tuple[list[Wire], int, bool]:
        answer = self.client.http.get(f"{self.client.account}/Export", params={"after": after, "limit": self.limit})
        page = require(answer)
        return page["Items"], int(answer.headers["Consentory-Position"]), page["Next"] is not None

    def _read_lines(self, after: int, way: Way) -> tuple[list[Wire], int, bool]:
        most = self.limit if way == "cut" else None
        query: dict[str, Any] = {"format": "ndjson", "after": after}
        with self.client.http.stream("GET", f"{self.client.account}/Export", params=query) as answer:
            assert answer.status_code == 200
            rows = [json.loads(line) for line in islice(answer.iter_lines(), most)]
        return rows, int(answer.headers["Consentory-Position"]), most is not None and len(rows) == most

    # The changes

    def _read_changes(self) -> None:
        query = {"after": self.position, "limit": self.limit, "wait": 1}
        page = require(self.client.http.get(f"{self.client.account}/Changes", params=query))
        kinds = {one["ProfileId"]: one["Kind"] for one in page["Items"]}
        for profile_id, kind in kinds.items():
            answer = None if kind == "Deleted" else self.client.try_profile(profile_id)
            if answer is None or answer.status_code == 404:
                self.people.pop(profile_id, None)
            else:
                self.people[profile_id] = require(answer)
        self.seen += page["Items"]
        self.position = page["Next"]
