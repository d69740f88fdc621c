"""Verify the audit trail against its chain, row by row: find rows that were changed, are missing, or were added."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from consentory.codec.times import render_time
from consentory.domain.audit_event import FIRST_PREVIOUS, AuditEvent, chain_hash, digest_event
from consentory.domain.caller import Caller
from consentory.domain.instants import to_micros
from consentory.domain.permission import require_audit
from consentory.errors import RequestRefused
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import audit_store
from consentory.store.tables.audit_store import Link

LATEST = timedelta(hours=1)
"""No transaction lasts so long after its event. An event that the chain has later than that was dated back."""


class Finding(msgspec.Struct, frozen=True):
    """One row that was changed, is missing, or was added. `number`: its place in the chain; None: it has none."""

    what: Literal["changed", "missing", "added"]
    number: int | None
    event_id: str | None
    text: str


class Verdict(msgspec.Struct, frozen=True):
    """The result for one account. `events`: the number of events in the chain. `waiting`: the number of events that are
    not in the chain yet. `head`: the newest link as `NUMBER:HASH`; "": there is none."""

    account: str
    events: int
    waiting: int
    head: str
    findings: list[Finding]


class OwnVerification:
    """Verifies the trail of a caller's own account, under row-level security."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self, caller: Caller) -> Verdict:
        """The result for the caller's account. Needs the permission `audit`. Raises RequestRefused, forbidden."""
        require_audit(caller)
        with self._database.transaction(caller.account_id) as tx:
            note_event(tx, caller, "audit.read", details={"Verified": True})
        return verify_chain(self._database, caller.account_id, caller.client_id)


def verify_chain(database: Database, account_id: int, client_id: str, expected: str | None = None) -> Verdict:
    """Find all faults of an account's trail. `expected`: a head of this trail that was shown before.

    Raises RequestRefused, invalid, if `expected` is not a head.
    """
    anchor = None if expected is None else _read_anchor(expected)
    walk = _ChainWalk(account_id, anchor)
    with database.transaction(account_id) as tx:
        findings = [finding for link, event in audit_store.stream_chain(tx) for finding in walk.look(link, event)]
        findings += walk.end()
        queue = audit_store.list_queue(tx)
        findings += _look_beside(tx, account_id, queue)
    head = render_head((walk.number, walk.previous) if walk.links else None)
    return Verdict(client_id, walk.links, len(queue), head, findings)


@dataclass(slots=True)
class _ChainWalk:
    """The state of a walk along a chain."""

    account_id: int
    anchor: tuple[int, bytes] | None
    number: int = 0
    previous: bytes = FIRST_PREVIOUS
    links: int = 0
    latest: datetime | None = None
    """The newest time of all unchanged events so far."""

    def look(self, link: Link, event: AuditEvent | None) -> Iterator[Finding]:
        """The findings about the next link and its event."""
        event_id = str(link.event_id)
        gap = link.number - self.number - 1
        intact = event is not None and digest_event(self.account_id, event) == link.digest
        if gap:
            yield Finding("missing", self.number + 1, None, _describe_gap(self.number + 1, link.number - 1))
        if event is None:
            yield Finding("missing", link.number, event_id, "its event is gone")
        elif not intact:
            yield Finding("changed", link.number, event_id, "its event was changed after it was added to the chain")
        elif self.latest is not None and event.recorded_at < self.latest - LATEST:
            text = f"says {_show(event.recorded_at)}, after an event of {_show(self.latest)}: added later"
            yield Finding("added", link.number, event_id, text)
        if chain_hash(link.number, link.previous, link.event_id, link.digest) != link.hash:
            yield Finding("changed", link.number, event_id, "its link does not fit its own hash")
        if not gap and link.previous != self.previous:
            text = f"it does not follow {self.number}: one of the two was changed after it was added to the chain"
            yield Finding("changed", link.number, event_id, text)
        if self.anchor is not None and link.number == self.anchor[0] and link.hash != self.anchor[1]:
            yield Finding("changed", link.number, event_id, "its hash is not the expected one: the chain was rewritten")
        self.number, self.previous, self.links = link.number, link.hash, self.links + 1
        if event is not None and intact and (self.latest is None or event.recorded_at > self.latest):
            self.latest = event.recorded_at

    def end(self) -> Iterator[Finding]:
        """The findings about the end of the chain."""
        if self.anchor is not None and self.number < self.anchor[0]:
            text = f"{_describe_gap(self.number + 1, self.anchor[0])}: the chain ends at {self.number}"
            yield Finding("missing", self.number + 1, None, text)


def _look_beside(
    tx: Transaction, account_id: int, queue: Sequence[tuple[UUID, bytes, AuditEvent | None]]
) -> Iterator[Finding]:
    """The findings outside of the chain."""
    for event_id, digest, event in queue:
        if event is None:
            yield Finding("missing", None, str(event_id), "its event is gone, before it was added to the chain")
        elif digest_event(account_id, event) != digest:
            yield Finding("changed", None, str(event_id), "its event was changed before it was added to the chain")
    for loose_id in audit_store.list_loose(tx):
        text = "an event that is not in the chain: the event was added, or its link was removed"
        yield Finding("added", None, str(loose_id), text)
    for twice_id, number in audit_store.list_chained_twice(tx):
        yield Finding("added", number, str(twice_id), "an event that has more than one place")


def _describe_gap(first: int, last: int) -> str:
    return f"{first} is gone" if first == last else f"{first} to {last} are gone"


def _show(instant: datetime | None) -> str:
    return "" if instant is None else render_time(to_micros(instant))


def render_head(head: tuple[int, bytes] | None) -> str:
    return "" if head is None else f"{head[0]}:{head[1].hex()}"


def _read_anchor(text: str) -> tuple[int, bytes]:
    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9A-Fa-f]{64})", text.strip())
    if match is None:
        raise RequestRefused(
            "invalid", "Audit.HeadMalformed", f"The head must be NUMBER:HASH, as `audit head` prints it, not {text!r}."
        )
    return int(match[1]), bytes.fromhex(match[2])
