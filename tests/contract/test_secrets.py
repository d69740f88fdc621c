"""Logs, refusals, metrics and process lists contain no secret and no personal data, whatever fails.

People with marked values go through a whole `consentory up` with failures of all kinds. Then all output that others
than the caller may see is searched for the marks, and for every secret in use.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from running_server import ACME, find_free_port
from signed_client import make_header, mark_users
from waiting import await_true, let_pass, wait_for

from consentory.store.embedded.embedded_server import EmbeddedServer

pytestmark = pytest.mark.processes

MARK = "zqmark"
"""The mark is in every value of every person, in any letter case. Phone numbers have their own digits."""
NUMBER = "5550179"
BASE = "/Profiles/v4"


def make_person(number: int, **changes: Any) -> dict[str, Any]:
    """A person whose values can all be found again."""
    name = f"{MARK}-{number}"
    return {
        "CustomerName": {"FirstName": f"{MARK}Zoë{number}", "LastName": f"Ōkubo{MARK}{number}"},
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": name}],
        "Emails": [{"EmailAddressType": "Home", "EmailAddress": f"{name}@{MARK}.example.com"}],
        "PhoneNumbers": [{"PhoneType": "Mobile", "PhoneNumber": f"(202) {NUMBER[:3]}-{NUMBER[3:]}"}],
        "Addresses": [
            {
                "AddressType": "Home",
                "Address1": f"1 {MARK} St",
                "City": f"{MARK}ville",
                "StateProvince": "CA",
                "PostalCode": "90210",
                "CountryCode_Alpha2": "US",
            }
        ],
        "Groups": [{"GroupType": "Household", "GroupName": name}],
        "ProfileTags": [{"Name": f"tag {MARK}"}],
        "CustomFields": [{"Name": "Nickname", "Value": f"nick {MARK}"}],
        **changes,
    }


def make_faulty(number: int) -> list[dict[str, Any]]:
    """People with faults of many kinds, each fault in a marked value."""
    return [
        make_person(number, Emails=[{"EmailAddress": f"{MARK} is no address"}]),
        make_person(number + 1, PhoneNumbers=[{"PhoneType": "Mobile", "PhoneNumber": f"{MARK}"}]),
        make_person(number + 2, CustomFields=[{"Name": "Store", "Value": f"{MARK}"}, {"Name": MARK, "Value": MARK}]),
        make_person(number + 3, **{f"Emial{MARK}": MARK}),
        make_person(number + 4, AlternateIds=[{"AlternateIdType": MARK, "AlternateId": MARK}]),
        make_person(number + 5, ProfileId=f"{MARK}"),
        make_person(number + 6, CustomerType=MARK, DefaultLocale=MARK, CreatedDate=MARK),
        make_person(number + 7, CustomerName={"FirstName": f"{MARK}\u0000\u0007"}),
    ]


@dataclass
class Watched:
    """A running `consentory up`, all its collected output, and all values that must not be in the output."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=find_free_port)
    secrets: set[str] = field(default_factory=set)
    refusals: list[httpx.Response] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    """Command lines of all processes, as `ps` shows them to everybody."""
    metrics: str = ""
    said: list[str] = field(default_factory=list)
    """The text that commands wrote to standard error."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        self.out = (self.folder / "up.out").open("wb")
        self.err = (self.folder / "up.err").open("wb")
        command = [sys.executable, "-m", "consentory", "up", "--data", str(self.data), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--workers", "1"], env=self.environment, stdout=self.out, stderr=self.err, start_new_session=True
        )
        told = self.folder / "up.out"
        await_true(lambda: b"is up" in told.read_bytes() or self.process.poll() is not None, 90)
        assert self.process.poll() is None, (self.folder / "up.err").read_text()[-2000:]
        self.stopping = threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def stop(self) -> None:
        self.stopping.set()
        self.watcher.join()
        self.http.close()
        self.process.terminate()
        self.process.wait(60)
        self.out.close()
        self.err.close()

    def _watch(self) -> None:
        while not self.stopping.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes().decode(errors="replace").replace("\0", " ")
                except OSError:
                    continue  # the process has ended meanwhile
                if "pytest" not in words:
                    self.words.add(words)

    def run(self, *words: str, code: int | None = 0, **environment: str) -> str:
        """Run a command beside the server; returns its output."""
        done = subprocess.run(
            [sys.executable, "-m", "consentory", *words],
            env=self.environment | environment, cwd=self.folder,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stderr
        self.said.append(done.stderr)
        return done.stdout

    def refuse(self, answer: httpx.Response, *statuses: int) -> None:
        """Keep a refusal for the search."""
        assert answer.status_code in statuses, answer.text
        self.refusals.append(answer)

    def query(self, statement: str) -> None:
        """Run a statement as the database's owner."""
        with psycopg.connect((self.data / "conninfo").read_text(), autocommit=True) as owner:
            owner.execute(statement)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    folder = Path(tempfile.mkdtemp(prefix="consentory-secrets-"))
    folder.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
    seen = Watched(folder, environment)
    try:
        seen.start()
        try:
            live_through_it_all(seen)
            seen.metrics = seen.http.get("/metrics").text
        finally:
            seen.stop()
        yield seen
    finally:
        EmbeddedServer(seen.data).erase()
        shutil.rmtree(folder)


def live_through_it_all(seen: Watched) -> None:
    """Set an account up, import, and cause every failure that can be caused from outside."""
    access = set_up(seen)
    bearer = attempt_access(seen, access)
    seen.http.headers["Authorization"] = f"Bearer {bearer}"
    import_by_call(seen)
    import_by_command(seen, access)
    ask_for_people(seen)
    break_the_database(seen)


def set_up(seen: Watched) -> dict[str, str]:
    document = yaml.safe_load(ACME.read_text("utf-8"))
    mark_users(document)
    file = seen.folder / "acme.json"
    file.write_text(json.dumps(document))
    data = ("--data", str(seen.data))
    seen.run("account", "apply", str(file), *data)
    access = json.loads(seen.run("credentials", "create", "--account", "ACME", "--user", "nightly", *data))
    access |= json.loads(seen.run("credentials", "hmac-key", "--account", "ACME", *data))
    seen.run("credentials", "hmac-key", "--account", "ACME", "--list", *data)
    seen.run("credentials", "rotate-signing-key", *data)
    seen.secrets |= {access["client_secret"], access["key"], (seen.data / "secret-key").read_text().strip()}
    conninfo = psycopg.conninfo.conninfo_to_dict((seen.data / "conninfo").read_text())
    seen.secrets.add(str(conninfo["password"]))
    return access


def attempt_access(seen: Watched, access: dict[str, str]) -> str:
    """Try every way to authenticate, with success and without; returns a bearer token. Wrong secrets count as secrets,
    too: a wrong secret is mostly the right one mistyped."""
    path = f"{BASE}/Async/ACME/Imports"
    form = {"client_id": access["client_id"], "client_secret": access["client_secret"]}
    token = str(seen.http.post("/oauth2/token", data=form).json()["access_token"])
    wrong = f"wrong-{access['client_secret'][:20]}"
    signed = make_header(access["key"], "ACME")
    seen.secrets |= {token, wrong, signed.rpartition("=")[0].rpartition("=")[2] or signed}
    assert seen.http.get(path, headers={"Authorization": signed}).status_code == 200
    assert seen.http.get(path, headers={"Authorization": signed}).status_code == 200
    for header in (f"Bearer {token}x", f"Bearer {wrong}", f"Basic {wrong}", signed.replace("SHA256", "MD5"),
                   make_header(wrong, "ACME"), make_header(access["key"], "ACME", "plain"),
                   make_header(access["key"], "ACME", time="yesterday"), wrong):  # fmt: skip
        seen.refuse(seen.http.get(path, headers={"Authorization": header}), 401)
    seen.refuse(seen.http.get(f"{BASE}/Async/{MARK}/Imports", headers={"Authorization": f"Bearer {token}"}), 404)
    for _ in range(8):
        seen.refuse(seen.http.post("/oauth2/token", data=form | {"client_secret": wrong}), 401, 429)
    seen.refuse(seen.http.post("/oauth2/token", data={"client_id": wrong, "scope": wrong}), 401)
    return token


def import_by_call(seen: Watched) -> None:
    imports = f"{BASE}/Async/ACME/Import"
    seen.refuse(seen.http.post(imports, json={"Name": MARK * 50, MARK: MARK, "MatchCriteria": MARK}), 400)
    body = {"Name": "marked", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    token = seen.http.post(imports, json=body, headers={"Idempotency-Key": MARK}).json()["AccessToken"]
    seen.refuse(seen.http.post(imports, json=body | {"Name": "x"}, headers={"Idempotency-Key": MARK}), 409)
    stage = f"{imports}/{token}/Stage"
    people = [*(make_person(number) for number in range(200)), *make_faulty(1000), {"ProfileId": 10**12}]
    whole = json.dumps({"UserProfilePreferences": people}).encode()
    seen.refuse(seen.http.post(stage, content=whole[:-5000]), 400)
    seen.refuse(seen.http.post(stage, content=whole.replace(b"nick ", b"\xff\xfe ")), 400)
    seen.refuse(seen.http.post(stage, content=whole, headers={"Content-Type": f"text/{MARK}"}), 415)
    seen.refuse(seen.http.post(stage, content=whole, headers={"Content-Encoding": "gzip"}), 400)
    seen.refuse(seen.http.post(stage, content=whole * 400), 413)
    seen.refuse(seen.http.post(stage, content=json.dumps({"People": people}).encode()), 400)
    answer = seen.http.post(stage, content=whole)
    assert answer.json()["ValidationFailed"] == 8, answer.text
    # The database refuses one record during its application, in a row with all of the person's data.
    seen.query(f"ALTER TABLE profile ADD CONSTRAINT trap CHECK (body::text NOT LIKE '%{MARK}Zoë77\"%')")
    execute_and_wait(seen, f"{imports}/{token}")
    seen.query("ALTER TABLE profile DROP CONSTRAINT trap")
    seen.refuse(seen.http.post(stage, content=whole), 409)


def execute_and_wait(seen: Watched, path: str) -> None:
    seen.http.post(f"{path}/Execute")
    status = wait_for(lambda: seen.http.get(f"{path}/Status").json(), lambda now: now["Status"] == "Completed", 60)
    assert status["Processed"] > 0, status
    assert status["Exceptions"] > 0, status


def import_by_command(seen: Watched, access: dict[str, str]) -> None:
    file = seen.folder / "people.ndjson"
    people = [*(make_person(number) for number in range(300, 400)), *make_faulty(2000)]
    file.write_text("".join(json.dumps(person) + "\n" for person in people))
    settings = {
        "CONSENTORY_SERVER": f"http://127.0.0.1:{seen.port}", "CONSENTORY_ACCOUNT": "ACME",
        "CONSENTORY_USER": "nightly", "CONSENTORY_CLIENT_ID": access["client_id"],
        "CONSENTORY_CLIENT_SECRET": access["client_secret"],
    }  # fmt: skip
    with psycopg.connect((seen.data / "conninfo").read_text(), autocommit=True) as owner:
        owner.execute("DELETE FROM auth_attempt")
    seen.run("import", str(file), "--name", "marked", "--match", "CRM", code=1, **settings)
    wrong = settings | {"CONSENTORY_CLIENT_SECRET": f"wrong-{access['client_secret'][:20]}"}
    seen.run("import", str(file), "--name", "marked", "--match", "CRM", code=2, **wrong)


def ask_for_people(seen: Watched) -> None:
    profile = f"{BASE}/ACME/Profile"
    found = seen.http.get(profile, params={"alternateIdType": "CRM", "alternateId": f"{MARK}-1"})
    assert found.status_code == 200
    assert MARK in found.text
    for question in (
        {"alternateIdType": "CRM", "alternateId": f"{MARK}-none"},
        {"alternateIdType": MARK, "alternateId": MARK},
        {"emailAddress": f"{MARK}@example.com", "phoneNumber": f"202{NUMBER}"},
        {"emailAddress": f"{MARK} none"},
        {"phoneNumber": f"{MARK}{NUMBER}"},
        {MARK: MARK},
    ):
        answer = seen.http.get(profile, params=question)
        if answer.status_code >= 400:
            seen.refuse(answer, 400, 403, 404)
    seen.refuse(seen.http.get(f"{profile}/{MARK}"), 400, 404)
    seen.refuse(seen.http.get(f"{profile}/1/History", params={"of": "Neither", "limit": "x"}), 400)
    seen.refuse(seen.http.get(f"/{MARK}/{NUMBER}"), 404)
    seen.refuse(seen.http.request("PATCH", profile, content=MARK), 405)
    seen.refuse(seen.http.get(profile, headers={"Accept": f"text/{MARK}"}), 400, 406)
    seen.refuse(seen.http.put(f"{BASE}/ACME/Configuration", content=f"account: {MARK}"), 400, 403)
    seen.http.get(f"{profile}/1", headers={"X-Request-Id": f"{MARK} {NUMBER}"})
    for person in make_faulty(3000):
        seen.refuse(seen.http.post(profile, json=person), 400, 409)


def break_the_database(seen: Watched) -> None:
    profile = f"{BASE}/ACME/Profile"
    seen.query(f'UPDATE profile SET body = \'{{"name": ["{MARK}"], "emails": 7}}\' WHERE profile_id = 3')
    seen.refuse(seen.http.get(f"{profile}/3"), 503)
    seen.query("ALTER TABLE profile RENAME TO profile_away")
    seen.refuse(seen.http.get(f"{profile}/1"), 503)
    seen.refuse(seen.http.post(profile, json=make_person(5000)), 503)
    seen.query("ALTER TABLE profile_away RENAME TO profile")
    seen.query(f"ALTER TABLE profile ADD CONSTRAINT trap CHECK (body::text NOT LIKE '%{MARK}Zoë5001%')")
    seen.refuse(seen.http.post(profile, json=make_person(5001)), 400, 409, 503)
    seen.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    let_pass(0.5, because="the processes log the loss of their connections some time later")


def find(text: str, wanted: set[str]) -> set[str]:
    """The wanted words that the text contains, in any letter case, also as JSON or URLs write them."""
    folded = text.lower()
    return {item for item in wanted if item.lower() in folded}


def list_logs(seen: Watched) -> dict[str, str]:
    files = [seen.folder / "up.out", seen.folder / "up.err", *seen.data.glob("server.log*")]
    return {file.name: file.read_text(errors="replace") for file in files}


def test_the_captured_logs_metrics_and_process_lists_are_not_empty(watched: Watched) -> None:
    logs = list_logs(watched)
    assert '"event": "request"' in logs["up.err"]
    assert "unexpected" in logs["up.err"]
    assert "ready to accept connections" in logs["server.log"]
    assert len(watched.refusals) > 40
    assert "consentory_http_requests" in watched.metrics
    assert any(" serve " in words for words in watched.words)
    assert any("postgres" in words for words in watched.words)
    assert any(" import " in words for words in watched.words)
    assert len(watched.secrets) >= 6
    assert all(len(secret) > 20 for secret in watched.secrets)


def test_logs_hold_nothing_of_people_and_no_secret(watched: Watched) -> None:
    for name, text in list_logs(watched).items():
        assert find(text, {MARK, NUMBER, *watched.secrets}) == set(), name


def test_refusals_hold_no_secret(watched: Watched) -> None:
    for answer in watched.refusals:
        assert find(f"{answer.headers} {answer.text}", watched.secrets) == set()


def test_refusals_repeat_only_what_the_caller_has_just_sent_and_only_among_the_faults(watched: Watched) -> None:
    """`errors` names the faulty values only to the sender of the record. No other part contains a value."""
    for answer in watched.refusals:
        problem = answer.json()
        faults = problem.pop("errors", [])
        assert find(f"{answer.headers} {problem}", {MARK, NUMBER}) == set(), f"{answer.request.url} {answer.text}"
        assert not faults or answer.status_code in (400, 409)


def test_refusals_of_the_database_and_of_the_unforeseen_say_nothing_of_the_inside(watched: Watched) -> None:
    unforeseen = [answer.text for answer in watched.refusals if answer.status_code == 503]
    assert len(unforeseen) >= 3
    for text in unforeseen:
        assert find(text, {MARK, NUMBER, "sql", "psycopg", "traceback", "constraint", "profile_away"}) == set()


def test_metrics_hold_nothing_of_people_and_no_secret(watched: Watched) -> None:
    assert find(watched.metrics, {MARK, NUMBER, *watched.secrets}) == set()


def test_process_lists_hold_nothing_of_people_and_no_secret(watched: Watched) -> None:
    for words in watched.words:
        assert find(words, {MARK, NUMBER, *watched.secrets}) == set()


def test_commands_say_no_secret_on_standard_error(watched: Watched) -> None:
    for text in watched.said:
        assert find(text, watched.secrets) == set()


def test_remaining_files_are_readable_by_the_owner_only(watched: Watched) -> None:
    for name in ("secret-key", "conninfo", "server.log"):
        assert (watched.data / name).stat().st_mode & 0o777 == 0o600, name
    (exceptions,) = watched.folder.glob("people.ndjson.exceptions*")
    assert exceptions.stat().st_mode & 0o777 == 0o600
