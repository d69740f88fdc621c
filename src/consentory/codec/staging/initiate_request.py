"""The body of Initiate, checked against the account's configuration (import-api.md, "Initiate")."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from consentory.codec.fault_collector import FaultCollector, quote
from consentory.codec.json_scanner import find_fault
from consentory.codec.limits import LENGTHS, text
from consentory.codec.record.lenient_decode import decode_leniently
from consentory.codec.text_rules import read_text
from consentory.domain.configuration import Guard, Limits, Permissions
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.guard import LIMIT_ADVICE, is_limit, is_looser, list_limits
from consentory.domain.imports import Action, ImportSettings, ImportSource
from consentory.domain.permission import require_settings
from consentory.domain.text import trim
from consentory.errors import ErrorDetail, RequestRefused

MATCH_CRITERIA = "AlternateIdType"
LONGEST_RETENTION_DAYS = 10
LONGEST_MAPPING = 65_536
"""Largest size of a mapping, in bytes of UTF-8."""
UNKNOWN_MATCH = "Initiate.MatchValueUnknown"

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# The control characters that a document of several lines must not have. Line ends and tabs are allowed.
_ACTIONS: dict[str, Action] = {"Add": "Add", "Delete": "Delete"}
_FLAGS = (
    "RefreshAlternateIds",
    "RefreshContacts",
    "RefreshCustomFields",
    "RefreshGroups",
    "RefreshTags",
    "AllowPriorConsents",
)


class SourceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file that the records come from (files.md, `Source`). None: absent or null."""

    FileName: Annotated[str, text("SourceRequest", "FileName")] | None = None
    Sha256: Annotated[str, Meta(pattern="^[0-9A-Fa-f]{64}$")] | None = None
    Rows: Annotated[int, Meta(ge=0)] | None = None
    Mapping: str | None = None


class GuardRequest(Limits, forbid_unknown_fields=True, kw_only=True, rename="camel", frozen=True):
    """Limits that are stricter than those of the account document. A limit is a count, or a share such as "5%"."""

    release: Annotated[str, Meta(extra_json_schema={"enum": ["anyone", "otherUser"]})] | None = None


class InitiateRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The members of Initiate, names and types as on the wire. None: absent or null, so the default is used."""

    # These annotations are only for OpenAPI. read_initiate finds every fault at once and writes its own messages.
    Name: Annotated[str, text("InitiateRequest", "Name")] | None = None
    DataStageDuration: Annotated[int, Meta(ge=0, le=LONGEST_RETENTION_DAYS)] | None = None
    ImportAction: (
        Annotated[
            str,
            Meta(
                extra_json_schema={"enum": list(_ACTIONS)},
                description="Add is the default. A person who is deleted comes back with the next Add import that"
                " holds them, without their opt-outs: to keep a person out, send IsActive false instead.",
            ),
        ]
        | None
    ) = None
    MatchCriteria: Annotated[str, Meta(extra_json_schema={"enum": [MATCH_CRITERIA]})] | None = None
    MatchValue: str | None = None
    RefreshAlternateIds: bool | None = None
    RefreshContacts: bool | None = None
    RefreshCustomFields: bool | None = None
    RefreshGroups: bool | None = None
    RefreshTags: bool | None = None
    AllowPriorConsents: bool | None = None
    Source: SourceRequest | None = None
    Guard: GuardRequest | None = None


def read_initiate(body: bytes, configuration_index: ConfigurationIndex, permissions: Permissions) -> ImportSettings:
    """The settings in the body. Defaults are filled in, and MatchValue is spelled as configured.

    Raises RequestRefused: invalid with every fault at once; not_found if the only fault is an unknown MatchValue;
    forbidden if a valid body needs more than the permissions allow.
    """
    collector = FaultCollector()
    request = decode_leniently(check_json(body), InitiateRequest, collector)
    settings = None if request is None else _read_settings(request, configuration_index, collector)
    faults = [_make_detail(fault.Code, fault.Path, fault.Message) for fault in collector.faults]
    if settings is None or any(fault.code != UNKNOWN_MATCH for fault in faults):
        many = f"The request has {len(faults)} faults; see errors." if len(faults) > 1 else faults[0].message
        raise RequestRefused("invalid", "Initiate.Invalid", many, errors=faults)
    require_settings(settings, permissions)
    if faults:
        raise RequestRefused("not_found", UNKNOWN_MATCH, faults[0].message, errors=faults)
    return settings


def check_json(body: bytes) -> bytes:
    """The body, if it is JSON text. Raises RequestRefused with the byte at which the body stops being JSON."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        detail = f"The body is not valid UTF-8 at byte {error.start}."
        raise RequestRefused("invalid", "Request.NotUtf8", detail) from None
    fault = find_fault(body)
    if fault is not None:
        detail = f"The body is not JSON at byte {fault.position}: {fault}."
        raise RequestRefused("invalid", "Request.MalformedJson", detail)
    return body


def _make_detail(code: str, path: str, message: str) -> ErrorDetail:
    # A body is not a record. So a fault code about the members of a record becomes a code about the members of the
    # request.
    return ErrorDetail(code.replace("Record.", "Request."), path, message.replace("A record must", "The body must"))


def _read_settings(
    request: InitiateRequest, configuration_index: ConfigurationIndex, collector: FaultCollector
) -> ImportSettings:
    """The settings. A member with a fault has a placeholder."""
    action = _read_action(request, collector)
    flags = {name: getattr(request, name) is True for name in _FLAGS}
    for name in (name for name, is_set in flags.items() if is_set and action == "Delete"):
        text = f"{name} has no meaning with ImportAction Delete; leave it out or set it to false."
        collector.report("Initiate.NotWithDelete", text, f"$.{name}", True)
    return ImportSettings(
        name=_read_name(request, collector),
        data_stage_duration=_read_duration(request, collector),
        action=action,
        match_type=_read_match(request, configuration_index, collector),
        refresh_alternate_ids=flags["RefreshAlternateIds"],
        refresh_contacts=flags["RefreshContacts"],
        refresh_custom_fields=flags["RefreshCustomFields"],
        refresh_groups=flags["RefreshGroups"],
        refresh_tags=flags["RefreshTags"],
        allow_prior_consents=flags["AllowPriorConsents"],
        source=_read_source(request, collector),
        guard=_read_guard(request, configuration_index.configuration.guard, collector),
    )


def _read_name(request: InitiateRequest, collector: FaultCollector) -> str:
    if request.Name is None:
        collector.require("$", "Name")
        return ""
    return read_text(collector, request.Name, "$", "Name", *LENGTHS["InitiateRequest"]["Name"]) or ""


def _read_duration(request: InitiateRequest, collector: FaultCollector) -> int:
    days = request.DataStageDuration
    if days is None:
        return ImportSettings(name="").data_stage_duration
    if not 0 <= days <= LONGEST_RETENTION_DAYS:
        text = f"DataStageDuration is in days, 0 to {LONGEST_RETENTION_DAYS}, not {days}."
        collector.report("Number.OutOfRange", text, "$.DataStageDuration", days)
    return days


def _read_action(request: InitiateRequest, collector: FaultCollector) -> Action:
    if request.ImportAction is None:
        return "Add"
    action = _ACTIONS.get(request.ImportAction)
    if action is None:
        text = f"ImportAction is Add or Delete, not {quote(request.ImportAction)}."
        collector.report("Initiate.UnknownAction", text, "$.ImportAction", request.ImportAction)
    return action or "Add"


def _read_source(request: InitiateRequest, collector: FaultCollector) -> ImportSource | None:
    source = request.Source
    if source is None:
        return None
    if source.FileName is None:
        collector.require("$.Source", "FileName")
    name = read_text(collector, source.FileName or "-", "$.Source", "FileName", *LENGTHS["SourceRequest"]["FileName"])
    if source.Sha256 is not None and not _SHA256.fullmatch(source.Sha256):
        text = f"Sha256 must be 64 hexadecimal digits, not {quote(source.Sha256)}."
        collector.report("Initiate.NotSha256", text, "$.Source.Sha256", source.Sha256)
    if source.Rows is not None and source.Rows < 0:
        text = f"Rows must be a number from 0 on, not {source.Rows}."
        collector.report("Number.OutOfRange", text, "$.Source.Rows", source.Rows)
    _check_mapping(source.Mapping or "", collector)
    sha256 = source.Sha256.lower() if source.Sha256 else None
    return ImportSource(file_name=name or "-", sha256=sha256, rows=source.Rows, mapping=source.Mapping)


def _check_mapping(mapping: str, collector: FaultCollector) -> None:
    size = len(mapping.encode())
    if size > LONGEST_MAPPING:
        text = f"Mapping has {size:,} bytes; at most {LONGEST_MAPPING:,} are allowed. Shorten it or leave it out."
        collector.report("String.TooLong", text, "$.Source.Mapping", size)
    if control := _CONTROL.search(mapping):
        where = f"U+{ord(control[0]):04X} as character {control.start() + 1}"
        text = f"Mapping has a control character ({where}); take it out."
        collector.report("String.ControlCharacter", text, "$.Source.Mapping", None)


def _read_guard(
    request: InitiateRequest, configured: Guard | None, collector: FaultCollector
) -> Guard | msgspec.UnsetType:
    """The guard of the import. A limit may be stricter than that of the account document, never looser."""
    if request.Guard is None:
        return msgspec.UNSET
    limits, known = dict(list_limits(request.Guard)), dict(list_limits(configured or Guard()))
    for name, limit in limits.items():
        if not is_limit(limit):
            text = f"{name} is no limit: {quote(str(limit))}; {LIMIT_ADVICE}."
            collector.report("Initiate.NotALimit", text, f"$.Guard.{name}", limit)
        elif name in known and is_looser(limit, known[name]):
            text = f"{name} must be at most {known[name]}, not {limit}: the account document says so."
            text += " Give a lower limit, or leave it out."
            collector.report("Initiate.GuardLooser", text, f"$.Guard.{name}", limit)
    release = request.Guard.release
    if release not in (None, "anyone", "otherUser"):
        text = f"release must be anyone or otherUser, not {quote(str(release))}."
        collector.report("Initiate.UnknownRelease", text, "$.Guard.release", release)
    elif release == "anyone" and configured is not None and configured.release == "otherUser":
        text = "release must be otherUser, as in the account document. Leave it out."
        collector.report("Initiate.GuardLooser", text, "$.Guard.release", release)
    given = {name: getattr(request.Guard, name) for name in Limits.__struct_fields__}
    return Guard(**given, release="otherUser" if release == "otherUser" else "anyone")


def _read_match(
    request: InitiateRequest, configuration_index: ConfigurationIndex, collector: FaultCollector
) -> str | None:
    criteria, value = request.MatchCriteria, request.MatchValue
    if criteria is None:
        if value is not None and not collector.is_mismatch("$", "MatchCriteria"):
            text = f"MatchValue needs MatchCriteria beside it: send {MATCH_CRITERIA}, or leave both out."
            collector.report("Initiate.MatchValueAlone", text, "$.MatchValue", value)
        return None
    if criteria != MATCH_CRITERIA:
        text = f"MatchCriteria is {MATCH_CRITERIA}, not {quote(criteria)}."
        collector.report("Initiate.UnknownMatchCriteria", text, "$.MatchCriteria", criteria)
    if value is None:
        collector.require("$", "MatchValue")
        return None
    item = configuration_index.alternate_id_types.find(trim(value))
    if item is None:
        text = f"No active alternate id type is called {quote(value)}; take one of the account's configuration."
        collector.report(UNKNOWN_MATCH, text, "$.MatchValue", value)
    return None if item is None else item.name
