"""An index of a configuration: names by their caseless form, consent versions by rank, users by permission."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from consentory.domain.configuration import (
    Configuration,
    ConsentType,
    CustomField,
    Filter,
    Permissions,
    TypeName,
    User,
)
from consentory.domain.text import fold

ItemT = TypeVar("ItemT", TypeName, CustomField, ConsentType)
ValueT = TypeVar("ValueT")
LiteralT = TypeVar("LiteralT", bound=str)


class Caseless(dict[str, ValueT]):
    """Maps each configured name to the item of that name. `[name]` finds an item by any spelling of the item's name."""

    def __init__(self, items: Iterable[tuple[str, ValueT]]) -> None:
        super().__init__(items)
        self._folded = {fold(name): value for name, value in self.items()}

    def __missing__(self, name: str) -> ValueT:
        return self._folded[fold(name)]

    def find(self, name: str) -> ValueT | None:
        """The item of that name in any spelling; None if no item has that name."""
        return self._folded.get(fold(name))


def _by_name(items: Iterable[ItemT]) -> Caseless[ItemT]:
    return Caseless((item.name, item) for item in items)


@dataclass(frozen=True, slots=True)
class TypeTable:
    """The types of one kind, by caseless name, and the name of the default type."""

    by_name: Caseless[TypeName]
    default: str | None

    @classmethod
    def of(cls, items: tuple[TypeName, ...]) -> TypeTable:
        active = [item for item in items if item.active]
        chosen = next((item.name for item in active if item.default), None)
        return cls(_by_name(items), chosen)

    def find(self, name: str) -> TypeName | None:
        """The active type of that name in any spelling; None if no type has that name or the type is switched off."""
        item = self.by_name.find(name)
        return item if item is not None and item.active else None


@dataclass(frozen=True, slots=True)
class FilterEntry:
    """A filter and the program of the filter. `frequencies` maps the caseless form of a frequency to the configured
    form."""

    filter: Filter
    program_id: str
    active: bool
    frequencies: dict[str, str]


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """A consent type. `ranks` maps each version to its place in the order; rank 0 is the oldest version."""

    type: ConsentType
    ranks: Caseless[int]
    newest_active: int
    """Rank of the newest active version; -1 if no version is active."""

    def is_prior(self, version: str) -> bool:
        """True if the version is older than the newest active version (record.md, "Consent")."""
        return self.ranks[version] < self.newest_active


class ConfigurationIndex:
    """One revision of an account's configuration, indexed. Immutable. A process makes one index per revision."""

    def __init__(
        self, account_id: int, revision: int, configuration: Configuration, *, respelled: bool = False
    ) -> None:
        """`respelled`: True if stored people and staged records may spell names in another way
        (`domain/spelling.py`)."""
        self.account_id = account_id
        self.revision = revision
        self.configuration = configuration
        self.respelled = respelled
        self.account = configuration.account
        self.zone = ZoneInfo(configuration.account.time_zone)
        self.locales = {fold(name): name for name in configuration.account.locales}
        self.default_locale = configuration.account.locales[0]
        self.customer_types = TypeTable.of(configuration.customer_types)
        self.alternate_id_types = TypeTable.of(configuration.alternate_id_types)
        self.email_types = TypeTable.of(configuration.email_types)
        self.phone_types = TypeTable.of(configuration.phone_types)
        self.address_types = TypeTable.of(configuration.address_types)
        self.group_types = TypeTable.of(configuration.group_types)
        self.custom_fields = _by_name(configuration.custom_fields)
        self.picklists = {
            fold(item.name): {fold(value): value for value in item.values} for item in configuration.picklists
        }

    @cached_property
    def rules_digest(self) -> bytes:
        """A digest of 16 bytes. Two configurations have the same digest only if they apply every record in the same
        way.

        The digest leaves out users, user groups and the guard: permissions are checked when a record is staged, and the
        guard decides only when an import starts.
        """
        rules = msgspec.structs.replace(self.configuration, user_groups=(), users=(), guard=None)
        return blake2b(msgspec.json.encode(rules), digest_size=16).digest()

    @cached_property
    def filters(self) -> Caseless[FilterEntry]:
        """Every filter by its id, including filters that are switched off."""
        return Caseless(
            (
                item.id,
                FilterEntry(
                    item,
                    program.id,
                    item.active and program.active,
                    {fold(name): name for name in item.frequencies},
                ),
            )
            for program in self.configuration.programs
            for item in program.filters
        )

    @cached_property
    def consent_types(self) -> Caseless[ConsentEntry]:
        """Every consent type by its name, including consent types that are switched off."""
        entries = []
        for item in self.configuration.consent_types:
            active = [rank for rank, version in enumerate(item.versions) if version.active]
            ranks = Caseless((version.version, rank) for rank, version in enumerate(item.versions))
            entries.append((item.name, ConsentEntry(item, ranks, max(active, default=-1))))
        return Caseless(entries)

    @cached_property
    def required_fields(self) -> tuple[CustomField, ...]:
        """The active custom fields that a new profile must have."""
        return tuple(item for item in self.configuration.custom_fields if item.required and item.active)

    @cached_property
    def default_fields(self) -> dict[str, str]:
        """Maps name to default value, for each active custom field with a default. Defaults apply only when a profile
        is created."""
        return {
            item.name: item.default
            for item in self.configuration.custom_fields
            if item.active and item.default is not None
        }

    def find_user(self, user_id: str) -> User | None:
        """The active user with exactly that id; None if there is no such user."""
        return next((user for user in self.configuration.users if user.id == user_id and user.active), None)

    def permissions_of(self, user: User) -> Permissions:
        """The union of the permissions of the user's groups."""
        groups = {group.name: group for group in self.configuration.user_groups if group.active}
        held = [groups[name].permissions for name in user.groups if name in groups]
        return Permissions(
            import_=any(item.import_ for item in held),
            profile=_union(item.profile for item in held),
            channels=_widest(item.channels for item in held),
            programs=_widest(item.programs for item in held),
            consent_types=_widest(item.consent_types for item in held),
            configuration=_union(item.configuration for item in held),
            audit=any(item.audit for item in held),
            release=any(item.release for item in held),
        )


def _union(lists: Iterable[Iterable[LiteralT]]) -> tuple[LiteralT, ...]:
    return tuple(dict.fromkeys(value for values in lists for value in values))


def _widest(scopes: Iterable[Literal["all"] | tuple[LiteralT, ...]]) -> Literal["all"] | tuple[LiteralT, ...]:
    lists: list[tuple[LiteralT, ...]] = []
    for scope in scopes:
        if scope == "all":
            return "all"
        lists.append(scope)
    return _union(lists)
