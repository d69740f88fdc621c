"""Uploads that the processes of a worker read: the same result as the command line gives, kills, and memory."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from command_line import Run
from running_server import AccountAccess, RunningServer
from upload_person import DONE, Person
from upload_scene import HEADER, MAPPING, make_table, receive
from waiting import wait_for

from consentory.codec.sources import open_file
from consentory.codec.tabular.table import ReadOptions
from consentory.domain.upload import Upload

COLUMNS = HEADER.strip().split(";")
ROWS = [[f"x-{n}", f"p{n}.x@example.com", "Zoë", "ja"] for n in range(30)]
ROWS[3][1] = "no-address"  # the server refuses it
ROWS[5][3] = "vielleicht"  # the mapping refuses it
ROWS[7] = ["x-7", "", "Zoë", "nein"]  # an opt-out without an address


@pytest.fixture
def person(running: RunningServer) -> Person:
    return Person(running.create_account())


def write_form(form: str, rows: list[list[str]], folder: Path) -> Path:
    file = folder / f"people.{form}"
    if form == "xlsx":
        book = openpyxl.Workbook()
        for row in [COLUMNS, *rows]:
            book.active.append(row)
        book.save(file)
    elif form == "parquet":
        table = pyarrow.table({name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)})
        pyarrow.parquet.write_table(table, file, row_group_size=7)
    elif form == "ndjson.gz":
        people = [{"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": row[0]}],
                   "Emails": [{"EmailAddress": row[1]}]} for row in rows]  # fmt: skip
        file.write_bytes(gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in people)))
    else:
        file.write_bytes("\r\n".join(";".join(row) for row in [COLUMNS, *rows]).encode("cp1252"))
    return file


def read_rows(file: Path) -> list[list[object]]:
    with open_file(file) as opened:
        table = opened.open_table(ReadOptions())
        return [[column.header for column in table.description.columns], *(row.cells for row in table.read_rows())]


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "ndjson.gz"])
def test_a_file_gives_the_same_by_upload_and_by_command(
    run: Run, person: Person, server: AccountAccess, tmp_path: Path, form: str
) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING)
    is_table = form != "ndjson.gz"
    file = write_form(form, ROWS, tmp_path)
    words = ["--mapping", mapping] if is_table else ["--match", "CRM"]
    told = json.loads(run("import", file, "--name", "upload", *words, "--json").stdout)["Status"]
    by_command = server.services.imports.find_by_id(Person(server).caller, told["ImportId"])

    fields = {} if is_table else {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    item = person.upload(file.read_bytes(), file.name)
    assert item.state == "Recognized", item.fault
    by_upload = person.execute(person.stage(item, MAPPING if is_table else None, fields=fields))
    assert by_upload.books == by_command.books
    assert by_upload.counts == by_command.counts
    assert by_upload.settings == by_command.settings
    assert person.list_exceptions(by_upload) == Person(server).list_exceptions(by_command)

    refused = person.access.services.refused_rows
    assert (refused.describe(person.caller, by_upload) is not None) == is_table
    if is_table:
        name, pieces = refused.read(person.caller, by_upload)
        [written] = [path for path in tmp_path.iterdir() if ".exceptions." in path.name]
        assert name == written.name
        returned = tmp_path / f"returned.{form}"
        returned.write_bytes(b"".join(pieces))
        assert read_rows(returned) == read_rows(written)


def find_process(item: Upload) -> int | None:
    """The process that reads an upload."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if str(item.upload_id).encode() in words:
                return int(folder.name)
    return None


@pytest.mark.slow
def test_a_killed_process_costs_time_only(running: RunningServer) -> None:
    person = Person(running.create_account(lambda document: document["account"].update(maxStageMegabytes=1)))
    item = person.upload(make_table(20_000, family="kill"), "people.csv")
    person.order(item)
    killed = 0
    for batches in (1, 2):
        wait_for(lambda: person.find(item).records_done, lambda done, least=batches: done >= least * 3000, 60)
        process = find_process(item)
        if process is not None:
            os.kill(process, signal.SIGKILL)
            killed += 1
    item = person.wait(item)
    assert item.state == "Staged", item.fault
    found = person.import_of(item)
    assert (found.books.received, found.books.failed, item.counts.refused_rows) == (20_000, 0, 0)
    assert killed >= 1
    imports, _ = person.access.services.imports.list_imports(person.caller, None, 10, None)
    assert len(imports) == 1


def watch_memory(process: Callable[[], int | None]) -> int:
    """The most memory that the process has had so far, in bytes; 0: it is not there."""
    number = process()
    try:
        text = Path(f"/proc/{number}/status").read_text() if number else ""
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


def make_wide_parts(rows: int) -> Iterator[bytes]:
    """A file of rows of 5 KB, in pieces."""
    yield (HEADER.strip() + ";Notes\n").encode()
    for n in range(rows):
        yield f"w-{n};w{n}@example.com;Zoe;ja;{'x' * 5000}\n".encode()


@pytest.mark.slow
def test_a_hundred_megabytes_go_through_in_bounded_memory(person: Person) -> None:
    uploads = person.access.services.uploads
    item = receive(uploads, person.caller, "people.csv", make_wide_parts(20_000))
    assert item.size is not None
    assert item.size > 100_000_000
    most = 0
    for state in ("Recognizing", "Staging"):
        if state == "Staging":
            person.order(item, MAPPING + "  Notes: ignore\n")

        def look(item: Upload = item) -> Upload:
            nonlocal most
            most = max(most, watch_memory(lambda: find_process(item)))
            return person.find(item)

        found = wait_for(look, lambda seen: seen.state in DONE, 120)
        assert found.fault is None
    assert 0 < most < 400_000_000
    assert person.import_of(person.find(item)).books.received == 20_000
