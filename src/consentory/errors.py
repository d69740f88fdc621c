"""The error tree. Lower errors (psycopg, msgspec, httpx) are mapped to it once, where they enter.

ConsentoryError
├── RequestRefused          a request is refused; `kind` decides the status of the answer
├── StoreRefused            PostgreSQL refused the data (SQLSTATE classes 22 and 23); the transaction is undone
├── StatementRefused        PostgreSQL refused a statement of ours (any other SQLSTATE); other data does not help
├── StoreUnavailable        PostgreSQL cannot be reached or cannot work now; nothing was done, try again
│   └── StoreBusy           PostgreSQL runs, and could not do this now: resources, locks, a time-out
│       └── StoreContended  two transactions were in conflict (SQLSTATE class 40)
└── OutcomeUnknown          PostgreSQL or a stage process was lost: all was done, or nothing

An error that only one module raises stands in that module. It is a child of the root, and its text is for a person. An
example is SettingError of config.py.
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
    """One fault of a refused request. `path`: a JSON path or the name of a parameter; "": the whole request."""

    code: str
    path: str
    message: str


class ConsentoryError(Exception):
    """The root of all errors that this program raises on purpose."""


class RequestRefused(ConsentoryError):
    """A request that is answered with a refusal (import-api.md, "Refusals").

    `code`: stable and documented. `errors`: all faults, if there are several. `retry_after`: in seconds, only with the
    kind "too_many".
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
    """The database cannot be reached, or lacks resources now. Nothing was done."""


class StoreBusy(StoreUnavailable):
    """The database runs, and could not do this now: it lacks a resource, waits for a lock, or took too long."""


class StoreContended(StoreBusy):
    """This transaction was in conflict with another one and was undone. Try again at once."""


class OutcomeUnknown(ConsentoryError):
    """The database, or the process that waited for it, was lost during a commit. The transaction was done as a whole,
    or not at all, and that is unknown now."""


class StoreRefused(ConsentoryError):
    """The database refused the data. `sqlstate`: of class 22 or 23. `constraint`: its name, or ""."""

    def __init__(self, sqlstate: str, constraint: str) -> None:
        super().__init__(f"SQLSTATE {sqlstate} {constraint}".strip())
        self.sqlstate = sqlstate
        self.constraint = constraint


class StatementRefused(ConsentoryError):
    """The database refused the statement itself: it names something that does not exist, its role lacks a right, or the
    storage is damaged. The program or the installation is at fault, so a new try at once does not help. `sqlstate`: of
    class 42 or another class that is not for errors in the data or errors that pass; "": the driver refused."""

    def __init__(self, kind: str, sqlstate: str) -> None:
        super().__init__(
            f"the database refuses a statement ({f'{kind} {sqlstate}'.strip()}). Run `consentory migrate` as the"
            " tables' owner. If that does not help, a right is missing, or this is a fault of Consentory: report it"
        )
        self.sqlstate = sqlstate


def trace_error(error: BaseException) -> tuple[list[str], list[str]]:
    """An error and its causes for the log: types and places. Their texts may have personal data."""
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
