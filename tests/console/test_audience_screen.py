"""The screen "Who may be contacted": the number of people for each filter, over time, and the people as a file."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from typing import Any

import pytest
from console_browser import WIDTHS, BrowserScene, press
from console_client import ConsoleClient
from running_server import AccountAccess
from waiting import wait_for
from wire_client import WireClient, choice, mail, person

AUDIENCE = "/console/audience"
NEWS = f"{AUDIENCE}/of/NEWS-EMAIL"
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
ARABIC = "النشرة الإخبارية عبر البريد الإلكتروني"


def read_text(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def read_rows(page: str) -> dict[str, str]:
    """The words of each row of the first table, by its filter."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    rows = [read_text(row) for row in body.split("</tr>") if "<td" in row]
    return {re.split(" (?=Newsletter |Offers |Use )", row)[0]: row for row in rows}


def add_people(ours: WireClient) -> None:
    """Three people with an opt-in to the newsletter, and one with an opt-out."""
    choices = [choice("NEWS-EMAIL", kind, "2026-05-01T09:00:00Z") for kind in (1, 1, 1, 2)]
    ours.run([person(n, Emails=mail(f"c{n}@example.com", one)) for n, one in enumerate(choices)])


def keep_days(ours: WireClient, counts: dict[str, dict[str, list[int]]]) -> None:
    """Write the counts of days in the past, and of today, which no worker will count again."""
    for day, numbers in counts.items():
        text = json.dumps(numbers)
        ours.change(
            "INSERT INTO audience_count (account_id, day, wanted_at, began_at, counted_at, ended_at, counts)"
            " VALUES (%s, CASE %s WHEN '' THEN (now() AT TIME ZONE 'UTC')::date ELSE %s::date END,"
            " now() - interval '2 hours', now() - interval '1 hour', now() - interval '1 hour', now(), %s)"
            " ON CONFLICT (account_id, day) DO UPDATE SET counts = excluded.counts, began_at = excluded.began_at,"
            " ended_at = now(),"
            " counted_at = excluded.counted_at, wanted_at = excluded.wanted_at",
            ours.access.account_id, day, day or None, text,
        )  # fmt: skip


def test_people_are_counted_on_demand_and_nothing_unknown_is_zero(console: ConsoleClient, ours: WireClient) -> None:
    add_people(ours)
    keep_days(ours, {"": {"OFFERS-EMAIL": [0, 0]}})
    shown = read_rows(console.get(AUDIENCE).text)
    assert "Not counted yet Not counted yet" in shown["Newsletter by email"]
    assert "0 may be contacted 0 opted out" in shown["Offers by email"]
    assert console.post(f"{AUDIENCE}/count").headers["location"] == AUDIENCE
    assert ours.events("audience.count-ordered") == [{}]
    page = wait_for(lambda: console.get(AUDIENCE).text, lambda text: "Count now" in text)
    assert (
        "Newsletter by email Newsletter Email 3 may be contacted 1 opted out" in read_rows(page)["Newsletter by email"]
    )


def test_the_numbers_over_time_are_a_line_and_a_table(console: ConsoleClient, ours: WireClient) -> None:
    dates = [(month, day) for month in (8, 9) for day in range(1, 31)]
    days = {f"2026-{month:02}-{day:02}": {"NEWS-EMAIL": [month * 100 + day, 7]} for month, day in dates}
    keep_days(ours, {**days, "": {"NEWS-EMAIL": [1250, 9], "NEWS-TEXT": [5, 0]}})
    page = console.get(AUDIENCE).text
    assert 'aria-label="Newsletter by email. From 801 on 1 Aug 2026 to 1,250 on' in page
    assert "The line needs the counts of two days" in read_rows(page)["Newsletter by text"]
    page = console.get(NEWS).text
    line = re.findall(r'class="chart-line" d="M([^"]+)"', page)[0].split(" L")
    assert (line[0].split(",")[0], line[-1]) == ("0.0", "1000.0,4.0")
    assert len(line) == 61
    assert page[page.index("<tbody>") :].count("<tr>") == 50
    assert "30 Sep 2026 930 may be contacted 7 opted out" in read_text(page)
    older = console.get(html.unescape(re.findall(r'href="([^"]+)" rel="next"', page)[0])).text
    assert older[older.index("<tbody>") :].count("<tr>") == 11
    assert "1 Aug 2026 801 may be contacted 7 opted out" in read_text(older)
    assert 'rel="next"' not in older


def test_the_people_are_downloaded_by_the_call_of_the_api(console: ConsoleClient, ours: WireClient) -> None:
    add_people(ours)
    file = console.get(f"{NEWS}/file", who="in", form="csv")
    assert file.headers["content-disposition"] == 'attachment; filename="audience.csv"'
    assert [row["Value"] for row in csv.DictReader(io.StringIO(file.text.lstrip("\ufeff")))] == [
        f"c{n}@example.com" for n in range(3)
    ]
    out = console.get(f"{NEWS}/file", who="out", form="ndjson")
    assert [json.loads(line)["Value"] for line in out.text.splitlines()] == ["c3@example.com"]
    assert console.get(f"{NEWS}/file", form="parquet").content.startswith(b"PAR1")
    wanted = {"FilterId": "NEWS-EMAIL", "OptedOut": True, "Count": 1, "Complete": True}
    events = wait_for(lambda: ours.events("audience.read"), lambda found: len(found) == 3)
    assert wanted in events


def test_what_a_user_may_not_see_is_not_shown_nor_counted(mailer: ConsoleClient, ours: WireClient) -> None:
    keep_days(ours, {"": {"NEWS-EMAIL": [3, 0], "OFFERS-EMAIL": [77, 0]}})
    page = mailer.get(AUDIENCE).text
    assert list(read_rows(page)) == ["Newsletter by email"]
    assert "77" not in read_text(page)
    for path in (f"{AUDIENCE}/of/OFFERS-EMAIL", f"{AUDIENCE}/of/OFFERS-EMAIL/file", f"{AUDIENCE}/of/NO"):
        assert mailer.get(path).status_code == 404
    ours.reconfigure(lambda document: document["userGroups"][1]["permissions"].update({"profile": []}))
    assert AUDIENCE not in mailer.get("/console/imports").text
    for path in (AUDIENCE, f"{AUDIENCE}/rows", NEWS, f"{NEWS}/file"):
        assert mailer.get(path).status_code == 403
    assert mailer.post(f"{AUDIENCE}/count").status_code == 403
    assert ours.events("audience.count-ordered") == []


@pytest.mark.slow
def test_axe_finds_nothing_hostile_names_run_nothing_and_the_numbers_are_live(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    def name_filters(document: dict[str, Any]) -> None:
        for one, name in zip(document["programs"][0]["filters"], (EVIL[:100], ARABIC), strict=True):
            one["name"] = name
        document["programs"][1]["name"] = "unaufhörlich" * 7

    ours.reconfigure(name_filters)
    keep_days(ours, {"2026-08-01": {"NEWS-EMAIL": [900, 1]}, "": {"NEWS-EMAIL": [1200, 9], "NEWS-TEXT": [5, 0]}})
    for width, scheme in zip(WIDTHS, ("light", "dark"), strict=True):
        with chromium.open(server, width=width, color_scheme=scheme, bypass_csp=True) as seen:
            for path in (AUDIENCE, NEWS, f"{AUDIENCE}/of/OFFERS-MAIL"):
                page = seen.go(path)
                assert page.locator("img[src=x]").count() == 0
                seen.check(width=width)
    with chromium.open(server) as seen:
        page = seen.go(AUDIENCE)
        press(page, "Count now")
        page.get_by_role("button", name="Count now").wait_for()
        assert seen.complaints == []


def test_a_file_is_downloaded_without_javascript(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    add_people(ours)
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.page
        page.get_by_role("link", name="Audiences").click()
        page.get_by_role("link", name="Newsletter by email").click()
        page.get_by_label("Who").select_option("Opted out")
        with page.expect_download() as downloaded:
            page.get_by_role("button", name="Download").press("Enter")
        assert downloaded.value.suggested_filename == "opted-out.csv"
        assert "c3@example.com" in downloaded.value.path().read_text("utf-8")
