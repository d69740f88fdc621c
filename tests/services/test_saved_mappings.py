"""Mappings of uploads: shown on the first rows, and saved under a name for the account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from running_server import create_database, drop_database
from upload_scene import MAPPING, UploadScene, make_table
from workbench import open_workbench

from consentory.codec.tabular.mapping_document import MappingInvalid
from consentory.errors import RequestRefused
from consentory.services.uploads import mapping_service
from consentory.services.uploads.mapping_service import MappingService


@pytest.fixture(scope="module")
def scene(engine: str, template: str) -> Iterator[UploadScene]:
    url = create_database(engine, template)
    with open_workbench(url) as bench:
        yield UploadScene(bench, bench.caller)
    drop_database(engine, url)


@pytest.fixture
def mappings(scene: UploadScene) -> MappingService:
    return scene.bench.services.mappings


def test_a_mapping_is_shown_on_the_first_rows(scene: UploadScene, mappings: MappingService) -> None:
    item = scene.recognize(make_table(1, "u-9;p9@example.com;Zoë;maybe"))
    view = mappings.show(scene.caller, str(item.upload_id), MAPPING)
    assert view.faults == []
    assert view.match == "CRM"
    assert {column.name: column.targets for column in view.columns}["E-Mail"] == ("Emails[Home].EmailAddress",)
    good, refused = view.rows
    assert json.loads(good.record or b"")["CustomerName"] == {"FirstName": "Zoë"}
    assert refused.record is None
    assert [(fault.column, fault.value) for fault in refused.faults] == [("Newsletter", "maybe")]


def test_doubts_come_first_and_faults_do_not_hide_the_columns(scene: UploadScene, mappings: MappingService) -> None:
    item = scene.recognize(make_table(1))
    text = MAPPING.replace("FirstName", "FirstName   # is this the first name?").replace("[Home]", "[Nowhere]", 1)
    text = "# Look at each line.\n" + text.replace("  Kunde: AlternateIds[CRM].AlternateId\n", "")
    view = mappings.show(scene.caller, str(item.upload_id), text)
    assert [column.name for column in view.columns[:2]] == ["Kunde", "Vorname"]
    assert view.columns[1].doubt == "is this the first name?"
    assert not view.columns[0].is_named
    assert view.doubts == ["Look at each line."]
    assert [fault.split(":")[1] for fault in view.faults] == ["2", "3", "7"]
    assert [row.record for row in view.rows] == [None]


def test_presets_and_suggestions_can_be_chosen(scene: UploadScene, mappings: MappingService) -> None:
    item = scene.recognize(make_table(3))
    mappings.save(scene.caller, "Shop", MAPPING)
    wanted = str(item.upload_id)
    assert "Suggested from" in mappings.suggest(scene.caller, wanted)
    assert "mailchimp" in mappings.suggest(scene.caller, wanted, preset="mailchimp").lower()
    assert mappings.suggest(scene.caller, wanted, saved="Shop") == MAPPING


def test_saved_mappings_are_replaced_listed_deleted_audited_and_walled(
    scene: UploadScene, mappings: MappingService
) -> None:
    mappings.save(scene.caller, "  Export of the shop ", MAPPING)
    mappings.save(scene.caller, "Export of the shop", MAPPING + "zone: Europe/Berlin\n")
    found = mappings.find(scene.caller, "Export of the shop")
    assert found.document.endswith("zone: Europe/Berlin\n")
    assert found.caller == scene.caller.user_id
    assert "Export of the shop" in [one.name for one in mappings.list_saved(scene.caller)]
    with open_workbench(scene.bench.url, "OTHER") as other:
        assert other.services.mappings.list_saved(other.caller) == []
        with pytest.raises(RequestRefused, match="keeps no mapping"):
            other.services.mappings.find(other.caller, "Export of the shop")
        with pytest.raises(RequestRefused, match="no such upload"):
            other.services.uploads.find(other.caller, str(scene.recognize(make_table(1)).upload_id))
    mappings.delete(scene.caller, "Export of the shop")
    with pytest.raises(RequestRefused, match="keeps no mapping"):
        mappings.delete(scene.caller, "Export of the shop")
    actions = scene.bench.owner("SELECT action FROM audit_event WHERE action LIKE 'mapping.%%' ORDER BY event_id")
    assert [row[0] for row in actions][-3:] == ["mapping.saved", "mapping.saved", "mapping.deleted"]


def test_names_and_documents_have_bounds(
    scene: UploadScene, mappings: MappingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("", " ", "x" * 101, "two\nlines", "hidden\u202e"):
        with pytest.raises(RequestRefused, match="1 to 100 characters"):
            mappings.save(scene.caller, name, MAPPING)
    with pytest.raises(RequestRefused, match="65536 bytes"):
        mappings.save(scene.caller, "long", MAPPING + "#" * 65_536)
    with pytest.raises(MappingInvalid):
        mappings.save(scene.caller, "broken", "columns: [")
    monkeypatch.setattr(mapping_service, "MOST_MAPPINGS", 0)
    with pytest.raises(RequestRefused, match="and no more"):
        mappings.save(scene.caller, "one more", MAPPING)
    nobody = replace(scene.caller, user_id="other")
    assert mappings.list_saved(nobody) == mappings.list_saved(scene.caller)


def test_a_column_gets_another_target_and_the_rest_stays(scene: UploadScene, mappings: MappingService) -> None:
    item = scene.recognize(make_table(1))
    wanted = str(item.upload_id)
    text = MAPPING.replace("  Kunde: AlternateIds[CRM].AlternateId\n", "  Kunde: ignore   # a doubt\n").replace(
        "  Vorname: CustomerName.FirstName\n", ""
    )
    text = mappings.retarget(text, {"Kunde": "AlternateIds[CRM].AlternateId", "Vorname": "CustomerName.LastName"})
    assert "a doubt" not in text
    assert "values: {ja: OptIn, nein: OptOut}" in text
    view = mappings.show(scene.caller, wanted, text)
    assert view.faults == []
    assert json.loads(view.rows[0].record or b"")["CustomerName"] == {"LastName": "Zoë"}
    targets = mappings.list_targets(scene.caller)
    assert {"ignore", "CustomerName.FirstName"} <= set(targets)
    for target in targets:
        faults = mappings.show(scene.caller, wanted, mappings.retarget(MAPPING, {"Vorname": target})).faults
        assert not any("target" in fault for fault in faults), (target, faults)
