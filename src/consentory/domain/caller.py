"""Who calls: an authenticated user of an account, with what the user's groups permit."""

from __future__ import annotations

from dataclasses import dataclass

from consentory.domain.configuration import Permissions


@dataclass(frozen=True, slots=True)
class Caller:
    """A user whose credential was checked. `client_id` is the account's clientId as configured."""

    account_id: int
    client_id: str
    user_id: str
    permissions: Permissions

    def may_read_all(self) -> bool:
        """True when nothing of a profile is hidden from the caller (import-api.md, "Exceptions")."""
        held = self.permissions
        return (
            "read" in held.profile and held.channels == "all" and held.programs == "all" and held.consent_types == "all"
        )
