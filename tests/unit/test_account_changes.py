"""The difference between two account documents is reported line by line; applied items stay as evidence."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from account_cases import ACME, Edit, acme, put, read

from consentory.codec.account.account_document import (
    AccountDocumentInvalid,
    compare_configurations,
    is_change,
    read_account_document,
    render_configuration,
    text_hashes,
)
from consentory.domain.configuration import Configuration
from consentory.domain.configuration_index import ConfigurationIndex


def apply(old: Configuration | None, document: dict[str, Any]) -> tuple[Configuration, list[str]]:
    """Apply a document. A second application must change nothing, and the stored configuration must be readable."""
    new = read(document)
    change = compare_configurations(old, new)
    again = compare_configurations(change.configuration, new)
    spellings = [line for line in change.lines if not is_change([line])]
    assert (again.configuration, again.lines) == (change.configuration, spellings)
    assert read(render_configuration(change.configuration)) == change.configuration
    return change.configuration, change.lines


def test_a_new_account_is_all_additions() -> None:
    configuration, lines = apply(None, acme())
    assert configuration == read(ACME)
    assert lines[0] == "+ account ACME"
    assert "+ email type Work" in lines
    assert "+ consent version PrivacyPolicy 2.0" in lines
    assert all(line.startswith("+ ") for line in lines)


def test_changes_are_told_one_line_an_element() -> None:
    _, lines = apply(
        read(ACME),
        acme(
            put("account.name", "Acme"),
            put("emailTypes.1.default", True),
            put("emailTypes.0.default", False),
            put("phoneTypes.2", {"name": "Work", "active": False}),
            put("programs.0.filters.0.durationDays", 365),
            put("programs.1.filters.1.active", False),
            put("userGroups.1.permissions.programs", "all"),
            put("consentTypes.1.versions.1", {"version": "2026-02", "texts": {"en_US": "I agree."}}),
        ),
    )
    assert lines == [
        "~ account: name Acme Retail -> Acme",
        "~ email type Home: default true -> false",
        "~ email type Work: default false -> true",
        "+ phone type Work (switched off)",
        "~ filter NEWS-EMAIL: durationDays 730 -> 365",
        "- filter OFFERS-PHONE: switched off",
        "+ consent version TextMessages 2026-02",
        "~ user group EmailOnly: permissions.programs [NEWS] -> all",
    ]


def test_an_item_left_out_is_switched_off_and_keeps_its_order() -> None:
    def leave_out(document: dict[str, Any]) -> None:
        del document["emailTypes"][0]
        del document["customFields"][0:2], document["picklists"]
        del document["programs"][1], document["programs"][0]["filters"][0]
        del document["users"][1]

    configuration, lines = apply(read(ACME), acme(leave_out))
    kept = "switched off (left out; nothing in use is deleted)"
    assert lines == [
        f"- email type Home: {kept}",
        f"- picklist Tiers: {kept}",
        f"- custom field Tier: {kept}",
        f"- custom field Interests: {kept}",
        f"- filter NEWS-EMAIL: {kept}",
        f"- program OFFERS: {kept}",
        f"- user mailer: {kept}",
    ]
    assert [(item.name, item.active, item.default) for item in configuration.email_types] == [
        ("Work", True, False),
        ("Home", False, False),
    ]
    assert [item.name for item in configuration.custom_fields][-2:] == ["Tier", "Interests"]
    configuration_index = ConfigurationIndex(1, 2, configuration)
    assert {name for name, entry in configuration_index.filters.items() if not entry.active} == {
        "NEWS-EMAIL",
        "OFFERS-EMAIL",
        "OFFERS-PHONE",
        "OFFERS-MAIL",
    }
    assert configuration_index.find_user("mailer") is None
    restored, lines = apply(configuration, acme())
    assert "~ user mailer: switched on" in lines
    assert "~ email type Home: default false -> true, switched on" in lines
    assert restored == read(ACME)


def test_a_filter_may_move_to_another_program() -> None:
    def move(document: dict[str, Any]) -> None:
        document["programs"][2]["filters"].append(document["programs"][0]["filters"].pop())

    configuration, lines = apply(read(ACME), acme(move))
    assert lines == ["~ filter NEWS-TEXT: program NEWS -> DATA"]
    assert ConfigurationIndex(1, 2, configuration).filters["news-text"].program_id == "DATA"

    def move_and_drop(document: dict[str, Any]) -> None:
        move(document)
        del document["programs"][0]
        document["userGroups"][1]["permissions"]["programs"] = []

    configuration, lines = apply(read(ACME), acme(move_and_drop))
    assert "- program NEWS: switched off (left out; nothing in use is deleted)" in lines
    assert ConfigurationIndex(1, 2, configuration).filters["news-text"].active


def test_another_order_is_told() -> None:
    _, lines = apply(read(ACME), acme(lambda document: document["emailTypes"].reverse()))
    assert lines == ["~ email types: order Work, Home"]


def test_the_spelling_first_configured_stays() -> None:
    """record.md: a document that spells a name or id differently changes nothing, and the result reports the
    spelling."""
    text = json.dumps(acme())
    for name in ("Customer", "CRM", "Work", "Mobile", "Billing", "Household", "Tiers", "silver", "Nickname", "NEWS",
                 "NEWS-EMAIL", "Weekly", "PrivacyPolicy", "es_US", "Loaders", "nightly"):  # fmt: skip
        text = text.replace(f'"{name}"', f'"{name.swapcase()}"')
    configuration, lines = apply(read(ACME), json.loads(text))
    assert configuration == read(ACME)
    assert not is_change(lines)
    assert sorted(line.removeprefix("= ").partition(", as first spelled")[0] for line in lines) == [
        "address type bILLING: stays Billing",
        "alternate id type crm: stays CRM",
        "consent type pRIVACYpOLICY: stays PrivacyPolicy",
        "consent version PrivacyPolicy 2.0: locale ES_us: stays es_US",
        "custom field nICKNAME: stays Nickname",
        "customer type cUSTOMER: stays Customer",
        "email type wORK: stays Work",
        "filter news-email: frequency wEEKLY: stays Weekly",
        "filter news-email: stays NEWS-EMAIL",
        "group type hOUSEHOLD: stays Household",
        "locale ES_us: stays es_US",
        "phone type mOBILE: stays Mobile",
        "picklist tIERS: stays Tiers",
        "picklist tIERS: value SILVER: stays silver",
        "program news: stays NEWS",
        "user NIGHTLY: stays nightly",
        "user group lOADERS: stays Loaders",
    ]


def test_a_name_left_out_keeps_its_spelling_too() -> None:
    """record.md: the first configured spelling stays, also for an item that is switched off in between."""
    without, _ = apply(read(ACME), acme(lambda document: document["emailTypes"].pop(1)))
    again, lines = apply(without, acme(put("emailTypes.1.name", "WORK")))
    assert lines == ["= email type WORK: stays Work, as first spelled", "~ email type Work: switched on"]
    assert again == read(ACME)


def refused(document: dict[str, Any]) -> list[tuple[int | None, str, str]]:
    text = json.dumps(document, indent=1).encode()
    with pytest.raises(AccountDocumentInvalid) as caught:
        compare_configurations(
            read(ACME), read(text), source="acme.json", lines=read_account_document(text, source="acme.json").lines
        )
    assert all(fault.line for fault in caught.value.faults)
    return [(fault.line, fault.path, fault.code.removeprefix("Configuration.")) for fault in caught.value.faults]


def test_applied_consent_versions_are_proof() -> None:
    versions = "$.consentTypes[0].versions"

    def codes_of(*edits: Edit) -> list[tuple[str, str]]:
        return [(path, code) for _, path, code in refused(acme(*edits))]

    assert codes_of(
        put("consentTypes.0.versions.0.texts.en_US", "We keep them."),
        put("consentTypes.0.versions.0.expirationDays", 10),
        put("consentTypes.0.versions.1.texts", {"en_US": "We keep your details to serve you, for three years."}),
    ) == [
        (f"{versions}[0].texts.en_US", "TextChanged"),
        (f"{versions}[0].expirationDays", "ExpirationChanged"),
        (f"{versions}[1].texts", "TextChanged"),
    ]
    assert codes_of(lambda d: d["consentTypes"][0]["versions"].reverse()) == [(f"{versions}[1]", "OrderChanged")]
    early = {"version": "0.9", "texts": {"en_US": "x"}}
    assert codes_of(lambda d: d["consentTypes"][0]["versions"].insert(1, early)) == [(f"{versions}[2]", "OrderChanged")]


def test_the_client_id_never_changes() -> None:
    assert [(path, code) for _, path, code in refused(acme(put("account.clientId", "OTHER")))] == [
        ("$.account.clientId", "ClientIdChanged")
    ]


def test_a_consent_version_left_out_is_switched_off_and_keeps_its_rank() -> None:
    def replace(document: dict[str, Any]) -> None:
        document["consentTypes"][0]["versions"][1] = {"version": "3.0", "texts": {"en_US": "New."}}

    configuration, lines = apply(read(ACME), acme(replace))
    assert lines == [
        "+ consent version PrivacyPolicy 3.0",
        "- consent version PrivacyPolicy 2.0: switched off (left out; nothing in use is deleted)",
    ]
    versions = configuration.consent_types[0].versions
    assert [(item.version, item.active) for item in versions] == [("1.0", True), ("2.0", False), ("3.0", True)]


def test_a_text_in_one_more_locale_may_be_added() -> None:
    configuration, lines = apply(read(ACME), acme(put("consentTypes.0.versions.0.texts.es_US", "Guardamos.")))
    assert len(lines) == 1
    assert lines[0].startswith("~ consent version PrivacyPolicy 1.0: texts ")
    assert len(text_hashes(configuration)) == len(text_hashes(read(ACME))) + 1


def test_comparing_changes_neither_side() -> None:
    old, new = read(ACME), read(acme(lambda d: d.pop("users")))
    before = copy.deepcopy((old, new))
    compare_configurations(old, new)
    assert (old, new) == before


def test_every_text_has_the_hash_of_its_very_bytes() -> None:
    hashes = text_hashes(read(ACME))
    assert [item[:3] for item in hashes] == [
        ("PrivacyPolicy", "1.0", "en_US"),
        ("PrivacyPolicy", "2.0", "en_US"),
        ("PrivacyPolicy", "2.0", "es_US"),
        ("TextMessages", "2026-01", "en_US"),
    ]
    assert hashes[2][3] == hashlib.sha256("Guardamos sus datos durante tres años.".encode()).hexdigest()
