"""A name keeps its first configured spelling: if a document spells a name differently, the document is read with the
first spelling.

Stored choices, ids, groups, elements and fields contain the names as configured, and spelling never makes two items of
one (record.md, introduction). A reference to a name is spelled as the name (`account_rules.py`), so a reference gets
the same spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from consentory.domain.configuration import (
    Account,
    Configuration,
    ConsentType,
    ConsentVersion,
    CustomField,
    Filter,
    Permissions,
    Picklist,
    Program,
    TypeName,
    User,
    UserGroup,
)
from consentory.domain.text import fold

NOTE = "= "
"""The beginning of a line that reports a spelling. Such a line is not a change."""

CaselessIndex = Mapping[str, str]
"""Maps the spelling of the new document to the spelling that stays."""

ItemT = TypeVar("ItemT", TypeName, Picklist, CustomField, ConsentType, UserGroup)

_SEPARATOR = "::"
TYPE_NOUNS = {
    "customer_types": "customer type",
    "alternate_id_types": "alternate id type",
    "email_types": "email type",
    "phone_types": "phone type",
    "address_types": "address type",
    "group_types": "group type",
}
"""The name of an element of each section of types in a line of the difference."""


def keep_spellings(
    old: Configuration, earlier: Sequence[Configuration], new: Configuration, lines: list[str]
) -> Configuration:
    """`new` with every name as `old` spells it, and a line for each name that `new` spells differently.

    `earlier` revisions give the spelling of options, frequencies and locales that `old` no longer has. Only these are
    not kept in the configuration when a document leaves them out.
    """
    return _Speller(old, earlier, new, lines).spell()


class _Speller:
    def __init__(
        self, old: Configuration, earlier: Sequence[Configuration], new: Configuration, lines: list[str]
    ) -> None:
        self._old, self._new, self._lines = old, new, lines
        self._revisions = (old, *earlier)  # if spellings differ, the configuration in force decides
        locales = [locale for revision in self._revisions for locale in revision.account.locales]
        self._locales = self._keep("locale", locales, new.account.locales)
        self._picklists = self._keep("picklist", _names(old.picklists), _names(new.picklists))
        self._fields = self._keep("custom field", _names(old.custom_fields), _names(new.custom_fields))
        self._programs = self._keep("program", _ids(old.programs), _ids(new.programs))
        self._filters = self._keep("filter", _filter_ids(old), _filter_ids(new))
        self._consents = self._keep("consent type", _names(old.consent_types), _names(new.consent_types))
        self._groups = self._keep("user group", _names(old.user_groups), _names(new.user_groups))
        self._users = self._keep("user", _ids(old.users), _ids(new.users))

    def spell(self) -> Configuration:
        old, new = self._old, self._new
        types = {
            section: self._spell_types(noun, getattr(old, section), getattr(new, section))
            for section, noun in TYPE_NOUNS.items()
        }
        values = self._keep_values()
        return msgspec.structs.replace(
            new,
            account=self._spell_account(new.account),
            **types,
            picklists=tuple(
                msgspec.structs.replace(item, values=tuple(values[fold(item.name)][value] for value in item.values))
                for item in _rename(new.picklists, self._picklists)
            ),
            custom_fields=tuple(self._spell_field(item, values) for item in _rename(new.custom_fields, self._fields)),
            programs=tuple(self._spell_program(program) for program in new.programs),
            consent_types=tuple(self._spell_consent(item) for item in _rename(new.consent_types, self._consents)),
            user_groups=tuple(
                msgspec.structs.replace(item, permissions=self._spell_permissions(item.permissions))
                for item in _rename(new.user_groups, self._groups)
            ),
            users=tuple(self._spell_user(user) for user in new.users),
        )

    def _keep(self, noun: str, old: Iterable[str], new: Iterable[str]) -> CaselessIndex:
        """Maps each new name to its spelling so far, or to itself; adds a line for each name with another spelling."""
        before: dict[str, str] = {}
        for name in old:
            before.setdefault(fold(name), name)
        kept = {name: before.get(fold(name), name) for name in new}
        self._lines += [
            f"{NOTE}{noun} {name}: stays {stays}, as first spelled" for name, stays in kept.items() if name != stays
        ]
        return kept

    def _spell_account(self, account: Account) -> Account:
        return msgspec.structs.replace(account, locales=tuple(self._locales[name] for name in account.locales))

    def _spell_labels(self, labels: dict[str, dict[str, str]], before: Iterable[str]) -> dict[str, dict[str, str]]:
        known = {fold(locale): locale for locale in (*self._locales.values(), *before)}
        return {known.get(fold(locale), locale): texts for locale, texts in labels.items()}

    def _spell_types(self, noun: str, old: tuple[TypeName, ...], new: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
        before = {fold(item.name): item for item in old}
        renamed = _rename(new, self._keep(noun, _names(old), _names(new)))
        return tuple(self._spell_item(item, before.get(fold(item.name))) for item in renamed)

    def _spell_item(self, item: TypeName, before: TypeName | None) -> TypeName:
        return msgspec.structs.replace(item, labels=self._spell_labels(item.labels, before.labels if before else ()))

    def _keep_values(self) -> dict[str, CaselessIndex]:
        """The spellings of the values of each picklist, by the folded name of the picklist."""
        before: dict[str, list[str]] = {}
        for revision in self._revisions:
            for item in revision.picklists:
                before.setdefault(fold(item.name), []).extend(item.values)
        return {
            fold(item.name): self._keep(f"picklist {item.name}: value", before.get(fold(item.name), ()), item.values)
            for item in self._new.picklists
        }

    def _spell_field(self, field: CustomField, values: Mapping[str, CaselessIndex]) -> CustomField:
        before = next((item for item in self._old.custom_fields if item.name == field.name), None)
        changes: dict[str, Any] = {"labels": self._spell_labels(field.labels, before.labels if before else ())}
        if field.picklist is not None:
            changes["picklist"] = self._picklists[field.picklist]
            if field.default is not None:
                options = {fold(name): stays for name, stays in values[fold(field.picklist)].items()}
                chosen = field.default.split(_SEPARATOR)
                changes["default"] = _SEPARATOR.join(options.get(fold(one.strip()), one) for one in chosen)
        return msgspec.structs.replace(field, **changes)

    def _spell_program(self, program: Program) -> Program:
        filters = tuple(self._spell_filter(item) for item in program.filters)
        return msgspec.structs.replace(program, id=self._programs[program.id], filters=filters)

    def _spell_filter(self, item: Filter) -> Filter:
        before = [
            frequency
            for revision in self._revisions
            for program in revision.programs
            for one in program.filters
            if fold(one.id) == fold(item.id)
            for frequency in one.frequencies
        ]
        kept = self._keep(f"filter {item.id}: frequency", before, item.frequencies)
        default = item.default_frequency
        return msgspec.structs.replace(
            item,
            id=self._filters[item.id],
            frequencies=tuple(kept[name] for name in item.frequencies),
            default_frequency=None if default is None else kept[default],
            required_consents=tuple(self._consents[name] for name in item.required_consents),
        )

    def _spell_consent(self, item: ConsentType) -> ConsentType:
        before = next((one for one in self._old.consent_types if one.name == item.name), None)
        applied = {} if before is None else {fold(version.version): version for version in before.versions}
        noun = f"consent type {item.name}: version"
        kept = self._keep(noun, [one.version for one in applied.values()], [one.version for one in item.versions])

        def spell_version(version: ConsentVersion) -> ConsentVersion:
            known = applied.get(fold(version.version))
            name = f"consent version {item.name} {kept[version.version]}: locale"
            texts = self._keep(name, known.texts if known else self._locales.values(), version.texts)
            spelled = {texts[locale]: text for locale, text in version.texts.items()}
            return msgspec.structs.replace(version, version=kept[version.version], texts=spelled)

        return msgspec.structs.replace(item, versions=tuple(spell_version(version) for version in item.versions))

    def _spell_permissions(self, permitted: Permissions) -> Permissions:
        programs, consents = permitted.programs, permitted.consent_types
        return msgspec.structs.replace(
            permitted,
            programs="all" if programs == "all" else tuple(self._programs[name] for name in programs),
            consent_types="all" if consents == "all" else tuple(self._consents[name] for name in consents),
        )

    def _spell_user(self, user: User) -> User:
        groups = tuple(self._groups[name] for name in user.groups)
        return msgspec.structs.replace(user, id=self._users[user.id], groups=groups)


def _names(items: Iterable[TypeName | Picklist | CustomField | ConsentType | UserGroup]) -> list[str]:
    return [item.name for item in items]


def _filter_ids(configuration: Configuration) -> list[str]:
    return [item.id for program in configuration.programs for item in program.filters]


def _ids(items: Iterable[Program | User]) -> list[str]:
    return [item.id for item in items]


def _rename(items: Iterable[ItemT], kept: CaselessIndex) -> list[ItemT]:
    return [msgspec.structs.replace(item, name=kept[item.name]) for item in items]
