"""What each call takes, answers and refuses, by its operationId: what the OpenAPI document adds to the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consentory.api.openapi import api_examples as example
from consentory.http.media_types import CSV, EVENTS, FORM, JSON, NDJSON, YAML_TYPES

TEXT = "text/plain"

Contents = dict[str, tuple[str, Any]]
"""By media type: the name of the schema ("" for text) and an example."""

_ALWAYS = (401, 403, 404, 406, 429, 503)


@dataclass(frozen=True, slots=True)
class Call:
    """`answers` maps a status to what it means and holds; `refuses` lists the statuses of refusals."""

    answers: dict[int, tuple[str, Contents]]
    refuses: tuple[int, ...] = ()
    body: Contents | None = None


def _answer(what: str, schema: str, value: Any) -> dict[int, tuple[str, Contents]]:
    return {200: (what, {JSON: (schema, value)})}


_EXCEPTIONS = Call(
    {
        200: (
            "A page of records; as NDJSON or CSV all of them.",
            {
                JSON: ("ExceptionList", example.EXCEPTIONS),
                NDJSON: ("", example.EXCEPTION_LINE),
                CSV: ("", example.EXCEPTION_ROWS),
            },
        )
    },
    (400, *_ALWAYS, 410),
)
_WRITE = Call(
    {
        200: ("The profile as it is now.", {JSON: ("WrittenProfile", {**example.WRITTEN, "Outcome": "Updated"})}),
        201: ("The profile that was created.", {JSON: ("WrittenProfile", example.WRITTEN)}),
    },
    (400, *_ALWAYS, 409, 413, 415),
    {JSON: ("Record", example.RECORD)},
)

CALLS: dict[str, Call] = {
    "issueToken": Call(
        _answer("A bearer token.", "TokenAnswer", example.TOKEN),
        (400, 401, 406, 413, 415, 429, 503),
        {FORM: ("TokenForm", example.TOKEN_FORM)},
    ),
    "initiate": Call(
        _answer("The import, Initiated.", "StatusObject", example.INITIATED),
        (400, *_ALWAYS, 409, 413, 415),
        {JSON: ("InitiateRequest", example.INITIATE)},
    ),
    "stage": Call(
        _answer("The import with this batch.", "StatusObject", example.STAGED),
        (400, *_ALWAYS, 409, 413, 415),
        {JSON: ("Batch", example.BATCH), NDJSON: ("", '{"ProfileId":4711,"IsActive":false}\n')},
    ),
    "execute": Call(_answer("The import, Queued or further.", "StatusObject", example.QUEUED), (*_ALWAYS, 409)),
    "cancel": Call(_answer("The import, Failed.", "StatusObject", example.CANCELLED), (*_ALWAYS, 409)),
    "getStatus": Call(_answer("The import as it stands.", "StatusObject", example.STATUS), _ALWAYS),
    "getExceptions": _EXCEPTIONS,
    "listImports": Call(_answer("A page of imports.", "ImportList", example.IMPORTS), (400, *_ALWAYS)),
    "getImport": Call(_answer("The import as it stands.", "StatusObject", example.STATUS), _ALWAYS),
    "getImportExceptions": _EXCEPTIONS,
    "watchImport": Call(
        {200: ("Events `status`, each with a status object, until the end.", {EVENTS: ("", example.PROGRESS)})}, _ALWAYS
    ),
    "getProfile": Call(_answer("The profile.", "Record", example.PROFILE), _ALWAYS),
    "findProfiles": Call(
        _answer(
            "By alternate id the profile itself; by address or number those that were found.",
            "FoundProfiles",
            example.PEOPLE,
        ),
        (400, *_ALWAYS),
    ),
    "getHistory": Call(_answer("A page of choices.", "History", example.HISTORY), (400, *_ALWAYS)),
    "createProfile": _WRITE,
    "updateProfile": _WRITE,
    "deleteProfile": Call({204: ("The profile is gone.", {})}, (401, 403, 404, 429, 503)),
    "listTags": Call(_answer("The tags.", "TagList", example.TAGS), _ALWAYS),
    "getConfiguration": Call(_answer("The document.", "Configuration", example.CONFIGURATION), _ALWAYS),
    "applyConfiguration": Call(
        _answer("What changed, or would.", "AppliedConfiguration", example.APPLIED),
        (400, *_ALWAYS, 413, 415),
        {JSON: ("Configuration", example.CONFIGURATION), YAML_TYPES[0]: ("", "account:\n  clientId: ACME\n  …\n")},
    ),
    "readAudit": Call(_answer("A page of the trail.", "AuditPage", example.AUDIT), (400, *_ALWAYS)),
    "getHealth": Call(_answer("The process lives.", "Health", example.HEALTHY)),
    "getReadiness": Call(_answer("Requests can be served.", "Health", example.HEALTHY), (503,)),
    "getMetrics": Call({200: ("Metrics.", {TEXT: ("", example.METRICS)})}),
}

REFUSALS: dict[int, tuple[str, str, str]] = {
    400: (
        "Malformed or invalid request.",
        "Request.InvalidParameter",
        "A parameter does not fit. limit: Expected `int` >= 1.",
    ),
    401: (
        "Credentials missing or wrong; access token unknown, expired, or of another account.",
        "Auth.TokenExpired",
        "The bearer token has ended; ask for a new one.",
    ),
    403: ("The caller's user groups do not permit it.", "Permission.Import", "Your user groups do not permit imports."),
    404: (
        "Any clientId but the credential's own; or what the path names is not there.",
        "Account.NotFound",
        "There is no such account for this credential; check the clientId.",
    ),
    406: (
        "Accept fits nothing that this call can answer.",
        "Request.NotAcceptable",
        "This call answers application/json; name one of them in the header Accept.",
    ),
    409: (
        "The state of the import, an idempotency key, or what is stored forbids it.",
        "Import.NotStaging",
        "This import is Queued and takes no more records; initiate another for them.",
    ),
    410: (
        "The staged records are gone, their retention is over.",
        "Import.RetentionOver",
        "The staged records of this import are gone: their retention is over. Its counts remain.",
    ),
    413: (
        "The body is too large.",
        "Request.BodyTooLarge",
        "The body is larger than 25,000,000 bytes (after decompression); stage it in smaller batches.",
    ),
    415: (
        "The media type or the encoding is not supported.",
        "Request.UnsupportedMediaType",
        "This call takes application/json in UTF-8; send the body so, and say it in Content-Type.",
    ),
    429: (
        "Too many attempts to authenticate failed (Auth.Throttled); or, at Initiate, the account's import requests of a"
        " rolling 24 hours are used up.",
        "Import.DailyLimit",
        "The account's 200 import requests of a rolling 24 hours are used up.",
    ),
    503: (
        "The database cannot be reached (Server.Unavailable: nothing was done), or a fault that nobody foresaw.",
        "Server.Unavailable",
        "The database, or a process of ours, cannot be had just now. Nothing was done; send the request again.",
    ),
}
REFUSAL_HEADERS: dict[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "How to authenticate."},
    429: {
        "Retry-After": "Seconds.",
        "RateLimit": "With Import.DailyLimit: what is left.",
        "RateLimit-Policy": "With Import.DailyLimit: what is allowed.",
    },
    503: {"Retry-After": "Seconds; with Server.Unavailable."},
}
