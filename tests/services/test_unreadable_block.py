"""A staged block that cannot be read, a bad block of the disk say: its import waits, and nobody else does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
import zstandard
from live_account import LiveAccount, LiveStore, drop_uuids
from running_server import AccountAccess, RunningServer
from structlog.testing import capture_logs
from waiting import await_true, let_pass

from consentory.client.api_client import ConsentoryClient
from consentory.codec.staging.staged_block import pack_raw, unpack_raw
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.import_execution import Execution

pytestmark = pytest.mark.processes

Wire = dict[str, Any]
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
EVENT = "chunk cannot be processed, trying again later"
WAIT_SECONDS = 0.4

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "no frame at all": lambda _: b"\x00" * 100,
    "cut off": lambda block: block[: len(block) // 2],
    "a byte turned over": lambda block: bytes([*block[:40], block[40] ^ 0xFF, *block[41:]]),
    "packed, and no MessagePack": lambda _: zstandard.compress(b"\xc1 Zzyzx person1@example.com"),
    "MessagePack of something else": lambda _: zstandard.compress(msgspec.msgpack.encode([{"FirstName": "Zzyzx"}])),
}


@pytest.fixture
def store(database_url: str) -> Iterator[LiveStore]:
    live = LiveStore(database_url)
    yield live
    live.close()


@pytest.fixture
def execution(store: LiveStore) -> Execution:
    return Execution(
        store.workers, ConfigurationCache(store.workers), chunk_records=100, quarantine_seconds=WAIT_SECONDS
    )


REQUIRED = {"CustomFields": [{"Name": "Region", "Value": "N"}]}
"""The members that the account of the model check requires of every person."""


def make_people(count: int, **more: Any) -> list[Wire]:
    return [
        {
            "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
            "CustomerName": {"FirstName": f"Zzyzx {number}"},
            "Emails": [{"EmailAddress": f"person{number}@example.com"}],
            **more,
        }
        for number in range(1, count + 1)
    ]


def queue(account: LiveAccount, count: int, **more: Any) -> str:
    """The token of an import that waits for its turn."""
    token = account.initiate(**MATCH)
    account.stage(token, make_people(count, **REQUIRED, **more))
    account.execute(token)
    return token


def find_id(account: LiveAccount, token: str) -> UUID:
    return account.store.services.imports.find_by_token(account.caller, token).import_id


def read_block(store: LiveStore, import_id: UUID, first_sequence: int, part: str = "work") -> bytes:
    query = f"SELECT {part} FROM import_block WHERE import_id = %s AND first_sequence = %s"
    ((block,),) = store.query(query, import_id, first_sequence)
    return bytes(block)


def put_block(store: LiveStore, import_id: UUID, first_sequence: int, block: bytes, part: str = "work") -> None:
    change = f"UPDATE import_block SET {part} = %s WHERE import_id = %s AND first_sequence = %s"
    store.change(change, block, import_id, first_sequence)


def work(execution: Execution) -> None:
    """Until there is nothing to do just now."""
    while execution.process_slice() is not None or execution.resolve_next() is not None:
        pass


def find_failures(events: Sequence[Any]) -> list[Any]:
    """The log events of chunks whose processing failed."""
    check_silence(json.dumps(events, default=repr))
    return [event for event in events if event["event"] == EVENT]


def check_silence(log: str) -> None:
    """The log has no data of a person."""
    for secret in ("zzyzx", "person", "example.com", "c-1"):
        assert secret not in drop_uuids(log).casefold()


VERBATIM = {"Emails": None, "PhoneNumbers": [{"PhoneType": "Mobile", "PhoneNumber": "+12025550143"}]}
"""Instead of an email without its type: the record is verbatim, and a worker reads it as sent."""


@pytest.mark.parametrize("part", ["work", "raw"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_import_with_a_block_that_cannot_be_read_waits_alone(
    store: LiveStore, execution: Execution, damage: str, part: str
) -> None:
    """Blocks of 64 and chunks of 100: the second block breaks both chunks of 150 records."""
    hurt, other = store.open_account(), store.open_account()
    first = queue(hurt, 150, **(VERBATIM if part == "raw" else {}))
    import_id = find_id(hurt, first)
    whole = read_block(store, import_id, 65, part)
    put_block(store, import_id, 65, DAMAGES[damage](whole), part)
    second = queue(other, 150)

    with capture_logs() as events:
        work(execution)
    assert other.status(second)["Created"] == 150
    status = hurt.status(first)
    assert (status["Status"], status["Pending"], status["Created"]) == ("Processing", 150, 0)
    (failure,) = find_failures(events)
    assert (failure["import_id"], failure["chunk_number"], failure["log_level"]) == (str(import_id), 1, "error")

    let_pass(WAIT_SECONDS, because="the chunk waits so long after a failure")
    with capture_logs() as events:
        work(execution)
    assert len(find_failures(events)) == 1, "once per try"

    put_block(store, import_id, 65, whole, part)
    let_pass(WAIT_SECONDS, because="the chunk waits so long after a failure")
    with capture_logs() as events:
        work(execution)
    assert find_failures(events) == []
    assert hurt.status(first)["Created"] == 150
    assert len(hurt.profile_ids()) == 150


def test_scattered_records_of_a_block_that_cannot_be_read_wait_as_well(store: LiveStore, execution: Execution) -> None:
    """A group's records are read in another way than a range."""
    account = store.open_account()
    token = account.initiate(**MATCH)
    account.stage(token, make_people(1, **REQUIRED) * 2)
    account.execute(token)
    import_id = find_id(account, token)
    whole = read_block(store, import_id, 1)
    put_block(store, import_id, 1, b"no frame")
    with capture_logs() as events:
        work(execution)
    assert len(find_failures(events)) == 1
    put_block(store, import_id, 1, whole)
    let_pass(WAIT_SECONDS, because="the chunk waits so long after a failure")
    work(execution)
    status = account.status(token)
    assert (status["Status"], status["Created"], status["Unchanged"]) == ("Completed", 1, 1)


def test_a_verbatim_record_that_cannot_be_read_is_an_exception_by_itself(
    store: LiveStore, execution: Execution
) -> None:
    """Its block can be read, so there is one record at fault and no need for the others to wait."""
    account = store.open_account()
    token = queue(account, 5, **VERBATIM)
    import_id = find_id(account, token)
    sent = unpack_raw(read_block(store, import_id, 1, "raw"))
    put_block(store, import_id, 1, pack_raw([*sent[:2], b'{"Zzyzx', *sent[3:]]), "raw")
    with capture_logs() as events:
        work(execution)
    assert find_failures(events) == []
    status = account.status(token)
    assert (status["Status"], status["Created"], status["Exceptions"]) == ("Completed", 4, 1)
    (broken,) = [event for event in events if event["event"] == "record broke its chunk"]
    assert broken["sequence_number"] == 3


def connect(access: AccountAccess) -> ConsentoryClient:
    return ConsentoryClient(access.url, access.account, access.client_id, access.client_secret, access.user)


def wait_for(holds: Callable[[], bool]) -> None:
    await_true(holds, 60)


def test_a_running_worker_outlives_it_and_serves_the_other_accounts(database_url: str) -> None:
    """Real processes, and the only worker meets the damage first."""
    server = RunningServer(database_url, workers=1)
    server.start()
    store = LiveStore(database_url)
    try:
        hurt, other = server.create_account(), server.create_account()
        with connect(hurt) as client, connect(other) as second:
            token = client.initiate({"Name": "hurt", **MATCH})["AccessToken"]
            client.stage(token, json.dumps({"UserProfilePreferences": make_people(70)}).encode())
            put_block(store, UUID(client.status(token)["ImportId"]), 1, b"no frame")
            client.execute(token)
            wait_for(lambda: EVENT in server.log.read_text("utf-8"))
            for _ in range(2):
                again = second.initiate({"Name": "other", **MATCH})["AccessToken"]
                second.stage(again, json.dumps({"UserProfilePreferences": make_people(70)}).encode())
                second.execute(again)
                wait_for(lambda token=again: second.status(token)["Status"] == "Completed")
            assert client.status(token)["Pending"] == 70
        assert [process.poll() for process in server.processes] == [None, None]
        log = server.log.read_text("utf-8")
        assert log.count(EVENT) == 1
        check_silence(log)
    finally:
        store.close()
        server.stop()


@pytest.mark.parametrize("records", [1, 3])
def test_the_sent_bytes_of_records_that_are_not_verbatim_are_never_read(
    store: LiveStore, execution: Execution, records: int
) -> None:
    """Ignored members may be of any size: a worker that read them would need memory for those of a whole slice."""
    account = store.open_account()
    token = account.initiate(**MATCH)
    large = make_people(1, **REQUIRED, Exceptions=[{"Message": "x" * 200_000}])
    account.stage(token, [*large, *make_people(4, **REQUIRED, **VERBATIM)[2 : records + 1]])
    account.execute(token)
    put_block(store, find_id(account, token), 1, b"no frame", "raw")
    with capture_logs() as events:
        work(execution)
    assert find_failures(events) == []
    assert account.status(token)["Created"] == records
