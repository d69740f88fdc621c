"""A refused record as an answer: as staged, with its number, phase and faults (import-api.md, "Exceptions").

Faults are inserted into the record's own bytes. All other bytes stay unchanged, so every number and string stays
exactly as sent.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from consentory.codec.answers.answer_types import Natural, Positive
from consentory.codec.json_scanner import split_array, split_object
from consentory.codec.record.fault_path import Steps, read_steps
from consentory.codec.record.lenient_decode import MSGSPEC_REFUSALS
from consentory.codec.record.stage_counts import holds_opt_out
from consentory.domain.imports import REFUSED, ExceptionPage, ExceptionRow, Phase
from consentory.domain.record import Fault

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
GIVEN_OUT = ("SequenceNumber", "Phase", "Exceptions", "HoldsOptOut")
"""Members that an answer adds to a record."""
_NESTED = frozenset(
    {
        "CustomerName",
        "AlternateIds",
        "Emails",
        "PhoneNumbers",
        "Addresses",
        "ProfilePreferences",
        "Consents",
        "Groups",
        "ProfileTags",
        "CustomFields",
        "EmailPreferences",
        "PhoneNumberPreferences",
        "AddressPreferences",
        "PreferenceAttributes",
        "Evidence",
    }
)
"""Members that contain objects of the record. The faults of an earlier answer may be in these objects and are
removed."""


_LEVELS = 6
"""Largest depth of objects inside objects in a record. Deeper objects are not part of a record and stay as sent."""


class ExceptionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record as sent, with these members beside its own members."""

    SequenceNumber: Positive
    Phase: Phase
    HoldsOptOut: Annotated[
        Literal[True] | msgspec.UnsetType,
        Meta(description="The refused record holds an Opt-Out, a Denied or a Revoked."),
    ] = msgspec.UNSET
    Exceptions: list[Fault]


class ExceptionList(msgspec.Struct, frozen=True):
    """A page of records in order of SequenceNumber, each with its faults."""

    Count: Natural
    Limit: Positive
    Offset: Positive
    HasMore: bool
    TotalResults: Natural
    UserProfilePreferences: list[
        Annotated[msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/ExceptionRecord"})]
    ]


class _Placed(NamedTuple):
    """A fault on its way down to the nested element that the fault belongs to."""

    order: int
    steps: Steps
    """The rest of the fault's path."""
    fault: bytes


def render_exceptions(page: ExceptionPage, limit: int, offset: int) -> ExceptionList:
    """The page that `limit` and `offset` select."""
    records = [msgspec.Raw(render_row(row)) for row in page.rows]
    return ExceptionList(len(records), limit, offset, page.has_more, page.total, records)


def render_row(row: ExceptionRow) -> bytes:
    """Like `render_exception`, for a row from a service."""
    return render_exception(row.raw, row.sequence_number, row.phase, row.faults, marks_opt_out=row.marks_opt_out)


def render_exception(
    raw: bytes, sequence_number: int, phase: str, faults: list[Fault], *, marks_opt_out: bool = False
) -> bytes:
    """The record as JSON on one line, with SequenceNumber, Phase and Exceptions. HoldsOptOut is added if
    `marks_opt_out` is true and a refused record contains an Opt-Out, a Denied or a Revoked.

    `raw` is one JSON value in valid UTF-8, as staged. Each fault is in the record's own Exceptions and in the
    Exceptions of the innermost object on its path. Faults of an earlier answer are replaced. If the record is not an
    object, the result is an object with the record as the member Record.
    """
    # In JSON text, a line end can only be white space between tokens.
    raw = bytes(raw).translate(_LINE_ENDS).strip()
    rendered = [msgspec.json.encode(fault) for fault in faults]
    if raw.startswith(b"{"):
        members = split_members(raw)
        placed = [
            _Placed(order, read_steps(fault.Path), text)
            for order, (fault, text) in enumerate(zip(faults, rendered, strict=True))
        ]
        _place_in_members(members, placed, stale=_LEVELS if b'"Exceptions"' in raw else 0)
        for name in GIVEN_OUT:
            members.pop(name, None)
    else:
        members = {"Record": raw}
    members["SequenceNumber"] = str(sequence_number).encode()
    members["Phase"] = msgspec.json.encode(phase)
    if marks_opt_out and phase in REFUSED and holds_opt_out(raw):
        members["HoldsOptOut"] = b"true"
    members["Exceptions"] = join_array(rendered)
    return join_object(members)


def _place(raw: bytes, placed: list[_Placed], stale: int) -> tuple[bytes, list[_Placed]]:
    """The value with the faults that belong inside it, and the faults for which the value has no object.

    `stale` is the number of levels of objects in which the faults of an earlier answer are removed.
    """
    if raw.startswith(b"{"):
        members = split_members(raw)
        if stale:
            members.pop("Exceptions", None)
        own = _place_in_members(members, placed, stale=stale)
        if own:
            members["Exceptions"] = join_array([item.fault for item in sorted(own)])
        return join_object(members), []
    if raw.startswith(b"["):
        elements = split_elements(raw)
        groups = _group(placed)
        left = groups.pop(None, [])
        for index in range(len(elements)) if stale else [step for step in groups if isinstance(step, int)]:
            if index < len(elements) and elements[index].startswith(b"["):
                left += groups.get(index, [])  # an array in an array is not part of a record
            elif index < len(elements):
                elements[index], rest = _place(elements[index], groups.get(index, []), stale)
                left += rest
        return join_array(elements), left
    return raw, placed


def _place_in_members(members: dict[str, bytes], placed: list[_Placed], *, stale: int) -> list[_Placed]:
    """Put each fault into the member on its path. Returns the faults that belong to this object itself."""
    groups = _group(placed)
    own = groups.pop(None, [])
    names = {step for step in groups if isinstance(step, str)}
    for name in names | (_NESTED & members.keys() if stale else set()):
        if name in members:
            members[name], rest = _place(members[name], groups.get(name, []), max(stale - 1, 0))
            own += rest
        else:
            own += groups[name]
    return own


def _group(placed: list[_Placed]) -> dict[str | int | None, list[_Placed]]:
    """Group the faults by the first step of their path, and remove that step. The key None has the faults whose path is
    at its end."""
    groups: dict[str | int | None, list[_Placed]] = defaultdict(list)
    for item in placed:
        first = item.steps[0] if item.steps else None
        groups[first].append(item._replace(steps=item.steps[1:]))
    return groups


def split_members(raw: bytes) -> dict[str, bytes]:
    """Each member's own bytes. If a member is repeated, the last value counts."""
    try:
        return {name: bytes(value) for name, value in _OBJECT.decode(raw).items()}
    except MSGSPEC_REFUSALS:
        return split_object(raw)  # JSON that only the scanner can read


def split_elements(raw: bytes) -> list[bytes]:
    """Each element's own bytes."""
    try:
        return [bytes(element) for element in _ARRAY.decode(raw)]
    except MSGSPEC_REFUSALS:
        return split_array(raw)  # JSON that only the scanner can read


def join_object(members: dict[str, bytes]) -> bytes:
    """An object from the bytes of its members."""
    # json.dumps escapes a lone surrogate in a name, so the text stays valid UTF-8.
    return b"{" + b",".join(json.dumps(name).encode() + b":" + value for name, value in members.items()) + b"}"


def join_array(elements: list[bytes]) -> bytes:
    """An array from the bytes of its elements."""
    return b"[" + b",".join(elements) + b"]"
