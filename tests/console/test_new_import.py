"""The screen "New import": a real CSV, a wrong one and an interrupted one, with JavaScript and without."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest
from console_browser import BrowserScene, look_again, press
from console_client import ConsoleClient, find_token
from playwright.sync_api import Page, expect
from running_server import AccountAccess
from upload_person import Person
from upload_scene import MAPPING, make_table
from waiting import await_true
from wire_client import WireClient

from consentory.console.upload_view import show_bytes

WAIT = 30_000
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


def write(folder: Path, data: bytes, name: str = "people.csv") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


def choose(page: Page, file: Path) -> None:
    """Choose a file, and wait until it is recognized or refused."""
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/console/uploads/**", timeout=WAIT)
    reload_until(page, "Waits for you", "Cannot be read")


def reload_until(page: Page, *words: str) -> None:
    """Look again, as a person without JavaScript does, until the page shows one of the words."""

    def look() -> bool:
        look_again(page)
        shown = page.locator("main").inner_text()
        return any(word in shown for word in words)

    await_true(look, 30, 0.2, describe=lambda: page.locator("main").inner_text())


def fill_mapping(page: Page, text: str = MAPPING) -> None:
    page.get_by_text("The mapping document").click()
    page.get_by_label("Values, times and rules are written here").fill(text)
    page.get_by_role("button", name="Show with this document").click()


@pytest.mark.slow
def test_a_csv_becomes_a_staged_import_without_javascript(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    file = write(tmp_path, make_table(20, "u-20;p20@example.com;Zoë;vielleicht", family="nojs"))
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.go("/console/imports/new")
        choose(page, file)
        assert "encoding cp1252 (detected" in page.locator("main").inner_text()
        fill_mapping(page)
        assert page.get_by_text("E-Mail").count() >= 1
        assert page.get_by_text("CustomerName.FirstName").count() >= 1
        assert page.get_by_text("p9.nojs@example.com").count() == 2  # as in the file, and as a record
        page.get_by_label("Save as").fill("Shop")
        page.get_by_role("button", name="Save for the account").click()
        assert page.get_by_text("The account keeps this mapping as Shop.").is_visible()
        press(page, "Stage the file")
        reload_until(page, "1 row could not become a record")
        page.get_by_role("link", name="Go on to what it will do").click()
        import_id = page.url.rpartition("/")[2]
        assert page.get_by_role("link", name="Download the refused rows: people.csv.exceptions.csv").is_visible()
        seen.go("/console/imports/new")
        page.get_by_role("button", name="Delete Shop").click()
        assert page.get_by_text("Mappings that the account keeps").count() == 0
    [item] = [one for one in list_imports(server) if str(one.import_id) == import_id]
    assert (item.books.received, item.settings.match_type) == (20, "CRM")


def list_imports(server: AccountAccess) -> list[Any]:
    return server.services.imports.list_imports(Person(server).caller, None, 10, None)[0]


@pytest.mark.slow
def test_a_csv_goes_from_the_browser_to_what_it_will_do(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    """With JavaScript: the parts, the live progress, and the change to the next step by itself."""
    file = write(tmp_path, make_table(60_000, family="js"))
    with chromium.open(server) as seen:
        page = seen.go("/console/imports")
        page.get_by_role("link", name="New import").first.click()
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", name="What was recognized")).to_be_visible(timeout=WAIT)
        fill_mapping(page)
        page.get_by_role("button", name="Stage the file").click()
        page.wait_for_url("**/console/imports/*", timeout=2 * WAIT)
    [item] = list_imports(server)
    assert item.books.received == 60_000


def test_targets_and_the_document_can_be_changed_together_in_a_file_of_many_columns(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    names = [f"Extra {n}" for n in range(150)]
    table = f"Kunde;Vorname;{';'.join(names)}\nm-1;Ann;{';'.join('x' for _ in names)}\n"
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.go("/console/imports/new")
        choose(page, write(tmp_path, table.encode()))
        fill_mapping(page, "columns:\n  Kunde: ignore\n  Vorname: ignore\notherColumns: ignore\n")
        page.get_by_label("Target of Kunde").fill("AlternateIds[CRM].AlternateId")
        document = page.get_by_label("Values, times and rules are written here")
        document.fill("columns:\n  Kunde: ignore\n  Vorname: CustomerName.FirstName\notherColumns: ignore\n")
        page.get_by_label("Find people by their id of this type").fill("CRM")
        press(page, "Stage the file")
        reload_until(page, "Execute", "not staged")
    [listed] = list_imports(server)
    item = server.services.imports.find_by_id(Person(server).caller, str(listed.import_id))
    assert item.settings.source is not None
    assert item.settings.source.mapping == (
        "columns:\n  Kunde: AlternateIds[CRM].AlternateId\n  Vorname: CustomerName.FirstName\notherColumns: ignore\n"
    )


def test_a_part_of_a_file_is_neither_previewed_nor_executed(
    console: ConsoleClient, server: AccountAccess, ours: WireClient
) -> None:
    user = Person(server)
    item = user.upload(make_table(3), "people.csv")
    found = user.stage(item)
    path = f"/console/imports/{found.import_id}"
    whole = {"execute", "preview", "stage", "cancel"}
    assert list_buttons(console.get(path).text) == whole
    with psycopg.connect(server.database_url) as holder:  # no worker goes on meanwhile
        holder.execute("SELECT pg_advisory_xact_lock(1970302071, hashtext(%s::text))", (str(item.upload_id),))
        ours.change("UPDATE upload SET state = 'Staging' WHERE upload_id = %s", item.upload_id)
        page = console.get(path).text
        assert list_buttons(page) == {"cancel"}
        assert "The file is still being staged" in page
        assert f'href="/console/uploads/{item.upload_id}"' in page
    assert user.wait(item).state == "Staged"
    assert list_buttons(console.get(path).text) == whole


def list_buttons(page: str) -> set[str]:
    """The calls that the page of an import offers."""
    return set(re.findall(r'action="/console/imports/[^"/]+/(\w+)"', page))


def test_an_interrupted_upload_goes_on_at_the_byte_where_it_stopped(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    data = make_table(250_000, family="cut")
    assert len(data) > 8_000_000
    file = write(tmp_path, data)
    with chromium.open(server) as seen:
        page = seen.go("/console/imports/new")
        page.route("**/parts?offset=4000000", lambda route: route.abort())
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("The connection was lost.")).to_be_visible()
        page.goto(f"{server.url}/console/imports/new")  # the page with the upload is closed
        page.unroute_all()
        page.get_by_role("link", name="people.csv").click()
        assert page.get_by_text(f"4 MB of {show_bytes(len(data))} are here.").count() == 1
        other = write(tmp_path, b"x", "other.csv")
        page.get_by_label("File", exact=True).set_input_files(other)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("This is another file.")).to_be_visible()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="What was recognized")).to_be_visible(timeout=WAIT)
        assert [url.partition("?")[2] for url in sent if "/parts" in url] == [
            f"offset={at}" for at in range(4_000_000, len(data), 4_000_000)
        ]


def test_a_wrong_file_is_refused_in_words_and_can_be_given_up(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.go("/console/imports/new")
        choose(page, write(tmp_path, b"%PDF-1.7 nothing", "people.csv"))
        shown = page.locator("main").inner_text()
        assert "this is a PDF document" in shown
        assert "Upload.Unreadable" in shown
        page.get_by_role("button", name="Give up").click()
        assert page.get_by_role("link", name="people.csv").count() == 0


@pytest.mark.slow
def test_axe_finds_nothing_on_the_steps_and_hostile_cells_run_nothing(
    chromium: BrowserScene, server: AccountAccess, tmp_path: Path
) -> None:
    name = "استيراد العملاء" + "unaufhörlich" * 8 + ".csv"
    header = f'Kunde;"{EVIL.replace(chr(34), chr(34) * 2)}";{"langer Name" * 12}'
    cells = f'1;"{EVIL.replace(chr(34), chr(34) * 2)}";{"x" * 300}'
    table = write(tmp_path, f"{header}\n{cells}\n".encode(), name)
    with chromium.open(server, width=360, color_scheme="dark", bypass_csp=True) as seen:
        page = seen.go("/console/imports/new")
        choose(page, table)
        seen.check(width=360)
        for label in ("Is this wrong?", "The mapping document", "The file is the whole truth"):
            page.get_by_text(label).first.click()
        seen.check(width=360)
        assert page.locator("img[src=x]").count() == 0
        address = page.url
        choose(seen.go("/console/imports/new"), write(tmp_path, b"%PDF-1.7", "wrong.csv"))
        seen.check(width=360)
        seen.go("/console/imports/new")
        seen.check(width=360)
    with chromium.open(server, width=1280, bypass_csp=True) as seen:
        seen.page.goto(address)
        seen.check()
        seen.go("/console/imports/new")
        seen.check()


def test_a_form_needs_its_token_before_a_byte_is_stored(console: ConsoleClient, server: AccountAccess) -> None:
    files = {"file": ("people.csv", make_table(3), "text/csv")}
    for fields in ({}, {"form_token": "0" * 64}):
        answer = console.http.post("/console/uploads", data=fields, files=files)
        assert (answer.status_code, "Console.FormTokenInvalid" in answer.text) == (403, True)
    page = console.get("/console/imports/new").text
    token = find_token(page)
    late = console.http.post("/console/uploads", files=[("file", files["file"]), ("form_token", (None, token))])
    assert late.status_code == 403
    begun = console.http.post("/console/uploads/begin", data={"form_token": token, "name": "a.csv", "size": "9"})
    state = begun.json()
    part = f"{state['page']}/parts?offset=0"
    bytes_type = {"Content-Type": "application/octet-stream"}
    assert console.http.post(part, content=b"123456789", headers=bytes_type).status_code == 403
    for origin in ("https://elsewhere.example", "null", ""):
        headers = {"Origin": origin}
        strange = console.http.post("/console/uploads", data={"form_token": token}, files=files, headers=headers)
        other = console.http.post(part, content=b"1", headers={**bytes_type, "X-Form-Token": token, **headers})
        for answer in (strange, other):
            assert (answer.status_code, "Console.OtherOrigin" in answer.text) == (403, True)
    sent = console.http.post(part, content=b"123456789", headers={**bytes_type, "X-Form-Token": token})
    assert json.loads(sent.text)["received"] == 9
    assert console.http.post(part, content=b"1", headers={**bytes_type, "X-Form-Token": token}).status_code == 409
    assert len(list_uploads(server)) == 1


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(console: ConsoleClient, server: AccountAccess) -> None:
    most = server.services.uploads.limits.file_bytes
    begun = console.post("/console/uploads/begin", name="a.csv", size=str(most + 1))
    assert (begun.status_code, "Upload.FileTooLarge" in begun.text) == (413, True)
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/console/uploads")
    connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in console.http.cookies.items()))
    connection.putheader("Origin", server.url)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(2 * most))
    connection.endheaders()
    assert connection.getresponse().status == 413, "of a form, only its length was sent"
    connection.close()
    assert list_uploads(server) == []


def list_uploads(server: AccountAccess) -> list[Any]:
    return server.services.uploads.list_uploads(Person(server).caller)
