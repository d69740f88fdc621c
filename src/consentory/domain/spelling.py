"""Names as configured: stored and staged names in another spelling are read in the spelling of the configuration.

Since a later release, a name keeps its first configured spelling. Earlier releases took over a new spelling of the
account document. They treated choices, ids, groups, elements and fields with different spellings as different items, so
a person may have an item twice. This module joins such items whenever the person is read. The joined items are stored
with the person's next change. All other code, such as merging and rendering, compares names exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.doubles import join_doubles, join_fields
from consentory.domain.profile import Element, ProfileState
from consentory.domain.record import KINDS, ConsentInput, ElementInput, Kind, PreferenceInput, Record
from consentory.domain.text import fold

KeyT = TypeVar("KeyT")
_SEPARATOR = "::"


class _Known(dict[KeyT, KeyT]):
    """Maps a looked-up name to its configured form. Each name is searched once. The map stays small, because every name
    in it was configured at some time."""

    def __init__(self, find: Callable[[KeyT], KeyT]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: KeyT) -> KeyT:
        found = self[key] = self._find(key)
        return found


def _name_finder(names: Iterable[str]) -> _Known[str]:
    folded = {fold(name): name for name in names}
    return _Known(lambda name: folded.get(fold(name), name))


class Spelling:
    """The spellings of one configuration index. A name that is not configured stays unchanged."""

    def __init__(self, configuration_index: ConfigurationIndex) -> None:
        configuration = configuration_index.configuration
        self._catalog = configuration_index
        self.are_many = configuration_index.respelled
        """False if the account never had another spelling. Then no name needs a search."""
        self.locales = _name_finder(configuration.account.locales)
        self.customer_types = _name_finder(item.name for item in configuration.customer_types)
        self.alternate_id_types = _name_finder(item.name for item in configuration.alternate_id_types)
        self.group_types = _name_finder(item.name for item in configuration.group_types)
        self.element_types: dict[Kind, _Known[str]] = {
            "Email": _name_finder(item.name for item in configuration.email_types),
            "Phone": _name_finder(item.name for item in configuration.phone_types),
            "Address": _name_finder(item.name for item in configuration.address_types),
        }
        self.preferences = _Known(self._find_preference)
        """Keys: (filter, frequency)."""
        self.consents = _Known(self._find_consent)
        """Keys: (type, version, locale)."""
        self.fields = _name_finder(item.name for item in configuration.custom_fields)
        self.options: dict[str, Mapping[str, str]] = {
            item.name: configuration_index.picklists.get(fold(item.picklist or ""), {})
            for item in configuration.custom_fields
            if item.type == "SelectList"
        }
        """For each field with a picklist: the options by their folded form."""

    def _find_preference(self, key: tuple[str, str | None]) -> tuple[str, str | None]:
        entry = self._catalog.filters[key[0]]
        frequency = None if key[1] is None else entry.frequencies.get(fold(key[1]), key[1])
        return entry.filter.id, frequency

    def _find_consent(self, key: tuple[str, str, str]) -> tuple[str, str, str]:
        entry = self._catalog.consent_types[key[0]].type
        version = next(item for item in entry.versions if fold(item.version) == fold(key[1]))
        locales = {fold(locale): locale for locale in version.texts}
        return entry.name, version.version, locales.get(fold(key[2]), key[2])

    def keeps_first(self, name: str) -> bool:
        """True if the custom field's update rule keeps the first value."""
        return self._catalog.custom_fields[name].update_rule in ("Never", "IfCurrentValueIsBlank")

    def spell_value(self, name: str, value: str) -> str:
        """The value of a custom field. An option of a picklist is spelled as configured."""
        options = self.options.get(name)
        if options is None or not value:
            return value
        return _SEPARATOR.join(options.get(fold(option), option) for option in value.split(_SEPARATOR))


@lru_cache(maxsize=64)
def find_spelling(configuration_index: ConfigurationIndex) -> Spelling:
    """The spellings of a configuration index. They are made once for each index."""
    return Spelling(configuration_index)


def spell_record(record: Record, names: Spelling) -> Record:
    """The record with every name as configured. The record may have been staged with another spelling."""
    if not names.are_many or _is_spelled(record, record.fields, names):
        return record
    return msgspec.structs.replace(
        record,
        locale=None if record.locale is None else names.locales[record.locale],
        customer_type=None if record.customer_type is None else names.customer_types[record.customer_type],
        alternate_ids=tuple(
            msgspec.structs.replace(given_input, type=names.alternate_id_types[given_input.type])
            for given_input in record.alternate_ids
        ),
        emails=_respell_elements(record, "Email", names),
        phones=_respell_elements(record, "Phone", names),
        addresses=_respell_elements(record, "Address", names),
        preferences=_respell_preferences(record.preferences, names),
        consents=_respell_consents(record.consents, names),
        groups=tuple(
            msgspec.structs.replace(given_input, type=names.group_types[given_input.type])
            for given_input in record.groups
        ),
        fields=tuple(_respell_field(name, value, names) for name, value in record.fields),
    )


def spell_body(body: ProfileState, names: Spelling) -> None:
    """Spell every name of a body as configured, in place, and join items that differed only in the spelling."""
    if not names.are_many or _is_spelled(body, body.fields.items(), names):
        return
    body.locale = names.locales[body.locale]
    if body.customer_type is not None:
        body.customer_type = names.customer_types[body.customer_type]
    for item in body.alternate_ids:
        item.type = names.alternate_id_types[item.type]
    for group in body.groups:
        group.type = names.group_types[group.type]
    for kind in KINDS:
        for element in body.elements(kind):
            element.type = names.element_types[kind][element.type]
            _spell_choices(element, names)
    _spell_choices(body, names)
    body.fields = join_fields([(names.fields[name], value) for name, value in body.fields.items()], names.keeps_first)
    for name, value in body.fields.items():
        body.fields[name] = names.spell_value(name, value)
    join_doubles(body)


def spell_choice(value: Mapping[str, Any], names: Spelling) -> dict[str, Any]:
    """The wire members of a choice, as the ledger keeps them. The names are spelled as configured."""
    if "FilterId" in value:
        filter_id, frequency = names.preferences[value["FilterId"], value.get("FrequencyId")]
        return {**value, "FilterId": filter_id, **({} if frequency is None else {"FrequencyId": frequency})}
    name, version, locale = names.consents[value["ConsentType"], value["ConsentVersion"], value["Locale"]]
    return {**value, "ConsentType": name, "ConsentVersion": version, "Locale": locale}


def _spell_choices(owner: ProfileState | Element, names: Spelling) -> None:
    for item in owner.preferences:
        item.filter, item.frequency = names.preferences[item.filter, item.frequency]
    for consent in owner.consents:
        consent.type, consent.version, consent.locale = names.consents[consent.type, consent.version, consent.locale]


def _is_spelled(said: ProfileState | Record, fields: Iterable[tuple[str, str | None]], names: Spelling) -> bool:
    """True if every name is spelled as configured. This is the usual case, so the loops here only look names up."""
    if said.locale is not None and names.locales[said.locale] != said.locale:
        return False
    if said.customer_type is not None and names.customer_types[said.customer_type] != said.customer_type:
        return False
    types = names.alternate_id_types
    for item in said.alternate_ids:
        if types[item.type] != item.type:
            return False
    for group in said.groups:
        if names.group_types[group.type] != group.type:
            return False
    if said.emails and not _are_spelled(said.emails, "Email", names):
        return False
    if said.phones and not _are_spelled(said.phones, "Phone", names):
        return False
    if said.addresses and not _are_spelled(said.addresses, "Address", names):
        return False
    if not _are_choices_spelled(said, names):
        return False
    for name, value in fields:
        if names.fields[name] != name:
            return False
        if value is not None and name in names.options and names.spell_value(name, value) != value:
            return False
    return True


def _are_spelled(elements: Iterable[Element | ElementInput], kind: Kind, names: Spelling) -> bool:
    types = names.element_types[kind]
    for element in elements:
        if types[element.type] != element.type or not _are_choices_spelled(element, names):
            return False
    return True


def _are_choices_spelled(owner: ProfileState | Record | Element | ElementInput, names: Spelling) -> bool:
    preferences, consents = names.preferences, names.consents
    for item in owner.preferences:
        key = (item.filter, item.frequency)
        if preferences[key] != key:
            return False
    for consent in owner.consents:
        triple = (consent.type, consent.version, consent.locale)
        if consents[triple] != triple:
            return False
    return True


def _respell_elements(record: Record, kind: Kind, names: Spelling) -> tuple[ElementInput, ...]:
    types = names.element_types[kind]
    return tuple(
        msgspec.structs.replace(
            given_input,
            type=types[given_input.type],
            preferences=_respell_preferences(given_input.preferences, names),
            consents=_respell_consents(given_input.consents, names),
        )
        for given_input in record.elements(kind)
    )


def _respell_preferences(given_inputs: Iterable[PreferenceInput], names: Spelling) -> tuple[PreferenceInput, ...]:
    respelled = []
    for given_input in given_inputs:
        filter_id, frequency = names.preferences[given_input.filter, given_input.frequency]
        respelled.append(msgspec.structs.replace(given_input, filter=filter_id, frequency=frequency))
    return tuple(respelled)


def _respell_consents(given_inputs: Iterable[ConsentInput], names: Spelling) -> tuple[ConsentInput, ...]:
    respelled = []
    for given_input in given_inputs:
        name, version, locale = names.consents[given_input.type, given_input.version, given_input.locale]
        respelled.append(msgspec.structs.replace(given_input, type=name, version=version, locale=locale))
    return tuple(respelled)


def _respell_field(name: str, value: str | None, names: Spelling) -> tuple[str, str | None]:
    spelled = names.fields[name]
    return spelled, None if value is None else names.spell_value(spelled, value)
