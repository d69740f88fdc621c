"""The fast-path check: it finds the verbatim records (docs/adr/0014-verbatim-records.md).

The check accepts a record only if `validate_record` surely accepts it and reads it exactly as `read_verbatim` does. For
all other records, including faulty ones, the check gives no result, and the long path decides. A property test compares
both paths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from consentory.codec.contact_values import ALPHA2, ContactFault, compare_phone, compare_simple_email, has_country_code
from consentory.codec.record.fast_path.verbatim_record import (
    READER,
    VERBATIM_BYTES,
    VerbatimAddress,
    VerbatimAlternateId,
    VerbatimElement,
    VerbatimEmail,
    VerbatimGroup,
    VerbatimName,
    VerbatimPhone,
    VerbatimTag,
    decode_verbatim_wire,
)
from consentory.codec.record.lenient_decode import MSGSPEC_REFUSALS
from consentory.codec.record.validate_choices import ChoiceReader
from consentory.codec.record.validate_contacts import ContactReader
from consentory.codec.record.validate_delete import alternate_id_hasher
from consentory.codec.record.validate_fields import FieldReader
from consentory.codec.record.validation_context import TypeRule, ValidationContext
from consentory.codec.text_rules import is_name, is_trimmed
from consentory.domain.permission import Scope
from consentory.domain.record import VerbatimRecord
from consentory.domain.text import compare_address, fold

_SAFE_ESCAPE = re.compile(rb'\\(?:["\\/]|u(?!00[01]|00[89]|007[Ff]|[Dd][89A-Fa-f])[0-9A-Fa-f]{4})')
"""The escape of a character that is neither a control character nor half of a surrogate pair."""


class FastPathCheck:
    """Finds the verbatim records of one Stage call whose import has a match type. Choices and custom fields have few
    different values, so the readers of the long path check them and remember the results."""

    def __init__(
        self,
        rules: ValidationContext,
        scope: Scope,
        match: TypeRule,
        choices: ChoiceReader,
        contacts: ContactReader,
        fields: FieldReader,
    ) -> None:
        self._rules = rules
        self._may_write = scope.may_write
        self._match = match
        self._choices = choices
        self._fields = fields
        self.undated = self.without_code = 0
        """Counts of the verbatim records until now: choices without a date, and numbers without a country code."""
        self._without_code = 0  # of the record that is checked now
        types = rules.alternate_id_types.exact
        self._id_types = {
            name: (rule, alternate_id_hasher(rules.account_id, rule))
            for name, rule in types.items()
            if name is not None
        }
        self._email_types = contacts.writable_types("Emails")
        self._phone_types = contacts.writable_types("PhoneNumbers")
        self._address_types = contacts.writable_types("Addresses")

    def check(self, sent: bytes) -> VerbatimRecord | None:
        """The record if it is a verbatim record; None if the long path has to decide. `sent` may be any bytes."""
        if len(sent) > VERBATIM_BYTES or not self._may_write:
            return None
        # A text with a control character contains one of these bytes: DEL, the first byte of U+0080 to U+00BF, or a
        # backslash.
        if b"\x7f" in sent or b"\xc2" in sent or (b"\\" in sent and b"\\" in _SAFE_ESCAPE.sub(b"", sent)):
            return None
        try:
            wire = decode_verbatim_wire(sent)
        except MSGSPEC_REFUSALS:
            return None
        rules, choices, chosen = self._rules, self._choices, wire.ProfilePreferences
        numbers: dict[str, str] = {}
        times: dict[str, int] = {}
        choices.undated = self._without_code = 0
        if (
            (wire.CustomerName is None or _is_verbatim_name(wire.CustomerName))
            and (wire.DefaultLocale is None or wire.DefaultLocale in rules.locales.exact)
            and (wire.CustomerType is None or wire.CustomerType in rules.customer_types.exact)
            and (not wire.Emails or self._are_verbatim_emails(wire.Emails, times))
            and (not wire.PhoneNumbers or self._are_verbatim_phones(wire.PhoneNumbers, numbers, times))
            and (not wire.Addresses or self._are_verbatim_addresses(wire.Addresses, times))
            and (not chosen or choices.keeps_preferences(chosen, "ProfilePreferences", times))
            and (not wire.Consents or choices.keeps_consents(wire.Consents, times))
            and (not wire.Groups or self._are_verbatim_groups(wire.Groups))
            and (not wire.ProfileTags or _are_verbatim_tags(wire.ProfileTags))
            and (not wire.CustomFields or self._fields.keeps(wire.CustomFields))
        ):
            keys, match_key = self._find_keys(wire.AlternateIds)
            if match_key is not None:
                self.undated += choices.undated
                self.without_code += self._without_code
                return VerbatimRecord(
                    profile_id=None,
                    match_key=match_key,
                    match_count=1,
                    keys=tuple(keys),
                    numbers=numbers,
                    times=times,
                    reader=READER,
                )
        return None

    def _find_keys(self, wires: list[VerbatimAlternateId]) -> tuple[list[bytes], bytes | None]:
        """The keys of the alternate ids, and the key to match by; None if there is no such key, or if an id is not
        verbatim."""
        keys: list[bytes] = []
        match_key = None
        for wire in wires:
            known, value = self._id_types.get(wire.AlternateIdType), wire.AlternateId
            if known is None:
                return keys, None
            rule, hash_value = known
            # The same test as is_name, without the call.
            if not value.isprintable() or value.strip() != value:
                return keys, None
            if rule.pattern is not None and not rule.pattern.matches(value):
                return keys, None
            key = hash_value(fold(value))
            if rule is self._match and wire.IsActive is not False:
                if match_key is not None:
                    return keys, None
                match_key = key
            keys.append(key)
        return keys, match_key if len(set(keys)) == len(keys) else None

    def _are_verbatim_emails(self, wires: list[VerbatimEmail], times: dict[str, int]) -> bool:
        choices = self._choices
        seen = set()
        for wire in wires:
            rule, address = self._email_types.get(wire.EmailAddressType), wire.EmailAddress
            compared = compare_simple_email(address)
            if rule is None or compared is None or (rule.pattern is not None and not rule.pattern.matches(address)):
                return False
            if wire.EmailPreferences and not choices.keeps_preferences(wire.EmailPreferences, "Emails", times):
                return False
            if wire.Consents and not choices.keeps_consents(wire.Consents, times):
                return False
            seen.add((rule.name, compared))
        return len(wires) == 1 or (len(seen) == len(wires) and _has_one_default(wires))

    def _are_verbatim_phones(self, wires: list[VerbatimPhone], numbers: dict[str, str], times: dict[str, int]) -> bool:
        choices = self._choices
        seen = set()
        for wire in wires:
            rule, given = self._phone_types.get(wire.PhoneType), wire.PhoneNumber
            if rule is None or given.strip() != given or (rule.pattern is not None and not rule.pattern.matches(given)):
                return False
            try:
                compared = compare_phone(given, self._rules.phone_region)
            except ContactFault:
                return False
            chosen = wire.PhoneNumberPreferences
            if chosen and not choices.keeps_preferences(chosen, "PhoneNumbers", times, wire.IsMobile):
                return False
            if wire.Consents and not choices.keeps_consents(wire.Consents, times):
                return False
            if compared != given:
                numbers[given] = compared
                first = given[1] if given[0] == "(" else given[0]
                is_local = "0" < first <= "9" and first != compared[1]
                if is_local or (first != "+" and not has_country_code(given, compared)):
                    self._without_code += 1
            seen.add((rule.name, compared))
        return len(wires) == 1 or (len(seen) == len(wires) and _has_one_default(wires))

    def _are_verbatim_addresses(self, wires: list[VerbatimAddress], times: dict[str, int]) -> bool:
        choices = self._choices
        seen = set()
        for wire in wires:
            lines = (wire.Address1, wire.City, wire.StateProvince, wire.PostalCode)
            country = wire.CountryCode_Alpha2
            if wire.AddressType not in self._address_types:
                return False
            for line in lines:
                if line.strip() != line:
                    return False
            if not (country is None or country in ALPHA2) or not is_trimmed(wire.Address2 or ""):
                return False
            if wire.AddressPreferences and not choices.keeps_preferences(wire.AddressPreferences, "Addresses", times):
                return False
            if wire.Consents and not choices.keeps_consents(wire.Consents, times):
                return False
            if len(wires) > 1:
                seen.add((wire.AddressType, compare_address(*lines)))
        return len(wires) == 1 or (len(seen) == len(wires) and _has_one_default(wires))

    def _are_verbatim_groups(self, wires: list[VerbatimGroup]) -> bool:
        types = self._rules.group_types.exact
        names = {(wire.GroupType, fold(wire.GroupName)) for wire in wires}
        return len(names) == len(wires) and all(wire.GroupType in types and is_name(wire.GroupName) for wire in wires)


def _has_one_default(wires: Sequence[VerbatimElement]) -> bool:
    """True if at most one element is the default."""
    found = False
    for wire in wires:
        if wire.IsDefault:
            if found:
                return False
            found = True
    return True


def _is_verbatim_name(wire: VerbatimName) -> bool:
    for part in (wire.FirstName, wire.LastName, wire.MiddleName, wire.Prefix, wire.Suffix):
        if part is not None and part.strip() != part:
            return False
    return True


def _are_verbatim_tags(wires: list[VerbatimTag]) -> bool:
    names = set()
    for wire in wires:
        name = wire.Name
        # The same test as is_name, without the call.
        if not name.isprintable() or name.strip() != name:
            return False
        names.add(fold(name))
    return len(names) == len(wires)
