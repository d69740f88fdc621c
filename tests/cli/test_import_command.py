"""The client's commands against a running server, as a person or a script uses them."""

import gzip
import json
import signal
import stat
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from command_line import CONSENTORY, EARLIER, Run, make_environment, make_people, write_lines
from running_server import AccountAccess
from waiting import await_true

from consentory.client.api_client import ApiProblem, ConsentoryClient


def find_state(folder: Path) -> list[Path]:
    return list(folder.glob("*.import-state.json"))


@pytest.mark.parametrize(
    ("form", "pack"),
    [("envelope", bytes), ("array", gzip.compress), ("ndjson", zstandard.compress)],
    ids=["envelope", "array.gz", "ndjson.zst"],
)
def test_every_form_is_imported_and_a_second_time_nothing_changes(
    run: Run, tmp_path: Path, form: str, pack: Callable[[bytes], bytes]
) -> None:
    people = make_people(50)
    text = {
        "envelope": json.dumps({"UserProfilePreferences": people}, indent=2),
        "array": json.dumps(people, ensure_ascii=False),
        "ndjson": "".join(json.dumps(person) + "\n" for person in people),
    }[form]
    file = tmp_path / "people"
    file.write_bytes(pack(text.encode()))
    for outcome in ("Created", "Unchanged"):
        done = run("import", file, "--name", "forms", "--match", "CRM", "--json")
        assert done.returncode == 0, done.stderr
        status = json.loads(done.stdout)["Status"]
        assert status["Status"] == "Completed"
        assert (status["TotalRecordsReceived"], status[outcome]) == (50, 50)
    assert sorted(tmp_path.iterdir()) == [file]


def test_several_files_are_one_import_in_their_order(run: Run, tmp_path: Path) -> None:
    people = make_people(3)
    renamed = [{**person, "CustomerName": {"FirstName": "Later"}} for person in people]
    first, second = write_lines(tmp_path / "1", people), write_lines(tmp_path / "2", renamed)
    done = run("import", first, second, "--name", "two files", "--match", "CRM", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Status"]["TotalRecordsReceived"] == 6
    person = people[0]["AlternateIds"][0]["AlternateId"]
    shown = json.loads(run("profile", "show", "--alternate-id", f"CRM:{person}", "--json").stdout)
    assert shown["Profiles"][0]["Profile"]["CustomerName"]["FirstName"] == "Later"


def test_what_is_refused_lies_beside_the_input_and_can_be_corrected_and_sent_again(run: Run, tmp_path: Path) -> None:
    people = make_people(10)
    people[3]["Emails"][0]["EmailAddress"] = "not-an-address\u2028"
    people[7]["Emial"] = []
    file = write_lines(tmp_path / "people.ndjson", people)
    done = run("import", file, "--name", "faulty", "--match", "CRM")
    assert done.returncode == 1, done.stderr
    assert "Email.Malformed" in done.stdout
    refused = tmp_path / "people.ndjson.exceptions.ndjson"
    assert str(refused) in done.stdout
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    records = [json.loads(line) for line in refused.read_bytes().splitlines()]
    assert [record["SequenceNumber"] for record in records] == [4, 8]
    assert {fault["Code"] for record in records for fault in record["Exceptions"]} == {
        "Email.Malformed",
        "Record.UnknownMember",
    }
    records[0]["Emails"][0]["EmailAddress"] = f"{uuid.uuid4().hex}@example.com"
    del records[1]["Emial"]
    write_lines(refused, records)
    again = run("import", refused, "--name", "corrected", "--match", "CRM", "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["Status"]["Created"] == 2


def test_not_honored_is_exit_code_1(run: Run, tmp_path: Path) -> None:
    people = make_people(1)
    people[0]["Emails"][0]["EmailPreferences"][0]["PreferenceType"] = 2
    assert run("import", write_lines(tmp_path / "no", people), "--name", "no", "--match", "CRM").returncode == 0
    people[0]["Emails"][0]["EmailPreferences"][0] |= {"PreferenceType": 1, "CustomerDate": EARLIER}
    done = run("import", write_lines(tmp_path / "yes", people), "--name", "yes", "--match", "CRM", "--json")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert answer["Status"]["NotHonored"] == 1
    assert answer["ExceptionsFile"] is None
    unhonored = run("exceptions", str(answer["Status"]["AccessToken"]), "--phase", "NotHonored")
    assert "Preference.Superseded" in unhonored.stdout


def test_undated_choices_are_warned_of_and_counted(run: Run, tmp_path: Path) -> None:
    people = make_people(4)
    for person in people[:3]:
        del person["Emails"][0]["EmailPreferences"][0]["CustomerDate"]
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    people[3]["Consents"] = [consent]
    done = run("import", write_lines(tmp_path / "undated", people), "--name", "undated", "--match", "CRM", "--json")
    assert done.returncode == 0, done.stderr
    assert "4 choices have no date of their own" in done.stderr
    assert json.loads(done.stdout)["Status"]["UndatedChoices"] == 4


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("", [], "the file is empty"),
        ('{"a": 1}\n{"b"\n', [], "line 2 (byte 9): not JSON"),
        ("{}\n", ["--match", "NoSuch"], "NoSuch"),
        ("{}\n", ["--refresh", "contacts,everything"], "not 'everything'."),
        ("{}\n", ["--action", "Delete", "--refresh", "tags"], "RefreshTags"),
        ("{}\n", ["--client-secret", "wrong"], "401"),
        ("{}\n", ["--account", "NOSUCH"], "40"),
    ],
)
def test_a_refusal_is_exit_code_2_and_leaves_nothing(
    run: Run, tmp_path: Path, text: str, words: list[str], told: str
) -> None:
    file = tmp_path / "people"
    file.write_text(text)
    done = run("import", file, "--name", "refused", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_breaks_off_midway_applies_nothing(run: Run, tmp_path: Path) -> None:
    people = make_people(4000)
    file = write_lines(tmp_path / "people", people)
    file.write_bytes(file.read_bytes()[:-20])
    assert file.stat().st_size > 1_000_000
    done = run("import", file, "--name", "cut off", "--match", "CRM", "--batch-megabytes", "1")
    assert done.returncode == 2
    assert "line 4000" in done.stderr
    assert not find_state(tmp_path)
    names = [item["Name"] for item in json.loads(run("imports", "--json").stdout)["Imports"]]
    assert "cut off" not in names


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_goes_on_and_stages_no_record_twice(
    run: Run, environment: dict[str, str], tmp_path: Path, blow: signal.Signals
) -> None:
    people = make_people(20_000, ProfileTags=[{"Name": "x" * 90}])
    file = write_lines(tmp_path / "people", people)
    words = ["import", str(file), "--name", "interrupted", "--match", "CRM", "--batch-megabytes", "1"]
    first = subprocess.Popen([CONSENTORY, *words], env=environment, stderr=subprocess.PIPE, text=True)
    state = tmp_path / "people.import-state.json"
    await_true(
        lambda: (state.exists() and json.loads(state.read_bytes())["batches"] >= 2) or first.poll() is not None,
        60,
        0.01,
    )
    assert first.poll() is None, first.communicate()
    first.send_signal(blow)
    _, told = first.communicate(timeout=120)
    if blow == signal.SIGINT:
        assert first.returncode == 2
        assert "Run the same command again" in told
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert environment["CONSENTORY_CLIENT_SECRET"] not in state.read_text()
    other = run("import", file, "--name", "another")
    assert other.returncode == 2
    assert "--restart" in other.stderr
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["Resumed"]
    assert answer["Status"]["TotalRecordsReceived"] == answer["Status"]["Created"] == len(people)
    assert not state.exists()


def test_delete_removes_people_by_the_file_that_brought_them(run: Run, tmp_path: Path) -> None:
    people = make_people(5)
    file = write_lines(tmp_path / "people", people)
    assert run("import", file, "--name", "come", "--match", "CRM").returncode == 0
    done = run("import", file, "--name", "go", "--match", "CRM", "--action", "Delete", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Status"]["Deleted"] == 5
    gone = run("profile", "show", "--alternate-id", f"CRM:{people[0]['AlternateIds'][0]['AlternateId']}")
    assert gone.returncode == 2


def test_refresh_names_reach_the_import(run: Run, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "people", make_people(1))
    words = "alternate-ids,contacts,Custom-Fields, groups,tags"
    done = run("import", file, "--name", "r", "--match", "CRM", "--refresh", words, "--allow-prior-consents", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)["Status"]
    assert all(value is True for name, value in status.items() if name.startswith(("Refresh", "Allow")))


@pytest.mark.slow
def test_imports_status_exceptions_and_cancel(server: AccountAccess, run: Run, tmp_path: Path) -> None:
    with make_client(server) as client:
        started = client.initiate({"Name": "by hand"})
        token = started["AccessToken"]
        faulty = json.dumps({"UserProfilePreferences": [*make_people(2), {"Emial": []}]}).encode()
        key = str(uuid.uuid4())
        assert client.stage(token, faulty, idempotency_key=key)["TotalRecordsReceived"] == 3
        assert client.stage(token, faulty, idempotency_key=key)["TotalRecordsReceived"] == 3
        packed = zstandard.compress(json.dumps(make_people(1)[0]).encode())
        staged = client.stage(token, packed, content_type="application/x-ndjson", content_encoding="zstd")
        assert staged["TotalRecordsReceived"] == 4
    listed = json.loads(run("imports", "--json").stdout)["Imports"]
    assert token in [item["AccessToken"] for item in listed]
    narrow = subprocess.run(
        [CONSENTORY, "imports"],
        env={**make_environment(server), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert any(line.split()[-6:-4] == ["Staging", str(token)] for line in narrow.splitlines())
    assert "by" in narrow
    for ref in (str(token), started["ImportId"]):
        shown = json.loads(run("status", ref, "--json").stdout)
        assert (shown["Status"], shown["Pending"], shown["ValidationFailed"]) == ("Staging", 3, 1)
        refused = run("exceptions", ref).stdout.splitlines()
        assert [json.loads(line)["SequenceNumber"] for line in refused] == [3]
    assert run("exceptions", str(token), "-o", "refused.ndjson").returncode == 0
    output = tmp_path / "refused.ndjson"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert json.loads(output.read_text())["Emial"] == []
    cancelled = run("cancel", str(token), "--json")
    assert (cancelled.returncode, json.loads(cancelled.stdout)["Status"]) == (0, "Failed")
    assert run("status", str(token), "--watch").returncode == 2
    assert run("status", "no-token").returncode == 2
    assert run("status", "1").returncode == 2


@pytest.mark.slow
def test_a_profile_is_shown_with_its_history(run: Run, tmp_path: Path) -> None:
    people = make_people(1)
    done = run("import", write_lines(tmp_path / "p", people), "--name", "one person", "--match", "CRM", "--json")
    assert done.returncode == 0, done.stderr
    crm, email = people[0]["AlternateIds"][0]["AlternateId"], people[0]["Emails"][0]["EmailAddress"]
    found = json.loads(run("profile", "show", "--email", email, "--json").stdout)
    assert found["Count"] == 1
    assert found["Profiles"][0]["History"]["Preferences"][0]["FilterId"] == "NEWS-EMAIL"
    import_id = json.loads(done.stdout)["Status"]["ImportId"]
    assert found["Profiles"][0]["History"]["Preferences"][0]["ImportId"] == import_id
    profile_id = str(found["Profiles"][0]["Profile"]["ProfileId"])
    for words in ([profile_id], ["--alternate-id", f"CRM:{crm}"], ["--email", email]):
        text = run("profile", "show", *words).stdout
        for part in ("Zoë Ōkubo 0", email, "NEWS-EMAIL: Opt-In", import_id):
            assert part in text
    nobody = json.loads(run("profile", "show", "--phone", "+12025550199", "--json").stdout)
    assert nobody == {"Count": 0, "Profiles": []}
    for wrong in ([], [profile_id, "--email", email], ["--alternate-id", "CRM"], ["999999999999"]):
        assert run("profile", "show", *wrong).returncode == 2


def test_a_problem_keeps_what_the_server_said(server: AccountAccess) -> None:
    with make_client(server) as client, pytest.raises(ApiProblem) as caught:
        client.initiate({"Name": "", "Nonsense": 1, "DataStageDuration": 99})
    problem = caught.value
    assert problem.status == 400
    assert problem.code
    assert len(problem.errors) == 3
    assert all({"code", "path", "message"} <= fault.keys() for fault in problem.errors)


def make_client(server: AccountAccess) -> ConsentoryClient:
    return ConsentoryClient(server.url, server.account, server.client_id, server.client_secret, server.user)
