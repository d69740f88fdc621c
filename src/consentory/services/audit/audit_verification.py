"""Verify the audit trails of all accounts, for the operator (`consentory audit verify`)."""

from __future__ import annotations

from consentory.errors import RequestRefused
from consentory.services.audit.chain_verification import Verdict, render_head, verify_chain
from consentory.store.database import Database
from consentory.store.tables import audit_store


class AuditVerification:
    """Reads the trails of all accounts. It needs a database connection without row-level security."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_accounts(self, client_id: str | None) -> list[tuple[int, str]]:
        """(account id, clientId) of the named account; None: of all accounts. Raises RequestRefused, not_found."""
        with self._database.transaction() as tx:
            found = [item for item in audit_store.list_accounts(tx) if client_id in (None, item[1])]
        if client_id is not None and not found:
            raise RequestRefused("not_found", "Account.NotFound", f"There is no account {client_id!r}.")
        return found

    def find_head(self, account_id: int) -> str:
        """The newest number and hash as `NUMBER:HASH`; "": the chain is empty."""
        with self._database.transaction(account_id) as tx:
            return render_head(audit_store.find_head(tx))

    def verify(self, account_id: int, client_id: str, expected: str | None) -> Verdict:
        """As `verify_chain`."""
        return verify_chain(self._database, account_id, client_id, expected)
