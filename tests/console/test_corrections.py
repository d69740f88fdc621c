"""Refused records with their line and column, and their correction: in the file, and one by one in the page."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from console_browser import BrowserScene
from console_client import ConsoleClient
from running_server import AccountAccess
from upload_person import Person
from upload_scene import make_table
from wire_client import FAULTY, WireClient, person

from consentory.domain.imports import Import

BROKEN = (
    "x-1;kein-at;Ann;ja",
    "x-2;b@example.com;Bea;nein",
    "x-3;c(at)example.com;Zoë;ja",
    "x-4;d@example.com;Dan;vielleicht",
)


def stage_file(server: AccountAccess, *lines: str) -> Import:
    someone = Person(server)
    return someone.stage(someone.upload(make_table(2, *lines), "Kunden.csv"))


def read_text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def list_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input name="(value-\d+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def name_field(page: str, value: str) -> str:
    return next(name for name, text in list_fields(page).items() if text == value)


def find_import(server: AccountAccess, import_id: str) -> Import:
    return server.services.imports.find_by_id(Person(server).caller, import_id)


def test_a_refused_record_names_the_line_and_the_column_of_the_file(
    console: ConsoleClient, server: AccountAccess
) -> None:
    item = stage_file(server, *BROKEN)
    text = read_text(console.get(f"/console/imports/{item.import_id}/refused/Stage/Email.Malformed").text)
    assert "Kunden.csv, line 4" in text
    assert "Kunden.csv, line 6" in text
    assert "E-Mail $.Emails[0].EmailAddress kein-at" in text


def test_a_row_that_is_no_record_says_why(console: ConsoleClient, server: AccountAccess) -> None:
    item = stage_file(server, *BROKEN, "x-5;e@example.com;Eva;nein;zu viel")
    page = read_text(console.get(f"/console/imports/{item.import_id}").text)
    assert (
        "2 rows could not become a record, so the books above do not count them. See why 1 row with an opt-out" in page
    )
    text = read_text(console.get(f"/console/imports/{item.import_id}/refused").text)
    assert "1 × Row.ColumnCount" in text
    assert "Kunden.csv, line 7 Newsletter vielleicht" in text
    assert "Kunden.csv, line 8" in text
    assert "a denial or a withdrawal: 1 row." in text
    Person(server).execute(item)
    assert "could not become a record" in read_text(console.get(f"/console/imports/{item.import_id}").text)


def test_a_correction_goes_into_the_import_that_is_still_open(console: ConsoleClient, server: AccountAccess) -> None:
    item = stage_file(server, *BROKEN)
    path = f"/console/imports/{item.import_id}/records/3"
    page = console.get(path).text
    assert "Kunden.csv, line 4" in page
    assert "in the column <bdi>E-Mail</bdi>" in page
    field = name_field(page, "kein-at")
    again = console.post(path, **{**list_fields(page), field: "still wrong"})
    assert (again.status_code, list_fields(again.text)[field]) == (200, "still wrong")
    assert find_import(server, str(item.import_id)).books.received == 5
    done = console.post(path, **{**list_fields(page), field: "ann@example.com"})
    assert "Record 3 is staged again" in done.text
    console.post(path, **{**list_fields(page), field: "ann@example.com"})
    books = find_import(server, str(item.import_id)).books
    assert (books.received, books.valid, books.failed) == (6, 4, 2), "a second click stages nothing"
    file = console.get(f"/console/imports/{item.import_id}/refused-rows")
    assert file.status_code == 200, "the rows of the file keep their places"
    assert [line.split(";")[0] for line in file.content.decode("cp1252").splitlines()] == ["Kunde", "x-1", "x-3", "x-4"]


def test_corrections_of_a_finished_import_gather_in_one_of_their_own(
    console: ConsoleClient, server: AccountAccess
) -> None:
    item = stage_file(server, *BROKEN)
    Person(server).execute(item)
    for number, wrong, right in ((3, "kein-at", "ann@example.com"), (5, "c(at)example.com", "c@example.com")):
        path = f"/console/imports/{item.import_id}/records/{number}"
        page = console.get(path).text
        done = console.post(path, **{**list_fields(page), name_field(page, wrong): right})
    target = re.findall(r'primary" href="/console/imports/([^"]+)"', done.text)[0]
    found = find_import(server, target)
    assert (found.settings.name, found.settings.match_type) == ("Corrections of upload", "CRM")
    assert (found.books.received, found.books.valid, found.status) == (2, 2, "Staging")
    assert found.settings.source is not None
    assert found.settings.source.file_name == "Kunden.csv"
    assert Person(server).execute(found).books.created == 2
    page = console.get(path).text
    more = console.post(path, **{**list_fields(page), name_field(page, "c(at)example.com"): "e@example.com"})
    assert target not in more.text, "an import that is executed takes no more"


def test_a_record_is_corrected_as_a_text(console: ConsoleClient, ours: WireClient) -> None:
    token = ours.prepare([FAULTY, person(1)])
    path = f"/console/imports/{ours.status(token)['ImportId']}/records/1"
    assert "is not JSON" in console.post(path, record="{", as_text="yes").text
    assert "is not JSON" in console.post(path, record="{}, {}", as_text="yes").text
    right = '{"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "t-1"}]}'
    assert "is staged again" in console.post(path, record=right, as_text="yes").text
    assert ours.status(token)["TotalRecordsReceived"] == 3
    assert console.get(path.replace("/1", "/2")).status_code == 404, "the record 2 is not refused"


def test_only_who_may_see_a_record_corrects_it(console: ConsoleClient, mailer: ConsoleClient, ours: WireClient) -> None:
    listed = f"/console/imports/{ours.run([FAULTY])['ImportId']}"
    page = mailer.get(f"{listed}/refused/Stage/Email.Malformed").text
    assert "/records/1" not in page
    assert "/records/1" in console.get(f"{listed}/refused/Stage/Email.Malformed").text
    for answer in (mailer.get(f"{listed}/records/1"), mailer.post(f"{listed}/records/1", record="{}", as_text="yes")):
        assert (answer.status_code, "Import.RecordWithheld" in answer.text) == (403, True)


@pytest.mark.slow
def test_a_record_is_corrected_without_javascript_and_axe_finds_nothing(
    chromium: BrowserScene, server: AccountAccess
) -> None:
    item = stage_file(server, *BROKEN)
    with chromium.open(server, width=360, java_script_enabled=False) as seen:
        page = seen.go(f"/console/imports/{item.import_id}/refused")
        page.get_by_role("link", name="Email.Malformed").click()
        page.get_by_role("link", name="Correct record 3").click()
        page.get_by_label("E-Mail").fill("ann@example.com")
        page.get_by_role("button", name="Stage the corrected record").click()
        page.get_by_role("link", name="Go on to what it will do").click()
        assert page.get_by_role("button", name="Execute").is_visible()
    with chromium.open(server, width=360, color_scheme="dark", bypass_csp=True) as seen:
        seen.go(f"/console/imports/{item.import_id}/records/5")
        seen.check(width=360)


def test_a_hostile_record_runs_nothing_in_the_form(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
    records: list[Any] = [{evil: evil, "Emails": [{"EmailAddress": evil}]}, "x", {"CustomerType": "\ud800\u202e"}]
    path = f"/console/imports/{ours.run(records)['ImportId']}/records"
    with chromium.open(server) as seen:
        for number in (1, 2, 3):
            page = seen.go(f"{path}/{number}")
            assert page.get_by_role("heading", name=f"Correct record {number}").is_visible()
            assert page.locator("img[src=x]").count() == 0
