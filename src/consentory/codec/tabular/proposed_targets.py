"""Targets for a person to choose from, and the change of one column's target in the text of a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from consentory.codec.tabular.mapping_document import IGNORE, TableMapping
from consentory.codec.tabular.mapping_suggestion import quote_text
from consentory.domain.configuration import Configuration

_KINDS = {"Email": "Emails", "Text": "PhoneNumbers", "Phone": "PhoneNumbers", "Mail": "Addresses"}
_LISTS = {"Emails": "EmailPreferences", "PhoneNumbers": "PhoneNumberPreferences", "Addresses": "AddressPreferences"}
_ADDRESS = ("Address1", "Address2", "City", "StateProvince", "PostalCode", "CountryCode_Alpha2")
_NAME = ("FirstName", "LastName")


def propose_targets(configuration: Configuration | None) -> list[str]:
    """Targets in the order of their use. Without a configuration they name no type."""
    return [
        IGNORE,
        *(f"CustomerName.{member}" for member in _NAME),
        *_propose(configuration),
        "DefaultLocale",
        "ProfileTags",
    ]


def _propose(configuration: Configuration | None) -> Iterator[str]:
    if configuration is None:
        yield from ("Emails.EmailAddress", "PhoneNumbers.PhoneNumber", *(f"Addresses.{one}" for one in _ADDRESS))
        return
    for kind in configuration.alternate_id_types:
        yield f"AlternateIds[{kind.name}].AlternateId"
    types = {
        "Emails": [one.name for one in configuration.email_types],
        "PhoneNumbers": [one.name for one in configuration.phone_types],
        "Addresses": [one.name for one in configuration.address_types],
    }
    members = {"Emails": ("EmailAddress",), "PhoneNumbers": ("PhoneNumber",), "Addresses": _ADDRESS}
    for array, names in types.items():
        yield from (f"{array}[{name}].{member}" for name in names for member in members[array])
    for program in configuration.programs:
        for choice in program.filters:
            of = _KINDS.get(choice.channel or "")
            if of is None:
                yield f"ProfilePreferences[{choice.id}].PreferenceType"
                continue
            for name in types[of]:
                place = f"{of}[{name}].{_LISTS[of]}[{choice.id}]"
                yield from (f"{place}.PreferenceType", f"{place}.CustomerDate")
    yield from (f"CustomFields[{one.name}]" for one in configuration.custom_fields)


def retarget_columns(mapping: TableMapping, targets: Mapping[str, str]) -> str:
    """The text of a mapping with other targets of some columns. Comments of changed lines go, because they are doubts
    about the earlier target.

    A column that has values, times or several targets is changed only in the text itself.
    """
    lines = mapping.text.decode().splitlines()
    columns = mapping.document.columns
    added = []
    for name, target in targets.items():
        rule = columns.get(name)
        entry = f"  {quote_text(name)}: {quote_text(target)}"
        number = mapping.log.lines.get(f"$.columns.{name}")
        if rule is None and target:
            added.append(entry)
        elif isinstance(rule, str) and number is not None and target and target != rule:
            lines[number - 1] = entry
    if added:
        place = next((place for place, line in enumerate(lines) if line.startswith("columns:")), None)
        if place is None:
            lines, place = [*lines, "columns:"], len(lines)
        elif lines[place].split("#")[0].strip() != "columns:":
            return "\n".join(lines) + "\n"
        lines[place + 1 : place + 1] = added
    return "\n".join(lines) + "\n"
