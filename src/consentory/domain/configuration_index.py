"""A configuration made quick to ask: names by their caseless form, versions by rank, users by permission."""

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
    """Configured names to what they stand for. `[name]` finds an item by any spelling of its name."""

    def __init__(self, items: Iterable[tuple[str, ValueT]]) -> None:
        super().__init__(items)
        self._folded = {fold(name): value for name, value in self.items()}

    def __missing__(self, name: str) -> ValueT:
        return self._folded[fold(name)]

    def find(self, name: str) -> ValueT | None:
        """The item of that name in any spelling; None when there is none."""
        return self._folded.get(fold(name))


def _by_name(items: Iterable[ItemT]) -> Caseless[ItemT]:
    return Caseless((item.name, item) for item in items)


@dataclass(frozen=True, slots=True)
class TypeTable:
    """The types of one kind: all by caseless name, and the default one's name."""

    by_name: Caseless[TypeName]
    default: str | None

    @classmethod
    def of(cls, items: tuple[TypeName, ...]) -> TypeTable:
        active = [item for item in items if item.active]
        chosen = next((item.name for item in active if item.default), None)
        return cls(_by_name(items), chosen)

    def find(self, name: str) -> TypeName | None:
        """The active type of that name, caseless; None when there is none or it is switched off."""
        item = self.by_name.find(name)
        return item if item is not None and item.active else None


@dataclass(frozen=True, slots=True)
class FilterEntry:
    """A filter together with its program; `frequencies` maps the caseless to the configured form."""

    filter: Filter
    program_id: str
    active: bool
    frequencies: dict[str, str]


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """A consent type; `ranks` gives each version its place in the order, 0 the oldest."""

    type: ConsentType
    ranks: Caseless[int]
    newest_active: int
    """Rank of the newest active version, -1 when none is active."""

    def is_prior(self, version: str) -> bool:
        """True for a version that is older than the newest active one (record.md, "Consent")."""
        return self.ranks[version] < self.newest_active


class ConfigurationIndex:
    """One revision of an account's configuration, indexed. Immutable; made once per revision and process."""

    def __init__(
        self, account_id: int, revision: int, configuration: Configuration, *, respelled: bool = False
    ) -> None:
        """`respelled`: people and staged records may have names in another spelling (`domain/spelling.py`)."""
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
        """16 bytes that tell the configurations apart by which a record may be applied differently.

        Who may call is left out: it is looked at when a record is staged, and changes more often than all the rest.
        """
        rules = msgspec.structs.replace(self.configuration, user_groups=(), users=())
        return blake2b(msgspec.json.encode(rules), digest_size=16).digest()

    @cached_property
    def filters(self) -> Caseless[FilterEntry]:
        """Every filter by its id, switched off ones included."""
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
        """Every consent type by its name, switched off ones included."""
        entries = []
        for item in self.configuration.consent_types:
            active = [rank for rank, version in enumerate(item.versions) if version.active]
            ranks = Caseless((version.version, rank) for rank, version in enumerate(item.versions))
            entries.append((item.name, ConsentEntry(item, ranks, max(active, default=-1))))
        return Caseless(entries)

    @cached_property
    def required_fields(self) -> tuple[CustomField, ...]:
        """Active custom fields that a profile being created must have."""
        return tuple(item for item in self.configuration.custom_fields if item.required and item.active)

    @cached_property
    def default_fields(self) -> dict[str, str]:
        """Name to default value of the active custom fields that have one; counts only at creation."""
        return {
            item.name: item.default
            for item in self.configuration.custom_fields
            if item.active and item.default is not None
        }

    def find_user(self, user_id: str) -> User | None:
        """The active user of that id, exact; None when there is none."""
        return next((user for user in self.configuration.users if user.id == user_id and user.active), None)

    def permissions_of(self, user: User) -> Permissions:
        """What the user's groups permit together: the union of their permissions."""
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
