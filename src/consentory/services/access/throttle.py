"""Slow down failed attempts to authenticate, and lock nobody out (docs/adr/0009-throttling.md).

The failures of a credential from an address are counted, and the failures of an address with all credentials.
A right secret from another address does not wait for either count. At an address with many failures, a right secret
waits until it has been right from there once. The counts are in the database, because an attacker reaches all processes
and machines.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass

from consentory.domain.caller import Origin, Party
from consentory.errors import RequestRefused
from consentory.services.access.secret_box import SecretBox
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database
from consentory.store.tables import attempt_store
from consentory.store.tables.attempt_store import Attempts

FREE_OF_CREDENTIAL = 5
"""So many failures of one credential from one address cause no wait. The next ones cost 1, 2, 4 … seconds."""
FREE_OF_ADDRESS = 50
LONGEST_WAIT = 60.0
FORGET_SECONDS = 15 * 60
"""Failures are forgotten if no other failure comes in this time."""
TRUSTED_SECONDS = 30 * 86_400.0
_RENEW_SECONDS = 86_400.0
_IPV6_NETWORK = 64
_NOTHING = Attempts(0, None, None)


@dataclass(frozen=True, slots=True)
class AttemptPermit:
    """The permit for one attempt: the keys of its two counts. `is_trusted`: after a success nothing has to be
    stored."""

    pair: bytes
    address: bytes
    is_trusted: bool


class _NoAccount(Exception):
    """Undoes the audit event of an attempt that belongs to no account."""


class Throttle:
    """Permits attempts, and counts those that failed. Threads may share this."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def request_permit(self, credential: str, origin: Origin) -> AttemptPermit:
        """A permit to try a credential from the address of the request. Raises RequestRefused, too_many, with the
        seconds to wait, also for a credential that does not exist."""
        place = _find_network(origin.address)
        pair, address = self._box.hash_subject(f"{place} {credential}"), self._box.hash_subject(place)
        with self._database.transaction() as tx:
            known = attempt_store.find_attempts(tx, (pair, address))
        own = known.get(pair, _NOTHING)
        trusted_for = own.trusted_for or 0
        wait = _measure_wait(own, FREE_OF_CREDENTIAL)
        if trusted_for <= 0:
            wait = max(wait, _measure_wait(known.get(address, _NOTHING), FREE_OF_ADDRESS))
        if wait > 0:
            raise RequestRefused(
                "too_many",
                "Auth.Throttled",
                "Too many attempts from your address failed. Wait for the seconds of Retry-After, and correct the"
                " credentials.",
                retry_after=math.ceil(wait),
            )
        return AttemptPermit(pair, address, own.failures == 0 and trusted_for > TRUSTED_SECONDS - _RENEW_SECONDS)

    def note_failure(
        self, permit: AttemptPermit, account_id: int | None, user_id: str, origin: Origin, refusal: RequestRefused
    ) -> None:
        """Count a failed attempt, and write it to the audit trail of its account. The commit does not wait for the
        disk.

        `account_id` None: there is no such credential or account. Then the same statements run, and the event is
        undone, so that the time of the answer does not tell which accounts exist.
        """
        with self._database.transaction() as tx:
            attempt_store.count_failures(tx, sorted((permit.pair, permit.address)), FORGET_SECONDS)
            tx.set_account(account_id or 0)
            party = Party(account_id or 0, user_id, origin)
            try:
                with tx.savepoint():
                    note_event(tx, party, "authentication.refused", details={"Code": refusal.code})
                    if account_id is None:
                        raise _NoAccount
            except _NoAccount:
                pass

    def note_success(self, permit: AttemptPermit) -> None:
        """Note a successful attempt, at most once a day for a credential and an address."""
        if not permit.is_trusted:
            with self._database.transaction() as tx:
                attempt_store.trust_address(tx, permit.pair, TRUSTED_SECONDS)


def _measure_wait(attempts: Attempts, free: int) -> float:
    """The seconds that are left of the wait after the last failure."""
    if attempts.since_failure is None or attempts.failures <= free or attempts.since_failure > FORGET_SECONDS:
        return 0
    return min(2.0 ** min(attempts.failures - free - 1, 10), LONGEST_WAIT) - attempts.since_failure


def _find_network(address: str | None) -> str:
    """The range of addresses that one attacker may own: one IPv4 address, or a /64 of IPv6."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "elsewhere"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
    return str(found)
