"""Which profile a record names: by its ProfileId, by its id of the match type; and records that delete one."""

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
    """A ProfileId from 1 to 2**63 - 1, None when absent or after a fault."""
    if given is None or 1 <= given <= _LARGEST_ID:
        return given
    text = "ProfileId must be a positive number, one that this system has given out; correct it or leave it out."
    collector.report("Number.OutOfRange", text, "$.ProfileId", given)
    return None


def key_alternate_id(account_id: int, rule: TypeRule, value: str) -> tuple[str, bytes]:
    """The folded form of an alternate id's trimmed value, and its key."""
    folded = fold(value)
    return folded, alternate_id_hasher(account_id, rule)(folded)


def alternate_id_hasher(account_id: int, rule: TypeRule) -> Callable[[str], bytes]:
    """What makes the keys of alternate ids of one type from their folded values."""
    return key_hasher(account_id, "AlternateId", rule.folded)


def check_match_count(collector: FaultCollector, match_name: str, count: int, unread: bool) -> None:
    """Report none or several active ids of the match type, where exactly one is needed.

    `unread`: there are ids that could not be read, which is a fault already, so none is not another one.
    """
    if count > 1:
        text = f"{count} active ids of type {match_name}; to match by it a record carries exactly one."
        collector.report("Match.SeveralIds", text, "$.AlternateIds", count)
    elif count == 0 and not unread:
        text = f"The import matches by {match_name}: add one active id of that type, or the ProfileId."
        collector.report("Match.IdRequired", text, "$.AlternateIds")


class DeleteReader:
    """Judges records of a Delete import: only what says which profile goes (record.md, "Delete records")."""

    def __init__(self, rules: ValidationContext, scope: Scope, match_name: str | None, match: TypeRule | None) -> None:
        """`match` is the match type, None without MatchCriteria and when that type was switched off."""
        self._rules = rules
        self._may_delete = scope.may_delete
        self._match_name = match_name
        self._match = match
        self.kept = b""

    def read(self, raw: bytes | memoryview | msgspec.Raw, collector: FaultCollector) -> Record | None:
        """The record, of which only the ProfileId and the match key are kept; None when it is no object.

        `kept` then holds its JSON with these two alone.
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
        """The record's active ids of the match type by path; all others are ignored."""
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
    """A record that msgspec does not read, cut down to the members that a Delete looks at: what else it carries is
    ignored, however deep or long it is."""
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
    """A value where a text or a number belongs: an array or object is a fault, and none of it is read."""
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
    """True for a fault of what a Delete looks at."""
    return fault.Path in ("$", "$.ProfileId") or any(fault.Path == f"{path}.AlternateId" for path in ids)
