"""The answer to an account document that was applied (account.md, "Configuration")."""

from __future__ import annotations

import msgspec

from consentory.domain.configuration import AppliedDocument


class AppliedConfiguration(msgspec.Struct, frozen=True):
    """The changes line by line, and whether they were applied."""

    Changes: list[str]
    Applied: bool


def render_applied(applied: AppliedDocument) -> AppliedConfiguration:
    """The answer to a document that was applied or, in a dry run, only compared."""
    return AppliedConfiguration(applied.changes, applied.is_applied)
