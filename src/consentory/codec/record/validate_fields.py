"""Custom fields of a record (record.md, "Custom field values")."""

from __future__ import annotations

import re
from decimal import Decimal

from consentory.codec.fault_collector import FaultCollector, quote
from consentory.codec.limits import LENGTHS
from consentory.codec.record.fast_path.verbatim_record import VerbatimField
from consentory.codec.record.validation_context import MOST_KNOWN, FieldRule, ValidationContext
from consentory.codec.record.wire_record import WireField
from consentory.codec.text_rules import read_text
from consentory.codec.times import TimeFault, read_time, render_time
from consentory.domain.text import trim

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DATE_LENGTH = len("YYYY-MM-DD")
_FIELD = LENGTHS["Field"]
_SEPARATOR = "::"
_SHORT = 128
"""Longest name or value, in characters, that is kept in memory as long as the account's rules."""


class FieldReader:
    """Validates the custom field values of the records of one Stage call."""

    def __init__(self, rules: ValidationContext) -> None:
        self._rules = rules
        self._known = rules.known_fields

    def keeps(self, wires: list[VerbatimField]) -> bool:
        """True if `read_fields` finds no fault and returns exactly the sent names and values."""
        for wire in wires:
            said = (wire.Name, wire.Value)
            if self._known.get(said) != said:
                collector = FaultCollector()
                if self.read_fields(collector, [wire]) != (said,) or collector.faults:
                    return False
        return len(wires) == 1 or len({wire.Name for wire in wires}) == len(wires)

    def read_fields(
        self, collector: FaultCollector, wires: list[WireField] | list[VerbatimField] | None
    ) -> tuple[tuple[str, str | None], ...]:
        """The values of `$.CustomFields` by configured name; "" clears the field, None gives no value.

        Options of a picklist are spelled as configured; a date-time is in UTC; all other values are unchanged.
        """
        if not wires:
            return ()
        values: list[tuple[str, str | None]] = []
        seen: set[str] = set()
        for index, wire in enumerate(collector.bound(wires, "$.CustomFields")):
            known = self._known.get((wire.Name, wire.Value))
            if known is not None and known[0] not in seen:
                seen.add(known[0])
                values.append(known)
                continue
            path = f"$.CustomFields[{index}]"
            rule = self._rules.fields.read(
                collector, wire.Name, path, "Name", _FIELD["Name"].most, "CustomField.Unknown"
            )
            value = wire.Value
            if value is not None:
                value = read_text(collector, value, path, "Value", *_FIELD["Value"])
            if rule is None:
                continue
            name = rule.field.name
            if name in seen:
                collector.report_repeat(path, "Custom field", name)
            seen.add(name)
            if value is not None:
                value = self._read_value(collector, rule, value, f"{path}.Value")
                if not collector.faults and len(wire.Name or "") + len(wire.Value or "") <= _SHORT:
                    if len(self._known) >= MOST_KNOWN:
                        # values that differ for every person would otherwise fill the cache for ever
                        self._known.clear()
                    self._known[wire.Name, wire.Value] = (name, value)
            values.append((name, value))
        return tuple(values)

    def _read_value(self, collector: FaultCollector, rule: FieldRule, value: str, path: str) -> str:
        field = rule.field
        if not value:
            if field.required:
                text = f"{field.name} is a required field and may not be blank; send a value or leave it out."
                collector.report("CustomField.Required", text, path, value)
            return value
        if rule.pattern is not None and not rule.pattern.matches(value):
            text = f"{quote(value)} does not match the pattern configured for {field.name}."
            collector.report("CustomField.PatternMismatch", text, path, value)
        if field.type == "Text":
            _check_length(collector, rule, value, path)
        elif field.type == "Numeric":
            _check_number(collector, rule, value, path)
        elif field.type == "DateTime":
            return self._read_date(collector, rule, value, path)
        else:
            return _read_options(collector, rule, value, path)
        return value

    def _read_date(self, collector: FaultCollector, rule: FieldRule, value: str, path: str) -> str:
        """A bare date stays a date. A date-time is converted to UTC."""
        try:
            at = read_time(value, self._rules.zone, no=False).at
        except TimeFault as fault:
            text = f"{quote(value)} is no date or date-time for {rule.field.name}: {fault}."
            collector.report("CustomField.NotADate", text, path, value)
            return value
        return value if len(value) == _DATE_LENGTH else render_time(at)


def _check_length(collector: FaultCollector, rule: FieldRule, value: str, path: str) -> None:
    least, most = rule.field.min_length, rule.field.max_length
    if least is not None and len(value) < least:
        text = f"{quote(value)} is shorter than the {least} characters that {rule.field.name} needs."
        collector.report("CustomField.TooShort", text, path, value)
    if most is not None and len(value) > most:
        text = f"{quote(value)} is longer than the {most} characters that {rule.field.name} allows."
        collector.report("CustomField.TooLong", text, path, value)


def _check_number(collector: FaultCollector, rule: FieldRule, value: str, path: str) -> None:
    if not _DECIMAL.fullmatch(value):
        text = f"{quote(value)} is not a decimal number, as {rule.field.name} needs: digits, a point, a sign."
        collector.report("CustomField.NotANumber", text, path, value)
        return
    number = Decimal(value)
    if (rule.least is not None and number < rule.least) or (rule.most is not None and number > rule.most):
        bounds = f"{'any' if rule.least is None else rule.least} to {'any' if rule.most is None else rule.most}"
        text = f"{quote(value)} is outside the range of {rule.field.name}: {bounds}."
        collector.report("CustomField.OutOfRange", text, path, value)


def _read_options(collector: FaultCollector, rule: FieldRule, value: str, path: str) -> str:
    """The chosen options as configured, in the given order."""
    assert rule.options is not None
    chosen = []
    for option in value.split(_SEPARATOR):
        known = rule.options.find(trim(option))
        if known is None:
            text = f"{quote(option)} is not an option of {rule.field.name}; known: {rule.options.list_names()}."
            collector.report("CustomField.UnknownOption", text, path, value)
        elif known in chosen:
            text = f"{quote(option)} is chosen twice for {rule.field.name}; keep one."
            collector.report("CustomField.RepeatedOption", text, path, value)
        else:
            chosen.append(known)
    if not rule.field.several and len(value.split(_SEPARATOR)) > 1:
        text = f"{rule.field.name} takes one option, not several separated by {_SEPARATOR}."
        collector.report("CustomField.SeveralOptions", text, path, value)
    return _SEPARATOR.join(chosen)
