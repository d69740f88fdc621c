"""The model's account, and the changes of its document from one import to the next."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Wire = dict[str, Any]
Knobs = Mapping[str, Any]
"""Changes of the document, by the names of `KNOBS`. A later value replaces an earlier one."""


def _text(name: str, **more: Any) -> Wire:
    return {"name": name, "type": "Text", **more}


def _version(name: str, *locales: str, **more: Any) -> Wire:
    return {"version": name, "texts": {one: f"Text of {name} in {one}" for one in locales}, **more}


def _named(*names: str) -> list[Wire]:
    """The first type is the default."""
    return [{"name": names[0], "default": True}, *({"name": one} for one in names[1:])]


def _programs() -> list[Wire]:
    news = [
        {"id": "NEWS-EMAIL", "name": "News by email", "channel": "Email", "durationDays": 730}
        | {"frequencies": ["Daily", "Weekly", "Monthly"], "defaultFrequency": "Weekly"},
        {"id": "EVENTS-EMAIL", "name": "Events by email", "channel": "Email"},
        {"id": "NEWS-TEXT", "name": "News by text", "channel": "Text", "requiredConsents": ["Texting"]},
    ]
    offers = [
        {"id": "OFFERS-EMAIL", "name": "Offers by email", "channel": "Email", "requiredConsents": ["Privacy"]},
        {"id": "OFFERS-PHONE", "name": "Offers by call", "channel": "Phone"},
        {"id": "OFFERS-MAIL", "name": "Offers by post", "channel": "Mail"},
    ]
    data = [
        {"id": "DATA-SHARING", "name": "Sharing"},
        {"id": "DATA-PROFILING", "name": "Profiling", "requiredConsents": ["Privacy", "Texting"]},
    ]
    return [
        {"id": "NEWS", "name": "News", "filters": news},
        {"id": "OFFERS", "name": "Offers", "filters": offers},
        {"id": "DATA", "name": "Data", "filters": data},
    ]


def _consent_types() -> list[Wire]:
    privacy = [_version("1.0", "en_US"), _version("2.0", "en_US", "es_US")]
    privacy.append(_version("3.0", "en_US", expirationDays=36500))
    texting = [_version("2023", "en_US", expirationDays=36500), _version("2024", "en_US", expirationDays=600)]
    return [{"name": "Privacy", "versions": privacy}, {"name": "Texting", "versions": texting}]


def build_account(client_id: str = "JUDGE") -> Wire:
    """The account document: every update rule, required fields, consents that expire, versions, all channels."""
    everything: Wire = {"import": True, "profile": ["read", "write", "delete"], "channels": "all"}
    everything |= {"programs": "all", "consentTypes": "all", "configuration": ["read"], "audit": False}
    return {
        "account": {
            "clientId": client_id,
            "name": "The judge's account",
            "locales": ["en_US", "es_US"],
            "timeZone": "America/New_York",
            "phoneRegion": "US",
            "tokenLifetimeHours": 12,
            "importsPerDay": 1_000_000,
            "maxStageMegabytes": 25,
        },
        "customerTypes": _named("Customer", "Prospect"),
        "alternateIdTypes": [{"name": "CRM"}, {"name": "Loyalty"}],
        "emailTypes": _named("Home", "Work", "Büro"),
        "phoneTypes": _named("Mobile", "Home"),
        "addressTypes": _named("Home", "Billing"),
        "groupTypes": [{"name": "Household"}, {"name": "Club"}],
        "picklists": [{"name": "Tiers", "values": ["basic", "silver", "gold"]}],
        "customFields": [
            _text("Region", required=True),
            _text("Grade", required=True, default="C", updateRule="Always"),
            {"name": "Tier", "type": "SelectList", "picklist": "Tiers", "default": "basic"},
            _text("Plain", updateRule="Always"),
            _text("Once", updateRule="Never"),
            _text("Nickname", updateRule="IfCurrentValueIsBlank"),
            _text("Segment", updateRule="IfNewValueIsNotBlank"),
        ],
        "programs": _programs(),
        "consentTypes": _consent_types(),
        "userGroups": [
            {"name": "Loaders", "permissions": everything},
            {"name": "Clerks", "permissions": {**everything, "programs": ["NEWS"]}},
        ],
        "users": [
            {"id": "nightly", "groups": ["Loaders"], "sourceGroup": "Warehouse"},
            {"id": "clerk", "groups": ["Clerks"], "sourceGroup": "Shop"},
        ],
    }


SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "swapped": str.swapcase,
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
}
"""Each function gives the same name by record.md, "caseless"."""


def build_changed(client_id: str, knobs: Knobs) -> Wire:
    """The model's account with these changes."""
    document = build_account(client_id)
    for name, value in knobs.items():
        KNOBS[name](document, value)
    # Spelling comes last, because the other changes look their names up.
    for part, spelling in knobs.get("spelling", {}).items():
        respell_part(document, part, SPELLINGS[spelling])
    return document


def _filters(document: Wire) -> list[Wire]:
    return [one for program in document["programs"] for one in program["filters"]]


def _switch_filters_off(document: Wire, ids: tuple[str, ...]) -> None:
    for one in _filters(document):
        if one["id"] in ids:
            one["active"] = False


def _leave_filters_out(document: Wire, ids: tuple[str, ...]) -> None:
    for program in document["programs"]:
        program["filters"] = [one for one in program["filters"] if one["id"] not in ids]


def _switch_consents_off(document: Wire, names: tuple[str, ...]) -> None:
    for one in document["consentTypes"]:
        one["active"] = one["name"] not in names


def _add_versions(document: Wire, names: tuple[str, ...]) -> None:
    """Add a newest version to these consent types."""
    for one in document["consentTypes"]:
        if one["name"] in names:
            one["versions"].append(_version("9-Newest", "en_US"))


def _set_rules(document: Wire, rules: Mapping[str, str]) -> None:
    for one in document["customFields"]:
        one["updateRule"] = rules.get(one["name"], one.get("updateRule", "Always"))


def _require_fields(document: Wire, names: tuple[str, ...]) -> None:
    for one in document["customFields"]:
        one["required"] = one.get("required", False) or one["name"] in names


def _require_consents(document: Wire, needs: Mapping[str, list[str]]) -> None:
    for one in _filters(document):
        one["requiredConsents"] = needs.get(one["id"], one.get("requiredConsents", []))


def _drop_frequencies(document: Wire, names: tuple[str, ...]) -> None:
    for one in _filters(document):
        if "frequencies" in one:
            one["frequencies"] = [name for name in one["frequencies"] if name not in names]


def _last_days(document: Wire, days: Mapping[str, int]) -> None:
    for one in _filters(document):
        if one["id"] in days:
            one["durationDays"] = days[one["id"]]


def _move_defaults(document: Wire, defaults: Mapping[str, str]) -> None:
    for section, name in defaults.items():
        for one in document[section]:
            one["default"] = one["name"] == name


def _let_release(document: Wire, value: bool) -> None:
    for one in document["userGroups"]:
        one["permissions"]["release"] = value


def _set_undo_days(document: Wire, days: int) -> None:
    document["account"]["undoDays"] = days


def _set_guard(document: Wire, members: Wire) -> None:
    document["guard"] = dict(members)


def _set_account(document: Wire, members: Wire) -> None:
    document["account"] |= members


KNOBS: dict[str, Callable[[Wire, Any], None]] = {
    "filters off": _switch_filters_off,
    "filters left out": _leave_filters_out,
    "consents off": _switch_consents_off,
    "versions": _add_versions,
    "rules": _set_rules,
    "required": _require_fields,
    "needs": _require_consents,
    "frequencies dropped": _drop_frequencies,
    "days": _last_days,
    "defaults": _move_defaults,
    "account": _set_account,
    "release": _let_release,
    "guard": _set_guard,
    "undo days": _set_undo_days,
    "spelling": lambda document, value: None,
}


def respell_part(document: Wire, part: str, spell: Callable[[str], str]) -> None:
    """Change the spelling of the names or ids of one part, and of all references to them: a document spells a name in
    only one way."""
    if part == "versions":
        for one in document["consentTypes"]:
            for version in one["versions"]:
                version["version"] = spell(version["version"])
                version["texts"] = {spell(locale): text for locale, text in version["texts"].items()}
    elif part == "locales":
        document["account"]["locales"] = [spell(one) for one in document["account"]["locales"]]
    elif part == "options":
        for one in document["picklists"]:
            one["values"] = [spell(value) for value in one["values"]]
        for one in document["customFields"]:
            if "picklist" in one:
                one["default"] = spell(one["default"])
    elif part == "filters":
        for one in _filters(document):
            one["id"] = spell(one["id"])
    elif part == "frequencies":
        for one in _filters(document):
            if "frequencies" in one:
                one["frequencies"] = [spell(name) for name in one["frequencies"]]
                one["defaultFrequency"] = spell(one["defaultFrequency"])
    elif part == "programs":
        for one in document["programs"]:
            one["id"] = spell(one["id"])
        for one in document["userGroups"]:
            if one["permissions"]["programs"] != "all":
                one["permissions"]["programs"] = [spell(name) for name in one["permissions"]["programs"]]
    else:
        for one in document[part]:
            one["name"] = spell(one["name"])
        _respell_references(document, part, spell)


def _respell_references(document: Wire, part: str, spell: Callable[[str], str]) -> None:
    if part == "consentTypes":
        for one in _filters(document):
            one["requiredConsents"] = [spell(name) for name in one.get("requiredConsents", [])]
    if part == "picklists":
        for one in document["customFields"]:
            if "picklist" in one:
                one["picklist"] = spell(one["picklist"])


PARTS = (
    "filters", "frequencies", "programs", "versions", "locales", "options", "picklists", "customFields", "consentTypes",
    "customerTypes", "alternateIdTypes", "emailTypes", "phoneTypes", "addressTypes", "groupTypes",
)  # fmt: skip
