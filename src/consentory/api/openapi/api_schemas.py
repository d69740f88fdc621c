"""The schemas of the OpenAPI document, made from the very types that bodies are read into and answers written from."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec import inspect

from consentory.api.routes.import_routes import ImportList
from consentory.api.routes.token_routes import TokenAnswer
from consentory.codec.answers.exceptions_answer import ExceptionList
from consentory.codec.answers.status_object import StatusObject
from consentory.codec.record.wire_record import WireRecord
from consentory.codec.staging.initiate_request import MATCH_CRITERIA, InitiateRequest
from consentory.domain.audit_event import Action
from consentory.domain.configuration import Configuration
from consentory.http.problems import Problem

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_RECORD: Json = {"$ref": "#/components/schemas/Record"}
_RECORDS: Json = {"type": "array", "items": _RECORD}
_COUNT: Json = {"type": "integer", "minimum": 0}
_TEXT: Json = {"type": "string"}


def make_schemas() -> dict[str, Json]:
    """All named schemas, by name."""
    types = [StatusObject, InitiateRequest, ImportList, ExceptionList, Problem, TokenAnswer, Configuration]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    _describe_struct(WireRecord, schemas)
    schemas["ExceptionList"]["properties"]["UserProfilePreferences"] = _RECORDS
    request = schemas["InitiateRequest"]
    request["required"] = ["Name"]
    request["properties"]["ImportAction"] = {
        "enum": ["Add", "Delete", None],
        "default": None,
        "description": "Add is the default. A person who is deleted comes back with the next Add import that holds "
        "them, without their opt-outs: to keep a person out, send IsActive false instead.",
    }
    request["properties"]["MatchCriteria"] = {"enum": [MATCH_CRITERIA, None], "default": None}
    return schemas | _make_untyped_schemas()


def _make_untyped_schemas() -> dict[str, Json]:
    """What is answered as it comes from the services, without a type of its own."""
    people = _make_object(Count=_COUNT, UserProfilePreferences=_RECORDS)
    held = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}
    outcome = _make_object(Outcome={"enum": ["Created", "Updated", "Unchanged", "NotHonored"]}, NotHonored=held)
    items = {"type": "array", "items": {"type": "object"}}
    tags = {"type": "array", "items": _make_object(Name=_TEXT, Count=_COUNT)}
    changes = {"type": "array", "items": _TEXT}
    form = _make_object(grant_type={"const": "client_credentials"}, client_id=_TEXT, client_secret=_TEXT, scope=_TEXT)
    return {
        "Batch": _make_object(UserProfilePreferences=_RECORDS) | {"additionalProperties": False},
        "Fault": _make_object(Code=_TEXT, Message=_TEXT, Path=_TEXT, Value={}),
        "FoundProfiles": {"anyOf": [people, _RECORD]},
        "WrittenProfile": {"allOf": [_RECORD, outcome]},
        "History": _make_object(Count=_COUNT, HasMore={"type": "boolean"}, Items=items),
        "TagList": _make_object(AsOf={"type": "string", "format": "date-time"}, Count=_COUNT, Tags=tags),
        "AppliedConfiguration": _make_object(Changes=changes, Applied={"type": "boolean"}),
        "AuditPage": _make_object(
            Count=_COUNT,
            HasMore={"type": "boolean"},
            Newest=_COUNT | {"description": "The Number of the newest event there is; 0: none."},
            Events={"type": "array", "items": {"$ref": "#/components/schemas/AuditEvent"}},
        ),
        "AuditEvent": _make_audit_event(),
        "Health": _make_object(status={"const": "ok"}),
        "TokenForm": form | {"required": []},
    }


def _make_audit_event() -> Json:
    """An event of the audit trail."""
    text_or_null = {"type": ["string", "null"]}
    return _make_object(
        Number={"type": "integer", "minimum": 1, "description": "Its place in the account's chain."},
        EventId={"type": "string", "format": "uuid"},
        RecordedDate={"type": "string", "format": "date-time"},
        Caller=_TEXT | {"description": "The user; system or operator where there was no request."},
        ClientAddress=text_or_null,
        RequestId=text_or_null,
        Action={"enum": list(get_args(Action))},
        ImportId=text_or_null,
        ProfileIds={"type": "array", "items": {"type": "integer"}},
        Details={"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}},
        Hash=_TEXT | {"description": "SHA-256 over this event and the Hash before it."},
    )


def _make_object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _describe_struct(struct: type[msgspec.Struct], schemas: dict[str, Json]) -> Json:
    """A reference to the schema of a wire struct, made and put into `schemas` when first met.

    Members that are taken and ignored are Raw, of which msgspec's own schemas know nothing.
    """
    name = struct.__name__.removeprefix("Wire")
    if name not in schemas:
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        schemas[name] = schema = {"title": name, "type": "object", "properties": {}}
        schema["properties"] = {field.encode_name: _describe_type(field.type, schemas) for field in info.fields}
    return {"$ref": _REF.format(name=name)}


def _describe_type(kind: inspect.Type, schemas: dict[str, Json]) -> Json:
    if isinstance(kind, inspect.UnionType):
        return {"anyOf": [_describe_type(option, schemas) for option in kind.types]}
    if isinstance(kind, inspect.ListType):
        return {"type": "array", "items": _describe_type(kind.item_type, schemas)}
    if isinstance(kind, inspect.StructType):
        return _describe_struct(kind.cls, schemas)
    if isinstance(kind, inspect.RawType):
        return {"description": "Given out; taken and ignored."}
    names = {inspect.StrType: "string", inspect.IntType: "integer", inspect.BoolType: "boolean"}
    return {"type": names.get(type(kind), "null")}
