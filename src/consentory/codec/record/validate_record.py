"""Validate one staged record against the account's configuration: every rule of record.md, every fault at once."""

from __future__ import annotations

from datetime import datetime

import msgspec

from consentory.codec.fault_collector import FaultCollector, quote
from consentory.codec.limits import LENGTHS, MOST_ELEMENTS
from consentory.codec.record.fast_path.fast_path_check import FastPathCheck
from consentory.codec.record.lenient_decode import MSGSPEC_REFUSALS, decode_leniently
from consentory.codec.record.stage_counts import count_undated, count_without_country_code
from consentory.codec.record.validate_choices import ChoiceReader
from consentory.codec.record.validate_contacts import ContactReader
from consentory.codec.record.validate_delete import (
    DeleteReader,
    check_match_count,
    key_alternate_id,
    read_profile_id,
)
from consentory.codec.record.validate_fields import FieldReader
from consentory.codec.record.validation_context import compile_validation_context
from consentory.codec.record.wire_record import (
    WireAlternateId,
    WireGroup,
    WireName,
    WireRecord,
    WireTag,
)
from consentory.codec.text_rules import read_name, read_text
from consentory.codec.times import count_microseconds
from consentory.domain.configuration import Permissions
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings, StageCounts
from consentory.domain.permission import Scope
from consentory.domain.record import AlternateIdInput, Fault, GroupInput, Record, VerbatimRecord
from consentory.domain.text import fold

_PERSON, _ALTERNATE_ID, _GROUP = LENGTHS["Record"], LENGTHS["AlternateId"], LENGTHS["Group"]
_SAYING = ("CustomerName", "AlternateIds", "Emails", "PhoneNumbers", "Addresses", "Consents", "ProfilePreferences")

_RECORD = msgspec.json.Decoder(WireRecord)


class RecordValidator:
    """Validates the records of one Stage call: one import, one caller, one time."""

    def __init__(
        self,
        configuration_index: ConfigurationIndex,
        settings: ImportSettings,
        permissions: Permissions,
        staged_at: datetime,
    ) -> None:
        """`permissions` are the permissions of the caller of Stage; `staged_at` has a zone."""
        rules = compile_validation_context(configuration_index)
        scope = Scope(permissions)
        self._rules = rules
        self._scope = scope
        self._collector = FaultCollector()  # replaced when a fault is found in it
        self._choices = ChoiceReader(rules, scope, count_microseconds(staged_at), settings.allow_prior_consents)
        self._contacts = ContactReader(rules, scope, self._choices)
        self._fields = FieldReader(rules)
        self._match_name = settings.match_type
        self._match = None if settings.match_type is None else rules.alternate_id_types.find(settings.match_type)
        self._refused_refresh = scope.list_refused_refresh(settings)
        self._undated = self._without_code = 0
        self._simple: FastPathCheck | None = None
        if self._match is not None and settings.action == "Add" and not self._refused_refresh:
            self._simple = FastPathCheck(rules, scope, self._match, self._choices, self._contacts, self._fields)
        self._deletes: DeleteReader | None = None
        if settings.action == "Delete":
            self._deletes = DeleteReader(rules, scope, settings.match_type, self._match)

    @property
    def counts(self) -> StageCounts:
        """Counts of the records that were accepted until now, by the fast-path check or by `validate`. Refused records
        are not counted."""
        undated, without_code = self._undated, self._without_code
        if self._simple is not None:
            undated += self._simple.undated
            without_code += self._simple.without_code
        return StageCounts(undated_choices=undated, numbers_without_country_code=without_code)

    def check(self, sent: bytes) -> VerbatimRecord | None:
        """The record if it is a verbatim record, in half the time of `validate`; None if `validate` must decide. `sent`
        may be any bytes."""
        return None if self._simple is None else self._simple.check(sent)

    def validate(self, raw: bytes | memoryview | msgspec.Raw) -> Record | list[Fault]:
        """The record in its validated form, or all of its faults. `raw` is one JSON value in valid UTF-8."""
        collector = self._collector
        record = self._read_add(raw, collector) if self._deletes is None else self._deletes.read(raw, collector)
        if record is not None and not collector.faults:
            self._undated += count_undated(record)
            self._without_code += count_without_country_code(record)
            return record
        self._collector = FaultCollector()
        return collector.faults

    def keep_ids(self) -> bytes:
        """The JSON of the Delete record that was last validated without a fault, with only the members that staging
        keeps."""
        assert self._deletes is not None
        return self._deletes.kept

    def _read_add(self, raw: bytes | memoryview | msgspec.Raw, collector: FaultCollector) -> Record | None:
        wire: WireRecord | None
        try:
            wire = _RECORD.decode(raw)
        except MSGSPEC_REFUSALS:
            wire = decode_leniently(bytes(raw), WireRecord, collector)
        if wire is None:
            return None
        if not self._scope.may_write:
            text = "Your user groups do not permit writing profiles."
            collector.report("Permission.Profile", text, "$")
        for text in self._refused_refresh:
            collector.report("Permission.Refresh", text, "$")
        alternate_ids = self._read_alternate_ids(collector, wire.AlternateIds)
        match_key, match_count = self._find_match(collector, wire.ProfileId, alternate_ids, wire.AlternateIds)
        name = _read_customer_name(collector, wire.CustomerName)
        choices, contacts, rules = self._choices, self._contacts, self._rules
        record = Record(
            read_profile_id(collector, wire.ProfileId),
            match_key,
            match_count,
            _read_active(collector, wire.IsActive),
            None
            if wire.DefaultLocale is None
            else rules.locales.read(
                collector, wire.DefaultLocale, "$", "DefaultLocale", _PERSON["DefaultLocale"].most, "Locale.Unknown"
            ),
            wire.RegistrationConfirmed,
            self._read_customer_type(collector, wire.CustomerType),
            wire.PreservePreferences is not False,
            wire.PreserveConsents is not False,
            name,
            alternate_ids,
            contacts.read_emails(collector, wire.Emails),
            contacts.read_phones(collector, wire.PhoneNumbers),
            contacts.read_addresses(collector, wire.Addresses),
            choices.read_preferences(collector, wire.ProfilePreferences, "$.ProfilePreferences", "ProfilePreferences"),
            choices.read_consents(collector, wire.Consents, "$.Consents"),
            self._read_groups(collector, wire.Groups),
            _read_tags(collector, wire.ProfileTags),
            self._fields.read_fields(collector, wire.CustomFields),
        )
        _check_says_something(collector, wire, name)
        return record

    def _read_customer_type(self, collector: FaultCollector, given: str | None) -> str | None:
        if given is None:
            return None
        code = "CustomerType.Unknown"
        rule = self._rules.customer_types.read(
            collector, given, "$", "CustomerType", _PERSON["CustomerType"].most, code
        )
        return None if rule is None else rule.name

    def _read_alternate_ids(
        self, collector: FaultCollector, wires: list[WireAlternateId] | None
    ) -> tuple[AlternateIdInput, ...]:
        if not wires:
            return ()
        given_inputs = []
        seen = set()
        for index, wire in enumerate(collector.bound(wires, "$.AlternateIds")):
            path = f"$.AlternateIds[{index}]"
            types = self._rules.alternate_id_types
            rule = types.read(
                collector,
                wire.AlternateIdType,
                path,
                "AlternateIdType",
                _ALTERNATE_ID["AlternateIdType"].most,
                "AlternateId.UnknownType",
            )
            value = _read_required(collector, wire.AlternateId, path, "AlternateId", _ALTERNATE_ID["AlternateId"].most)
            if rule is None or value is None:
                continue
            if rule.pattern is not None and not rule.pattern.matches(value):
                text = f"AlternateId {quote(value)} does not match the pattern configured for type {rule.name}."
                collector.report("AlternateId.PatternMismatch", text, f"{path}.AlternateId", wire.AlternateId)
            folded, key = key_alternate_id(self._rules.account_id, rule, value)
            if key in seen:
                collector.report_repeat(path, f"{rule.name} id", value)
            seen.add(key)
            given_inputs.append(AlternateIdInput(rule.name, value, folded, key, wire.IsActive is not False))
        return tuple(given_inputs)

    def _find_match(
        self,
        collector: FaultCollector,
        profile_id: int | None,
        given_inputs: tuple[AlternateIdInput, ...],
        wires: list[WireAlternateId] | None,
    ) -> tuple[bytes | None, int]:
        """The key to match by, and the number of active ids of the match type in the record."""
        if self._match_name is None:
            return None, 0
        name = self._match.name if self._match is not None else None
        keys = [given_input.key for given_input in given_inputs if given_input.type == name and given_input.active]
        if profile_id is None and not collector.is_mismatch("$", "ProfileId"):
            unread = len(wires or ()) > len(given_inputs) or collector.is_mismatch("$", "AlternateIds")
            check_match_count(collector, self._match_name, len(keys), unread)
        return (keys[0] if len(keys) == 1 else None), len(keys)

    def _read_groups(self, collector: FaultCollector, wires: list[WireGroup] | None) -> tuple[GroupInput, ...]:
        if not wires:
            return ()
        given_inputs = []
        seen = set()
        for index, wire in enumerate(collector.bound(wires, "$.Groups")):
            path = f"$.Groups[{index}]"
            types = self._rules.group_types
            rule = types.read(
                collector, wire.GroupType, path, "GroupType", _GROUP["GroupType"].most, "Group.UnknownType"
            )
            name = _read_required(collector, wire.GroupName, path, "GroupName", _GROUP["GroupName"].most)
            if rule is None or name is None:
                continue
            folded = fold(name)
            if (rule.name, folded) in seen:
                collector.report_repeat(path, f"{rule.name} group", name)
            seen.add((rule.name, folded))
            given_inputs.append(GroupInput(rule.name, name, folded, wire.IsPrimary, wire.IsActive is not False))
        return tuple(given_inputs)


def _read_required(collector: FaultCollector, given: str | None, path: str, member: str, most: int) -> str | None:
    if given is None:
        collector.require(path, member)
        return None
    return read_name(collector, given, path, member, most)


def _read_active(collector: FaultCollector, given: bool | int | None) -> bool | None:
    if given is None or given in (0, 1):
        return None if given is None else bool(given)
    text = f"IsActive must be true, false, 1 or 0, not {given}."
    collector.report("Value.WrongType", text, "$.IsActive", given)
    return None


def _read_customer_name(collector: FaultCollector, wire: WireName | None) -> dict[str, str]:
    """The name parts that the record gives; "" clears the part."""
    name: dict[str, str] = {}
    if wire is None:
        return name
    for member, length in LENGTHS["Name"].items():
        given = getattr(wire, member)
        if given is not None:
            text = read_text(collector, given, "$.CustomerName", member, *length)
            if text is not None:
                name[member] = text
    return name


def _read_tags(collector: FaultCollector, wires: list[WireTag] | None) -> tuple[str, ...]:
    if not wires:
        return ()
    tags = []
    seen = set()
    for index, wire in enumerate(collector.bound(wires, "$.ProfileTags")):
        path = f"$.ProfileTags[{index}]"
        name = _read_required(collector, wire.Name, path, "Name", LENGTHS["Tag"]["Name"].most)
        if name is None:
            continue
        folded = fold(name)
        if folded in seen:
            collector.report_repeat(path, "Tag", name)
        seen.add(folded)
        tags.append(name)
    return tuple(tags)


def _check_says_something(collector: FaultCollector, wire: WireRecord, name: dict[str, str]) -> None:
    """Report a record without data about a person and without the name of a person. A part that could not be read
    counts as data."""
    if name or wire.AlternateIds or wire.ProfilePreferences or wire.Consents or wire.ProfileId is not None:
        return
    for elements in (wire.Emails, wire.PhoneNumbers, wire.Addresses):
        # An element with IsActive false counts as not included.
        if elements and any(element.IsActive is not False for element in elements[:MOST_ELEMENTS]):
            return
    said = ("$.ProfileId", *(f"$.{member}" for member in _SAYING))
    if any(path.startswith(said) for path in collector.mismatches):
        return
    if wire.CustomerName is not None and any(fault.Path.startswith("$.CustomerName.") for fault in collector.faults):
        return
    text = f"The record says nothing: it needs a ProfileId or at least one of {', '.join(_SAYING)}."
    collector.report("Record.NothingSaid", text, "$")
