"""The operations of the OpenAPI document: bodies, answers and refusals, derived from the routes.

The type of an answer is the route's return type. A route's `opt` names the facts that the return type cannot express:
`answer`, the type if the route returns a Response; `body`, the type of the body; `statuses` of success; `refuses`, the
refusals that do not follow from its parameters, its body and its authentication.
"""

from __future__ import annotations

import inspect
from types import UnionType
from typing import Any, get_args

from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from consentory.api.openapi.api_examples import TEXTS, make_example
from consentory.api.openapi.api_schemas import Json, refer
from consentory.http.media_types import FORM, JSON
from consentory.http.problems import PROBLEM_JSON, TITLES, Problem

REFUSALS: dict[int, tuple[str, str]] = {
    400: ("Request.InvalidParameter", "The request is malformed or invalid."),
    401: ("Auth.TokenExpired", "The credentials are missing or wrong; or no import has this access token."),
    403: ("Permission.Import", "The caller's user groups do not permit it."),
    404: (
        "Account.NotFound",
        "The clientId is not the clientId of the credential; or the path does not exist.",
    ),
    406: ("Request.NotAcceptable", "This call has no answer in a media type of the Accept header."),
    409: (
        "Import.NotStaging",
        "The state of the import, an idempotency key, or the stored data forbids this call.",
    ),
    410: ("Import.RetentionOver", "The staged records are deleted, because their retention is over."),
    413: ("Request.BodyTooLarge", "The body is too large."),
    415: ("Request.UnsupportedMediaType", "The media type or the encoding is not supported."),
    429: ("Import.DailyLimit", "Too many attempts to authenticate failed; or the account has no import left."),
    503: ("Server.Unavailable", "The database cannot be reached, and nothing was done; or an unexpected fault."),
}
"""The code of the example and the meaning of each status."""

_HEADERS: dict[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "How to authenticate."},
    429: {
        "Retry-After": "Seconds.",
        "RateLimit": "With Import.DailyLimit: the number of imports that the account has left.",
        "RateLimit-Policy": "With Import.DailyLimit: the number of imports that are allowed.",
    },
    503: {"Retry-After": "Seconds; with Server.Unavailable."},
}
_AUTHENTICATED = (401, 403, 404, 429, 503)


def list_handlers(app: Litestar) -> dict[str, HTTPRouteHandler]:
    """Every documented route handler by its operationId."""
    handlers = [handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers]
    return {one.operation_id: one for one in handlers if isinstance(one.operation_id, str) and one.include_in_schema}


def list_types(handler: HTTPRouteHandler) -> tuple[type, ...]:
    """The types of a handler's body and JSON answers."""
    return tuple(one for one in (handler.opt.get("body"), *_list_answers(handler)) if one is not None)


def complete_operation(operation: Json, handler: HTTPRouteHandler, schemas: dict[str, Json]) -> None:
    """Fill in the body, every answer with an example, and the refusals."""
    opt, name = handler.opt, operation["operationId"]
    if "body" in opt:
        content = _make_content(opt["takes"], (opt["body"],), f"{name} body", schemas)
        operation["requestBody"] = {"required": True, "content": content}
    types = _list_answers(handler)
    answers: Json = {}
    for status in opt.get("statuses", (handler.status_code,)):
        answers[str(status)] = {"description": _describe(handler, types)} | _describe_headers(opt.get("headers", {}))
        if status != 204:
            offers = opt.get("answers") or opt.get("offers", (JSON,))
            answers[str(status)]["content"] = _make_content(offers, types, f"{name} {status}", schemas)
    operation["responses"] = answers | {str(one): _make_refusal(one) for one in _list_refusals(operation, opt)}


def _list_answers(handler: HTTPRouteHandler) -> tuple[type, ...]:
    answer = handler.opt.get("answer", handler.parsed_return_field.annotation)
    if getattr(answer, "__origin__", None) is Response:
        (answer,) = get_args(answer)
    options = get_args(answer) if isinstance(answer, UnionType) else (answer,)
    return tuple(one for one in options if hasattr(one, "__struct_fields__"))


def _describe(handler: HTTPRouteHandler, types: tuple[type, ...]) -> str:
    text = inspect.getdoc(types[0] if types else handler.fn) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _list_refusals(operation: Json, opt: dict[str, Any]) -> list[int]:
    statuses = {*opt.get("refuses", ())}
    if operation.get("security"):
        statuses |= {*_AUTHENTICATED}
    if opt.get("answers"):
        statuses.add(406)
    if "body" in opt:
        statuses |= {400, 413, 415}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        statuses.add(400)
    return sorted(statuses)


def _make_content(offers: tuple[str, ...], types: tuple[type, ...], place: str, schemas: dict[str, Json]) -> Json:
    content: Json = {}
    for offer in offers:
        if offer in (JSON, FORM):
            options = [refer(one) for one in types]
            shape = options[0] if len(options) == 1 else {"anyOf": options}
            content[offer] = {"schema": shape, "example": make_example(options[0], place, schemas)}
        else:
            content[offer] = {"schema": {"type": "string"}, "example": TEXTS[offer]}
    return content


def _make_refusal(status: int) -> Json:
    code, meaning = REFUSALS[status]
    problem = Problem(f"urn:consentory:problem:{code}", TITLES[status], status, meaning, code)
    example = {name: getattr(problem, name) for name in ("type", "title", "status", "detail", "code")}
    answer: Json = {
        "description": meaning,
        "content": {PROBLEM_JSON: {"schema": refer(Problem), "example": example}},
    }
    return answer | _describe_headers(_HEADERS.get(status, {}))


def _describe_headers(texts: dict[str, str]) -> Json:
    """The headers of an answer, each with its meaning."""
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}
    return {"headers": headers} if headers else {}
