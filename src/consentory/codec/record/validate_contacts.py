"""Emails, phone numbers and addresses of a record (record.md, "Contact elements")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeVar

from consentory.codec.contact_values import (
    ContactFault,
    compare_email,
    compare_phone,
    find_country,
)
from consentory.codec.fault_collector import FaultCollector, quote
from consentory.codec.limits import LENGTHS, MOST_ELEMENTS
from consentory.codec.record.validate_choices import PLACE_CHANNELS, ChoiceReader
from consentory.codec.record.validation_context import TypeRule, ValidationContext
from consentory.codec.record.wire_record import WireAddress, WireElement, WireEmail, WirePhone
from consentory.codec.text_rules import CaselessIndex, read_text
from consentory.domain.permission import Scope
from consentory.domain.record import KIND_MEMBERS, ElementInput, Kind
from consentory.domain.text import compare_address

_ADDRESS = LENGTHS["Address"]
_ADDRESS_LINES = tuple((line, *_ADDRESS[line]) for line in ("Address1", "City", "StateProvince", "PostalCode"))
_TYPE_LENGTHS = {**LENGTHS["Email"], **LENGTHS["Phone"], **_ADDRESS}
_COUNTRY_FORMS = tuple((form, f"CountryCode_{form}") for form in ("Alpha2", "Alpha3", "Numeric"))

ElementT = TypeVar("ElementT", bound=WireElement)


class _Place(NamedTuple):
    """One of the three arrays of contact elements."""

    array: str
    path: str
    type_member: str
    type_most: int
    type_fault: str
    preferences: str
    types: CaselessIndex[TypeRule]
    closed: bool
    """True if the caller may write none of the channels of the array."""
    paths: list[tuple[str, str, str]]
    """For each checked element: its own path, the path of its preferences, and the path of its consents."""


_Value = tuple[str | None, dict[str, str], dict[str, str], str]
"""One element: the compared form (None after a fault), `given` and `said` as in an ElementInput, and the element's name
for a message."""


class ContactReader:
    """Validates the contact elements of the records of one Stage call, with the choices of each element."""

    def __init__(self, rules: ValidationContext, scope: Scope, choices: ChoiceReader) -> None:
        self._phone_region = rules.phone_region
        self._choices = choices

        def place(kind: Kind, type_fault: str, types: CaselessIndex[TypeRule]) -> _Place:
            array, type_member, preferences, _ = KIND_MEMBERS[kind]
            return _Place(
                array=array,
                path=f"$.{array}",
                type_member=type_member,
                type_most=_TYPE_LENGTHS[type_member].most,
                type_fault=type_fault,
                preferences=preferences,
                types=types,
                closed=not scope.permits_kind(kind),
                paths=_list_paths(array, preferences),
            )

        self._emails = place("Email", "Email.UnknownType", rules.email_types)
        self._phones = place("Phone", "Phone.UnknownType", rules.phone_types)
        self._addresses = place("Address", "Address.UnknownType", rules.address_types)

    def writable_types(self, array: str) -> Mapping[str | None, TypeRule]:
        """The types that elements of an array may have, by name as configured; empty if the caller may write none of
        them."""
        place = {"Emails": self._emails, "PhoneNumbers": self._phones, "Addresses": self._addresses}[array]
        return {} if place.closed else place.types.exact

    def read_emails(self, collector: FaultCollector, wires: list[WireEmail] | None) -> tuple[ElementInput, ...]:
        """The elements of `$.Emails`."""
        return self._read_elements(collector, wires, self._emails, self._read_email) if wires else ()

    def read_phones(self, collector: FaultCollector, wires: list[WirePhone] | None) -> tuple[ElementInput, ...]:
        """The elements of `$.PhoneNumbers`."""
        return self._read_elements(collector, wires, self._phones, self._read_phone) if wires else ()

    def read_addresses(self, collector: FaultCollector, wires: list[WireAddress] | None) -> tuple[ElementInput, ...]:
        """The elements of `$.Addresses`."""
        return self._read_elements(collector, wires, self._addresses, self._read_address) if wires else ()

    def _read_elements(
        self,
        collector: FaultCollector,
        wires: list[ElementT],
        place: _Place,
        read_value: Callable[[FaultCollector, ElementT, TypeRule | None, str], _Value],
    ) -> tuple[ElementInput, ...]:
        given_inputs: list[ElementInput] = []
        seen: set[tuple[str, str]] = set()
        has_default = False
        for wire, (path, preference_path, consent_path) in zip(
            collector.bound(wires, place.path), place.paths, strict=False
        ):
            if place.closed:
                _report_closed(collector, place.array, path)
            rule = place.types.read(
                collector, getattr(wire, place.type_member), path, place.type_member, place.type_most, place.type_fault
            )
            compared, given, said, shown = read_value(collector, wire, rule, path)
            if rule is not None and compared is not None:
                key = (rule.name, compared)
                if key in seen:
                    collector.report_repeat(path, f"{rule.name} {place.array} element", shown)
                seen.add(key)
            if wire.IsDefault:
                if has_default:
                    text = f"Only one element of {place.array} can have IsDefault true; this is a second."
                    collector.report("Contact.SeveralDefaults", text, f"{path}.IsDefault", True)
                has_default = True
            mobile = getattr(wire, "IsMobile", None)
            chosen = getattr(wire, place.preferences)
            preferences = self._choices.read_preferences(
                collector, chosen, preference_path, place.array, mobile
            ) if chosen else ()  # fmt: skip
            consents = self._choices.read_consents(collector, wire.Consents, consent_path) if wire.Consents else ()
            if rule is not None and compared is not None:
                given_inputs.append(
                    ElementInput(
                        type=rule.name, compared=compared, given=given, said=said, active=wire.IsActive is not False,
                        default=wire.IsDefault, mobile=mobile, preferences=preferences, consents=consents,
                    )
                )  # fmt: skip
        return tuple(given_inputs)

    def _read_email(self, collector: FaultCollector, wire: WireEmail, rule: TypeRule | None, path: str) -> _Value:
        given = _read_value(collector, wire.EmailAddress, path, "EmailAddress", *LENGTHS["Email"]["EmailAddress"])
        if given is None:
            return _NOTHING
        _check_pattern(collector, rule, given, path, "EmailAddress", "Email.PatternMismatch")
        return _compare(collector, given, path, "EmailAddress", "email address", compare_email)

    def _read_phone(self, collector: FaultCollector, wire: WirePhone, rule: TypeRule | None, path: str) -> _Value:
        given = _read_value(collector, wire.PhoneNumber, path, "PhoneNumber", *LENGTHS["Phone"]["PhoneNumber"])
        if given is None:
            return _NOTHING
        _check_pattern(collector, rule, given, path, "PhoneNumber", "Phone.PatternMismatch")
        return _compare(collector, given, path, "PhoneNumber", "phone number", self._compare_phone)

    def _compare_phone(self, given: str) -> str:
        return compare_phone(given, self._phone_region)

    def _read_address(self, collector: FaultCollector, wire: WireAddress, _: TypeRule | None, path: str) -> _Value:
        given = {}
        for member, least, most in _ADDRESS_LINES:
            line = _read_value(collector, getattr(wire, member), path, member, least, most)
            if line is not None:
                given[member] = line
        said = _read_said(collector, wire, path)
        compared = compare_address(*given.values()) if len(given) == len(_ADDRESS_LINES) else None
        return compared, given, said, given.get("Address1", "")


_NOTHING: _Value = (None, {}, {}, "")


@cache
def _list_paths(array: str, preferences: str) -> list[tuple[str, str, str]]:
    own = [f"$.{array}[{index}]" for index in range(MOST_ELEMENTS)]
    return [(path, f"{path}.{preferences}", f"{path}.Consents") for path in own]


def _report_closed(collector: FaultCollector, array: str, path: str) -> None:
    channels = " or ".join(channel for channel in PLACE_CHANNELS[array] if channel)
    text = f"Your user groups do not permit the channel {channels}, so you cannot send elements of {array}."
    collector.report("Permission.Channel", text, path)


def _read_value(
    collector: FaultCollector, given: str | None, path: str, member: str, least: int, most: int
) -> str | None:
    if given is None:
        collector.require(path, member)
        return None
    return read_text(collector, given, path, member, least, most)


def _check_pattern(
    collector: FaultCollector, rule: TypeRule | None, given: str, path: str, member: str, code: str
) -> None:
    if rule is not None and rule.pattern is not None and not rule.pattern.matches(given):
        text = f"{member} {quote(given)} does not match the pattern configured for type {rule.name}."
        collector.report(code, text, f"{path}.{member}", given)


def _compare(
    collector: FaultCollector, given: str, path: str, member: str, kind: str, compare: Callable[[str], str]
) -> _Value:
    compared = None
    try:
        compared = compare(given)
    except ContactFault as fault:
        text = f"{member} {quote(given)} is not a usable {kind}: {str(fault).removesuffix('.')}."
        collector.report(fault.code, text, f"{path}.{member}", given)
    return compared, {member: given}, {}, given


def _read_said(collector: FaultCollector, wire: WireAddress, path: str) -> dict[str, str]:
    """Address2 ("" clears) and Country: the alpha-2 code of all given country codes."""
    said = {}
    if wire.Address2 is not None:
        line = read_text(collector, wire.Address2, path, "Address2", *_ADDRESS["Address2"])
        if line is not None:
            said["Address2"] = line
    for form, member in _COUNTRY_FORMS:
        given = getattr(wire, member)
        if given is None:
            continue
        code = read_text(collector, str(given), path, member, *_ADDRESS[member])
        if code is None:
            continue
        country = find_country(code, form)
        if country is None:
            text = f"{member} {quote(given)} is not a country code of ISO 3166-1."
            collector.report("Address.UnknownCountry", text, f"{path}.{member}", given)
        elif said.setdefault("Country", country) != country:
            text = f"{member} {quote(given)} is {country}, but another country code here is {said['Country']}."
            collector.report("Address.CountryDisagrees", text, f"{path}.{member}", given)
    return said
