"""The bounds of the processes that read uploaded files: time, memory and number. Time and memory are lowered here."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator, Sequence
from threading import Event

import pyarrow
import pyarrow.parquet
import pytest
from running_server import create_database, drop_database
from upload_scene import UploadScene, make_order, make_table
from waiting import await_true
from workbench import open_workbench

from consentory.bootstrap.process_setup import make_environment
from consentory.domain.imports import Import
from consentory.domain.upload import Upload, UploadState
from consentory.errors import OutcomeUnknown, RequestRefused
from consentory.services.uploads.refused_rows_service import AT_ONCE_AN_ACCOUNT, RefusedRowsService
from consentory.worker.upload_loop import JOB_SECONDS, UploadLoop

pytestmark = pytest.mark.processes

HANGS = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
SMALL = """
import re
import consentory.bootstrap.upload_entry as entry
import consentory.codec.sources.record_files
taken = int(re.search(r"VmData:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1000
entry.MEMORY_BYTES = taken + 100_000_000
entry.main()
"""
"""A process like the real one, which may take 100 MB more than at its start."""
NARROW = """
import consentory.bootstrap.upload_entry as entry
import consentory.services.uploads.upload_work as work
work.COPY_BYTES = 3_000_000
entry.main()
"""
"""A process like the real one, whose temporary copy of a packed file may have 3 MB."""


@pytest.fixture(scope="module")
def scene(engine: str, template: str) -> Iterator[UploadScene]:
    url = create_database(engine, template)
    with open_workbench(url) as bench:
        yield UploadScene(bench, bench.caller)
    drop_database(engine, url)


def work_once(scene: UploadScene, command: Sequence[str], state: UploadState, item: Upload) -> Upload:
    """Have one process read the upload, as a worker does."""
    worker = scene.bench.worker
    loop = UploadLoop(worker.database, worker.uploads, state, command, make_environment(scene.bench.url), Event())
    assert loop.work_once()
    assert loop.process is None
    return scene.find(item)


@pytest.mark.parametrize(("state", "after"), [("Recognizing", "Failed"), ("Staging", "Recognized")])
def test_a_process_that_reads_too_long_is_ended_and_the_file_is_refused(
    scene: UploadScene, state: UploadState, after: UploadState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_SECONDS, state, 0.3)
    item = scene.send(make_table(1))
    if state == "Staging":
        item = scene.do_work(item)
        scene.bench.services.uploads.stage(scene.caller, str(item.upload_id), make_order())
    item = work_once(scene, HANGS, state, item)
    assert (item.state, item.fault and item.fault.code) == (after, "Upload.TookTooLong")
    scene.bench.services.uploads.give_up(scene.caller, str(item.upload_id))


def test_the_half_of_a_file_that_takes_too_long_cannot_be_executed(
    scene: UploadScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentory.services.uploads.upload_work.BATCH_BYTES", 20_000)
    item = scene.recognize(make_table(400, family="half"))
    scene.bench.services.uploads.stage(scene.caller, str(item.upload_id), make_order())
    break_after_one_batch(scene, item)
    monkeypatch.setitem(JOB_SECONDS, "Staging", 0.3)
    item = work_once(scene, HANGS, "Staging", item)
    assert item.fault is not None
    assert "is cancelled, and nobody was changed. Cut the file" in item.fault.message
    status = scene.status(item)
    assert (status["status"], 0 < status["received"] < 400) == ("Failed", True)
    scene.bench.services.uploads.give_up(scene.caller, str(item.upload_id))


def break_after_one_batch(scene: UploadScene, item: Upload) -> None:
    """Have a process stage one batch, and end."""
    work = scene.work
    stage = work._staging.stage

    def stage_and_break(*arguments: object, **named: object) -> object:
        stage(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work._staging, "stage", stage_and_break)
        with pytest.raises(KeyboardInterrupt):
            work.work_off(item.account_id, item.upload_id)


def test_a_file_that_needs_more_memory_than_its_process_may_take_is_refused(scene: UploadScene) -> None:
    record = b'{"CustomerName": {"FirstName": "' + b"x" * 200_000_000 + b'"}}'
    item = scene.send(gzip.compress(record, 1), "people.json.gz")
    assert item.size is not None
    assert item.size < 2_000_000
    item = work_once(scene, [sys.executable, "-c", SMALL], "Recognizing", item)
    assert (item.state, item.fault and item.fault.code) == ("Failed", "Upload.TooMuchMemory")


def pack_parquet(numbers: int) -> bytes:
    """A Parquet file of so many numbers of 8 bytes, packed with gzip."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.table({"Kunde": range(numbers)}), file, compression="none", use_dictionary=False
    )
    return gzip.compress(file.getvalue(), 1)


@pytest.mark.parametrize(("numbers", "state"), [(100_000, "Recognized"), (600_000, "Failed")])
def test_a_packed_file_whose_copy_would_be_too_large_is_refused(
    scene: UploadScene, numbers: int, state: UploadState
) -> None:
    item = scene.send(pack_parquet(numbers), "people.parquet.gz")
    assert item.received < 3_000_000
    item = work_once(scene, [sys.executable, "-c", NARROW], "Recognizing", item)
    assert item.state == state
    if state == "Failed":
        assert item.fault is not None
        assert (item.fault.code, "it has more than 3 MB unpacked" in item.fault.message) == ("Upload.Unreadable", True)


@pytest.fixture
def refused(scene: UploadScene) -> tuple[RefusedRowsService, Import]:
    """An import with a refused row, and a service whose processes hang."""
    item = scene.stage(scene.recognize(make_table(2, "u-x;x;x;maybe", family="rows")))
    services = scene.bench.services
    rows = RefusedRowsService(services.uploads, services.imports, HANGS, make_environment(scene.bench.url))
    return rows, services.imports.find_by_id(scene.caller, str(item.import_id))


def test_only_so_many_files_of_refused_rows_are_written_at_once(
    scene: UploadScene, refused: tuple[RefusedRowsService, Import]
) -> None:
    rows, item = refused
    for _ in range(2):
        streams = [rows.read(scene.caller, item)[1] for _ in range(AT_ONCE_AN_ACCOUNT)]
        with pytest.raises(RequestRefused) as caught:
            rows.read(scene.caller, item)
        assert caught.value.code == "Upload.TooManyAtOnce"
        streams.clear()  # nobody has read a byte of them


def test_a_file_of_refused_rows_that_takes_too_long_is_cut_and_keeps_no_place(
    scene: UploadScene, refused: tuple[RefusedRowsService, Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentory.services.uploads.refused_rows_service.MOST_SECONDS", 0.5)
    rows, item = refused
    unread = [rows.read(scene.caller, item)[1] for _ in range(AT_ONCE_AN_ACCOUNT)]
    with pytest.raises(OutcomeUnknown):
        list(unread[0])

    def may_read() -> bool:
        try:
            return bool(rows.read(scene.caller, item))
        except RequestRefused:
            return False

    await_true(may_read, 10, 0.05)
    with pytest.raises(OutcomeUnknown):
        list(unread[1])
