"""The refusals of the server, in one shape (RFC 9457). Only this module knows HTTP statuses.

- RequestRefused: the status of its kind
- StoreUnavailable: 503 Server.Unavailable, with Retry-After; no change was made
- OutcomeUnknown: 503 Server.Unexpected, with Retry-After; the change may have been made
- Litestar's HTTPException: the address, the method or a parameter does not exist
- any other error: 503 Server.Unexpected, with a reference into the log
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from consentory.errors import ErrorDetail, OutcomeUnknown, RefusalKind, RequestRefused, StoreUnavailable
from consentory.http.access_log import log_unexpected, name_request
from consentory.http.parameters import name_on_wire, refuse_parameters

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = 2
"""A PostgreSQL that was killed is available again after about a second."""

_STATUSES: dict[RefusalKind, HTTPStatus] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "gone": HTTPStatus.GONE,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_many": HTTPStatus.TOO_MANY_REQUESTS,
}
TITLES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "Bad Request",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "Not Found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method Not Allowed",
    HTTPStatus.NOT_ACCEPTABLE: "Not Acceptable",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.GONE: "Gone",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Unsupported Media Type",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request Header Fields Too Large",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}
"""The reason phrases of RFC 9110 and RFC 6585."""
_FRAMEWORK_CODES = {
    HTTPStatus.NOT_FOUND: ("Request.UnknownAddress", "The address does not exist; see /schema/openapi.json."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Request.UnknownMethod", "Use one of the methods that the header Allow lists."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("Request.BodyTooLarge", "The body is larger than this call accepts."),
}
_MISSING = re.compile(r"^Missing required \w+ parameter '([^']*)'")
"""Litestar names a missing parameter only in the text of the error."""


class ProblemError(msgspec.Struct, frozen=True):
    """One fault of the request. `path` is a JSON path or a parameter's name."""

    code: str
    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal. `code` is stable and is for programs; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] = []
    error: str = ""
    """At /oauth2/token only: the error code of RFC 6749."""


class NotAcceptable(HTTPException):
    """406: this call has no answer that the header Accept permits."""

    status_code = HTTPStatus.NOT_ACCEPTABLE


def make_problem(
    status: HTTPStatus, code: str, detail: str, errors: list[ErrorDetail], oauth_error: str = ""
) -> Problem:
    """The problem document of a refusal."""
    shown = [ProblemError(error.code, error.path, error.message) for error in errors]
    return Problem(
        type=f"urn:consentory:problem:{code}",
        title=TITLES[status],
        status=status.value,
        detail=detail,
        code=code,
        errors=shown,
        error=oauth_error,
    )


def answer_refusal(_: Request[Any, Any, Any], refusal: RequestRefused) -> Response[Problem]:
    """The answer to a request that was refused on purpose."""
    return render_refusal(refusal)


def render_refusal(refusal: RequestRefused, oauth_error: str = "") -> Response[Problem]:
    """A refusal with its headers: WWW-Authenticate with every 401, Retry-After if the refusal gives a time."""
    status = _STATUSES[refusal.kind]
    headers = dict(refusal.headers)
    if status is HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="consentory"')
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return _respond(make_problem(status, refusal.code, refusal.detail, refusal.errors, oauth_error), headers)


def answer_unavailable(request: Request[Any, Any, Any], error: StoreUnavailable) -> Response[Problem]:
    """The database cannot be reached, or cannot work now."""
    name_request(request.scope).warning("database unavailable", reason=str(error))
    problem = make_problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Server.Unavailable",
        "The database or a process of the server is not available now. Nothing was done; send the request again.",
        [],
    )
    return _respond(problem, {"Retry-After": str(RETRY_SECONDS)})


def answer_unknown_outcome(request: Request[Any, Any, Any], error: OutcomeUnknown) -> Response[Problem]:
    """The database connection was lost during the commit, or a process was lost during its work. So the answer cannot
    promise, as Server.Unavailable does, that no change was made."""
    name_request(request.scope).error("outcome unknown", reason=str(error))
    reference = request.scope["state"]["request_id"]
    problem = make_problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Server.Unexpected",
        "The connection to the database, or the process that worked on the request, was lost at the last moment. The"
        " request may have been done. Read the status, or send the request again with the same Idempotency-Key."
        f" The reference into the log is {reference}.",
        [],
    )
    return _respond(problem, {"Retry-After": str(RETRY_SECONDS)})


def answer_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The refusals of Litestar itself, in our shape."""
    try:
        status = HTTPStatus(error.status_code)
    except ValueError:
        return answer_unexpected(request, error)
    if isinstance(error, ValidationException):
        refusal = refuse_parameters(_list_parameter_faults(error, request.path_params))
        problem = make_problem(HTTPStatus.BAD_REQUEST, refusal.code, refusal.detail, refusal.errors)
    elif status is HTTPStatus.NOT_ACCEPTABLE:
        problem = make_problem(status, "Request.NotAcceptable", error.detail, [])
    elif status in _FRAMEWORK_CODES:
        problem = make_problem(status, *_FRAMEWORK_CODES[status], [])
    elif 400 <= status < 500:
        problem = make_problem(HTTPStatus.BAD_REQUEST, "Request.Malformed", "The request cannot be read.", [])
    else:
        return answer_unexpected(request, error)
    return _respond(problem, {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})


def _list_parameter_faults(error: ValidationException, path_parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and fault of each parameter that does not fit the call's signature.

    Path parameters are texts and always fit. After the OpenAPI document was requested once, Litestar names among the
    faults also path parameters that a handler does not use.
    """
    missing = _MISSING.search(error.detail)
    found = [(missing[1], "it is required; send it")] if missing else []
    if isinstance(error.extra, list):
        found = [
            (name_on_wire(str(item.get("key", ""))), str(item.get("message", "")))
            for item in error.extra
            if item.get("key") not in path_parameters
        ]
    return found


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """An unexpected error. The log line has no content of the request; the answer has the reference to the log line."""
    reference = log_unexpected(request.scope, error)
    problem = make_problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Server.Unexpected",
        f"The server met an unexpected error. Give the operator this reference into the log: {reference}.",
        [],
    )
    return _respond(problem, {})


def _respond(problem: Problem, headers: dict[str, str]) -> Response[Problem]:
    return Response(problem, status_code=problem.status, headers=headers, media_type=PROBLEM_JSON)


def forget_body(error: BaseException) -> None:
    """Release the local variables of the functions that raised the error, for example the body of the request.

    An error and these functions refer to each other, and Python collects such cycles rarely (`tune_garbage_collector`).
    """
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__


Answerer = Callable[[Request[Any, Any, Any], Any], Response[Any]]


def _forgetting(answer: Answerer) -> Answerer:
    def answer_and_forget(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        try:
            return answer(request, error)
        finally:
            forget_body(error)

    return answer_and_forget


EXCEPTION_HANDLERS: dict[int | type[Exception], Answerer] = {
    RequestRefused: _forgetting(answer_refusal),
    StoreUnavailable: _forgetting(answer_unavailable),
    OutcomeUnknown: _forgetting(answer_unknown_outcome),
    HTTPException: _forgetting(answer_framework),
    Exception: _forgetting(answer_unexpected),
}
