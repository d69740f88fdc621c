"""Preferences and consents of a record (record.md, "Preference", "Consent", "Permissions")."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from consentory.codec.fault_collector import FaultCollector, quote
from consentory.codec.limits import LENGTHS, MOST_ATTRIBUTES
from consentory.codec.record.fast_path.verbatim_record import (
    CONSENT_STATUSES,
    PREFERENCE_TYPES,
    VerbatimAttribute,
    VerbatimConsent,
    VerbatimEvidence,
    VerbatimPreference,
    name_date,
    read_evidence,
)
from consentory.codec.record.validation_context import (
    MOST_KNOWN,
    ConsentRule,
    FilterRule,
    ValidationContext,
    VersionRule,
)
from consentory.codec.record.wire_record import WireAttribute, WireConsent, WireEvidence, WirePreference
from consentory.codec.text_rules import CaselessIndex, ItemT, is_trimmed, read_reference, read_text
from consentory.codec.times import SECOND, TimeFault, parse_second, read_canonical_time, read_time, render_time
from consentory.domain.permission import Scope
from consentory.domain.record import (
    KIND_MEMBERS,
    OPT_OUT,
    WITHDRAWALS,
    ConsentInput,
    PreferenceInput,
)
from consentory.domain.text import trim

_FREQUENCY = "Preference.UnknownFrequency"
_FILTER = "Preference.UnknownFilter"
_PLACE_OF = {
    "Email": "put it under an element of Emails",
    "Phone": "put it under an element of PhoneNumbers",
    "Text": "put it under an element of PhoneNumbers",
    "Fax": "put it under an element of PhoneNumbers",
    "Mail": "put it under an element of Addresses",
    None: "put it under ProfilePreferences",
}
_FUTURE = 5 * 60 * SECOND
_PREFERENCE, _CONSENT, _ATTRIBUTE = LENGTHS["Preference"], LENGTHS["Consent"], LENGTHS["Attribute"]
PLACE_CHANNELS: dict[str, tuple[str | None, ...]] = {
    **{members.array: members.channels for members in KIND_MEMBERS.values()},
    "ProfilePreferences": (None,),
}
"""The channels that the filters of each place may have."""


class ChoiceReader:
    """Validates the choices of the records of one Stage call."""

    def __init__(self, rules: ValidationContext, scope: Scope, staged_at: int, allow_prior_consents: bool) -> None:
        """`staged_at`, in microseconds, is the date of a choice without a date, and the upper bound for all other
        dates."""
        self._rules = rules
        self._scope = scope
        self._staged_at = staged_at
        self._latest = staged_at + _FUTURE
        self._future = render_time(self._latest // SECOND * SECOND)
        self._earliest = rules.earliest_date
        self._allow_prior = allow_prior_consents
        self.undated = 0
        """Number of choices without a date in `keeps_preferences` and `keeps_consents`."""
        # A choice that was read without a fault once is valid the next time, too. People choose among few values, so
        # the same choices come again.
        self._known_preferences: dict[tuple[object, ...], tuple[str, int, str | None]] = {}
        self._known_consents: dict[tuple[object, ...], tuple[str, str, str, int]] = {}
        # Choices written exactly as configured, which are few; the value is True for a no.
        self._exact_preferences: dict[tuple[object, ...], bool] = {}
        self._exact_consents: dict[tuple[object, ...], bool] = {}

    def keeps_preferences(
        self, wires: list[VerbatimPreference], place: str, times: dict[str, int], mobile: bool | None = None
    ) -> bool:
        """True if `read_preferences` finds no fault and reads exactly the written values. Adds to `times` the times
        that `read_verbatim` needs."""
        for wire in wires:
            key = (wire.FilterId, wire.PreferenceType, wire.FrequencyId, place, mobile)
            no = self._exact_preferences.get(key)
            if no is None:
                no = self._learn_preference(wire, key, place, mobile)
                if no is None:
                    return False
            if wire.PreferenceAttributes and not _are_verbatim(wire.PreferenceAttributes):
                return False
            if not self._keeps_date(wire.CustomerDate, no, times):
                return False
        return len(wires) == 1 or len({wire.FilterId for wire in wires}) == len(wires)

    def _learn_preference(
        self, wire: VerbatimPreference, key: tuple[object, ...], place: str, mobile: bool | None
    ) -> bool | None:
        """True if the preference is a no; stored under its key. None if `read_preferences` finds a fault or reads names
        other than the written names."""
        said = (wire.FilterId, PREFERENCE_TYPES[wire.PreferenceType], wire.FrequencyId)
        collector = FaultCollector()
        given_inputs = self.read_preferences(collector, [wire], "", place, mobile)
        if collector.faults or [
            (given_input.filter, given_input.type, given_input.frequency) for given_input in given_inputs
        ] != [said]:
            return None
        return self._exact_preferences.setdefault(key, said[1] == OPT_OUT)

    def keeps_consents(self, wires: list[VerbatimConsent], times: dict[str, int]) -> bool:
        """Like keeps_preferences, for consents."""
        for wire in wires:
            key = (wire.ConsentType, wire.ConsentVersion, wire.Locale, wire.ConsentStatus)
            no = self._exact_consents.get(key)
            if no is None:
                no = self._learn_consent(wire, key)
                if no is None:
                    return False
            if wire.Evidence is not None and not _is_verbatim(wire.Evidence):
                return False
            if not self._keeps_date(wire.ConsentDate, no, times):
                return False
        return len(wires) == 1 or len({(wire.ConsentType, wire.ConsentVersion) for wire in wires}) == len(wires)

    def _learn_consent(self, wire: VerbatimConsent, key: tuple[object, ...]) -> bool | None:
        """Like _learn_preference, for a consent."""
        status = CONSENT_STATUSES[wire.ConsentStatus]
        said = (wire.ConsentType, wire.ConsentVersion, wire.Locale, status)
        collector = FaultCollector()
        given_inputs = self.read_consents(collector, [wire], "")
        if collector.faults or [(one.type, one.version, one.locale, one.status) for one in given_inputs] != [said]:
            return None
        return self._exact_consents.setdefault(key, status in WITHDRAWALS)

    def _keeps_date(self, given: str | None, no: bool, times: dict[str, int]) -> bool:
        """True if _read_date finds no fault. A date that `read_canonical_time` cannot read is added to `times`."""
        if given is not None:
            # The order of texts of that form is the order of their times.
            if self._earliest <= given < self._future and parse_second(given) is not None:
                return True
            at = read_canonical_time(given)
            if at is not None:
                return at <= self._latest and given >= self._earliest
        else:
            self.undated += 1
        collector = FaultCollector()
        at = self._read_date(collector, given, "", "", no)
        if at is None or collector.faults:
            return False
        times[name_date(given, no)] = at
        return True

    def read_preferences(
        self,
        collector: FaultCollector,
        wires: list[WirePreference] | list[VerbatimPreference] | None,
        path: str,
        place: str,
        mobile: bool | None = None,
    ) -> tuple[PreferenceInput, ...]:
        """The preferences of one array at `path`; `place` is the top-level array that contains this array."""
        if not wires:
            return ()
        given_inputs = []
        seen: set[str] = set()
        for index, wire in enumerate(collector.bound(wires, path)):
            known = self._known_preferences.get((wire.FilterId, wire.PreferenceType, wire.FrequencyId, place, mobile))
            if known is not None and known[0] not in seen and not wire.PreferenceAttributes:
                seen.add(known[0])
                at = self._read_canonical_date(wire.CustomerDate)
                if at is None:
                    no = known[1] == OPT_OUT
                    at = self._read_date(collector, wire.CustomerDate, f"{path}[{index}]", "CustomerDate", no)
                if at is not None:
                    given_inputs.append(
                        PreferenceInput(known[0], known[1], at, wire.CustomerDate is not None, known[2])
                    )
                continue
            given_input = self._read_preference(collector, wire, f"{path}[{index}]", place, mobile, seen)
            if given_input is not None:
                given_inputs.append(given_input)
        return tuple(given_inputs)

    def _read_preference(
        self,
        collector: FaultCollector,
        wire: WirePreference | VerbatimPreference,
        here: str,
        place: str,
        mobile: bool | None,
        seen: set[str],
    ) -> PreferenceInput | None:
        rule = self._rules.filters.read(
            collector, wire.FilterId, here, "FilterId", _PREFERENCE["FilterId"].most, _FILTER
        )
        if rule is not None:
            self._check_place(collector, rule, here, place, mobile)
            if rule.id in seen:
                collector.report_repeat(here, "FilterId", rule.id)
            seen.add(rule.id)
        chosen = PREFERENCE_TYPES.get(wire.PreferenceType)
        if chosen is None:
            chosen = _read_code(collector, wire.PreferenceType, PREFERENCE_TYPES, here, "PreferenceType")
        at = self._read_date(collector, wire.CustomerDate, here, "CustomerDate", chosen == OPT_OUT)
        frequency = None
        if wire.FrequencyId is not None:
            known = None if rule is None else rule.frequencies
            frequency = _read_name(
                collector,
                known,
                wire.FrequencyId,
                here,
                "FrequencyId",
                most=_PREFERENCE["FrequencyId"].most,
                code=_FREQUENCY,
            )
        attributes = _read_attributes(collector, wire.PreferenceAttributes, f"{here}.PreferenceAttributes")
        if rule is None or chosen is None or at is None:
            return None
        if not collector.faults and len(self._known_preferences) < MOST_KNOWN:
            key = (wire.FilterId, wire.PreferenceType, wire.FrequencyId, place, mobile)
            self._known_preferences[key] = (rule.id, chosen, frequency)
        return PreferenceInput(rule.id, chosen, at, wire.CustomerDate is not None, frequency, attributes)

    def _check_place(
        self, collector: FaultCollector, rule: FilterRule, path: str, place: str, mobile: bool | None
    ) -> None:
        path = f"{path}.FilterId"
        if rule.channel not in PLACE_CHANNELS[place]:
            channel = rule.channel or "no"
            text = f"Filter {rule.id} is of {channel} channel and cannot stand here; {_PLACE_OF[rule.channel]}."
            collector.report("Preference.WrongPlace", text, path, rule.id)
        elif rule.channel == "Text" and mobile is False:
            text = f"Filter {rule.id} is for text messages, but the number has IsMobile false; correct one of them."
            collector.report("Preference.NotMobile", text, path, rule.id)
        if rule.channel is not None and not self._scope.permits_channel(rule.channel):
            text = f"Your user groups do not permit the channel {rule.channel} of filter {rule.id}."
            collector.report("Permission.Channel", text, path, rule.id)
        if not self._scope.permits_program(rule.program):
            text = f"Your user groups do not permit the program of filter {rule.id}."
            collector.report("Permission.Program", text, path, rule.id)

    def read_consents(
        self, collector: FaultCollector, wires: list[WireConsent] | list[VerbatimConsent] | None, path: str
    ) -> tuple[ConsentInput, ...]:
        """The consents of one array at `path`."""
        if not wires:
            return ()
        given_inputs = []
        seen: set[tuple[str, str]] = set()
        for index, wire in enumerate(collector.bound(wires, path)):
            known = self._known_consents.get((wire.ConsentType, wire.ConsentVersion, wire.Locale, wire.ConsentStatus))
            if known is not None and known[:2] not in seen and wire.Evidence is None:
                seen.add(known[:2])
                at = self._read_canonical_date(wire.ConsentDate)
                if at is None:
                    no = known[3] in WITHDRAWALS
                    at = self._read_date(collector, wire.ConsentDate, f"{path}[{index}]", "ConsentDate", no)
                if at is not None:
                    given_inputs.append(ConsentInput(*known, at, wire.ConsentDate is not None))
                continue
            given_input = self._read_consent(collector, wire, f"{path}[{index}]", seen)
            if given_input is not None:
                given_inputs.append(given_input)
        return tuple(given_inputs)

    def _read_consent(
        self, collector: FaultCollector, wire: WireConsent | VerbatimConsent, here: str, seen: set[tuple[str, str]]
    ) -> ConsentInput | None:
        status = CONSENT_STATUSES.get(wire.ConsentStatus)
        if status is None:
            status = _read_code(collector, wire.ConsentStatus, CONSENT_STATUSES, here, "ConsentStatus")
        withdrawn = status in WITHDRAWALS
        rule = self._find_consent(collector, wire.ConsentType, here, withdrawn)
        version = self._find_version(collector, wire, here, rule, withdrawn or status is None)
        locales = None if version is None else version.locales
        locale = _read_name(
            collector, locales, wire.Locale, here, "Locale", most=_CONSENT["Locale"].most, code="Consent.UnknownLocale"
        )
        at = self._read_date(collector, wire.ConsentDate, here, "ConsentDate", withdrawn)
        evidence = _read_evidence(collector, wire.Evidence, f"{here}.Evidence")
        if rule is None or version is None:
            return None
        if (rule.name, version.version) in seen:
            collector.report_repeat(here, "Consent", f"{rule.name} {version.version}")
        seen.add((rule.name, version.version))
        if status is None or locale is None or at is None:
            return None
        if not collector.faults and len(self._known_consents) < MOST_KNOWN:
            key = (wire.ConsentType, wire.ConsentVersion, wire.Locale, wire.ConsentStatus)
            self._known_consents[key] = (rule.name, version.version, locale, status)
        return ConsentInput(
            type=rule.name,
            version=version.version,
            locale=locale,
            status=status,
            at=at,
            dated=wire.ConsentDate is not None,
            evidence=evidence,
        )

    def _find_consent(
        self, collector: FaultCollector, name: str | None, path: str, withdrawn: bool
    ) -> ConsentRule | None:
        types = self._rules.consent_types
        rule = types.read(collector, name, path, "ConsentType", _CONSENT["ConsentType"].most, "Consent.UnknownType")
        if rule is None:
            return None
        if not rule.active and not withdrawn:
            text = f"Consent type {rule.name} is switched off; only a Denied or Revoked of it is accepted."
            collector.report("Consent.UnknownType", text, f"{path}.ConsentType", name)
        if not self._scope.permits_consent_type(rule.folded):
            text = f"Your user groups do not permit the consent type {rule.name}."
            collector.report("Permission.ConsentType", text, f"{path}.ConsentType", name)
        return rule

    def _find_version(
        self,
        collector: FaultCollector,
        wire: WireConsent | VerbatimConsent,
        path: str,
        rule: ConsentRule | None,
        withdrawn: bool,
    ) -> VersionRule | None:
        name = wire.ConsentVersion
        versions = None if rule is None else rule.versions
        version = _read_name(
            collector,
            versions,
            name,
            path,
            "ConsentVersion",
            most=_CONSENT["ConsentVersion"].most,
            code="Consent.UnknownVersion",
        )
        if rule is not None and version is not None and version.prior and not withdrawn and not self._allow_prior:
            text = f"Version {version.version} of {rule.name} is older than the newest active one"
            text += "; send that one, or import with AllowPriorConsents."
            collector.report("Consent.PriorVersion", text, f"{path}.ConsentVersion", name)
        return version

    def _read_canonical_date(self, given: str | None) -> int | None:
        """Like _read_date, for a time in the usual form; None if _read_date has to read the time."""
        at = None if given is None or given < self._earliest else read_canonical_time(given)
        return at if at is not None and at <= self._latest else None

    def _read_date(self, collector: FaultCollector, given: str | None, path: str, member: str, no: bool) -> int | None:
        """The time of the choice, in microseconds; None after a fault."""
        if given is None:
            if self._rules.require_dates and not collector.is_mismatch(path, member):
                message = f"{member} is required: this account does not accept undated choices."
                collector.report("Time.Required", message, f"{path}.{member}")
            return self._staged_at
        text = trim(given)
        try:
            at, day_began = read_time(text, self._rules.zone, no=no)
        except TimeFault as fault:
            message = f"{member} {quote(given)} is not a time: {fault}."
            collector.report(fault.code, message, f"{path}.{member}", given)
            return None
        latest = self._staged_at if day_began is not None else self._latest
        if (at if day_began is None else day_began) > latest:
            message = f"{member} {quote(given)} is in the future; a choice cannot have been made yet."
            collector.report("Time.InFuture", message, f"{path}.{member}", given)
            return None
        if text < self._earliest:
            message = f"{member} {quote(text)} is before {self._earliest}, the earliestDate of the account. Is the unit"
            message += " of the time wrong, seconds for milliseconds? Correct the date."
            collector.report("Date.Implausible", message, f"{path}.{member}", given)
            return None
        return at


def _read_name(
    collector: FaultCollector,
    names: CaselessIndex[ItemT] | None,
    name: str | None,
    path: str,
    member: str,
    *,
    most: int,
    code: str,
) -> ItemT | None:
    """The item of a required name. If the table of the name is not known (`names` None), the name is checked only as a
    text."""
    if names is not None:
        return names.read(collector, name, path, member, most, code)
    if name is None:
        collector.require(path, member)
    else:
        read_reference(collector, name, path, member, most)
    return None


def _read_code(
    collector: FaultCollector, given: int | str | None, codes: Mapping[int | str | None, int], path: str, member: str
) -> int | None:
    """A PreferenceType or ConsentStatus whose given value is not in the table as written."""
    if given is None:
        collector.require(path, member)
        return None
    found = codes.get(trim(given)) if isinstance(given, str) else None
    if found is None:
        known = ", ".join(str(code) for code in codes)
        code = "Preference.UnknownType" if member == "PreferenceType" else "Consent.UnknownStatus"
        collector.report(code, f"{member} {quote(given)} is not one of {known}.", f"{path}.{member}", given)
    return found


def _read_attributes(
    collector: FaultCollector, wires: list[WireAttribute] | list[VerbatimAttribute] | None, path: str
) -> dict[str, str] | None:
    if not wires:
        return None
    attributes: dict[str, str] = {}
    for index, wire in enumerate(collector.bound(wires, path, MOST_ATTRIBUTES)):
        here = f"{path}[{index}]"
        value = read_text(collector, wire.Value or "", here, "Value", *_ATTRIBUTE["Value"])
        if wire.Key is None:
            collector.require(here, "Key")
            continue
        key = read_text(collector, wire.Key, here, "Key", *_ATTRIBUTE["Key"])
        if key is None:
            continue
        if key.startswith("$"):
            text = f"Key {quote(key)} begins with $, which is reserved; choose another."
            collector.report("Preference.ReservedKey", text, f"{here}.Key", key)
        if key in attributes:
            collector.report_repeat(here, "Key", key)
        attributes[key] = value or ""
    return attributes


def _are_verbatim(wires: list[VerbatimAttribute]) -> bool:
    """True if _read_attributes would find no fault and would keep all texts unchanged."""
    keys = {wire.Key for wire in wires}
    texts = (text for wire in wires for text in (wire.Key, wire.Value or ""))
    return len(keys) == len(wires) and not any(text[:1] == "$" for text in keys) and all(map(is_trimmed, texts))


def _is_verbatim(wire: VerbatimEvidence) -> bool:
    """True if _read_evidence would find no fault and would keep all texts unchanged."""
    address = wire.IpAddress
    return all(map(is_trimmed, read_evidence(wire).values())) and (address is None or _is_ip_address(address))


def _read_evidence(
    collector: FaultCollector, wire: WireEvidence | VerbatimEvidence | None, path: str
) -> dict[str, str] | None:
    """The members of the evidence that the record gives, trimmed; None if it gives none."""
    if wire is None:
        return None
    evidence = {}
    for member, length in LENGTHS["Evidence"].items():
        given = getattr(wire, member)
        if given is None:
            continue
        text = read_text(collector, given, path, member, *length)
        if text and member == "IpAddress" and not _is_ip_address(text):
            message = f"IpAddress {quote(text)} is neither an IPv4 nor an IPv6 address."
            collector.report("Evidence.IpAddressMalformed", message, f"{path}.IpAddress", given)
        if text:
            evidence[member] = text
    return evidence or None


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
