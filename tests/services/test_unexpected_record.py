"""A record that breaks its chunk for a reason that nobody foresaw (execution.md, "While it runs").

The reason is put into the test's own database: a rule of the schema that the service does not know of, and that
some records violate; or a stored person that cannot be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from live_account import LiveAccount, LiveStore, drop_uuids
from running_server import RunningServer
from structlog.testing import capture_logs
from waiting import await_true

from consentory.client.api_client import ConsentoryClient
from consentory.domain.imports import Status

pytestmark = pytest.mark.processes

Wire = dict[str, Any]
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
MARK = "Zzyzx"
"""Stands in every record at fault, and may stand in no log."""
REFERENCE = re.compile(r"\b[0-9a-f]{16}\b")


@dataclass(frozen=True)
class Seam:
    """A rule put into the schema, and what a record says to break it."""

    sql: str
    said: Wire


def _consent(reference: str) -> Wire:
    return {
        "ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US", "ConsentStatus": 1,
        "ConsentDate": "2024-03-01", "Evidence": {"Reference": reference},
    }  # fmt: skip


SEAMS = {
    "profile": Seam(
        f"ALTER TABLE profile ADD CONSTRAINT seam CHECK (body #>> '{{name,LastName}}' IS DISTINCT FROM '{MARK}')",
        {"CustomerName": {"LastName": MARK}},
    ),
    "alternate_key": Seam(
        f"ALTER TABLE alternate_key ADD CONSTRAINT seam CHECK (value NOT LIKE '{MARK}%')",
        {"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": f"{MARK}-%d"}]},
    ),
    "contact_key": Seam(
        f"ALTER TABLE contact_key ADD CONSTRAINT seam CHECK (value NOT ILIKE '{MARK}%')",
        {"Emails": [{"EmailAddress": f"{MARK}@example.com"}]},
    ),
    "ledger": Seam(
        f"""ALTER TABLE ledger ADD CONSTRAINT seam CHECK (NOT choices::text LIKE '%{MARK}%')""",
        {"Consents": [_consent(MARK)]},
    ),
    "tag_change": Seam(
        f"""CREATE FUNCTION seam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.name = '{MARK}' THEN RAISE EXCEPTION 'no %', NEW.name USING ERRCODE = '22023'; END IF;
              RETURN NEW; END $$;
            CREATE TRIGGER seam BEFORE INSERT ON tag_change FOR EACH ROW EXECUTE FUNCTION seam()""",
        {"ProfileTags": [{"Name": MARK}]},
    ),
}


@pytest.fixture
def store(database_url: str) -> Iterator[LiveStore]:
    live = LiveStore(database_url)
    yield live
    live.close()


def make_person(number: int, first_name: str = "Ann") -> Wire:
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "CustomerName": {"FirstName": f"{first_name} {number}"},
        "Emails": [{"EmailAddress": f"person{number}@example.com"}],
        "CustomFields": [{"Name": "Region", "Value": "N"}],
    }


def break_it(record: Wire, said: Wire, number: int) -> Wire:
    """The record, saying what the seam's rule refuses beside all else."""
    said = json.loads(json.dumps(said).replace("%d", str(number)))
    for name, value in said.items():
        record[name] = [*record.get(name, []), *value] if isinstance(value, list) else {**record.get(name, {}), **value}
    return record


def make_records(count: int, broken: Sequence[int], said: Wire, first_name: str = "Ann") -> list[Wire]:
    """People 1 to `count`; those in `broken` break the rule."""
    people = [make_person(number, first_name) for number in range(1, count + 1)]
    return [break_it(one, said, n) if n in broken else one for n, one in enumerate(people, 1)]


def read_server_log(store: LiveStore) -> str:
    """The log of PostgreSQL until now."""
    ((folder,),) = store.query("SHOW data_directory")
    return (Path(folder).parent.parent / "server.log").read_text("utf-8", "replace")


def check_log(events: Sequence[Any], faults: dict[int, list[Wire]], import_id: str) -> None:
    """Each exception has one event with its reference. No event has personal data."""
    told = {event["reference"]: event for event in events if event["event"] == "record broke its chunk"}
    assert len(told) == len(faults)
    for sequence, (fault,) in faults.items():
        assert fault["Code"] == "Execution.Unexpected"
        (reference,) = REFERENCE.findall(fault["Message"])
        assert told[reference]["sequence_number"] == sequence
        assert told[reference]["import_id"] == import_id
    text = drop_uuids(json.dumps(events, default=repr)).casefold()
    for secret in (MARK, "example.com", "Ann", "person", "C-1"):
        assert secret.casefold() not in text


def check_people(
    account: LiveAccount, broken: Sequence[int], count: int, first_name: str, old_name: str | None
) -> None:
    """All but the broken ones are as their record says; those are as before, None: not there."""
    names = {}
    for profile in account.profiles().values():
        number = next(one["AlternateId"] for one in profile["AlternateIds"] if one["AlternateIdType"] == "CRM")
        names[number] = profile["CustomerName"]["FirstName"]
    expected = {}
    for number in range(1, count + 1):
        name = old_name if number in broken else first_name
        if name is not None:
            expected[f"C-{number}"] = f"{name} {number}"
    assert names == expected
    assert MARK not in json.dumps(account.profiles())
    account.check_alternate_ids()


WHICH = {"one": [4], "the first": [1], "several": [2, 3, 9, 17, 20], "all": list(range(1, 21))}


CASES = [("profile", which) for which in WHICH] + [(seam, "several") for seam in SEAMS if seam != "profile"]


@pytest.mark.parametrize(("seam", "which"), CASES)
def test_the_record_at_fault_is_found_and_its_neighbours_go_through(store: LiveStore, seam: str, which: str) -> None:
    """20 new people in one chunk; then the same ones changed, the broken ones by a record that breaks again."""
    broken, said = WHICH[which], SEAMS[seam].said
    account = store.open_account()
    store.change(SEAMS[seam].sql)
    with capture_logs() as events:
        end = account.run([make_records(20, broken, said)], **MATCH)
    assert list(end.faults) == broken
    assert (end.status["Exceptions"], end.status["Created"]) == (len(broken), 20 - len(broken))
    check_log(events, end.faults, str(end.import_id))
    check_people(account, broken, 20, "Ann", None)

    account.run([make_records(20, [], said)], **MATCH)
    untouched = [row for row in account.versions() if row[0] == "profile"]
    with capture_logs() as events:
        end = account.run([make_records(20, broken, said, "Bea")], chunk_size=7, **MATCH)
    assert list(end.faults) == broken
    assert (end.status["Exceptions"], end.status["Updated"]) == (len(broken), 20 - len(broken))
    check_log(events, end.faults, str(end.import_id))
    check_people(account, broken, 20, "Bea", "Ann")
    still = set(untouched) & set(account.versions())
    assert len(still) == len(broken)
    said_by_server = read_server_log(store)
    assert "ready to accept connections" in said_by_server
    assert MARK not in said_by_server


def test_other_records_of_the_same_person_go_through_in_order(store: LiveStore) -> None:
    """The one at fault stands between two others of one person: as though it had never been sent."""
    account = store.open_account()
    store.change(SEAMS["profile"].sql)
    first, last = make_person(1, "Ann"), {**make_person(1, "Cyd"), "ProfileTags": [{"Name": "last"}]}
    broken = break_it({**make_person(1, "Bea"), "ProfileTags": [{"Name": "lost"}]}, SEAMS["profile"].said, 1)
    with capture_logs():
        end = account.run([[first, broken, last, make_person(2)]], **MATCH)
    assert list(end.faults) == [2]
    assert (end.status["Created"], end.status["Updated"], end.status["Exceptions"]) == (2, 1, 1)
    one, _ = account.profiles().values()
    assert (one["CustomerName"]["FirstName"], [tag["Name"] for tag in one["ProfileTags"]]) == ("Cyd 1", ["last"])


def test_a_delete_that_breaks_its_chunk(store: LiveStore) -> None:
    """A tombstone that cannot be written: that person stays, whole; the others go."""
    account = store.open_account()
    account.run([make_records(5, [], {})], **MATCH)
    ids = account.profile_ids()
    store.change(f"ALTER TABLE tombstone ADD CONSTRAINT seam CHECK (profile_id <> {ids[2]})")
    kept = account.profile(ids[2])
    with capture_logs() as events:
        end = account.run([[{"ProfileId": one} for one in ids]], ImportAction="Delete")
    assert (end.status["Deleted"], end.status["Exceptions"]) == (4, 1)
    check_log(events, end.faults, str(end.import_id))
    assert account.profiles() == {ids[2]: kept}
    account.check_alternate_ids()


def test_a_stored_person_that_cannot_be_read(store: LiveStore) -> None:
    """A fault in our own code over one person's data, not the database's: handled in the same way."""
    account = store.open_account()
    account.run([make_records(6, [], {})], **MATCH)
    broken = account.profile_ids()[3]
    store.change(
        "UPDATE profile SET body = jsonb_set(body::jsonb, '{name}', '\"Zzyzx\"')::json WHERE profile_id = %s", broken
    )
    with capture_logs() as events:
        end = account.run([make_records(6, [], {}, "Bea")], **MATCH)
    assert list(end.faults) == [4]
    assert (end.status["Updated"], end.status["Exceptions"]) == (5, 1)
    check_log(events, end.faults, str(end.import_id))


def test_a_record_at_fault_can_be_staged_again_once_the_reason_is_gone(store: LiveStore) -> None:
    """The exceptions answer gives the record as it was staged; it goes through as it is."""
    account = store.open_account()
    store.change(SEAMS["profile"].sql)
    with capture_logs():
        end = account.run([make_records(3, [2], SEAMS["profile"].said)], **MATCH)
    store.change("ALTER TABLE profile DROP CONSTRAINT seam")
    token = account.initiate(**MATCH)
    account.stage_body(token, b'{"UserProfilePreferences":[' + b",".join(end.answers) + b"]}")
    assert account.finish(token).status["Created"] == 1
    assert len(account.profile_ids()) == 3


def wait_for_end(client: ConsentoryClient, token: int) -> Wire:
    ended: tuple[Status, ...] = ("Completed", "Failed")
    await_true(lambda: client.status(token)["Status"] in ended, 60, describe=lambda: client.status(token))
    return client.status(token)


def test_while_two_workers_run(database_url: str) -> None:
    """Real processes, small chunks, 600 people of whom every seventh is at fault: each is found, none is
    doubled or lost, and what the processes write to their log knows each reference and no person."""
    server = RunningServer(database_url, workers=2, environment={"CONSENTORY_CHUNK_RECORDS": "40"})
    server.start()
    store = LiveStore(database_url)
    try:
        store.change(SEAMS["profile"].sql)
        access = server.create_account()
        broken = list(range(7, 601, 7))
        people = make_records(600, broken, SEAMS["profile"].said)
        for one in people:
            one.pop("CustomFields")
        with ConsentoryClient(
            access.url, access.account, access.client_id, access.client_secret, access.user
        ) as client:
            token = client.initiate({"Name": "seam", **MATCH})["AccessToken"]
            client.stage(token, json.dumps({"UserProfilePreferences": people}).encode())
            client.execute(token)
            status = wait_for_end(client, token)
            page = client.exceptions(token)
        assert (status["Exceptions"], status["Created"]) == (len(broken), 600 - len(broken))
        faults = {one["SequenceNumber"]: one["Exceptions"] for one in page["UserProfilePreferences"]}
        assert list(faults) == broken
        ((stored,),) = store.query("SELECT count(*) FROM profile WHERE account_id = %s", access.account_id)
        assert stored == 600 - len(broken)
        events = [json.loads(line) for line in server.log.read_text("utf-8").splitlines() if line.startswith("{")]
        check_log(events, faults, status["ImportId"])
    finally:
        store.close()
        server.stop()
