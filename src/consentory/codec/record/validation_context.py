"""A configuration index prepared for validation: compiled patterns and indexed names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from consentory.codec.account_pattern import AccountPattern
from consentory.codec.text_rules import CaselessIndex
from consentory.domain.configuration import CustomField, Filter, TypeName
from consentory.domain.configuration_index import ConfigurationIndex, ConsentEntry, TypeTable
from consentory.domain.text import fold

MOST_KNOWN = 4096
"""Number of values that a reader remembers in order to read each value once. Only values of records without a fault so
far are remembered: a full list of faults could not tell that another fault exists."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """A type as configured, and the pattern that the whole value must match."""

    name: str
    folded: str
    pattern: AccountPattern | None


@dataclass(frozen=True, slots=True)
class FilterRule:
    id: str
    program: str
    """The program's id, caseless."""
    channel: str | None
    frequencies: CaselessIndex[str]


@dataclass(frozen=True, slots=True)
class VersionRule:
    version: str
    prior: bool
    """As `ConsentEntry.is_prior`."""
    locales: CaselessIndex[str]


@dataclass(frozen=True, slots=True)
class ConsentRule:
    name: str
    folded: str
    active: bool
    versions: CaselessIndex[VersionRule]


@dataclass(frozen=True, slots=True)
class FieldRule:
    field: CustomField
    pattern: AccountPattern | None
    options: CaselessIndex[str] | None
    """The options of the picklist, for a SelectList."""
    least: Decimal | None
    most: Decimal | None


class ValidationContext:
    """The data of one configuration index that validation needs. The tables contain only items that are switched on,
    except consent types: a withdrawal of any consent type is accepted."""

    def __init__(self, configuration_index: ConfigurationIndex) -> None:
        configuration = configuration_index.configuration
        self.account_id = configuration_index.account_id
        self.zone = configuration_index.zone
        self.phone_region = configuration_index.account.phone_region
        self.require_dates = configuration_index.account.require_dates
        self.earliest_date = configuration_index.account.earliest_date.isoformat()
        self.locales = CaselessIndex((name, name) for name in configuration.account.locales)
        self.customer_types = _index_types(configuration.customer_types)
        self.alternate_id_types = _index_types(configuration.alternate_id_types)
        self.email_types = _index_types(configuration.email_types, configuration_index.email_types)
        self.phone_types = _index_types(configuration.phone_types, configuration_index.phone_types)
        self.address_types = _index_types(configuration.address_types, configuration_index.address_types)
        self.group_types = _index_types(configuration.group_types)
        self.filters = CaselessIndex(
            (item.id, _rule_filter(item, program.id))
            for program in configuration.programs
            for item in program.filters
            if item.active and program.active
        )
        self.consent_types = CaselessIndex(
            (name, _rule_consent(entry)) for name, entry in configuration_index.consent_types.items()
        )
        self.fields = CaselessIndex(
            (item.name, _rule_field(item, configuration_index)) for item in configuration.custom_fields if item.active
        )
        self.known_fields: dict[tuple[str | None, str | None], tuple[str, str]] = {}
        """Maps names and short values as sent to the result of validate_fields, for all callers."""


@lru_cache(maxsize=64)
def compile_validation_context(configuration_index: ConfigurationIndex) -> ValidationContext:
    """The validation context of a configuration index. It is made once for each index."""
    return ValidationContext(configuration_index)


def _compile(pattern: str | None) -> AccountPattern | None:
    return None if pattern is None else AccountPattern(pattern)


def _index_types(items: Iterable[TypeName], table: TypeTable | None = None) -> CaselessIndex[TypeRule]:
    """The active types by name. The key None has the default type, for arrays whose elements may leave the type out."""
    rules = {item.name: TypeRule(item.name, fold(item.name), _compile(item.pattern)) for item in items if item.active}
    names: CaselessIndex[TypeRule] = CaselessIndex(rules.items())
    if table is not None and table.default is not None:
        names.exact[None] = rules[table.default]
    return names


def _rule_filter(item: Filter, program: str) -> FilterRule:
    frequencies = CaselessIndex((name, name) for name in item.frequencies)
    return FilterRule(item.id, fold(program), item.channel, frequencies)


def _rule_consent(entry: ConsentEntry) -> ConsentRule:
    item = entry.type
    versions = CaselessIndex(
        (
            one.version,
            VersionRule(one.version, entry.is_prior(one.version), CaselessIndex((name, name) for name in one.texts)),
        )
        for one in item.versions
    )
    return ConsentRule(item.name, fold(item.name), item.active, versions)


def _rule_field(item: CustomField, configuration_index: ConfigurationIndex) -> FieldRule:
    options = None
    if item.type == "SelectList":
        values = configuration_index.picklists.get(fold(item.picklist or ""), {}).values()
        options = CaselessIndex((value, value) for value in values)
    least, most = (None if bound is None else Decimal(repr(bound)) for bound in (item.min, item.max))
    return FieldRule(item, _compile(item.pattern), options, least, most)
