"""The OpenAPI 3.1 document. The routes give its paths and parameters; the types give bodies, answers and refusals."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Contact, License, Tag

from consentory.api.openapi.api_operations import complete_operation, list_handlers, list_types
from consentory.api.openapi.api_schemas import Json, make_schemas
from consentory.codec.answers.exceptions_answer import ExceptionRecord
from consentory.http.problems import Problem

_ABOUT = """\
A self-hosted store of consents and communication preferences. Its main job is the bulk import, in five calls: initiate,
stage (many times), execute, status, exceptions.

Every refusal has the same form, `application/problem+json`, with a stable `code`. Every answer has the header
`X-Request-Id`. Send your own id (up to 64 letters, digits, `.`, `_`, `-`), or the server makes one.
"""
_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from /oauth2/token (OAuth 2.0 client credentials). It is valid for one hour.",
    },
    "pnauthinfo3": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": (
            "For existing clients, if the account has a shared key: `PNAUTHINFO3-HMAC-SHA256 "
            "Credential=<UserId>/<ISO 8601 time> Signature=<base64>`, also with SHA384 and SHA512. The signature is "
            "the HMAC of `clientId:userId:time`. The time may be at most 15 minutes old or 60 seconds ahead. Use HTTPS "
            "or call from the server's own machine."
        ),
    },
    "credential": {"type": "http", "scheme": "basic", "description": "client_id and client_secret, for /oauth2/token."},
}


class ApiDocument(JsonRenderPlugin):
    """Serves the document. The document is made once, at the first request for it."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")
        self._document = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        """The document as JSON. `openapi_schema`: the routes as Litestar describes them."""
        if not self._document:
            self._document = self.render_json(request, complete_document(openapi_schema, request.app))
        return self._document


def make_openapi_config() -> OpenAPIConfig:
    """The description of the whole API that Litestar renders, and the address of the document."""
    return OpenAPIConfig(
        title="Consentory",
        version="4",
        description=_ABOUT,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        contact=Contact(name="The operator of this server"),
        tags=[
            Tag("Import", "The bulk import."),
            Tag("Preview", "The effects of an import before it is executed."),
            Tag("Profile", "One person in each call."),
            Tag("Data out", "Many people in each call."),
            Tag("Account", "The configuration of the account."),
            Tag("Token", "Bearer tokens."),
            Tag("Operation", "Calls for operators of the server."),
        ],
        path="/schema",
        render_plugins=[ApiDocument()],
        use_handler_docstrings=True,
    )


def complete_document(document: Json, app: Litestar) -> Json:
    """Add the parts that Litestar cannot find in the routes: bodies, answers with examples, schemas and security."""
    handlers = list_handlers(app)
    schemas = make_schemas({Problem, ExceptionRecord}.union(*map(list_types, handlers.values())))
    for path in document["paths"].values():
        for operation in path.values():
            complete_operation(operation, handlers[operation["operationId"]], schemas)
            if operation["operationId"] == "issueToken":
                operation["security"] = [{"credential": []}, {}]
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "clientId":
                    parameter["description"] = "The account's clientId, exactly as configured."
                    parameter["example"] = "ACME"
    document["components"] = {"schemas": schemas, "securitySchemes": _SCHEMES}
    return document
