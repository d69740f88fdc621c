"""Emails, phone numbers and addresses of a record (record.md, "Contact elements")."""

from __future__ import annotations

from consentory.codec.contact_values import (
    ContactFault,
    compare_address,
    compare_email,
    compare_phone,
    find_country,
)
from consentory.codec.findings import Findings, quote
from consentory.codec.member_text import read_text
from consentory.codec.rulebook import Rulebook, Scope, TypeRule
from consentory.codec.validate_choices import PLACE_CHANNELS, ChoiceReader
from consentory.codec.wire_record import WireAddress, WireElement, WireEmail, WirePhone
from consentory.domain.record import ElementClaim

_ADDRESS_LINES = (("Address1", 1, 125), ("City", 1, 50), ("StateProvince", 2, 50), ("PostalCode", 1, 15))
_COUNTRY_FORMS = ("Alpha2", "Alpha3", "Numeric")


class _Array:
    """What one top-level array of contact elements has shown so far: which came already, which is the default."""

    __slots__ = ("_findings", "_member", "_seen", "has_default")

    def __init__(self, findings: Findings, member: str) -> None:
        self._findings = findings
        self._member = member
        self._seen: set[tuple[str, str]] = set()
        self.has_default = False

    def check(self, path: str, wire: WireElement, rule: TypeRule | None, compared: str | None, given: str) -> None:
        """Report an element that is there already, and a second default."""
        if rule is not None and compared is not None:
            key = (rule.name, compared)
            if key in self._seen:
                self._findings.report_repeat(path, f"{rule.name} {self._member} element", given)
            self._seen.add(key)
        if wire.IsDefault:
            if self.has_default:
                text = f"Only one element of {self._member} can have IsDefault true; this is a second."
                self._findings.report("Contact.SeveralDefaults", text, f"{path}.IsDefault", True)
            self.has_default = True


class ContactReader:
    """Judges the contact elements of one Stage call's records, with the choices that hang on them."""

    def __init__(self, rules: Rulebook, scope: Scope, choices: ChoiceReader) -> None:
        self._rules = rules
        self._choices = choices
        self._closed = {
            place: not scope.permits_channel(*(channel for channel in channels if channel))
            for place, channels in PLACE_CHANNELS.items()
        }

    def read_emails(self, findings: Findings, wires: list[WireEmail] | None) -> tuple[ElementClaim, ...]:
        """The claims of `$.Emails`."""
        if not wires:
            return ()
        claims = []
        array = _Array(findings, "Emails")
        for index, wire in enumerate(findings.bound(wires, "$.Emails")):
            path = f"$.Emails[{index}]"
            self._check_channel(findings, "Emails", path)
            rule = self._rules.email_types.read(
                findings, wire.EmailAddressType, path, "EmailAddressType", 100, "Email.UnknownType"
            )
            given = _read_value(findings, wire.EmailAddress, path, "EmailAddress", 1, 256)
            compared = None
            if given is not None:
                _check_pattern(findings, rule, given, path, "EmailAddress", "Email.PatternMismatch")
                compared = _compare_email(findings, given, path)
            array.check(path, wire, rule, compared, given or "")
            preferences = self._choices.read_preferences(
                findings, wire.EmailPreferences, f"{path}.EmailPreferences", "Emails"
            )
            consents = self._choices.read_consents(findings, wire.Consents, f"{path}.Consents")
            if rule is not None and given is not None and compared is not None:
                claims.append(
                    ElementClaim(
                        rule.name,
                        compared,
                        {"EmailAddress": given},
                        active=wire.IsActive is not False,
                        default=wire.IsDefault,
                        preferences=preferences,
                        consents=consents,
                    )
                )
        return tuple(claims)

    def read_phones(self, findings: Findings, wires: list[WirePhone] | None) -> tuple[ElementClaim, ...]:
        """The claims of `$.PhoneNumbers`."""
        if not wires:
            return ()
        claims = []
        array = _Array(findings, "PhoneNumbers")
        for index, wire in enumerate(findings.bound(wires, "$.PhoneNumbers")):
            path = f"$.PhoneNumbers[{index}]"
            self._check_channel(findings, "PhoneNumbers", path)
            rule = self._rules.phone_types.read(findings, wire.PhoneType, path, "PhoneType", 100, "Phone.UnknownType")
            given = _read_value(findings, wire.PhoneNumber, path, "PhoneNumber", 1, 30)
            compared = None
            if given is not None:
                _check_pattern(findings, rule, given, path, "PhoneNumber", "Phone.PatternMismatch")
                compared = _compare_phone(findings, given, path, self._rules.phone_region)
            array.check(path, wire, rule, compared, given or "")
            preferences = self._choices.read_preferences(
                findings,
                wire.PhoneNumberPreferences,
                f"{path}.PhoneNumberPreferences",
                "PhoneNumbers",
                wire.IsMobile,
            )
            consents = self._choices.read_consents(findings, wire.Consents, f"{path}.Consents")
            if rule is not None and given is not None and compared is not None:
                claims.append(
                    ElementClaim(
                        rule.name,
                        compared,
                        {"PhoneNumber": given},
                        active=wire.IsActive is not False,
                        default=wire.IsDefault,
                        mobile=wire.IsMobile,
                        preferences=preferences,
                        consents=consents,
                    )
                )
        return tuple(claims)

    def read_addresses(self, findings: Findings, wires: list[WireAddress] | None) -> tuple[ElementClaim, ...]:
        """The claims of `$.Addresses`."""
        if not wires:
            return ()
        claims = []
        array = _Array(findings, "Addresses")
        for index, wire in enumerate(findings.bound(wires, "$.Addresses")):
            path = f"$.Addresses[{index}]"
            self._check_channel(findings, "Addresses", path)
            rule = self._rules.address_types.read(
                findings, wire.AddressType, path, "AddressType", 100, "Address.UnknownType"
            )
            given = {}
            for member, least, most in _ADDRESS_LINES:
                line = _read_value(findings, getattr(wire, member), path, member, least, most)
                if line is not None:
                    given[member] = line
            said = _read_said(findings, wire, path)
            compared = compare_address(*given.values()) if len(given) == len(_ADDRESS_LINES) else None
            array.check(path, wire, rule, compared, given.get("Address1", ""))
            preferences = self._choices.read_preferences(
                findings, wire.AddressPreferences, f"{path}.AddressPreferences", "Addresses"
            )
            consents = self._choices.read_consents(findings, wire.Consents, f"{path}.Consents")
            if rule is not None and compared is not None:
                claims.append(
                    ElementClaim(
                        rule.name,
                        compared,
                        given,
                        said,
                        active=wire.IsActive is not False,
                        default=wire.IsDefault,
                        preferences=preferences,
                        consents=consents,
                    )
                )
        return tuple(claims)

    def _check_channel(self, findings: Findings, place: str, path: str) -> None:
        if self._closed[place]:
            channels = " or ".join(channel for channel in PLACE_CHANNELS[place] if channel)
            text = f"Your user groups do not permit the channel {channels}, so no element of {place} either."
            findings.report("Permission.Channel", text, path)


def _read_value(findings: Findings, given: str | None, path: str, member: str, least: int, most: int) -> str | None:
    if given is None:
        findings.require(path, member)
        return None
    return read_text(findings, given, path, member, least, most)


def _check_pattern(findings: Findings, rule: TypeRule | None, given: str, path: str, member: str, code: str) -> None:
    if rule is not None and rule.pattern is not None and not rule.pattern.fullmatch(given.encode()):
        text = f"{member} {quote(given)} does not match the pattern configured for type {rule.name}."
        findings.report(code, text, f"{path}.{member}", given)


def _compare_email(findings: Findings, given: str, path: str) -> str | None:
    try:
        return compare_email(given)
    except ContactFault as fault:
        text = f"EmailAddress {quote(given)} is not a usable email address: {fault}"
        findings.report(fault.code, text, f"{path}.EmailAddress", given)
        return None


def _compare_phone(findings: Findings, given: str, path: str, region: str) -> str | None:
    try:
        return compare_phone(given, region)
    except ContactFault as fault:
        text = f"PhoneNumber {quote(given)} is not a usable phone number: {fault}."
        findings.report(fault.code, text, f"{path}.PhoneNumber", given)
        return None


def _read_said(findings: Findings, wire: WireAddress, path: str) -> dict[str, str]:
    """Address2 ("" clears) and Country, the alpha-2 code that all given country codes stand for."""
    said = {}
    if wire.Address2 is not None:
        line = read_text(findings, wire.Address2, path, "Address2", 0, 125)
        if line is not None:
            said["Address2"] = line
    for form in _COUNTRY_FORMS:
        member = f"CountryCode_{form}"
        given = getattr(wire, member)
        if given is None:
            continue
        code = read_text(findings, str(given), path, member, 1, 3)
        if code is None:
            continue
        country = find_country(code, form)
        if country is None:
            text = f"{member} {quote(given)} is not a country code of ISO 3166-1."
            findings.report("Address.UnknownCountry", text, f"{path}.{member}", given)
        elif said.setdefault("Country", country) != country:
            text = f"{member} {quote(given)} is {country}, but another country code here is {said['Country']}."
            findings.report("Address.CountryDisagrees", text, f"{path}.{member}", given)
    return said
