"""Compare the names of a mapping with the account's configuration: types, filters, fields, groups, versions."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.tabular.mapping_document import UNSET, ColumnRule, MappingDocument
from consentory.codec.tabular.mapping_plan import Filling, MappingPlan
from consentory.codec.tabular.target_path import Element
from consentory.domain.configuration import Configuration, TypeName
from consentory.domain.record import KIND_MEMBERS
from consentory.domain.text import fold

_CHANNELS: dict[str, tuple[str | None, ...]] = {
    **{members.preferences: members.channels for members in KIND_MEMBERS.values()},
    "ProfilePreferences": (None,),
}


def find_default_type(configuration: Configuration, array: str) -> str:
    """The account's default type of email addresses, phone numbers or postal addresses; "" if there is none."""
    types = {
        "Emails": configuration.email_types,
        "PhoneNumbers": configuration.phone_types,
        "Addresses": configuration.address_types,
    }
    return next((item.name for item in types.get(array, ()) if item.active and item.default), "")


def check_names(document: MappingDocument, plan: MappingPlan, configuration: Configuration, log: FaultLog) -> None:
    """Report every name that the account does not have."""
    _NameCheck(configuration, log).check(document, plan)


class _NameCheck:
    def __init__(self, configuration: Configuration, log: FaultLog) -> None:
        self._configuration = configuration
        self._log = log
        self._seen: set[tuple[object, ...]] = set()
        self._types = {
            "AlternateIds": ("alternate id type", _active(configuration.alternate_id_types)),
            "Emails": ("email type", _active(configuration.email_types)),
            "PhoneNumbers": ("phone type", _active(configuration.phone_types)),
            "Addresses": ("address type", _active(configuration.address_types)),
            "Groups": ("group type", _active(configuration.group_types)),
            "CustomFields": ("custom field", [item.name for item in configuration.custom_fields if item.active]),
            "Consents": ("consent type", [item.name for item in configuration.consent_types if item.active]),
        }
        self._filters = {
            fold(item.id): item
            for program in configuration.programs
            for item in program.filters
            if program.active and item.active
        }

    def check(self, document: MappingDocument, plan: MappingPlan) -> None:
        if document.match is not None:
            self._find("alternate id type", document.match, self._types["AlternateIds"][1], "$.match")
        for filling in plan.fillings.values():
            for depth, step in enumerate(filling.target.steps, start=1):
                place = tuple(
                    item.identity if isinstance(item, Element) else item for item in filling.target.steps[:depth]
                )
                if isinstance(step, Element) and place not in self._seen:
                    self._seen.add(place)
                    self._check_element(step, filling.path)
            self._check_values(filling)

    def _check_element(self, step: Element, path: str) -> None:
        if step.array in _CHANNELS:
            self._check_filter(step, path)
        elif step.array in self._types and step.key:
            kind, known = self._types[step.array]
            self._find(kind, step.key, known, path)
        elif step.array == "PreferenceAttributes" and step.key.startswith("$"):
            self._log.refuse(path, "ReservedKey", f"the key {step.key} begins with $, which is reserved")

    def _check_filter(self, step: Element, path: str) -> None:
        channels = _CHANNELS[step.array]
        fitting = [item.id for item in self._filters.values() if item.channel in channels]
        found = self._filters.get(fold(step.key))
        if found is not None and found.channel not in channels:
            message = f"filter {found.id} has the channel {found.channel or 'none'}, which {step.array} cannot hold"
            self._log.refuse(path, "WrongPlace", f"{message}. Filters for it: {', '.join(fitting) or 'none'}")
        else:
            self._find("filter", step.key, fitting if found is None else [step.key], path)

    def _check_values(self, filling: Filling) -> None:
        """Check the constants of members that name an item of the configuration."""
        member, steps = filling.target.member, filling.target.steps
        if member == "CustomerType" and not steps:
            known, kind = _active(self._configuration.customer_types), "customer type"
        elif member == "DefaultLocale":
            known, kind = list(self._configuration.account.locales), "locale"
        elif member == "ConsentVersion" and isinstance(steps[-1], Element):
            known = [
                version.version
                for item in self._configuration.consent_types
                if fold(item.name) == fold(steps[-1].key)
                for version in item.versions
            ]
            kind = "consent version"
        else:
            return
        for value, path in _list_values(filling):
            self._find(kind, value, known, path)

    def _find(self, kind: str, name: str, known: list[str], path: str) -> None:
        folded = {fold(item): item for item in known}
        if fold(name) in folded or name.startswith(UNSET):
            return
        near = get_close_matches(fold(name), folded, n=1)
        advice = f"did you mean {folded[near[0]]}?" if near else f"known: {', '.join(known) or 'none'}"
        self._log.refuse(path, "UnknownName", f"the account has no active {kind} {name}: {advice}")


def _list_values(filling: Filling) -> Iterable[tuple[str, str]]:
    """Every value that the document itself gives a target, with the path of the value."""
    if isinstance(filling.constant, str):
        yield filling.constant, filling.path
    for _, value in filling.rules:
        if isinstance(value, str):
            yield value, filling.path
    for column, rule in filling.sources:
        for cell, value in rule.values.items() if isinstance(rule, ColumnRule) else ():
            if value != "nothing":
                yield value, f"$.columns.{column}.values.{cell}"


def _active(items: Iterable[TypeName]) -> list[str]:
    return [item.name for item in items if item.active]
