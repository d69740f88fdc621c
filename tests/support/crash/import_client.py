"""The client of a round imports a dataset over HTTP, with or without idempotency keys, during any failure."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from waiting import let_pass

from crash.dataset import Batch, Dataset

OUTCOMES = ("Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exceptions")
"""The counts that a preview and an execution have in common."""

PATIENCE = 120.0
"""Seconds for which a call is sent again and again."""


@dataclass(frozen=True)
class Access:
    """A credential of an account on a machine."""

    url: str
    account: str
    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Answer:
    """`status` 0: there was none, so nobody knows whether the call was done."""

    status: int
    body: dict[str, Any]

    @property
    def says_nothing_done(self) -> bool:
        return self.body.get("code") == "Server.Unavailable"


class Wire:
    """Calls of one account, sent once each. Refusals other than 503 are failures of the round."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._http = httpx.Client(timeout=30, trust_env=False)
        self._bearer = ""
        self.answers: Counter[str] = Counter()
        """How often each status came."""

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: bytes = b"", key: str | None = None, refusal: str = "") -> Answer:
        """One attempt. Raises AssertionError for a refusal that no outage explains, and that has not this code."""
        try:
            if not self._bearer and (refused := self._fetch_bearer()) is not None:
                return refused
            headers = {"Authorization": f"Bearer {self._bearer}", "Content-Type": "application/json"}
            if key is not None:
                headers["Idempotency-Key"] = key
            url = f"{self._access.url}/Profiles/v4/Async/{self._access.account}/{path}"
            return self._read(self._http.request(method, url, headers=headers, content=body), refusal)
        except httpx.TransportError:
            self.answers["none"] += 1
            let_pass(0.05, because="the server is away: no tight loop")
            return Answer(0, {})

    def _fetch_bearer(self) -> Answer | None:
        response = self._http.post(
            f"{self._access.url}/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(self._access.client_id, self._access.client_secret),
        )
        answer = self._read(response)
        if answer.status == 200:
            self._bearer = answer.body["access_token"]
            return None
        return answer

    def _read(self, response: httpx.Response, refusal: str = "") -> Answer:
        self.answers[str(response.status_code)] += 1
        answer = Answer(response.status_code, json.loads(response.content))
        is_known = response.status_code in (200, 202, 503) or (refusal and answer.body.get("code") == refusal)
        assert is_known, (response.request.url, response.status_code, response.text)
        if answer.says_nothing_done:
            assert int(response.headers["Retry-After"]) >= 1
        return answer


@dataclass
class ImportClient:
    """Brings a dataset in: stages, previews and executes its imports one after another. Only an undo waits for the end
    of the imports before."""

    wire: Wire
    dataset: Dataset
    keyed: bool
    tokens: list[int] = field(default_factory=list)
    """Tokens of the dataset's imports, in the order of their creation."""
    import_ids: list[str] = field(default_factory=list)
    calls: int = 0
    """Calls begun, repetitions not counted."""
    previews: list[dict[str, Any]] = field(default_factory=list)
    """The finished previews of the dataset's imports."""
    doing: str = ""
    """The current call of the import, "" after the last call."""

    def deliver(self) -> None:
        """Raises AssertionError for anything that the contract does not allow."""
        held: list[tuple[int, str]] = []
        for load in self.dataset.loads:
            status = self._initiate(load.settings) if load.undo_of is None else self._undo(load.undo_of)
            token = int(status["AccessToken"])
            self.import_ids.append(status["ImportId"])
            self.tokens.append(token)
            received = 0
            for batch in load.batches:
                self._stage(token, batch, received)
                received += batch.records
            self.previews.append(self._preview(token))
            self._execute(token)
            if load.is_held:
                held.append((token, status["ImportId"]))
        for token, import_id in held:
            self._release(token, import_id)
        self.doing = ""

    def _begin(self, step: str) -> str | None:
        self.doing = step
        self.calls += 1
        return str(uuid4()) if self.keyed else None

    def _initiate(self, settings: dict[str, Any]) -> dict[str, Any]:
        # Without a key an unanswered Initiate may leave an import behind that nobody stages into.
        return self._repeat("POST", "Import", json.dumps(settings).encode(), self._begin("initiate"))

    def _undo(self, place: int) -> dict[str, Any]:
        """Take back the import with this place when nothing else goes on."""
        for token in self.tokens:
            self._await_status(token, lambda status: status["Status"] == "Completed")
        self._begin("undo")
        undone, is_unknown = self.import_ids[place], False
        while (answer := self.wire.call("POST", f"Imports/{undone}/Undo", refusal="Undo.Done")).status != 200:
            if answer.status == 409:  # an Undo without an answer was done, whole
                assert is_unknown, "there is an undo, but each answer said that nothing was done"
                found = [one for one in self._repeat("GET", "Imports")["Items"] if one.get("UndoOf") == undone]
                assert len(found) == 1, found
                return dict(found[0])
            is_unknown |= not answer.says_nothing_done
        return answer.body

    def _await_status(self, token: int, is_there: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while not is_there(status := self._repeat("GET", f"Import/{token}/Status")):
            assert time.monotonic() < deadline, f"nothing happened within {PATIENCE:.0f} s: {status}"
            let_pass(0.02, because="the next look at the import")
        return status

    def _stage(self, token: int, batch: Batch, received: int) -> None:
        key = self._begin("stage")
        path = f"Import/{token}/Stage"
        if key is not None:
            status = self._repeat("POST", path, batch.body, key)
            self._check_staged(status, batch, received)
            return
        while True:
            answer = self.wire.call("POST", path, batch.body)
            if answer.status == 200:
                self._check_staged(answer.body, batch, received)
                return
            # Nobody knows: ask. It is there whole, or not at all.
            known = self._repeat("GET", f"Import/{token}/Status")["TotalRecordsReceived"]
            assert known in (received, received + batch.records), (known, received, batch.records)
            if known != received:
                assert not answer.says_nothing_done, "the answer said that nothing was done, but the batch is there"
                return

    def _check_staged(self, status: dict[str, Any], batch: Batch, received: int) -> None:
        assert status["TotalRecordsReceived"] == received + batch.records, (status, received)
        if "Batch" in status:  # not in a replay
            assert (status["Batch"]["First"], status["Batch"]["Last"]) == (received + 1, received + batch.records)

    def _preview(self, token: int) -> dict[str, Any]:
        """A preview, worked off. It counts every record, however often a worker was killed."""
        self._begin("preview")
        path, deadline = f"Import/{token}/Preview", time.monotonic() + PATIENCE
        preview = self._repeat("POST", path)
        while preview["State"] == "Running":
            assert time.monotonic() < deadline, f"a preview took over {PATIENCE:.0f} s: {preview}"
            let_pass(0.02, because="the next look at the preview")
            preview = self._repeat("GET", path)
        assert preview["State"] == "Done", preview
        assert preview["Records"] == preview["RecordsDone"] == sum(preview[name] for name in OUTCOMES), preview
        return preview

    def _execute(self, token: int) -> None:
        self._begin("execute")
        path = f"Import/{token}/Execute"
        unanswered = False
        while (answer := self.wire.call("POST", path)).status != 200:
            unanswered |= not answer.says_nothing_done
            if not unanswered:
                status = self._repeat("GET", f"Import/{token}/Status")["Status"]
                assert status == "Staging", f"the answer said that nothing was done, but the import is {status}"

    def _release(self, token: int, import_id: str) -> None:
        """Wait until the guard holds the import, and release it."""
        self._begin("release")
        status = self._await_status(token, lambda status: status["HeldReason"])
        assert status["Status"] == "Queued", status
        self._repeat("POST", f"Imports/{import_id}/Release")

    def _repeat(self, method: str, path: str, body: bytes = b"", key: str | None = None) -> dict[str, Any]:
        """Send a call that may be repeated until it is answered."""
        deadline = time.monotonic() + PATIENCE
        while (answer := self.wire.call(method, path, body, key)).status not in (200, 202):
            assert time.monotonic() < deadline, f"no answer to {method} {path} within {PATIENCE:.0f} s"
            let_pass(0.02, because="the next try")
        return answer.body
