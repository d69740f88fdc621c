"""The error tree. Lower errors (psycopg, msgspec, httpx) are mapped onto it once, where they enter.

ConsentoryError
├── RequestRefused          the caller asked for something it cannot have; `kind` says which answer it gets
├── StoreRefused            PostgreSQL refused the data (SQLSTATE classes 22 and 23); the transaction is undone
├── StatementRefused        PostgreSQL refused a statement of ours (any other SQLSTATE): no data and no waiting helps
├── StoreUnavailable        PostgreSQL cannot be reached or cannot work now; nothing was done, try again
│   └── StoreBusy           it is there, and could not do this now: resources, locks, a time-out
│       └── StoreContended  two transactions were in each other's way (SQLSTATE class 40)
└── OutcomeUnknown          PostgreSQL, or the process that worked on it, was lost: all was done, or nothing

What only one module raises stands in that module and hangs on the root as well, its text written for a person:
SettingError of config.py, for one.
"""

from __future__ import annotations

import traceback
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


class StoreBusy(StoreUnavailable):
    """The database is there, and could not do this now: it lacks a resource, waits for a lock, or took too long."""


class StoreContended(StoreBusy):
    """This transaction and another were in each other's way, and this one was undone: try again at once."""


class OutcomeUnknown(ConsentoryError):
    """The database was lost during a commit, or the process that waited for it: the transaction was done whole or not
    at all, and nobody knows yet."""


class StoreRefused(ConsentoryError):
    """The database refused the data: `sqlstate` of class 22 or 23, `constraint` its name or ""."""

    def __init__(self, sqlstate: str, constraint: str) -> None:
        super().__init__(f"SQLSTATE {sqlstate} {constraint}".strip())
        self.sqlstate = sqlstate
        self.constraint = constraint


class StatementRefused(ConsentoryError):
    """The database refused a statement as such (`sqlstate` of class 42 or of one that is neither the data's fault nor
    waited out, "" from the driver): it names what is not there, needs a right that its role lacks, or meets damaged
    storage. Our fault or the installation's: no reason to try again at once."""

    def __init__(self, kind: str, sqlstate: str) -> None:
        super().__init__(
            f"the database refuses a statement ({f'{kind} {sqlstate}'.strip()}): run `consentory migrate` as the"
            " tables' owner; if that changes nothing, a right is missing, or this is a fault of Consentory: report it"
        )
        self.sqlstate = sqlstate


def trace_error(error: BaseException) -> tuple[list[str], list[str]]:
    """An error and what caused it, for the log: types and places, for their texts may hold a person's data."""
    kinds: list[str] = []
    places: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        name = f"{type(cause).__module__}.{type(cause).__qualname__}"
        kinds.append(f"{name} {cause}" if isinstance(cause, StoreRefused | StatementRefused) else name)
        places.extend(
            f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_name}:{line}"
            for frame, line in traceback.walk_tb(cause.__traceback__)
        )
        cause = cause.__cause__ or cause.__context__
    return kinds, places
