"""Uploads: a file comes in parts, is recognized, and becomes a staged import (docs/adr/0021-uploads.md)."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from running_server import create_database, drop_database
from upload_scene import UploadScene, make_order, make_table, receive
from workbench import open_workbench

from consentory.codec.sources.recognition import Recognition, StoredOptions
from consentory.codec.staging.batch_lines import find_line
from consentory.codec.tabular.mapping_document import MappingInvalid
from consentory.domain.configuration import Permissions
from consentory.domain.upload import UploadFault, UploadLimits
from consentory.errors import RequestRefused
from consentory.services.uploads.upload_service import SMALLEST_PART, UPLOADS_AT_ONCE, UploadService

PART = SMALLEST_PART
IMPORTS_ONLY = Permissions(import_=True, profile=("write",), channels="all", programs="all", consent_types="all")


@pytest.fixture(scope="module")
def scene(engine: str, template: str) -> Iterator[UploadScene]:
    url = create_database(engine, template)
    with open_workbench(url) as bench:
        yield UploadScene(bench, bench.caller)
    drop_database(engine, url)


@pytest.fixture
def uploads(scene: UploadScene) -> Iterator[UploadService]:
    """The service. The uploads of a test do not stay for the next one."""
    service = scene.bench.services.uploads
    yield service
    for item in service.list_uploads(scene.caller):
        service.give_up(scene.caller, str(item.upload_id))
    for _ in scene.bench.worker.uploads.purge_in_steps():
        pass


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(RequestRefused) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


# Receiving ---------------------------------------------------------------------------------------------------------


def test_a_file_comes_in_parts_and_goes_on_at_any_byte(scene: UploadScene, uploads: UploadService) -> None:
    data = make_table(8000)
    cuts = [PART + 1, 2 * PART + 1, 3 * PART + 9]
    item = scene.send(data, cuts=cuts)
    assert (item.state, item.received) == ("Recognizing", len(data))
    rows = scene.bench.owner("SELECT bytes FROM upload_part WHERE upload_id = %s ORDER BY first_byte", item.upload_id)
    assert b"".join(row[0] for row in rows) == data


def test_a_part_at_a_wrong_byte_is_refused_with_the_right_byte(scene: UploadScene, uploads: UploadService) -> None:
    item = uploads.begin(scene.caller, "people.csv", 4 * PART)
    uploads.append(scene.caller, str(item.upload_id), 0, bytes(PART))
    for offset in (0, PART - 1, 2 * PART):
        with pytest.raises(RequestRefused, match=f"begins at byte {PART}") as caught:
            uploads.append(scene.caller, str(item.upload_id), offset, bytes(PART))
        assert caught.value.code == "Upload.WrongOffset"
    assert refusal(uploads.append, scene.caller, str(item.upload_id), PART, bytes(4 * PART)) == "Upload.PartTooLong"
    assert scene.find(item).received == PART


def test_parts_have_bounds(scene: UploadScene, uploads: UploadService) -> None:
    item = uploads.begin(scene.caller, "people.csv", 20_000_000)
    assert refusal(uploads.append, scene.caller, str(item.upload_id), 0, bytes(8_000_001)) == "Upload.PartTooLarge"
    assert refusal(uploads.append, scene.caller, str(item.upload_id), 0, bytes(PART - 1)) == "Upload.PartTooSmall"


def test_a_form_sends_a_file_whose_size_is_not_known(scene: UploadScene, uploads: UploadService) -> None:
    data = make_table(10)
    item = receive(uploads, scene.caller, "C:\\people\\people.csv", iter([data[:7], data[7:]]))
    assert (item.file_name, item.state, item.size) == ("people.csv", "Recognizing", len(data))
    assert scene.do_work(item).state == "Recognized"


def test_a_form_that_is_cut_off_leaves_nothing(scene: UploadScene, uploads: UploadService) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(5_000_000)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        receive(uploads, scene.caller, "people.csv", chunks())
    assert uploads.list_uploads(scene.caller) == []
    assert refusal(receive, uploads, scene.caller, "people.csv", iter([])) == "Upload.Empty"


def test_files_and_accounts_have_bounds(scene: UploadScene, uploads: UploadService) -> None:
    services = scene.bench.services
    bounded = UploadService(services.database, services.configurations, services.imports, UploadLimits(100, 250))
    assert refusal(bounded.begin, scene.caller, "people.csv", 101) == "Upload.FileTooLarge"
    assert refusal(receive, bounded, scene.caller, "people.csv", iter([bytes(101)])) == "Upload.FileTooLarge"
    assert refusal(bounded.begin, scene.caller, "people.csv", 0) == "Upload.Empty"
    for _ in range(2):
        bounded.begin(scene.caller, "people.csv", 100)
    assert refusal(bounded.begin, scene.caller, "people.csv", 100) == "Upload.SpaceUsedUp"
    assert refusal(receive, bounded, scene.caller, "people.csv", iter([bytes(60)])) == "Upload.SpaceUsedUp"


def test_only_so_many_files_wait_at_once(scene: UploadScene, uploads: UploadService) -> None:
    for _ in range(UPLOADS_AT_ONCE):
        item = uploads.begin(scene.caller, "people.csv", 100)
    assert refusal(uploads.begin, scene.caller, "people.csv", 100) == "Upload.TooMany"
    uploads.give_up(scene.caller, str(item.upload_id))
    uploads.begin(scene.caller, "people.csv", 100)


# Who may -----------------------------------------------------------------------------------------------------------


def test_every_call_needs_the_permission_and_opens_only_own_files(scene: UploadScene, uploads: UploadService) -> None:
    item = scene.recognize(make_table(1))
    wanted = str(item.upload_id)
    nobody = replace(scene.caller, permissions=Permissions(profile=("read",)))
    other = replace(scene.caller, user_id="other", permissions=IMPORTS_ONLY)
    mappings = scene.bench.services.mappings
    for caller, code in ((nobody, "Permission.Import"), (other, "Upload.NotFound")):
        assert refusal(uploads.find, caller, wanted) == code
        assert refusal(uploads.append, caller, wanted, 0, b"") == code
        assert refusal(uploads.recognize_again, caller, wanted, StoredOptions()) == code
        assert refusal(uploads.stage, caller, wanted, make_order()) == code
        assert refusal(uploads.give_up, caller, wanted) == code
        assert refusal(mappings.show, caller, wanted, None) == code
    assert refusal(uploads.begin, nobody, "people.csv", 1) == "Permission.Import"
    assert refusal(mappings.list_saved, nobody) == "Permission.Import"
    assert refusal(mappings.save, nobody, "name", "columns: {}") == "Permission.Import"
    assert refusal(mappings.delete, nobody, "name") == "Permission.Import"
    assert uploads.list_uploads(other) == []
    assert [one.upload_id for one in uploads.list_uploads(scene.caller)] == [item.upload_id]


# Recognizing -------------------------------------------------------------------------------------------------------


def test_a_file_is_recognized_with_its_rows_and_a_suggestion(scene: UploadScene, uploads: UploadService) -> None:
    item = scene.recognize(make_table(30))
    found = scene.bench.services.mappings.recognition(scene.caller, str(item.upload_id))
    assert found.summary.startswith("people.csv: CSV, encoding cp1252 (detected")
    assert "delimiter semicolon (detected)" in found.summary
    assert [row.cells[0] for row in found.rows] == [f"u-{n}" for n in range(10)]
    assert "NEWS-EMAIL" in found.suggestion


def test_a_file_that_is_none_is_refused_in_words_and_may_be_read_otherwise(
    scene: UploadScene, uploads: UploadService
) -> None:
    item = scene.recognize(b"%PDF-1.7 ...", "people.csv")
    assert item.state == "Failed"
    assert item.fault is not None
    assert item.fault.code == "Upload.Unreadable"
    assert item.fault.message.startswith("people.csv: this is a PDF document")
    item = scene.recognize(make_table(2))
    uploads.recognize_again(scene.caller, str(item.upload_id), StoredOptions(encoding="utf-16-le"))
    assert scene.do_work(item).state == "Failed"
    uploads.recognize_again(scene.caller, str(item.upload_id), StoredOptions(delimiter=";"))
    assert scene.do_work(item).state == "Recognized"


def test_json_needs_no_mapping(scene: UploadScene, uploads: UploadService) -> None:
    data = b'{"CustomerName":{"FirstName":"Ann","LastName":"Lee"},"AlternateIds":[]}\nno json\n'
    item = scene.recognize(data, "people.ndjson")
    recognition = msgspec.json.decode(item.recognition or b"", type=Recognition)
    assert recognition.table is None
    assert len(recognition.records) == 1
    item = scene.stage(item, make_order(None))
    assert (item.state, item.fault and item.fault.code) == ("Recognized", "Upload.BrokenPieces")
    item = scene.stage(item, make_order(None, skip_broken=True))
    assert (item.state, item.counts.rows, item.counts.broken) == ("Staged", 2, 1)


# Staging -----------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_staged_import_with_its_source(scene: UploadScene, uploads: UploadService) -> None:
    data = make_table(20, "u-20;p20@example.com;Zoë;maybe", "u-21;no address;Zoë;nein")
    packed = gzip.compress(data)
    item = scene.stage(scene.recognize(packed, "people.csv.gz"))
    assert item.state == "Staged", item.fault
    assert scene.status(item) == {"status": "Staging", "received": 21, "failed": 1}
    assert (item.counts.rows, item.counts.refused_rows) == (22, 1)
    found = scene.bench.services.imports.find_by_id(scene.caller, str(item.import_id))
    source = found.settings.source
    assert source is not None
    assert (source.file_name, source.rows) == ("people.csv.gz", 22)
    assert source.sha256 == hashlib.sha256(packed).hexdigest()
    assert found.settings.match_type == "CRM"
    assert uploads.find_of_import(scene.caller, found.import_id) is not None


@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_work_that_is_cut_off_goes_on_and_stages_nothing_twice(
    scene: UploadScene, uploads: UploadService, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after so many batches: once the batch is stored, and once before the progress is."""
    monkeypatch.setattr("consentory.services.uploads.upload_work.BATCH_BYTES", 20_000)
    item = scene.recognize(make_table(400, "u-x;x;x;maybe", family=f"cut{after}"))
    uploads.stage(scene.caller, str(item.upload_id), make_order())
    work = scene.work
    staging, calls = work._staging.stage, []

    def stage_and_break(*arguments: object, **named: object) -> object:
        done = staging(*arguments, **named)  # type: ignore[arg-type]
        calls.append(arguments)
        if len(calls) == after:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(work._staging, "stage", stage_and_break)
    with pytest.raises(KeyboardInterrupt):
        work.work_off(item.account_id, item.upload_id)
    monkeypatch.setattr(work._staging, "stage", staging)
    item = scene.do_work(item)
    assert item.state == "Staged", item.fault
    assert scene.status(item) == {"status": "Staging", "received": 400, "failed": 0}
    assert item.counts.refused_rows == 1
    query = "SELECT lines, record_count FROM import_batch WHERE import_id = %s ORDER BY first_sequence"
    batches = scene.bench.owner(query, item.import_id)
    lines = [find_line(packed, place) for packed, count in batches for place in range(count)]
    assert lines == list(range(2, 402)), "the header is line 1"


def test_an_order_that_does_not_fit_is_refused_at_once(scene: UploadScene, uploads: UploadService) -> None:
    item = scene.recognize(make_table(3))
    wanted = str(item.upload_id)
    with pytest.raises(MappingInvalid, match="Newsletter"):
        uploads.stage(scene.caller, wanted, make_order("columns: {Kunde: 'AlternateIds[CRM].AlternateId'}"))
    assert refusal(uploads.stage, scene.caller, wanted, make_order(fields={"Name": ""})) == "Initiate.Invalid"
    assert refusal(uploads.stage, scene.caller, wanted, make_order("#" * 70_000)) == "Mapping.TooLong"
    assert scene.state(item) == "Recognized"
    uploads.stage(scene.caller, wanted, make_order())
    assert refusal(uploads.stage, scene.caller, wanted, make_order()) == "Upload.NotReady"


def test_a_refused_order_says_why_and_another_one_may_follow(scene: UploadScene, uploads: UploadService) -> None:
    item = scene.recognize(make_table(0, "u-0;p0@example.com;Zoë;maybe"))
    item = scene.stage(item)
    assert (item.state, item.fault and item.fault.code) == ("Recognized", "Upload.NoRecord")
    item = scene.stage(item, make_order(make_order().mapping.replace("ja: OptIn", "ja: OptIn, maybe: nothing")))
    assert (item.state, item.fault) == ("Staged", None)


def test_records_without_a_match_are_new_people_only_if_the_person_says_so(
    scene: UploadScene, uploads: UploadService
) -> None:
    mapping = (make_order().mapping or "").replace("match: CRM\n", "")
    item = scene.stage(scene.recognize(make_table(2)), make_order(mapping))
    assert (item.state, item.fault and item.fault.code) == ("Recognized", "Upload.NoMatch")
    item = scene.stage(item, make_order(mapping, no_match=True))
    assert item.state == "Staged"


def test_an_import_that_ends_meanwhile_ends_the_order(
    scene: UploadScene, uploads: UploadService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentory.services.uploads.upload_work.BATCH_BYTES", 20_000)
    item = scene.recognize(make_table(300, family="stop"))
    work = scene.work
    staging = work._staging.stage

    def give_up_after(*arguments: object, **named: object) -> object:
        done = staging(*arguments, **named)  # type: ignore[arg-type]
        uploads.give_up(scene.caller, str(item.upload_id))
        return done

    uploads.stage(scene.caller, str(item.upload_id), make_order())
    monkeypatch.setattr(work._staging, "stage", give_up_after)
    work.work_off(item.account_id, item.upload_id)
    assert refusal(uploads.find, scene.caller, str(item.upload_id)) == "Upload.NotFound"
    ((status, reason),) = scene.bench.owner(
        "SELECT i.status, failure_reason FROM import AS i JOIN upload USING (import_id) WHERE upload_id = %s",
        item.upload_id,
    )
    assert (status, reason) == ("Failed", "Import.Cancelled")


def test_a_file_that_ends_its_processes_is_refused(scene: UploadScene, uploads: UploadService) -> None:
    item = scene.send(make_table(1))
    scene.bench.owner("UPDATE upload SET attempts = 5 WHERE upload_id = %s", item.upload_id)
    item = scene.do_work(item)
    assert (item.state, item.fault and item.fault.code) == ("Failed", "Upload.ProcessLost")


def test_the_accounts_take_turns(scene: UploadScene, uploads: UploadService) -> None:
    scene.recognize(make_table(1))
    mine = [scene.send(make_table(1)) for _ in range(3)]
    with open_workbench(scene.bench.url, "TURN") as bench:
        theirs = UploadScene(bench, bench.caller).send(make_table(1))
    jobs = scene.bench.worker.uploads
    found = []
    while (waiting := jobs.find_next("Recognizing")) is not None:
        found.append(waiting[1])
        jobs.fail(*waiting, UploadFault("Upload.Unreadable", "tried"))
    assert found == [theirs.upload_id, *(item.upload_id for item in mine)]


# The end -----------------------------------------------------------------------------------------------------------


def test_files_go_with_their_staged_records_and_when_nobody_goes_on(scene: UploadScene, uploads: UploadService) -> None:
    staged = scene.stage(scene.recognize(make_table(2, family="kept")))
    unused, given_up = scene.recognize(make_table(2)), scene.send(make_table(2))
    uploads.give_up(scene.caller, str(given_up.upload_id))
    owner = scene.bench.owner
    owner("UPDATE upload SET touched_at = now() - interval '73 hours' WHERE upload_id = %s", unused.upload_id)

    def purge() -> set[object]:
        for _ in scene.bench.worker.uploads.purge_in_steps():
            pass
        wanted = [item.upload_id for item in (staged, unused, given_up)]
        rows = owner("SELECT upload_id FROM upload WHERE upload_id = ANY(%s)", wanted)
        parts = owner("SELECT DISTINCT upload_id FROM upload_part WHERE upload_id = ANY(%s)", wanted)
        assert {row[0] for row in rows} == {row[0] for row in parts}
        return {row[0] for row in rows}

    assert purge() == {staged.upload_id}
    scene.bench.worker.retention.purge(staged.account_id, staged.import_id)
    assert purge() == set()
    events = owner("SELECT action FROM audit_event WHERE details->>'Upload' = %s", str(given_up.upload_id))
    assert {row[0] for row in events} == {"upload.begun", "upload.given-up", "upload.purged"}
