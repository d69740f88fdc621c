"""The schemas of the OpenAPI document, made from the types of bodies and answers.

The lengths of texts come from `codec/limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from consentory.codec.limits import MOST_ATTRIBUTES, MOST_ELEMENTS, Length, find_lengths
from consentory.codec.record.fast_path.verbatim_record import CONSENT_STATUSES, PREFERENCE_TYPES

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
_CODES = {"PreferenceType": PREFERENCE_TYPES, "ConsentStatus": CONSENT_STATUSES}
_NAMES = {inspect.StrType: "string", inspect.IntType: "integer", inspect.BoolType: "boolean"}


def make_schemas(types: Iterable[type]) -> dict[str, Json]:
    """Every schema that these types need, by name."""
    structs = set(types)
    wires = {struct for struct in structs if struct.__name__.startswith("Wire")}
    _, schemas = msgspec.json.schema_components(sorted(structs - wires, key=lambda one: one.__name__), ref_template=REF)
    for struct in wires:
        _describe_struct(struct, schemas)
    schemas["InitiateRequest"]["required"] = ["Name"]
    for name, schema in schemas.items():
        for member, length in find_lengths(name).items():
            if member in schema["properties"]:
                _limit(schema["properties"][member], length)
    return schemas


def refer(struct: type) -> Json:
    """A reference to the schema of a type."""
    return {"$ref": REF.format(name=struct.__name__.removeprefix("Wire"))}


def _limit(schema: Json, length: Length) -> None:
    """Write a length into the schema of a text, or into the schema of each text of a list."""
    if schema.get("type") == "string":
        schema |= {"minLength": length.least, "maxLength": length.most}
    for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]:
        _limit(inner, length)


def _describe_struct(struct: type[msgspec.Struct], schemas: dict[str, Json]) -> Json:
    """A reference to the schema of a wire struct. The schema is made when the struct is first found.

    Members that are accepted and ignored have the type Raw and a default. The schemas of msgspec do not show them.
    """
    name = struct.__name__.removeprefix("Wire")
    if name not in schemas:
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        schema: Json = {"title": name, "type": "object"}
        schemas[name] = schema
        schema["properties"] = {field.name: _describe_member(field, schemas) for field in info.fields}
        schema["required"] = [field.name for field in info.fields if field.required]
        schema["additionalProperties"] = not info.forbid_unknown_fields
    return {"$ref": REF.format(name=name)}


def _describe_member(field: inspect.Field, schemas: dict[str, Json]) -> Json:
    if field.name in _CODES:
        return {"enum": [*_CODES[field.name], None]}
    schema = _describe_type(field.type, schemas)
    most = MOST_ATTRIBUTES if field.name == "PreferenceAttributes" else MOST_ELEMENTS
    for option in schema.get("anyOf", ()):
        if option.get("type") == "array":
            option["maxItems"] = most
    return schema


def _describe_type(kind: inspect.Type, schemas: dict[str, Json]) -> Json:
    if isinstance(kind, inspect.UnionType):
        return {"anyOf": [_describe_type(option, schemas) for option in kind.types]}
    if isinstance(kind, inspect.ListType):
        return {"type": "array", "items": _describe_type(kind.item_type, schemas)}
    if isinstance(kind, inspect.StructType):
        return _describe_struct(kind.cls, schemas)
    if isinstance(kind, inspect.RawType):
        return {"description": "Only in answers. In a record it is accepted and ignored."}
    return {"type": _NAMES.get(type(kind), "null")}
