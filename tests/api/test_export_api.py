"""docs/data-out.md over HTTP: the export of all profiles."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import httpx
import pyarrow.parquet
import pytest
import zstandard
from permission_users import PermissionUsers
from waiting import wait_for
from wire_client import Wire, WireClient, check_problem, choice, mail, person, require

OLD = "2026-01-01T00:00:00Z"


def export(client: WireClient, **query: Any) -> httpx.Response:
    return client.http.get(f"{client.account}/Export", params=query)


def read_lines(answer: httpx.Response) -> list[Wire]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def fill(client: WireClient) -> list[int]:
    """Three people, the last one inactive."""
    records = [
        person(1, CustomerType="Prospect", ProfileTags=[{"Name": "loyal"}],
               Emails=mail("ann@example.com", choice("NEWS-EMAIL", 1, OLD), choice("OFFERS-EMAIL", 2, OLD)),
               PhoneNumbers=[{"PhoneNumber": "+12025550143"}],
               Consents=[{"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US",
                          "ConsentStatus": 1, "ConsentDate": OLD}]),
        person(2, Groups=[{"GroupType": "Household", "GroupName": "Okubo"}],
               CustomerName={"FirstName": "=1+1", "LastName": "Ōkubo"}),
        person(3, IsActive=False),
    ]  # fmt: skip
    return [client.write(record)["ProfileId"] for record in records]


def test_every_profile_is_as_get_profile_gives_it(ours: WireClient) -> None:
    ids = fill(ours)
    ours.write({"Emails": mail("ann@example.com", choice("NEWS-EMAIL", 2, "2026-02-01T00:00:00Z"))}, ids[0])
    answer = export(ours, format="ndjson")
    assert read_lines(answer) == [ours.profile(one) for one in ids]
    assert answer.headers["content-type"] == "application/x-ndjson"


def test_pages_of_json_lead_to_the_end(ours: WireClient) -> None:
    ids = fill(ours)
    found, after = [], 0
    while after is not None:
        page = require(export(ours, limit=2, after=after))
        found += page["Items"]
        assert len(page["Items"]) <= 2
        after = page["Next"]
    assert found == [ours.profile(one) for one in ids]


def test_csv_has_a_column_for_each_member_and_runs_no_formula(ours: WireClient) -> None:
    ids = fill(ours)
    rows = list(csv.DictReader(io.StringIO(export(ours, format="csv").text)))
    assert [int(row["ProfileId"]) for row in rows] == ids
    shown = ours.profile(ids[0])
    assert (rows[0]["IsActive"], rows[2]["IsActive"], rows[0]["CustomerType"]) == ("true", "false", "Prospect")
    assert json.loads(rows[0]["Emails"]) == shown["Emails"]
    assert rows[0]["Edited"] == shown["Edited"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_parquet_has_nested_columns_with_times(ours: WireClient) -> None:
    ids = fill(ours)
    answer = export(ours, format="parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert table.column("ProfileId").to_pylist() == ids
    assert str(table.schema.field("Edited").type) == "timestamp[us, tz=UTC]"
    (email,) = table.column("Emails").to_pylist()[0]
    assert email["EmailAddress"] == "ann@example.com"
    assert sorted(one["FilterId"] for one in email["EmailPreferences"]) == ["NEWS-EMAIL", "OFFERS-EMAIL"]


def test_an_account_without_people_gives_empty_files(ours: WireClient) -> None:
    assert require(export(ours)) == {"Items": [], "Next": None}
    assert export(ours, format="ndjson").content == b""
    assert export(ours, format="csv").text.startswith("ProfileId,IsActive,")
    assert pyarrow.parquet.read_table(io.BytesIO(export(ours, format="parquet").content)).num_rows == 0


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"customerType": "prospect"}, [0]),
        ({"customerType": "Customer"}, [1, 2]),
        ({"tag": "Loyal"}, [0]),
        ({"tag": " loyal "}, [0]),
        ({"tag": "nobody"}, []),
        ({"group": "household:OKUBO"}, [1]),
        ({"active": "true"}, [0, 1]),
        ({"active": "false"}, [2]),
        ({"active": "true", "customerType": "Customer"}, [1]),
        ({"modifiedSince": "2026-01-01"}, [0, 1, 2]),
        ({"modifiedSince": "2999-01-01T00:00:00Z"}, []),
    ],
)
def test_filters_are_combined(ours: WireClient, query: dict[str, str], chosen: list[int]) -> None:
    ids = fill(ours)
    assert [one["ProfileId"] for one in read_lines(export(ours, format="ndjson", **query))] == [ids[i] for i in chosen]


def test_an_import_selects_the_people_that_it_created(ours: WireClient) -> None:
    fill(ours)
    status = ours.run([person(7), person(8)])
    found = read_lines(export(ours, format="ndjson", importId=status["ImportId"]))
    assert [one["AlternateIds"][0]["AlternateId"] for one in found] == [
        person(n)["AlternateIds"][0]["AlternateId"] for n in (7, 8)
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"customerType": "Nobody"},
        {"group": "Club:Chess"},
        {"group": "Household"},
        {"tag": " "},
        {"importId": "01890000-0000-7000-8000-000000000000"},
        {"importId": "one"},
        {"modifiedSince": "yesterday"},
        {"active": "perhaps"},
        {"format": "xlsx"},
        {"after": "-1"},
        {"after": "E0"},
        {"limit": "0"},
        {"Tag": "loyal"},
        {"tags": "loyal"},
        {"optedOut": "true"},
    ],
)
def test_an_unknown_name_or_value_is_refused_with_its_parameter(ours: WireClient, query: dict[str, str]) -> None:
    answer = export(ours, **query)
    problem = check_problem(answer, 400, "Request.InvalidParameter")
    (name,) = query
    assert problem["errors"][0]["path"] == name, problem


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["json", "ndjson", "csv"])
def test_answers_are_compressed_as_accept_encoding_says(ours: WireClient, coding: str, kind: str) -> None:
    fill(ours)
    plain = ours.http.get(f"{ours.account}/Export", params={"format": kind}, headers={"Accept-Encoding": "identity"})
    url, options = f"{ours.account}/Export", {"params": {"format": kind}, "headers": {"Accept-Encoding": coding}}
    with ours.http.stream("GET", url, **options) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.headers["content-encoding"], plain.headers.get("content-encoding")) == (coding, None)
    unpacked = (
        gzip.decompress(raw) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    )
    assert unpacked == plain.content


def test_the_header_accept_chooses_the_format_if_the_query_does_not(ours: WireClient) -> None:
    fill(ours)
    answer = ours.http.get(f"{ours.account}/Export", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    both = ours.http.get(f"{ours.account}/Export?format=csv", headers={"Accept": "text/html"})
    assert (both.status_code, both.headers["content-type"]) == (200, answer.headers["content-type"])


def test_a_stream_goes_on_after_the_last_profile_that_came(ours: WireClient) -> None:
    ids = fill(ours)
    rest = read_lines(export(ours, format="ndjson", after=ids[0]))
    assert [one["ProfileId"] for one in rest] == ids[1:]


# Permissions and walls


def test_a_caller_sees_no_more_than_in_get_profile(users_of: PermissionUsers) -> None:
    users_of.create(
        {
            "CustomerName": {"FirstName": "Ana"},
            "Emails": mail("ana@example.com", choice("NEWS-EMAIL", 1, OLD), choice("OFFERS-EMAIL", 1, OLD)),
            "PhoneNumbers": [{"PhoneNumber": "+12025550143"}],
        }
    )
    for user in ("all", "without channels.Email", "phone alone", "programs none", "consentTypes none"):
        client = users_of.act_as(user)
        found = client.get(f"{users_of.account}/Export", params={"format": "ndjson"})
        for line in map(json.loads, found.text.splitlines()):
            assert line == client.get(f"{users_of.account}/Profile/{line['ProfileId']}").json()


def test_a_call_is_one_event_with_its_filter_and_its_rows(ours: WireClient) -> None:
    fill(ours)
    export(ours, format="ndjson", active="true")
    export(ours, limit=1)
    assert ours.events("export.read") == [
        {"Active": True, "Count": 2, "Complete": True},
        {"Count": 1, "Complete": False},
    ]


def test_the_header_gives_the_position_of_the_snapshot(ours: WireClient) -> None:
    fill(ours)
    latest = wait_for(lambda: require(ours.http.get(f"{ours.account}/Changes"))["Latest"], lambda found: found == 3)
    for query in ({}, {"format": "ndjson"}):
        assert export(ours, **query).headers["Consentory-Position"] == str(latest)
