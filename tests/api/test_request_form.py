"""Special forms of HTTP requests: HEAD, encoded slashes, large headers, and parameters that could be misread."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from attack_scene import speak
from running_server import RunningServer
from wire_client import WireClient, check_problem, person

FORM = ("x-request-id", "date")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/schema/openapi.json", "/nowhere"])
def test_head_is_get_without_a_body_also_for_operators(running: RunningServer, path: str) -> None:
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        for _ in range(2):  # on one connection: the first answer leaves no bytes behind
            head, got = client.head(path), client.get(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-type"] == got.headers["content-type"]
            if path != "/metrics":
                assert head.headers["content-length"] == got.headers["content-length"]
                assert int(head.headers["content-length"]) == len(got.content)


def test_head_works_at_every_call_that_takes_get(ours: WireClient) -> None:
    document = ours.http.get("/schema/openapi.json").json()
    token = ours.run([person(1)])["AccessToken"]
    known = {"accessToken": token, "importId": ours.status(token)["ImportId"], "profileId": 1, "filterId": "NEWS-EMAIL"}
    names = {"clientId": ours.access.account, **known}
    query = {"of": "Consents", "emailAddress": "nobody@example.com"}
    tried = 0
    for path, item in document["paths"].items():
        if "get" in item and path.startswith("/Profiles"):
            got = ours.http.get(path.format(**names), params=query)
            head = ours.http.head(path.format(**names), params=query)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"]
            tried += 1
    assert tried > 8


def test_head_of_an_answer_without_an_end_ends(ours: WireClient) -> None:
    started = ours.status(ours.initiate()["AccessToken"])
    path = f"{ours.imports}/Imports/{started['ImportId']}/Progress"
    for _ in range(3):
        head = ours.http.head(path, timeout=10)
        assert (head.status_code, head.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    rows = ours.http.head(f"{ours.imports}/Import/{started['AccessToken']}/Exceptions", headers={"Accept": "text/csv"})
    assert (rows.status_code, rows.content) == (200, b"")


def test_head_needs_what_get_needs(ours: WireClient) -> None:
    answer = httpx.head(f"{ours.access.url}{ours.imports}/Imports", trust_env=False)
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("slash", ["%2F", "%2f"])
def test_an_encoded_slash_separates_no_names(ours: WireClient, slash: str) -> None:
    account = ours.access.account
    for path in (
        f"/Profiles/v4/{account}{slash}Configuration",
        f"/Profiles/v4{slash}{account}/Configuration",
        f"/Profiles/v4/Async/{account}/Import/1{slash}Status",
        f"/{slash}healthz",
    ):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {ours.http.headers['authorization']}\r\n"
        port = int(ours.access.url.rpartition(":")[2])
        answer = speak(port, (request + "Connection: close\r\n\r\n").encode())
        assert answer.startswith(b"HTTP/1.1 404 "), path
        assert b"Request.UnknownAddress" in answer


def test_a_slash_in_a_query_is_text(ours: WireClient) -> None:
    found = ours.http.get(f"{ours.account}/Profile?alternateIdType=Loyalty&alternateId=a%2Fb")
    check_problem(found, 404, "Profile.NotFound")


def make_head(size: int) -> bytes:
    """The line and headers of a request, of this number of bytes."""
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: \r\n\r\n"
    return head.replace(b"X-A: ", b"X-A: " + b"a" * (size - len(head)))


def test_a_head_may_have_64_kibibytes_and_no_more(running: RunningServer) -> None:
    assert speak(running.port, make_head(65_536)).startswith(b"HTTP/1.1 200 ")
    for size in (65_537, 80_000, 100_000):
        answer = speak(running.port, make_head(size))
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"Request.HeadTooLarge" in answer
    query = b"GET /healthz?" + b"a" * 65_500 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert speak(running.port, query).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("Imports", "status=null", "status"),
        ("Imports", "status=NULL", "status"),
        ("Imports", "Status=Queued", "Status"),
        ("Imports", "status=Queued&status=Failed", "status"),
        ("Imports", "limit=1e3", "limit"),
        ("Imports", "limit=5.0", "limit"),
        ("Imports", "limit=+5", "limit"),
        ("Imports", "limit=null", "limit"),
        ("Imports", "limit=", "limit"),
        ("Imports", "limit=%D9%A3", "limit"),
        ("Imports", "limit=1&limit=2", "limit"),
        ("Imports", "LIMIT=1", "LIMIT"),
        ("Imports/{}/Exceptions", "phase=null", "phase"),
        ("Imports/{}/Exceptions", "offset=1.0", "offset"),
        ("Audit", "action=null", "action"),
        ("Audit", "importId=null", "importId"),
        ("Audit", "importid={}", "importid"),
        ("Audit", "after=1e1", "after"),
    ],
)
def test_a_parameter_is_taken_at_its_word_or_refused(ours: WireClient, path: str, query: str, named: str) -> None:
    root = ours.account if path == "Audit" else ours.imports
    answer = ours.http.get(f"{root}/{path}?{query}".replace("{}", str(uuid4())))
    problem = check_problem(answer, 400, "Request.InvalidParameter")
    assert [error["path"] for error in problem["errors"]] == [named]


def test_a_dry_run_in_other_letters_changes_nothing(running: RunningServer) -> None:
    def let_configure(document: dict) -> None:
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    with WireClient(running.create_account(let_configure)) as client:
        document = client.http.get(f"{client.account}/Configuration").json()
        document["account"]["name"] = "changed"
        for name in ("dryrun", "DryRun", "DRYRUN"):
            answer = client.http.put(f"{client.account}/Configuration?{name}=true", json=document)
            check_problem(answer, 400, "Request.InvalidParameter")
        assert client.http.get(f"{client.account}/Configuration").json()["account"]["name"] != "changed"


def test_an_alternate_id_may_be_called_null(ours: WireClient) -> None:
    record = person(1, AlternateIds=[{"AlternateIdType": "Loyalty", "AlternateId": "null"}])
    profile_id = ours.write(record)["ProfileId"]
    found = ours.http.get(f"{ours.account}/Profile?alternateIdType=Loyalty&alternateId=null")
    assert (found.status_code, found.json()["ProfileId"]) == (200, profile_id)


def test_the_names_of_all_parameters_are_known(ours: WireClient) -> None:
    """A query parameter of the OpenAPI document in another letter case is refused."""
    document = ours.http.get("/schema/openapi.json").json()
    names = {
        parameter["name"]
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    for name in names:
        check_problem(ours.http.get(f"{ours.imports}/Imports?{name.upper()}=1"), 400, "Request.InvalidParameter")
