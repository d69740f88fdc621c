"""Each screen in a real browser: axe, both colour schemes, 360 px, without JavaScript, and with hostile texts."""

from __future__ import annotations

import pytest
from console_browser import WIDTHS, BrowserScene
from running_server import AccountAccess
from wire_client import FAULTY, WireClient, person

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
ARABIC = "استيراد العملاء الجدد من المتجر الإلكتروني"
LONG = "unaufhörlich" * 7


def fill(ours: WireClient) -> dict[str, str]:
    """An import of each kind; their ids by kind."""
    bad = {"Emails": [{"EmailAddress": EVIL}], EVIL: EVIL}
    done = ours.run([*(person(n) for n in range(3)), FAULTY, bad], Name=EVIL, Source={"FileName": f"{EVIL}.csv"})
    held = ours.initiate(Name=ARABIC, Guard={"tagsAdded": 0})
    ours.stage(held["AccessToken"], [person(9, ProfileTags=[{"Name": EVIL}])])
    ours.call(held["AccessToken"], "Execute")
    staged = ours.initiate(Name=LONG)
    ours.stage(staged["AccessToken"], [person(5)])
    return {"done": done["ImportId"], "held": held["ImportId"], "staged": staged["ImportId"]}


def list_screens(ids: dict[str, str]) -> list[str]:
    """One address of each screen, and of each of its states that look different."""
    return [
        "/console/imports",
        "/console/imports?status=Failed",
        *(f"/console/imports/{import_id}" for import_id in ids.values()),
        f"/console/imports/{ids['done']}/refused",
        f"/console/imports/{ids['done']}/refused/Stage/Email.Malformed",
        f"/console/imports/{ids['done']}/records/5",
        "/console/account",
        "/console/audit",
        "/console/audit/verification",
    ]


@pytest.mark.slow
def test_axe_finds_nothing_on_any_screen_and_hostile_texts_run_nothing(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    screens = list_screens(fill(ours))
    for width, scheme in zip(WIDTHS, ("light", "dark"), strict=True):
        with chromium.open(server, width=width, color_scheme=scheme, bypass_csp=True) as seen:
            for path in screens:
                page = seen.go(path)
                assert page.locator("img[src=x]").count() == 0
                assert page.locator("script:not([src])").count() == 0
                seen.check(width=width)
    with chromium.open(width=360, color_scheme="dark", bypass_csp=True) as seen:
        seen.url = server.url
        seen.go("/console/sign-in")
        seen.check(width=360)


def test_hostile_texts_run_nothing_even_where_a_page_forgot_to_escape(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    ours.initiate(Name=EVIL)
    with chromium.open(server) as seen:
        page = seen.go("/console/imports")
        assert page.get_by_role("link", name=EVIL).count() == 1
        page.evaluate("text => document.querySelector('main').insertAdjacentHTML('beforeend', text)", EVIL)
        page.evaluate("() => new Promise(done => setTimeout(done, 100))")
        assert any("Content Security Policy" in text for text in seen.complaints), seen.complaints
        assert not any("dialog" in text for text in seen.complaints)


def test_each_screen_works_without_javascript(chromium: BrowserScene, server: AccountAccess, ours: WireClient) -> None:
    fill(ours)
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.page
        assert page.url == f"{server.url}/console/imports"
        page.get_by_label("State").select_option("Completed")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody tr").count() == 1
        assert "Created 3" in page.locator("tbody tr").inner_text()
        page.get_by_role("button", name="Sign out").click()
        assert page.get_by_label("Client ID", exact=True).is_visible()


def test_an_empty_account_says_how_to_begin(chromium: BrowserScene, server: AccountAccess) -> None:
    with chromium.open(server, bypass_csp=True) as seen:
        seen.go("/console/imports")
        assert seen.page.get_by_role("heading", name="No imports yet").is_visible()
        seen.check()


def test_the_list_is_live_while_the_tab_is_seen(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    token = ours.prepare([person(1)], Name="soon")
    with chromium.open(server) as seen:
        page = seen.go("/console/imports")
        assert "Staging" in page.locator("tbody tr").inner_text()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
        ours.finish(token)
        page.wait_for_timeout(2500)  # longer than the pause between two looks
        assert asked == []
        page.evaluate("delete document.visibilityState")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.get_by_text("Completed", exact=True).and_(page.locator(".state")).wait_for()
        assert page.locator("[data-live]").count() == 0, "nothing is left to wait for"
        assert seen.complaints == []


def test_a_list_is_never_rendered_whole(chromium: BrowserScene, server: AccountAccess, ours: WireClient) -> None:
    for number in range(52):
        ours.try_initiate({"Name": f"import {number}"})
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.go("/console/imports")
        assert page.locator("tbody tr").count() == 50
        page.get_by_role("link", name="Older imports").click()
        assert page.locator("tbody tr").count() == 2
        page.get_by_role("link", name="Newest imports").click()
        assert page.get_by_role("link", name="import 51", exact=True).is_visible()
