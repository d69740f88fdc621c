"""The screen "One import": books that add up, buttons by state and permission, and the refused records by code."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from console_browser import BrowserScene, look_again, press
from console_client import ConsoleClient
from running_server import AccountAccess
from waiting import wait_for
from wire_client import FAULTY, WireClient, choice, mail, person

_BOOK = re.compile(r'<th scope="row">(.*?)</th><td class="number">([\d,]+)</td>', re.DOTALL)


def read_text(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def list_buttons(page: str) -> set[str]:
    """The calls that a page offers."""
    return set(re.findall(r'action="/console/imports/[^"/]+/(\w+)"', page))


def read_books(page: str) -> dict[str, int]:
    return {read_text(label): int(number.replace(",", "")) for label, number in _BOOK.findall(page)}


def run_mixed_import(ours: WireClient) -> str:
    """An import with records of each outcome; its id."""
    ours.run([person(1, Emails=mail("c1@example.com", choice("NEWS-EMAIL", 2, "2026-05-01T00:00:00Z")))])
    late = person(1, Emails=mail("c1@example.com", choice("NEWS-EMAIL", 1, "2026-01-01T00:00:00Z")))
    records: list[Any] = [late, *(person(n) for n in range(2, 70)), *[FAULTY] * 60]
    records.append({"Emails": [{"EmailAddress": "=<b>evil</b>"}], "Nope": 1})
    return str(ours.run(records, MatchCriteria="AlternateIdType", MatchValue="CRM")["ImportId"])


def test_the_books_add_up(console: ConsoleClient, ours: WireClient) -> None:
    page = console.get(f"/console/imports/{run_mixed_import(ours)}").text
    books = read_books(page)
    received = books.pop("Received")
    assert books == {"Created": 68, "Not honored": 1, "Failed": 61}
    assert sum(books.values()) == received == 130
    assert "130 records: Created 68, Not honored 1, Failed 61" in page, "the picture has the same numbers as text"
    widths = [float(width) for width in re.findall(r'<rect class="part-\w+" x="[\d.]+" y="0" width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(1000, abs=0.1)


def test_nothing_is_shown_as_zero_that_is_not_known_yet(console: ConsoleClient, ours: WireClient) -> None:
    page = console.get(f"/console/imports/{ours.initiate()['ImportId']}").text
    assert "No records yet" in page
    assert read_books(page) == {}


def test_each_state_has_its_buttons(console: ConsoleClient, mailer: ConsoleClient, ours: WireClient) -> None:
    started = ours.initiate()
    path = f"/console/imports/{started['ImportId']}"
    assert list_buttons(console.get(path).text) == {"stage", "cancel"}
    ours.stage(started["AccessToken"], [person(1)])
    assert list_buttons(console.get(path).text) == {"stage", "preview", "execute", "cancel"}
    assert list_buttons(mailer.get(path).text) == {"preview", "cancel"}, "only the initiator executes"
    refused = mailer.post(f"{path}/execute")
    assert refused.status_code == 403
    assert "Permission.Initiator" in refused.text
    assert console.post(f"{path}/execute").headers["location"] == path
    ours.wait(started["AccessToken"])
    assert list_buttons(console.get(path).text) == {"undo"}
    assert list_buttons(mailer.get(path).text) == set(), "an undo needs the permission for every part of a profile"
    made = console.post(f"{path}/undo").headers["location"]
    assert list_buttons(console.get(made).text) == {"preview", "execute", "cancel"}
    assert console.post(f"{made}/cancel").status_code == 303
    page = console.get(made).text
    assert "Cancelled" in page
    assert list_buttons(page) == set()


def test_more_records_are_staged_into_an_own_import(
    console: ConsoleClient, mailer: ConsoleClient, ours: WireClient
) -> None:
    token = ours.prepare([person(1)])
    path = f"/console/imports/{ours.status(token)['ImportId']}"
    records = "\r\n".join([json.dumps(person(2)), json.dumps(FAULTY), ""])
    for _ in range(2):  # a second click stages nothing
        assert console.post(f"{path}/stage", records=records).headers["location"] == path
    assert read_books(console.get(path).text) == {"Failed": 1, "Pending": 2, "Received": 3}
    wrong = console.post(f"{path}/stage", records="Anna Müller")
    assert (wrong.status_code, "JSON" in wrong.text) == (400, True)
    assert mailer.post(f"{path}/stage", records=records).status_code == 403
    ours.finish(token)
    assert console.post(f"{path}/stage", records=json.dumps(person(3))).status_code == 409


def test_a_preview_is_shown_and_executed(console: ConsoleClient, ours: WireClient) -> None:
    token = ours.prepare([person(1, Emails=mail("a@example.com", choice("NEWS-EMAIL", 1, "2026-05-01T00:00:00Z")))])
    path = f"/console/imports/{ours.status(token)['ImportId']}"
    console.post(f"{path}/preview")
    page = wait_for(lambda: console.get(path).text, lambda text: "Opt-ins that begin" in text)
    assert "Opted in since 30 Apr 2026, 20:00" in read_text(page), "in the time zone of the account"
    preview_id = re.findall(r'name="preview_id" value="([^"]+)"', page)[0]
    ours.stage(token, [person(2)])
    stale = console.post(f"{path}/execute", preview_id=preview_id)
    assert stale.status_code == 409
    assert "Preview.Stale" in stale.text
    console.post(f"{path}/preview")
    page = wait_for(lambda: console.get(path).text, lambda text: 'name="preview_id"' in text)
    preview_id = re.findall(r'name="preview_id" value="([^"]+)"', page)[0]
    assert console.post(f"{path}/execute", preview_id=preview_id).status_code == 303
    assert ours.wait(token)["Created"] == 2


def test_release_is_for_those_who_may(console: ConsoleClient, mailer: ConsoleClient, ours: WireClient) -> None:
    token = ours.prepare([person(1, ProfileTags=[{"Name": "new"}])], Guard={"tagsAdded": 0})
    ours.call(token, "Execute")
    path = f"/console/imports/{wait_for(lambda: ours.status(token), lambda one: one['HeldReason'])['ImportId']}"
    assert "Tags added: 1 found, 0 allowed" in read_text(console.get(path).text)
    assert "release" not in list_buttons(mailer.get(path).text)
    assert mailer.post(f"{path}/release").status_code == 403
    assert "release" in list_buttons(console.get(path).text)
    assert console.post(f"{path}/release").status_code == 303
    assert ours.wait(token)["Created"] == 1


def test_refused_records_are_shown_by_code_and_one_by_one(
    console: ConsoleClient, mailer: ConsoleClient, ours: WireClient
) -> None:
    path = f"/console/imports/{run_mixed_import(ours)}/refused"
    page = console.get(path).text
    text = read_text(page)
    assert "61 × Email.Malformed" in text
    assert "Remedy: Correct the address." in text
    assert "1 × Record.UnknownMember" in text
    assert "1 × Preference.Superseded" in text
    first = console.get(f"{path}/Stage/Email.Malformed").text
    assert first.count("<details>") == 50
    following = re.findall(r'href="([^"]+)" rel="next"', first)[0]
    last = console.get(html.unescape(following)).text
    assert last.count("<details>") == 11
    assert "=&lt;b&gt;evil&lt;/b&gt;" in last
    assert 'rel="next"' not in last
    withheld = mailer.get(f"{path}/Stage/Email.Malformed").text
    assert "Withheld" in withheld
    assert "not-an-address" not in withheld


def test_refused_records_are_downloaded(console: ConsoleClient, ours: WireClient) -> None:
    path = f"/console/imports/{run_mixed_import(ours)}/refused/file"
    table = console.get(path)
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"].startswith('attachment; filename="refused-')
    assert "'=<b>evil</b>" in table.text, "a spreadsheet runs no formula"
    assert len(console.get(path, form="ndjson").text.splitlines()) == 62


def test_a_part_that_did_not_change_is_not_sent_again(console: ConsoleClient, ours: WireClient) -> None:
    started = ours.initiate()
    page = console.get(f"/console/imports/{started['ImportId']}").text
    parts = [html.unescape(one) for one in re.findall(r'hx-get="([^"]+)"', page)]
    assert len(parts) == 2
    assert [console.get(part).status_code for part in parts] == [204, 204]
    ours.stage(started["AccessToken"], [person(1)])
    assert [console.get(part).status_code for part in parts] == [200, 200]


def test_an_import_is_found_executed_and_undone_without_javascript(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    token = ours.prepare([person(1)], Name="by hand")
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.page
        page.get_by_role("link", name="by hand").click()
        press(page, "Execute")
        ours.wait(token)
        look_again(page)
        page.locator("#b-undo").click()
        page.get_by_role("button", name="Make the undo").click()
        assert page.get_by_role("heading", name="Undo of by hand").is_visible()
