"""Files as trials brought them: `consentory import` reads each, or says what it is and what to do."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from command_line import CHOSEN, CONSENTORY, Run, make_people, write_lines

IMPORT = ("--name", "field", "--match", "CRM")


def make_id(value: str) -> dict[str, Any]:
    return {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": value}]}


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def nest(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", [900, 1000, 5000, 100_000])
def test_a_deeply_nested_record_is_refused_and_comes_back(run: Run, tmp_path: Path, depth: int) -> None:
    file = tmp_path / "deep.ndjson"
    deep = json.dumps(make_id("F-deep"))[:-1] + f',"Extra":{nest(depth)}}}'
    file.write_text(json.dumps(make_id("F-ok")) + "\n" + deep + "\n")
    done = run("import", file, *IMPORT)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "  1 × " in done.stdout
    refused = (tmp_path / "deep.ndjson.exceptions.ndjson").read_text()
    assert refused.count("\n") == 1
    assert nest(depth) in refused
    assert '"Line":2' in refused


def test_half_a_character_is_a_fault_that_the_summary_counts(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "half.ndjson"
    file.write_text(
        '{"AlternateIds":[{"AlternateIdType":"CRM","AlternateId":"F-s"}],"CustomerName":{"FirstName":"\\ud83d"}}\n'
    )
    done = run("import", file, *IMPORT)
    assert done.returncode == 1, done.stderr
    assert "1 × String.NotUnicode" in done.stdout
    as_json = json.loads(run("import", file, *IMPORT, "--json").stdout)
    assert [fault["Example"]["Code"] for fault in as_json["CommonestFaults"]] == ["String.NotUnicode"]


def test_an_example_of_a_fault_names_the_file_and_the_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    file.write_text(
        json.dumps(make_id("E-ok")) + "\n\n" + json.dumps(make_id("E-1") | {"CustomerType": "Nobody"}) + "\n"
    )
    done = run("import", file, *IMPORT)
    assert 'Example: $.CustomerType = "Nobody" (people.ndjson, line 3)' in done.stdout
    told = json.loads(run("import", file, *IMPORT, "--json").stdout)
    assert told["CommonestFaults"][0]["Example"]["Place"] == "people.ndjson, line 3"


def test_a_delete_of_nobody_says_that_nobody_is_stored(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "gone.ndjson"
    file.write_text(json.dumps(make_id("D-nobody")) + "\n")
    done = run("import", file, *IMPORT, "--action", "Delete")
    assert "1 record was not honored, because no stored person fits: see consentory exceptions " in done.stdout


def test_an_interruption_while_the_command_is_loaded_is_no_traceback() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "consentory", "--help"]
    # The process cannot load all while nobody reads: its pipe is soon full.
    loading = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pipesize=4096)
    assert loading.stderr
    for line in loading.stderr:
        if line.endswith("consentory.client.api_client\n"):
            break
    loading.send_signal(signal.SIGINT)
    _, said = loading.communicate(timeout=60)
    assert (loading.returncode, "Traceback" in said) == (-signal.SIGINT, False)


def test_broken_lines_are_all_named_before_anything_is_staged(run: Run, tmp_path: Path) -> None:
    lines = [json.dumps(make_id(f"N-{n}")) for n in range(300)]
    for number in range(150, 270):
        lines[number] = lines[number][:-1] + ', "CustomFields": [{"Name": "Score", "Value": NaN}]}'
    file = tmp_path / "nan.ndjson"
    file.write_text("\n".join(lines))
    done = run("import", file, *IMPORT)
    assert done.returncode == 2
    named = [line for line in done.stderr.splitlines() if ": not JSON: " in line]
    assert [int(line.partition(", line ")[2].split()[0]) for line in named] == list(range(151, 251))
    assert "and 20 more" in done.stderr
    assert "--skip-broken" in done.stderr
    assert json.loads(run("imports", "--json").stdout)["Imports"] == []
    assert list(tmp_path.iterdir()) == [file]


def test_broken_lines_can_be_skipped_and_are_kept_as_they_were(run: Run, tmp_path: Path) -> None:
    broken = b'{"AlternateIds": [NaN], "x": "\xeb"}'
    file = tmp_path / "nan.ndjson"
    good = [json.dumps(make_id("N-1")).encode(), json.dumps({**make_id("N-2"), "Emial": 1}).encode()]
    file.write_bytes(good[0] + b"\n" + broken + b"\n" + good[1] + b"\n")
    for name in ("nan.ndjson.broken", "nan.ndjson.2.broken"):
        done = run("import", file, *IMPORT, "--skip-broken")
        assert done.returncode == 1, done.stderr
        assert "1 line is not JSON. It was skipped" in done.stdout
        assert (tmp_path / name).read_bytes() == broken + b"\n"
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert read_lines(tmp_path / "nan.ndjson.exceptions.ndjson")[0]["Origin"] == {"File": "nan.ndjson", "Line": 3}
    clean = write_lines(tmp_path / "clean", [make_id("N-3")])
    assert run("import", clean, *IMPORT, "--skip-broken").returncode == 0
    assert not (tmp_path / "clean.broken").exists()


def test_a_skipped_line_that_holds_an_opt_out_is_counted(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    broken = '{"Emails":[{"EmailAddress":"a@b.c","EmailPreferences":[{"FilterId":"NEWS-EMAIL","PreferenceType":"OptOut"'
    file.write_text(f"{json.dumps(make_id('B-1'))}\n{broken}\n{{\n")
    done = run("import", file, *IMPORT, "--skip-broken")
    assert "2 lines are not JSON. They were skipped" in done.stdout
    assert "1 of them holds an opt-out: correct it first." in done.stdout


def test_refused_records_are_imported_with_the_same_command_also_with_an_encoding(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    person = make_id("ENC-1") | {"CustomerName": {"FirstName": "Zoë"}, "CustomerType": "Nobody"}
    file.write_bytes(json.dumps([person, make_id("ENC-2")], ensure_ascii=False).encode("cp1252"))
    options = (*IMPORT, "--encoding", "cp1252")
    assert run("import", file, *options).returncode == 1
    refused = tmp_path / "people.json.exceptions.ndjson"
    refused.write_text(refused.read_text().replace('"Nobody"', '"Customer"'))
    assert run("import", refused, *options).returncode == 0
    shown = run("profile", "show", "--alternate-id", "CRM:ENC-1").stdout
    assert shown.startswith("Zoë · profile ")


def test_own_files_that_a_pattern_brings_are_left_out_and_named(run: Run, tmp_path: Path) -> None:
    people = [make_id("GL-1"), {**make_id("GL-2"), "Emails": [{"EmailAddress": "nope"}]}]
    write_lines(tmp_path / "people.ndjson", people)
    for night in (1, 2, 3):
        done = run("import", *sorted(path.name for path in tmp_path.glob("*.ndjson*")), *IMPORT, "--json")
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout)["Status"]["TotalRecordsReceived"] == 2
        assert done.stderr.count("left out, because an import wrote it") == night - 1
    own = ["people.ndjson.exceptions.ndjson", "people.ndjson.exceptions.2.ndjson", "people.ndjson.exceptions.3.ndjson"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["people.ndjson", *own])
    alone = run("import", *own[:2], *IMPORT, "--json")
    assert json.loads(alone.stdout)["Status"]["TotalRecordsReceived"] == 2
    assert (tmp_path / "people.ndjson.exceptions.4.ndjson").exists()


def test_a_state_file_is_never_imported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.import-state.json").write_text("{}")
    done = run("import", "people.import-state.json", *IMPORT)
    assert done.returncode == 2
    assert "No file is left to import" in done.stderr


def test_corrections_are_never_overwritten(run: Run, tmp_path: Path) -> None:
    people = [make_id("CO-1"), {**make_id("CO-2"), "Emails": [{"EmailAddress": "nope"}]}]
    file = write_lines(tmp_path / "people.ndjson", people)
    corrections = tmp_path / "people.ndjson.exceptions.ndjson"
    assert run("import", file, *IMPORT).returncode == 1
    corrections.write_text("corrected by hand")
    for number in (2, 3):
        done = run("import", file, *IMPORT)
        assert f"people.ndjson.exceptions.{number}.ndjson" in done.stdout
    write_lines(file, people[:1])
    assert run("import", file, *IMPORT).returncode == 0
    assert corrections.read_text() == "corrected by hand"


def test_a_refused_record_says_its_file_and_line_also_when_it_is_corrected_in_vain(run: Run, tmp_path: Path) -> None:
    faulty = {**make_id("OR-2"), "Emails": [{"EmailAddress": "nope"}]}
    first = tmp_path / "first.json"
    first.write_text(json.dumps([make_id("OR-1"), faulty], indent=2))
    second = tmp_path / "second.ndjson"
    second.write_text("\n" + json.dumps(make_id("OR-3")) + "\n\n" + json.dumps({**faulty, "Emial": 1}) + "\n")
    assert run("import", first, second, *IMPORT).returncode == 1
    refused = tmp_path / "first.json.exceptions.ndjson"
    lines = first.read_text().splitlines()
    begins = next(number for number, line in enumerate(lines) if "OR-2" in line) - 3
    assert [record["Origin"] for record in read_lines(refused)] == [
        {"File": "first.json", "Line": begins},
        {"File": "second.ndjson", "Line": 4},
    ]
    again = run("import", refused, *IMPORT)
    assert again.returncode == 1, again.stderr
    texts = (tmp_path / "first.json.exceptions.2.ndjson").read_text().splitlines()
    assert [json.loads(text)["Origin"]["Line"] for text in texts] == [1, 2]
    assert [text.count('"Origin"') for text in texts] == [1, 1]
    assert "Record.UnknownMember" not in texts[0]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("latin1.ndjson", json.dumps({"x": "Zoë"}, ensure_ascii=False).encode("latin-1"), "iconv -f WINDOWS-1252"),
        ("table.csv", b"email,first_name,opt_in\nmira@example.com,Mira,yes\n", "consentory mapping suggest table.csv"),
        ("people.pdf", b"%PDF-1.7\n", "this is a PDF document"),
        ("long.zst", zstandard.compress(b"{}")[:4] + b"\x00\xa8" + b"\0" * 9, "window of more than 128 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_for_what_it_is(
    run: Run, tmp_path: Path, name: str, text: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(text)
    done = run("import", name, *IMPORT)
    assert done.returncode == 2
    assert told in done.stderr
    assert "encoding cp1252" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("join", ["\r", "\n", " "])
def test_objects_one_after_another_are_read(run: Run, tmp_path: Path, join: str) -> None:
    indent = 2 if join == "\n" else None
    text = join.join(json.dumps(person, indent=indent) for person in make_people(3))
    (tmp_path / "people.json").write_text(text)
    done = run("import", "people.json", *IMPORT, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Status"]["Created"] == 3


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "A file name is empty"),
        (".", "a folder"),
        ("/", "a folder"),
        ("/dev/null", "the file is empty"),
        ("none", "none"),
    ],
)
def test_a_name_that_is_no_file_is_refused_with_a_sentence(run: Run, name: str, told: str) -> None:
    done = run("import", name, *IMPORT)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_is_no_utf_8_is_imported_and_spelled_out(run: Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"people\xff.ndjson")
    write_lines(tmp_path / name, [{**make_id("FN-1"), "Emial": 1}])
    assert "people<U+DCFF>.ndjson" in run("import", name, *IMPORT).stdout
    answer = json.loads(run("import", name, *IMPORT, "--json").stdout)
    assert answer["ExceptionsFile"].endswith(".exceptions.2.ndjson")


@pytest.mark.slow
def test_alternate_ids_without_a_match_are_asked_about(run: Run, tmp_path: Path, environment: dict[str, str]) -> None:
    file = write_lines(tmp_path / "people", make_people(2))
    done = run("import", file, "--name", "n")
    assert done.returncode == 2
    assert "--match CRM" in done.stderr
    assert "--no-match" in done.stderr
    assert run("import", file, "--name", "n", "--match", "CRM", "--no-match").returncode == 2
    for answer, code in (("n\n", 2), ("y\n", 0)):
        master, slave = pty.openpty()
        asking = subprocess.Popen(
            [CONSENTORY, "import", file, "--name", "n"], env=environment, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        os.write(master, answer.encode())
        shown = b""
        try:
            while piece := os.read(master, 4096):
                shown += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(master)
        assert asking.wait(60) == code, shown.decode()
        assert b"Import every record as a new person?" in shown
    others = write_lines(tmp_path / "others", make_people(2))
    done = run("import", others, "--name", "n", "--no-match")
    assert (done.returncode, "2 people are new" in done.stdout) == (0, True)
    done = run("import", others, "--name", "n", "--match", "CRM")
    assert "new, because" not in done.stdout
    known = [{"ProfileId": 1, **make_people(1)[0]}]
    assert run("import", write_lines(tmp_path / "known", known), "--name", "n").returncode == 0


def test_five_kinds_of_fault_are_shown_and_the_others_counted(run: Run, tmp_path: Path) -> None:
    email = {"EmailAddress": "k@example.com"}
    people = [
        {**make_id("KI-1"), "Emial": 1},
        {**make_id("KI-2"), "Emails": [{"EmailAddress": "nope"}]},
        {**make_id("KI-3"), "CustomerType": "Nobody"},
        {**make_id("KI-4"), "PhoneNumbers": [{"PhoneNumber": "1"}]},
        {**make_id("KI-5"), "Emails": [{**email, "EmailPreferences": [{"FilterId": "NO", "PreferenceType": 1}]}]},
        {**make_id("KI-6"), "CustomFields": [{"Name": "NoSuchField", "Value": "1"}]},
        {**make_id("KI-7"), "DefaultLocale": "xx_XX"},
    ]
    done = run("import", write_lines(tmp_path / "kinds", people), *IMPORT)
    assert done.stdout.count(" × ") == 5
    assert "and 2 more kinds of fault" in done.stdout


def test_dated_choices_are_not_warned_of(run: Run, tmp_path: Path) -> None:
    assert CHOSEN in (file := write_lines(tmp_path / "dated", make_people(1))).read_text()
    assert "no date of their own" not in run("import", file, *IMPORT).stderr


def test_refused_records_with_an_opt_out_are_counted_and_come_first(run: Run, tmp_path: Path) -> None:
    people = make_people(4)
    for person in people:
        person["CustomerType"] = "Nobody"
    people[2]["Emails"][0]["EmailPreferences"][0]["PreferenceType"] = 2
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentDate": CHOSEN}
    people[3]["Consents"] = [{**consent, "ConsentStatus": 3}]
    file = write_lines(tmp_path / "people", people)
    done = run("import", file, *IMPORT)
    assert "2 refused records hold an opt-out, a denial or a withdrawal" in done.stdout
    refused = read_lines(tmp_path / "people.exceptions.ndjson")
    assert [record["Origin"]["Line"] for record in refused] == [3, 4, 1, 2]
    assert [record.get("HoldsOptOut", False) for record in refused] == [True, True, False, False]
    again = run("import", "people.exceptions.ndjson", *IMPORT, "--json")
    assert json.loads(again.stdout)["Status"]["RefusedOptOuts"] == 2


def test_numbers_without_a_country_code_are_counted(run: Run, tmp_path: Path) -> None:
    numbers = ["(202) 555-0143", "+49 30 1234567", "202-555-0144"]
    people = [{**make_id(f"PH-{n}"), "PhoneNumbers": [{"PhoneNumber": text}]} for n, text in enumerate(numbers)]
    done = run("import", write_lines(tmp_path / "people", people), *IMPORT)
    assert done.returncode == 0, done.stderr
    assert "2 telephone numbers have no country code" in done.stdout
