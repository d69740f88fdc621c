"""Who does something: an authenticated user of an account with what its groups permit, or Consentory itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from consentory.domain.configuration import Permissions


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the address of its connection, its X-Request-Id (both None: there is no request),
    and whether it came encrypted."""

    address: str | None = None
    request_id: str | None = None
    encrypted: bool = False


NO_REQUEST = Origin()


class Actor(Protocol):
    """Whoever the audit trail names for what was done."""

    @property
    def account_id(self) -> int: ...
    @property
    def user_id(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A user whose credential was checked. `client_id` is the account's clientId as configured."""

    account_id: int
    client_id: str
    user_id: str
    permissions: Permissions
    origin: Origin = NO_REQUEST


@dataclass(frozen=True, slots=True)
class Party:
    """An actor that is no Caller: the worker (SYSTEM), a command run beside the database (OPERATOR), or the user
    that a request claims to be of while that is being checked."""

    account_id: int
    user_id: str
    origin: Origin = NO_REQUEST


SYSTEM = "system"
OPERATOR = "operator"
UNKNOWN = "unknown"
"""Whoever could not show who it is: a name that was only claimed may be anybody's."""
