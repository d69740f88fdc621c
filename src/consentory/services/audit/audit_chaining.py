"""Append events to the chain of their account, about a second after they happened."""

from __future__ import annotations

import time

import structlog

from consentory.domain.audit_event import FIRST_PREVIOUS, chain_hash
from consentory.services.account_batches import work_off
from consentory.store.database import Database, Transaction
from consentory.store.tables import audit_store
from consentory.store.tables.audit_store import Link

log = structlog.get_logger(__name__)

BATCH_EVENTS = 5000
ANCHOR_SECONDS = 600.0
"""The log shows the head of a chain that grew at most this often. The head is an anchor for `audit verify`."""


class AuditChaining:
    """Chains the events of all accounts. A lock for each account shares out the work. A dead worker loses nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._anchored: dict[int, float] = {}

    def append_waiting(self) -> int:
        """Chain all waiting events, except for accounts that another worker chains. Returns their number.

        Raises StoreUnavailable. Then the chained events stay chained, and the other ones wait.
        """
        with self._database.transaction() as tx:
            accounts = audit_store.find_unchained(tx)
        return sum(self._chain_account(account_id) for account_id in accounts)

    def _chain_account(self, account_id: int) -> int:
        head: tuple[int, bytes] | None = None

        def chain_some(tx: Transaction) -> int | None:
            nonlocal head
            if not audit_store.try_chain_lock(tx):
                head = None
                return None
            number, previous = audit_store.find_head(tx) or (0, FIRST_PREVIOUS)
            links = []
            for event in audit_store.take_waiting(tx, BATCH_EVENTS):
                number += 1
                link = chain_hash(number, previous, event.event_id, event.digest)
                links.append(Link(number, event.event_id, event.digest, previous, link))
                previous = link
            audit_store.append_links(tx, links)
            head = number, previous
            return len(links)

        chained = work_off(self._database, [account_id], chain_some, BATCH_EVENTS)
        if head is not None:
            self._anchor(account_id, *head)
        return chained

    def _anchor(self, account_id: int, number: int, head: bytes) -> None:
        now = time.monotonic()
        if now - self._anchored.get(account_id, float("-inf")) >= ANCHOR_SECONDS:
            self._anchored[account_id] = now
            log.info("audit trail chained", account_id=account_id, head=f"{number}:{head.hex()}")
