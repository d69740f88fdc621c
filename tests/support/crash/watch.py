"""Watches a running import: the books balance in every answer, and no count goes down."""

from __future__ import annotations

import threading
from typing import Any

from model_check import COUNTS, check_books
from waiting import let_pass

from crash.import_client import ImportClient, Wire

ORDER = ("Initiated", "Staging", "Queued", "Processing", "Completed")
POLL_SECONDS = 0.04


class Watch(threading.Thread):
    """Polls the status of every import of a import client over HTTP, until all are completed or `stop` is set."""

    def __init__(self, wire: Wire, import_client: ImportClient) -> None:
        super().__init__(name="watch", daemon=True)
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self.looks = 0
        self._wire = wire
        self._import_client = import_client
        self._latest: dict[int, dict[str, Any]] = {}

    @property
    def settled(self) -> int:
        """Records that are worked off or were refused at staging."""
        return sum(status["TotalRecordsReceived"] - status["Pending"] for status in list(self._latest.values()))

    @property
    def finished(self) -> bool:
        """Whether all imports of the dataset are completed."""
        tokens = list(self._import_client.tokens)
        return len(tokens) == len(self._import_client.dataset.loads) and all(map(self._is_completed, tokens))

    def _is_completed(self, token: int) -> bool:
        return token in self._latest and self._latest[token]["Status"] == "Completed"

    @property
    def phase(self) -> str:
        """The phase of the import, as far as it can be seen from outside."""
        if self._import_client.doing:
            return self._import_client.doing
        statuses = {status["Status"] for status in list(self._latest.values())}
        return "processing" if "Processing" in statuses else "queued" if "Queued" in statuses else "completed"

    def read_status(self, token: int) -> dict[str, Any]:
        """The last status object of an import."""
        return self._latest[token]

    def describe(self) -> str:
        """How far the import client and the imports have come."""
        imports = [
            (status["Status"], status["TotalRecordsReceived"], status["Pending"]) for status in self._latest.values()
        ]
        client = self._import_client
        return f"the client is at call {client.calls} ({client.doing or 'done'}), the imports are {imports}"

    def run(self) -> None:
        try:
            while not self.stop.is_set() and not self.finished:
                for token in [token for token in self._import_client.tokens if not self._is_completed(token)]:
                    answer = self._wire.call("GET", f"Import/{token}/Status")
                    if answer.status == 200:
                        self._look(token, answer.body)
                let_pass(POLL_SECONDS, because="the next look at the counts")
        except BaseException as error:
            self.failure = error
        finally:
            self._wire.close()

    def _look(self, token: int, status: dict[str, Any]) -> None:
        self.looks += 1
        check_books(status)
        before = self._latest.get(token)
        if before is not None:
            for name in COUNTS:
                assert name == "Pending" or status[name] >= before[name], (name, before, status)
            assert ORDER.index(status["Status"]) >= ORDER.index(before["Status"]), (before, status)
        self._latest[token] = status
