"""The change from one configuration to the next: the effective configuration, and the difference for people.

An applied item is never deleted, because it may be in use. An item that the new document leaves out is switched off and
comes after the items of the new document. Texts, expirations and the order of consent versions are evidence and do not
change. Names keep their first configured spelling (`account_spelling.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.account.account_spelling import NOTE, TYPE_NOUNS, keep_spellings
from consentory.domain.configuration import (
    Configuration,
    ConsentType,
    ConsentVersion,
    CustomField,
    Filter,
    Guard,
    Item,
    Picklist,
    Program,
    TypeName,
    User,
    UserGroup,
)
from consentory.domain.text import fold

Element = TypeName | Picklist | CustomField | Filter | Program | ConsentVersion | ConsentType | UserGroup | User
ElementT = TypeVar("ElementT", bound=Element)

_KEPT = "left out; nothing in use is deleted"
# The name of an element of each section in a line of the difference.
_NOUNS = {
    **TYPE_NOUNS,
    "picklists": "picklist",
    "custom_fields": "custom field",
    "programs": "program",
    "consent_types": "consent type",
    "user_groups": "user group",
    "users": "user",
}


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """`configuration` is the configuration to store. `lines` is the difference to the old configuration; empty if there
    is no difference.

    A line that begins with `NOTE` names a different spelling in the document; it is not a difference.
    """

    configuration: Configuration
    lines: list[str]


def is_change(lines: Iterable[str]) -> bool:
    """True if a line reports a difference. A line that only reports a spelling does not count."""
    return any(not line.startswith(NOTE) for line in lines)


def merge_configurations(
    old: Configuration | None, earlier: Sequence[Configuration], new: Configuration, log: FaultLog
) -> ConfigurationChange:
    """The change from `old`, after `earlier` revisions, to `new`. A forbidden change is added to the log with its path
    in `new`'s document."""
    if old is None:
        old = Configuration(account=new.account)
        lines = [f"+ account {new.account.client_id}"]
    else:
        lines = []
        _check_client_id(old, new, log)
        new = keep_spellings(old, earlier, new, lines)
        _describe_change("account", old.account, new.account, lines)
    _describe_guard(old.guard, new.guard, lines)
    sections: dict[str, Any] = {}
    for attribute, noun in _NOUNS.items():
        before, after = getattr(old, attribute), getattr(new, attribute)
        match attribute:
            case "programs":
                sections[attribute] = _merge_programs(before, after, lines)
            case "consent_types":
                sections[attribute] = _merge_consent_types(before, after, lines, log)
            case _:
                sections[attribute] = _merge_items(noun, before, after, lines)
    return ConfigurationChange(msgspec.structs.replace(new, **sections), lines)


def _describe_guard(old: Guard | None, new: Guard | None, lines: list[str]) -> None:
    """A guard that the document leaves out is switched off: nothing is stored that depends on a guard."""
    if new is None:
        lines += [] if old is None else ["- guard: switched off"]
    elif old is None:
        lines.append("+ guard")
        _describe_change("guard", Guard(), new, lines)
    else:
        _describe_change("guard", old, new, lines)


def _check_client_id(old: Configuration, new: Configuration, log: FaultLog) -> None:
    before, after = old.account.client_id, new.account.client_id
    if before != after:
        message = (
            f"is {before!r} and cannot become {after!r}, because an account keeps its clientId. Make a new account"
        )
        log.refuse("$.account.clientId", "ClientIdChanged", message)


def _merge_items(noun: str, old: Sequence[ElementT], new: Sequence[ElementT], lines: list[str]) -> tuple[ElementT, ...]:
    before = {_key(item): item for item in old}
    for item in new:
        _describe(noun, before.get(_key(item)), item, lines)
    _describe_order(noun, old, new, lines)
    return (*new, *_switch_off(noun, _missing(old, new), lines))


def _merge_programs(old: Sequence[Program], new: Sequence[Program], lines: list[str]) -> tuple[Program, ...]:
    """Merge the programs. A filter is identified by its id over all programs, so a filter may move from one program to
    another."""
    before = {_key(program): program for program in old}
    homes = {_key(item): (program.id, item) for program in old for item in program.filters}
    listed = [item for program in new for item in program.filters]
    merged = []
    for program in new:
        earlier = before.get(_key(program))
        _describe("program", earlier, program, lines, skip=("filters",))
        for item in program.filters:
            home, filter_before = homes.get(_key(item), (None, None))
            moved = [] if home is None or fold(home) == _key(program) else [f"program {home} -> {program.id}"]
            _describe("filter", filter_before, item, lines, more=moved)
        old_filters = earlier.filters if earlier else ()
        _describe_order("filter", old_filters, program.filters, lines)
        kept = _switch_off("filter", _missing(old_filters, listed), lines)
        merged.append(msgspec.structs.replace(program, filters=(*program.filters, *kept)))
    _describe_order("program", old, new, lines)
    # A program that is left out is switched off with its filters. Filters that moved to another program are removed
    # from it.
    kept_programs = [
        msgspec.structs.replace(program, filters=tuple(_missing(program.filters, listed)))
        for program in _switch_off("program", _missing(old, new), lines)
    ]
    return (*merged, *kept_programs)


def _merge_consent_types(
    old: Sequence[ConsentType], new: Sequence[ConsentType], lines: list[str], log: FaultLog
) -> tuple[ConsentType, ...]:
    before = {_key(item): item for item in old}
    merged = []
    for place, item in enumerate(new):
        earlier = before.get(_key(item))
        _describe("consent type", earlier, item, lines, skip=("versions",))
        versions = earlier.versions if earlier else ()
        path = f"$.consentTypes[{place}].versions"
        _check_order(path, item.name, versions, item.versions, log)
        merged.append(msgspec.structs.replace(item, versions=_merge_versions(path, item, versions, lines, log)))
    _describe_order("consent type", old, new, lines)
    return (*merged, *_switch_off("consent type", _missing(old, new), lines))


def _merge_versions(
    path: str, item: ConsentType, old: Sequence[ConsentVersion], lines: list[str], log: FaultLog
) -> tuple[ConsentVersion, ...]:
    """The applied versions in their order, then the new versions. A version that is left out keeps its rank."""
    noun = f"consent version {item.name}"
    before = {_key(version): version for version in old}
    after = {_key(version): version for version in item.versions}
    for place, version in enumerate(item.versions):
        earlier = before.get(_key(version))
        if earlier is not None:
            _check_proof(f"{path}[{place}]", earlier, version, log)
        _describe(noun, earlier, version, lines)
    kept = {_key(version): version for version in _switch_off(noun, _missing(old, item.versions), lines)}
    applied = [after.get(key) or kept[key] for key in before]
    return (*applied, *(version for key, version in after.items() if key not in before))


def _check_order(
    path: str, name: str, old: Sequence[ConsentVersion], new: Sequence[ConsentVersion], log: FaultLog
) -> None:
    """Check that applied versions come in the order in which they were applied, and before every new version."""
    ranks = {_key(version): rank for rank, version in enumerate(old)}
    latest = -1
    for place, version in enumerate(new):
        rank = ranks.get(_key(version), len(ranks))
        if rank < latest:
            message = (
                f"version {version.version!r} of {name!r} was applied before a version that stands above it now. The "
                "order is proof: keep applied versions in their order and put new ones after them"
            )
            log.refuse(f"{path}[{place}]", "OrderChanged", message)
            return
        latest = rank


def _check_proof(path: str, old: ConsentVersion, new: ConsentVersion, log: FaultLog) -> None:
    """Check that no text and no expiration of an applied version changes. A text in an additional locale is allowed."""
    advice = "this version was applied, and it is proof. Make a new version instead"
    texts = {fold(locale): (locale, text) for locale, text in new.texts.items()}
    for locale, text in old.texts.items():
        if fold(locale) not in texts:
            log.refuse(f"{path}.texts", "TextChanged", f"the text {locale} cannot be removed: {advice}")
        elif texts[fold(locale)][1] != text:
            given = texts[fold(locale)][0]
            log.refuse(f"{path}.texts.{given}", "TextChanged", f"the text {given} cannot change: {advice}")
    if old.expiration_days != new.expiration_days:
        change = f"{_show(old.expiration_days)} -> {_show(new.expiration_days)}"
        message = f"expirationDays cannot change ({change}): {advice}"
        log.refuse(f"{path}.expirationDays", "ExpirationChanged", message)


def _missing(old: Iterable[ElementT], new: Iterable[ElementT]) -> list[ElementT]:
    listed = {_key(item) for item in new}
    return [item for item in old if _key(item) not in listed]


def _switch_off(noun: str, items: Iterable[ElementT], lines: list[str]) -> list[ElementT]:
    """The items switched off, with a line for each item that was on. No item stays the default, because another item
    may become it."""
    kept: list[ElementT] = []
    for item in items:
        if item.active:
            lines.append(f"- {noun} {_name(item)}: switched off ({_KEPT})")
        changes = {"active": False, "default": False} if isinstance(item, TypeName) else {"active": False}
        kept.append(msgspec.structs.replace(item, **changes))
    return kept


def _describe(
    noun: str,
    old: ElementT | None,
    new: ElementT,
    lines: list[str],
    *,
    skip: tuple[str, ...] = (),
    more: Sequence[str] = (),
) -> None:
    if old is None:
        lines.append(f"+ {noun} {_name(new)}" + ("" if new.active else " (switched off)"))
        return
    _describe_change(f"{noun} {_name(new)}", old, new, lines, skip=skip, more=more)


def _describe_change(
    name: str,
    old: Item,
    new: Item,
    lines: list[str],
    *,
    skip: tuple[str, ...] = (),
    more: Sequence[str] = (),
) -> None:
    changes = [*more, *_list_changes(old, new, skip)]
    if changes:
        sign = "-" if "switched off" in changes else "~"
        lines.append(f"{sign} {name}: {', '.join(changes)}")


def _list_changes(old: Item, new: Item, skip: tuple[str, ...]) -> Iterable[str]:
    for field in msgspec.structs.fields(new):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after or field.name in skip:
            continue
        if field.name == "active":
            yield "switched on" if after else "switched off"
        elif isinstance(before, Item):
            yield from (f"{field.encode_name}.{change}" for change in _list_changes(before, after, ()))
        else:
            yield f"{field.encode_name} {_show(before)} -> {_show(after)}"


def _describe_order(noun: str, old: Sequence[Element], new: Sequence[Element], lines: list[str]) -> None:
    was = [_key(item) for item in old]
    common = [item for item in new if _key(item) in set(was)]
    now = [_key(item) for item in common]
    if now != [key for key in was if key in set(now)]:
        lines.append(f"~ {noun}s: order {', '.join(_name(item) for item in common)}")


def _name(item: Element) -> str:
    if isinstance(item, ConsentVersion):
        return item.version
    return item.id if isinstance(item, Program | Filter | User) else item.name


def _key(item: Element) -> str:
    return fold(_name(item))


def _show(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return f"[{', '.join(value)}]"
    return msgspec.json.encode(value).decode()
