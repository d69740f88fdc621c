"""The profile that a record names, by its ProfileId or by its id of the match type; and the records that delete a
profile."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from consentory.codec.fault_collector import FaultCollector
from consentory.codec.json_scanner import split_array, split_object
from consentory.codec.limits import LENGTHS
from consentory.codec.record.lenient_decode import MSGSPEC_REFUSALS, decode_leniently
from consentory.codec.record.validation_context import TypeRule, ValidationContext
from consentory.codec.record.wire_record import WireDelete, WireDeleteId
from consentory.codec.text_rules import read_name
from consentory.domain.permission import Scope
from consentory.domain.record import Fault, Record
from consentory.domain.text import fold, key_hasher, trim

_LARGEST_ID = 2**63 - 1
_LONGEST_ID = LENGTHS["AlternateId"]["AlternateId"].most
_LOOKED_AT = WireDelete.__struct_fields__
_LOOKED_AT_ID = WireDeleteId.__struct_fields__
_DELETE = msgspec.json.Decoder(WireDelete)


def read_profile_id(collector: FaultCollector, given: int | None) -> int | None:
    """A ProfileId from 1 to 2**63 - 1; None if the ProfileId is absent, and after a fault."""
    if given is None or 1 <= given <= _LARGEST_ID:
        return given
    text = "ProfileId must be a positive number, one that this system has given out; correct it or leave it out."
    collector.report("Number.OutOfRange", text, "$.ProfileId", given)
    return None


def key_alternate_id(account_id: int, rule: TypeRule, value: str) -> tuple[str, bytes]:
    """The folded form of an alternate id's trimmed value, and the id's key."""
    folded = fold(value)
    return folded, alternate_id_hasher(account_id, rule)(folded)


def alternate_id_hasher(account_id: int, rule: TypeRule) -> Callable[[str], bytes]:
    """A function that makes the key of an alternate id of one type from the folded value."""
    return key_hasher(account_id, "AlternateId", rule.folded)


def check_match_count(collector: FaultCollector, match_name: str, count: int, unread: bool) -> None:
    """Report that the record has no active id of the match type, or several, if it needs exactly one.

    `unread` is True if some ids could not be read. That is already a fault, so a missing id is then not reported.
    """
    if count > 1:
        text = f"{count} active ids of type {match_name}; to match by it a record carries exactly one."
        collector.report("Match.SeveralIds", text, "$.AlternateIds", count)
    elif count == 0 and not unread:
        text = f"The import matches by {match_name}: add one active id of that type, or the ProfileId."
        collector.report("Match.IdRequired", text, "$.AlternateIds")


class DeleteReader:
    """Validates the records of a Delete import. Only the members that name a profile count (record.md, "Delete
    records")."""

    def __init__(self, rules: ValidationContext, scope: Scope, match_name: str | None, match: TypeRule | None) -> None:
        """`match` is the match type. It is None without MatchCriteria, and if the match type was switched off."""
        self._rules = rules
        self._may_delete = scope.may_delete
        self._match_name = match_name
        self._match = match
        self.kept = b""

    def read(self, raw: bytes | memoryview | msgspec.Raw, collector: FaultCollector) -> Record | None:
        """The record with only its ProfileId and match key; None if the record is not an object.

        `kept` then holds the record's JSON with only these two members.
        """
        wire: WireDelete | None
        mismatches = FaultCollector()
        try:
            wire = _DELETE.decode(raw)
        except MSGSPEC_REFUSALS:
            wire = decode_leniently(_cut(bytes(raw)), WireDelete, mismatches)
        ids = self._find_ids(wire)
        for fault in mismatches.faults:
            if _is_needed(fault, ids):
                collector.report_mismatch(fault.Code, fault.Message, fault.Path, fault.Value)
        if wire is None:
            return None
        if not self._may_delete:
            collector.report("Permission.Delete", "Your user groups do not permit deleting profiles.", "$")
        keys = []
        for path, given in ids.items():
            if given.AlternateId is None:
                collector.require(path, "AlternateId")
                continue
            value = read_name(collector, given.AlternateId, path, "AlternateId", _LONGEST_ID)
            if value is not None and self._match is not None:
                keys.append(key_alternate_id(self._rules.account_id, self._match, value)[1])
        profile_id = read_profile_id(collector, wire.ProfileId)
        if wire.ProfileId is None and not collector.is_mismatch("$", "ProfileId"):
            self._check_named(collector, len(keys), unread=len(ids) > len(keys))
        self.kept = _render_kept(wire.ProfileId, list(ids.values()))
        return Record(profile_id, keys[0] if len(keys) == 1 else None, len(keys))

    def _find_ids(self, wire: WireDelete | None) -> dict[str, WireDeleteId]:
        """The record's active ids of the match type, by path. All other ids are ignored."""
        if wire is None or self._match is None or not wire.AlternateIds:
            return {}
        types = self._rules.alternate_id_types
        return {
            f"$.AlternateIds[{index}]": given
            for index, given in enumerate(wire.AlternateIds)
            if given.IsActive is not False
            and given.AlternateIdType is not None
            and types.find(trim(given.AlternateIdType)) is self._match
        }

    def _check_named(self, collector: FaultCollector, count: int, *, unread: bool) -> None:
        if self._match_name is not None:
            check_match_count(collector, self._match_name, count, unread)
        else:
            text = "A record of this Delete import needs the ProfileId, as the import has no MatchCriteria; add it."
            collector.report("Match.IdRequired", text, "$.ProfileId")


def _cut(raw: bytes) -> bytes:
    """Cut a record that msgspec cannot read down to the members that a Delete needs. All other members are ignored, at
    any depth and any length."""
    if not raw.lstrip().startswith(b"{"):
        return raw
    members = {name: value for name, value in split_object(raw).items() if name in _LOOKED_AT}
    if "ProfileId" in members:
        members["ProfileId"] = _cut_value(members["ProfileId"])
    if members.get("AlternateIds", b"").startswith(b"["):
        elements = [_cut_id(element) for element in split_array(members["AlternateIds"])]
        members["AlternateIds"] = b"[" + b",".join(elements) + b"]"
    return _join(members)


def _cut_id(raw: bytes) -> bytes:
    if not raw.startswith(b"{"):
        return b"[]" if raw.startswith(b"[") else raw
    return _join({name: _cut_value(value) for name, value in split_object(raw).items() if name in _LOOKED_AT_ID})


def _cut_value(value: bytes) -> bytes:
    """A value in a place of a text or a number. An array or object in this place is a fault, and its content is not
    read."""
    return b"[]" if value.startswith((b"[", b"{")) and len(value) > _LONGEST_ID else value


def _join(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members.items()) + b"}"


def _render_kept(profile_id: int | None, ids: list[WireDeleteId]) -> bytes:
    kept: dict[str, object] = {} if profile_id is None else {"ProfileId": profile_id}
    if ids:
        said = [(given.AlternateIdType, given.AlternateId) for given in ids]
        kept["AlternateIds"] = [{"AlternateIdType": name, "AlternateId": value} for name, value in said]
    return msgspec.json.encode(kept)


def _is_needed(fault: Fault, ids: dict[str, WireDeleteId]) -> bool:
    """True if the fault is in a member that a Delete needs."""
    return fault.Path in ("$", "$.ProfileId") or any(fault.Path == f"{path}.AlternateId" for path in ids)
