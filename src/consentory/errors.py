"""The error tree. Lower errors (psycopg, msgspec, httpx) are mapped onto it once, where they enter.

ConsentoryError
├── RequestRefused          the caller asked for something it cannot have; `kind` says which answer it gets
├── StoreRefused            PostgreSQL refused the data (SQLSTATE classes 22 and 23); the transaction is undone
├── StoreUnavailable        PostgreSQL cannot be reached or cannot work now; nothing was done, try again
│   └── StoreContended      two transactions were in each other's way (SQLSTATE class 40)
└── OutcomeUnknown          PostgreSQL was lost during a commit: all was done, or nothing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RefusalKind = Literal[
    "invalid",  # 400
    "unauthorized",  # 401
    "forbidden",  # 403
    "not_found",  # 404
    "conflict",  # 409
    "gone",  # 410
    "too_large",  # 413
    "unsupported",  # 415
    "too_many",  # 429
]


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One fault of a refused request; `path` is a JSON path or a parameter's name, "" for the whole."""

    code: str
    path: str
    message: str


class ConsentoryError(Exception):
    """Root of all errors raised on purpose."""


class RequestRefused(ConsentoryError):
    """A request that is answered with a refusal (import-api.md, "Refusals").

    `code` is stable and documented; `errors` lists every fault where there are several;
    `retry_after` is in seconds and only given with kind "too_many".
    """

    def __init__(
        self,
        kind: RefusalKind,
        code: str,
        detail: str,
        *,
        errors: list[ErrorDetail] | None = None,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.kind: RefusalKind = kind
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after
        self.headers = headers or {}


class StoreUnavailable(ConsentoryError):
    """The database cannot be reached, or lacks resources just now. Nothing was done."""


class StoreContended(StoreUnavailable):
    """This transaction and another were in each other's way, and this one was undone: try again at once."""


class OutcomeUnknown(ConsentoryError):
    """The database was lost during a commit: the transaction was done whole or not at all, and nobody knows yet."""


class StoreRefused(ConsentoryError):
    """The database refused the data: `sqlstate` of class 22 or 23, `constraint` its name or ""."""

    def __init__(self, sqlstate: str, constraint: str) -> None:
        super().__init__(f"SQLSTATE {sqlstate} {constraint}".strip())
        self.sqlstate = sqlstate
        self.constraint = constraint
