"""`consentory import` of tables: one command from the file that people have to profiles, and the refused rows back."""

import csv
import gzip
import hashlib
import json
import os
import signal
import stat
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from command_line import CONSENTORY, Run
from running_server import AccountAccess
from table_reading import read_table
from waiting import await_true

from consentory.client.api_client import ConsentoryClient

MAPPING = """\
match: CRM
columns:
  Kunde: AlternateIds[CRM].AlternateId
  E-Mail: Emails[Home].EmailAddress
  Vorname: CustomerName.FirstName
  Newsletter:
    to: Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType
    values: {ja: OptIn, nein: OptOut}
  Datum: {to: "Emails[Home].EmailPreferences[NEWS-EMAIL].CustomerDate", time: "%d.%m.%Y"}
"""
HEADER = ["Kunde", "E-Mail", "Vorname", "Newsletter", "Datum"]
ADDRESSES = """\
  Str: Addresses[Home].Address1
  Ort: Addresses[Home].City
  Land: Addresses[Home].StateProvince
  PLZ: Addresses[Home].PostalCode
"""
ADDRESS_HEADER = ["Str", "Ort", "Land", "PLZ"]
IMPORT = ("--name", "table")


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING)
    return file


def make_rows(count: int) -> list[list[str]]:
    family = uuid.uuid4().hex[:12]
    return [[f"{family}-{n}", f"p{n}.{family}@example.com", "Zoë", "ja", "01.03.2026"] for n in range(count)]


def write_csv(file: Path, rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ";") -> Path:
    with file.open("w", newline="", encoding=encoding) as text:
        header = [*HEADER, *ADDRESS_HEADER] if len(rows[0]) > len(HEADER) else HEADER
        csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return file


def answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_a_csv_becomes_people_and_says_first_how_it_is_read(run: Run, tmp_path: Path, mapping: Path) -> None:
    rows = make_rows(40)
    file = write_csv(tmp_path / "kunden.csv", rows, "cp1252")
    done = run("import", file, *IMPORT, "--mapping", mapping, "--json")
    status = answer(done)["Status"]
    assert (done.returncode, status["Created"], status["MatchValue"]) == (0, 40, "CRM")
    assert done.stderr.splitlines()[0] == (
        'kunden.csv: CSV, encoding cp1252 (detected, for example "Zoë"), delimiter semicolon (detected), '
        "header in line 1, 5 columns."
    )
    assert status["Source"] == {
        "FileName": "kunden.csv",
        "Sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "Rows": 40,
        "Mapping": MAPPING,
    }
    shown = json.loads(run("profile", "show", "--alternate-id", f"CRM:{rows[7][0]}", "--json").stdout)
    profile = shown["Profiles"][0]["Profile"]
    assert profile["CustomerName"]["FirstName"] == "Zoë"
    assert profile["Emails"][0]["EmailPreferences"][0]["PreferenceType"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kunden.csv", "mapping.yaml"]
    again = answer(run("import", file, *IMPORT, "--mapping", mapping, "--json"))
    assert again["Status"]["Unchanged"] == 40


def write_format(file: Path, form: str, rows: list[list[str]]) -> Path:
    if form == "xlsx":
        book = openpyxl.Workbook()
        book.active.append(["other"])
        sheet = book.create_sheet("Kunden")
        for row in [HEADER, *rows]:
            sheet.append(row)
        book.save(file)
    elif form == "parquet":
        table = pyarrow.table({name: [row[place] for row in rows] for place, name in enumerate(HEADER)})
        pyarrow.parquet.write_table(table, file, row_group_size=7)
    else:
        write_csv(file, rows, delimiter="\t" if form == "tsv" else ";")
    return file


@pytest.mark.parametrize("form", ["csv", "tsv", "xlsx", "parquet"])
def test_refused_rows_come_back_in_the_form_of_the_file_and_are_imported_again(
    run: Run, tmp_path: Path, mapping: Path, form: str
) -> None:
    rows = make_rows(30)
    rows[3][1] = "no-address"  # the server refuses it
    rows[5][3] = "vielleicht"  # the mapping refuses it
    rows[9][4], rows[9][1] = "31.02.2026", "nope"
    file = write_format(tmp_path / f"kunden.{form}", form, rows)
    sheet = ["--sheet", "Kunden"] if form == "xlsx" else []
    done = run("import", file, *IMPORT, "--mapping", mapping, *sheet)
    assert done.returncode == 1, done.stderr
    refused = tmp_path / f"kunden.{form}.exceptions.{form}"
    assert f"Refused records: {refused}" in done.stdout
    line = {"parquet": 4}.get(form, 5)
    place = {"xlsx": "sheet Kunden, row", "parquet": "row"}.get(form, "line")
    example = f'$.Emails[0].EmailAddress = "no-address" (kunden.{form}, {place} {line}, column E-Mail)'
    assert f"Example: {example}" in done.stdout
    assert "2 rows could not become a record" in done.stdout
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    description, back = read_table(refused)
    assert [column.name for column in description.columns] == [*HEADER, "consentory_line", "consentory_faults"]
    assert [row.cells[:5] for row in back] == [rows[3], rows[5], rows[9]]
    assert [row.cells[5] for row in back] == [str(line), str(line + 2), str(line + 6)]
    assert "Email.Malformed in E-Mail" in str(back[0].cells[6])
    assert "in Newsletter" in str(back[1].cells[6])
    kept = refused.read_bytes()
    told = answer(run("import", file, *IMPORT, "--mapping", mapping, *sheet, "--json"))
    assert told["ExceptionsFile"] == str(tmp_path / f"kunden.{form}.exceptions.2.{form}")
    assert refused.read_bytes() == kept, "corrections are never overwritten"
    correct(refused, form, rows)
    again = answer(run("import", refused, *IMPORT, "--mapping", mapping, *sheet, "--json"))
    assert (again["Status"]["Created"], again["RefusedRows"], again["ExceptionsFile"]) == (3, 0, None)


def correct(refused: Path, form: str, rows: list[list[str]]) -> None:
    """Correct the rows as a person does in a spreadsheet; the two columns at the end stay."""
    _, back = read_table(refused)
    good = [[row.cells[0], f"{row.cells[0]}@example.com", "Zoë", "ja", "01.03.2026", *row.cells[5:]] for row in back]
    header = [*HEADER, "consentory_line", "consentory_faults"]
    if form == "xlsx":
        book = openpyxl.load_workbook(refused)
        for number, row in enumerate(good, start=2):
            for column, cell in enumerate(row, start=1):
                book.active.cell(number, column).value = cell
        book.save(refused)
    elif form == "parquet":
        table = pyarrow.table({name: [row[place] for row in good] for place, name in enumerate(header)})
        pyarrow.parquet.write_table(table, refused)
    else:
        with refused.open("w", newline="", encoding="utf-8") as text:
            csv.writer(text, delimiter="\t" if form == "tsv" else ";").writerows([header, *good])


def test_a_refused_row_with_an_opt_out_is_counted_and_marked_also_where_the_server_never_saw_it(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    rows = make_rows(6)
    rows[1][3], rows[1][4] = "nein", "31.02.2026"  # the mapping refuses it
    rows[2][4] = "31.02.2026"
    rows[3][3], rows[3][1] = "nein", "no-address"  # the server refuses it
    done = run("import", write_csv(tmp_path / "kunden.csv", rows), *IMPORT, "--mapping", mapping)
    assert "2 refused records hold an opt-out, a denial or a withdrawal" in done.stdout
    assert "consentory_faults marks them: HOLDS AN OPT-OUT." in done.stdout
    _, back = read_table(tmp_path / "kunden.csv.exceptions.csv")
    assert [str(row.cells[6]).startswith("HOLDS AN OPT-OUT | ") for row in back] == [True, False, True]
    none = run("import", write_csv(tmp_path / "none.csv", rows[1:3]), *IMPORT, "--mapping", mapping)
    assert none.returncode == 2
    assert "Rows that hold an opt-out: 1. Correct them first." in none.stderr


def test_a_no_is_counted_and_marked_also_in_a_row_that_could_not_be_read(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    good = [";".join(row) for row in make_rows(3)]
    broken = [
        b"k-1;a@b.de;Zo\xff\xfe;nein;01.03.2026",  # Row.Encoding
        b"k-2;a@b.de;nein;01.03.2026",  # Row.ColumnCount: too few cells
        b"k-3;a@b.de;Zoe;;nein;01.03.2026",  # Row.ColumnCount: too many cells
        b'k-4;a@b.de;"Zo"e;"nein";01.03.2026',  # Row.Quoting
        b"k-5;a@b.de;ja;01.03.2026",  # no opt-out in it
        b";;Zo\xff\xfe;nein;01.03.2026",  # an opt-out of nobody knows whom
    ]
    file = tmp_path / "kunden.csv"
    file.write_bytes(b"\n".join([";".join(HEADER).encode(), *(row.encode() for row in good), *broken, b""]))
    done = run("import", file, *IMPORT, "--mapping", mapping)
    assert done.returncode == 1, done.stderr
    assert "5 refused records hold an opt-out, a denial or a withdrawal" in done.stdout
    assert "(kunden.csv, line 6)" in done.stdout
    assert " = null" not in done.stdout
    refused = (tmp_path / "kunden.csv.exceptions.csv").read_bytes().splitlines()[1:]
    assert [b"HOLDS AN OPT-OUT | Row." in row for row in refused] == [True, True, True, True, False, True]
    again = run("import", tmp_path / "kunden.csv.exceptions.csv", *IMPORT, "--mapping", mapping)
    assert again.returncode == 2
    assert "encoding utf-8 (that of the imported file), delimiter semicolon" in again.stderr
    assert "None of the 6 rows can become a record" in again.stderr
    assert "Rows that hold an opt-out: 5. Correct them first." in again.stderr


def test_a_no_in_a_row_with_too_long_a_number_is_counted_and_marked(run: Run, tmp_path: Path, mapping: Path) -> None:
    rows: list[list[Any]] = [*make_rows(3)]
    rows[1][2], rows[1][3] = 12345678901234567890, "nein"
    file = write_format(tmp_path / "kunden.xlsx", "xlsx", rows)
    done = run("import", file, *IMPORT, "--mapping", mapping, "--sheet", "2")
    assert "1 refused record holds an opt-out, a denial or a withdrawal" in done.stdout
    refused = tmp_path / "kunden.xlsx.exceptions.xlsx"
    (row,) = read_table(refused)[1]
    assert str(row.cells[6]).startswith("HOLDS AN OPT-OUT | Row.NumberTooLong in Vorname: ")
    again = run("import", refused, *IMPORT, "--mapping", mapping, "--sheet", "2")
    assert (again.returncode, "Rows that hold an opt-out: 1." in again.stderr) == (2, True)


def test_the_summary_counts_the_opt_outs_that_have_nothing_to_refuse(run: Run, tmp_path: Path, mapping: Path) -> None:
    rows = make_rows(4)
    rows[1][1], rows[1][3] = "", "nein"
    rows[2][1] = ""
    file = write_csv(tmp_path / "kunden.csv", rows)
    done = run("import", file, *IMPORT, "--mapping", mapping)
    assert "1 opt-out was left out, because the row has no email address, telephone number or postal" in done.stdout
    assert answer(run("import", file, *IMPORT, "--mapping", mapping, "--json"))["OptOutsLeftOut"] == 1
    shown = run("mapping", "show", file, "--mapping", mapping)
    assert shown.stdout.count("left out: an opt-out, because the row has no address or number") == 1


def test_the_summary_counts_the_addresses_that_were_left_out(run: Run, tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING + ADDRESSES)
    places = [["Weg 1", "Köln", "NW", "50667"], ["Weg 2", "", "", ""], ["", "", "", ""], ["", "Bonn", "", "53111"]]
    files = []
    for name, chosen in (("one.csv", places), ("two.csv", places[1:2])):
        rows = [[*row, *place] for row, place in zip(make_rows(len(chosen)), chosen, strict=True)]
        files.append(write_csv(tmp_path / name, rows))
    done = run("import", *files, *IMPORT, "--mapping", mapping)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    assert "3 addresses were left out, because only a part of each is in the row." in done.stdout
    told = answer(run("import", files[1], *IMPORT, "--mapping", mapping, "--json"))
    assert (told["AddressesLeftOut"], told["Status"]["Unchanged"]) == (1, 1)


def test_several_tables_are_one_import_and_each_has_its_own_refused_rows(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    rows = make_rows(6)
    rows[1][1] = rows[4][1] = "no-address"
    one = write_csv(tmp_path / "one.csv", rows[:3])
    two = write_csv(tmp_path / "two.csv", rows[3:], "utf-16", ",")
    told = answer(run("import", one, two, *IMPORT, "--mapping", mapping, "--json"))
    assert told["Status"]["Created"] == 4
    assert told["Status"]["Source"]["FileName"] == "one.csv, two.csv"
    assert told["ExceptionsFiles"] == [str(path) + ".exceptions.csv" for path in (one, two)]
    description, back = read_table(Path(told["ExceptionsFiles"][1]))
    assert (description.encoding, description.delimiter) == ("utf-16-le", ",")
    assert back[0].cells[:6] == [*rows[4], "3"]


def test_a_table_without_a_mapping_stops_before_anything_is_begun(run: Run, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "kunden.csv", make_rows(2))
    done = run("import", file, *IMPORT)
    assert done.returncode == 2
    assert "consentory mapping suggest kunden.csv > mapping.yaml" in done.stderr
    assert done.stderr.startswith("kunden.csv: CSV, encoding utf-8 (checked), delimiter semicolon (detected), ")
    assert json.loads(run("imports", "--json").stdout)["Imports"] == []


def test_a_column_that_the_mapping_does_not_name_stops_before_anything_is_begun(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    mapping.write_text(MAPPING.replace("  Vorname: CustomerName.FirstName\n", ""))
    done = run("import", write_csv(tmp_path / "kunden.csv", make_rows(2)), *IMPORT, "--mapping", mapping)
    assert done.returncode == 2
    advice = 'the mapping does not name the column "Vorname": perhaps add to columns: "Vorname": CustomerName.FirstName'
    assert advice in done.stderr
    assert json.loads(run("imports", "--json").stdout)["Imports"] == []


def test_a_table_with_ids_and_nothing_to_match_by_is_refused_wherever_its_first_id_stands(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    mapping.write_text(MAPPING.replace("match: CRM\n", ""))
    rows = make_rows(4)
    rows[0][3] = "vielleicht"
    rows[1][0] = ""
    done = run("import", write_csv(tmp_path / "kunden.csv", rows), *IMPORT, "--mapping", mapping)
    assert (done.returncode, "Add --match CRM, or --no-match" in done.stderr) == (2, True)
    assert json.loads(run("imports", "--json").stdout)["Imports"] == []


def test_tables_and_records_do_not_mix(run: Run, tmp_path: Path, mapping: Path) -> None:
    records = tmp_path / "people.ndjson"
    records.write_text("{}\n")
    table = write_csv(tmp_path / "kunden.csv", make_rows(1))
    for files in ([records, table], [records]):
        done = run("import", *files, *IMPORT, "--mapping", mapping)
        assert done.returncode == 2
        assert "people.ndjson: this file holds JSON, which needs no mapping" in done.stderr


def test_when_no_row_can_be_imported_nothing_is_begun_and_all_come_back(
    run: Run, tmp_path: Path, mapping: Path
) -> None:
    rows = [[*row[:3], "vielleicht", row[4]] for row in make_rows(3)]
    done = run("import", write_csv(tmp_path / "kunden.csv", rows), *IMPORT, "--mapping", mapping)
    assert done.returncode == 2
    assert "None of the 3 rows can become a record. Nothing was imported." in done.stderr
    assert len(read_table(tmp_path / "kunden.csv.exceptions.csv")[1]) == 3
    assert json.loads(run("imports", "--json").stdout)["Imports"] == []


def test_options_overrule_what_is_detected(run: Run, tmp_path: Path, mapping: Path) -> None:
    file = write_csv(tmp_path / "kunden.csv", make_rows(2), "mac-roman", "#")
    options = ("--encoding", "mac-roman", "--delimiter", "#", "--mapping", mapping)
    done = run("import", file, *IMPORT, *options, "--json")
    assert answer(done)["Status"]["Created"] == 2
    assert "encoding mac-roman (given), delimiter # (given)" in done.stderr
    wrong = run("import", file, *IMPORT, "--encoding", "klingon", "--mapping", mapping)
    assert (wrong.returncode, "--encoding klingon: unknown" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_and_pipes_are_read(
    environment: dict[str, str], run: Run, tmp_path: Path, mapping: Path, packed: bool
) -> None:
    rows = make_rows(3)
    rows[2][1] = "no-address"
    content = write_csv(tmp_path / "kunden.csv", rows).read_bytes()
    content = gzip.compress(content) if packed else content
    command = [CONSENTORY, "import", "-", *IMPORT, "--mapping", mapping]
    done = subprocess.run(command, env=environment, cwd=tmp_path, input=content, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert b"If this import is interrupted, it is cancelled and cannot be continued." in done.stderr
    assert b"(-, line 4, column E-Mail)" in done.stdout
    assert read_table(tmp_path / "stdin.exceptions.csv")[1][0].cells[:5] == rows[2]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert answer(run("import", pipe, *IMPORT, "--mapping", mapping, "--json"))["Status"]["Unchanged"] == 2
    writer.join()


def start_slowly(environment: dict[str, str], *arguments: Any, **more: Any) -> "subprocess.Popen[bytes]":
    """Start an import, and interrupt it once something is staged."""
    command = [CONSENTORY, "import", *map(str, arguments), "--batch-megabytes", "1"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, **more)


def interrupt_midway(server: AccountAccess, running: "subprocess.Popen[bytes]") -> str:
    with ConsentoryClient(server.url, server.account, server.client_id, server.client_secret, server.user) as client:
        await_true(lambda: any(one["TotalRecordsReceived"] for one in client.imports(limit=1)["Imports"]), 60)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 2, said
    return said.decode()


@pytest.mark.slow
def test_an_interrupted_import_of_a_table_goes_on(
    server: AccountAccess, environment: dict[str, str], run: Run, tmp_path: Path, mapping: Path
) -> None:
    mapping.write_text(MAPPING + ADDRESSES)
    rows = [[*row, "Weg 2" if n in (10, 39_000) else "", "", "", ""] for n, row in enumerate(make_rows(40_000))]
    rows[0][3] = rows[30_000][3] = "vielleicht"
    file = write_csv(tmp_path / "kunden.csv", rows)
    running = start_slowly(environment, file, *IMPORT, "--mapping", mapping)
    assert "Run the same command again" in interrupt_midway(server, running)
    mapping.write_text(MAPPING + ADDRESSES + "otherColumns: ignore\n")
    other = run("import", file, *IMPORT, "--mapping", mapping, "--batch-megabytes", "1")
    assert (other.returncode, "other settings" in other.stderr) == (2, True)
    mapping.write_text(MAPPING + ADDRESSES)
    done = answer(run("import", file, *IMPORT, "--mapping", mapping, "--batch-megabytes", "1", "--json"))
    assert (done["Resumed"], done["RefusedRows"], done["AddressesLeftOut"]) == (True, 2, 2)
    assert (done["Status"]["TotalRecordsReceived"], done["Status"]["Created"]) == (39_998, 39_998)
    assert [row.line for row in read_table(Path(done["ExceptionsFile"]))[1]] == [2, 3]


def test_an_interrupted_import_of_a_pipe_is_cancelled_and_says_so(
    server: AccountAccess, environment: dict[str, str], run: Run, tmp_path: Path, mapping: Path
) -> None:
    file = write_csv(tmp_path / "kunden.csv", make_rows(40_000))
    with file.open("rb") as stream:
        running = start_slowly(environment, "-", *IMPORT, "--mapping", mapping, stdin=stream, cwd=tmp_path)
        said = interrupt_midway(server, running)
    assert "came through a pipe" in said
    last = json.loads(run("imports", "--json").stdout)["Imports"][0]
    assert (last["Status"], last["FailureReason"]) == ("Failed", "Import.Cancelled")


def test_records_say_their_source_too(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_text('[{"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "SO-1"}]}]', "utf-16")
    done = run("import", file, *IMPORT, "--match", "CRM", "--json")
    source = answer(done)["Status"]["Source"]
    assert (source["FileName"], source["Rows"], source["Mapping"]) == ("people.json", 1, None)
    assert source["Sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert done.stderr.startswith("people.json: JSON, encoding utf-16-le (byte order mark).")


def test_people_are_deleted_by_a_table(run: Run, tmp_path: Path, mapping: Path) -> None:
    rows = make_rows(3)
    file = write_csv(tmp_path / "kunden.csv", rows)
    assert answer(run("import", file, *IMPORT, "--mapping", mapping, "--json"))["Status"]["Created"] == 3
    gone = tmp_path / "gone.csv"
    gone.write_text("Kunde\n" + "\n".join(row[0] for row in rows[:2]))
    keys = tmp_path / "keys.yaml"
    keys.write_text("match: CRM\ncolumns: {Kunde: 'AlternateIds[CRM].AlternateId'}\n")
    done = answer(run("import", gone, *IMPORT, "--action", "Delete", "--mapping", keys, "--json"))
    assert done["Status"]["Deleted"] == 2
    rows[2][3], rows[2][4] = "nein", "31.02.2026"
    write_csv(file, [rows[2], ["", *rows[2][1:4], ""]])
    done = run("import", file, *IMPORT, "--action", "Delete", "--mapping", mapping, "--no-match")
    assert "opt-out" not in done.stdout + done.stderr
