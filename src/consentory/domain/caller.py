"""The actors: an authenticated user of an account with the permissions of the user's groups, or Consentory itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from consentory.domain.configuration import Permissions


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request: the address of its connection, its X-Request-Id, and whether the connection was
    encrypted. Address and X-Request-Id are None if there is no request."""

    address: str | None = None
    request_id: str | None = None
    encrypted: bool = False


NO_REQUEST = Origin()


class Actor(Protocol):
    """The actor that the audit trail names for an action."""

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
    """An actor that is no Caller: the worker (SYSTEM), a command that runs beside the database (OPERATOR), or the user
    that a request names, until the credential of the request is checked."""

    account_id: int
    user_id: str
    origin: Origin = NO_REQUEST


SYSTEM = "system"
OPERATOR = "operator"
UNKNOWN = "unknown"
"""The actor of a request that failed authentication. The request names a user without proof, so that name is not
recorded."""
