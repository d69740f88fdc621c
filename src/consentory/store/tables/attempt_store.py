"""Failed attempts to authenticate, by subject. Each function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consentory.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Attempts:
    """The failed attempts of a subject; times are in seconds."""

    failures: int
    since_failure: float | None
    trusted_for: float | None
    """The seconds for which the subject is still trusted; negative: no longer."""


def find_attempts(tx: Transaction, subjects: Sequence[bytes]) -> dict[bytes, Attempts]:
    """The attempts of each known subject."""
    return {bytes(row[0]): Attempts(*row[1:]) for row in tx.rows("find_attempts", {"subjects": list(subjects)})}


def count_failures(tx: Transaction, subjects: Sequence[bytes], seconds: float) -> None:
    """Add one failure to each subject. Failures are forgotten after `seconds` without a new one."""
    tx.run("commit_lazily")
    tx.run("count_failures", {"subjects": list(subjects), "seconds": seconds})
    tx.run("forget_attempts")


def trust_address(tx: Transaction, subject: bytes, seconds: float) -> None:
    """Forget the failures of a subject, and trust it for `seconds`."""
    tx.run("commit_lazily")
    tx.run("trust_address", {"subject": subject, "seconds": seconds})
