"""The screen "People": a person is found, the choices are shown with their origin, and choices are recorded."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from console_browser import WIDTHS, BrowserScene, press
from console_client import ConsoleClient
from running_server import AccountAccess
from wire_client import WireClient, choice, mail, person

from consentory.codec.staging.batch_lines import pack_lines

PEOPLE = "/console/people"
BY_CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
ARABIC = "مريم عبد الرحمن بن يوسف"
LONG = "unaufhörlich" * 7


def read_text(page: str) -> str:
    """The words of a page."""
    page = re.sub(r"</?(bdi|time|a|strong)\b[^>]*>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def agree(status: int, at: str, **members: Any) -> dict[str, Any]:
    """A consent to the privacy policy."""
    return {
        "ConsentType": "PrivacyPolicy",
        "ConsentVersion": "2.0",
        "Locale": "en_US",
        "ConsentStatus": status,
        "ConsentDate": at,
        **members,
    }


def make_mia(ours: WireClient) -> int:
    """A person with choices of two files and of a single write; the ProfileId."""
    first = person(
        1,
        Emails=mail(
            "mia@example.com",
            choice("NEWS-EMAIL", 1, "2024-03-01T02:00:00Z", FrequencyId="Monthly"),
            choice("OFFERS-EMAIL", 1, "2024-03-01T02:00:00Z"),
        ),
        PhoneNumbers=[{"PhoneNumber": "+1 202 555 0143", "PhoneNumberPreferences": []}],
        CustomerName={"FirstName": "Mia", "LastName": "Berg"},
        Consents=[agree(1, "2025-03-01T09:00:00Z", Evidence={"Method": "web form", "Reference": "F-77"})],
    )
    ours.run([person(5), first], Name="Sign-ups", Source={"FileName": "signups.csv"}, **BY_CRM)
    no = person(1, Emails=mail("mia@example.com", choice("NEWS-EMAIL", 2, "2025-01-20T09:00:00Z")))
    ours.run([no], Name="Unsubscribed", **BY_CRM)
    profile_id = int(ours.find_crm("C-1")["ProfileId"])
    call = {"PhoneNumber": "+1 202 555 0143", "PhoneNumberPreferences": [choice("OFFERS-PHONE", 2, "2025-02-01")]}
    ours.write({"PhoneNumbers": [call]}, profile_id)
    return profile_id


def list_rows(page: str, heading: str) -> list[str]:
    """The words of each row of the table below a heading."""
    part = page[page.index(heading) :]
    body = part[part.index("<tbody>") : part.index("</tbody>")]
    return [read_text(row) for row in body.split("</tr>") if "<td" in row]


def test_a_person_is_found_by_each_value_and_no_address_stands_in_an_address(
    console: ConsoleClient, ours: WireClient
) -> None:
    profile_id = make_mia(ours)
    asked = {"email": " MIA@Example.com ", "phone": "202-555-0143", "id:CRM": "c-1", "profile": str(profile_id)}
    for by, text in asked.items():
        answer = console.post(PEOPLE, by=by, text=text)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{PEOPLE}/{profile_id}"), by
    for by, text in {"email": "no@example.com", "phone": "x", "id:CRM": "C-9", "id:No": "1", "profile": "Mia"}.items():
        page = console.post(PEOPLE, by=by, text=text).text
        assert "Nobody was found" in page, by
        assert "A name finds nobody" in page, by
        assert f'value="{text}"' in page, "the form keeps the value, so that a person can correct it"
    assert console.get(f"{PEOPLE}/999999999").status_code == 404
    assert console.get(f"{PEOPLE}/abc").status_code == 404


def test_several_people_with_one_address_are_listed(console: ConsoleClient, ours: WireClient) -> None:
    ours.run([person(n, Emails=mail("both@example.com"), CustomerName={"FirstName": ARABIC}) for n in (1, 2)])
    page = console.post(PEOPLE, by="email", text="both@example.com").text
    assert "2 people have this value" in page
    assert page.count(f"<bdi>{ARABIC}</bdi>") == 2


def test_what_is_in_force_is_shown_with_its_time_and_its_origin(console: ConsoleClient, ours: WireClient) -> None:
    profile_id = make_mia(ours)
    ours.change(
        "UPDATE import_batch SET lines = %s WHERE import_id = (SELECT import_id FROM import"
        " WHERE account_id = %s AND settings->>'name' = 'Sign-ups')",
        pack_lines([2, 17]),
        ours.access.account_id,
    )
    page = console.get(f"{PEOPLE}/{profile_id}").text
    [news, offers] = list_rows(page, '<h3 id="c-1">Email</h3>')
    assert news.startswith("Newsletter by email Newsletter mia@example.com Opted out since 20 Jan 2025 Learnt ")
    assert "by nightly, record 1 of the import Unsubscribed" in news
    assert "Opted in since 29 Feb 2024 Learnt" in offers, "the day in the time zone of the account"
    assert "from the file signups.csv, line 17, by the import Sign-ups" in offers
    [call] = list_rows(page, '<h3 id="c-2">Calls</h3>')
    assert "Opted out since 1 Feb 2025" in call
    assert "written for this person alone" in call
    [consent] = list_rows(page, '<h3 id="c-3">Consents</h3>')
    assert "PrivacyPolicy version 2.0 Granted since 1 Mar 2025, until 29 Feb 2028" in consent
    assert "We keep your details to serve you, for three years." in consent
    unknown = re.findall(r"Neither yes nor no:</span>(.*?)</p>", page)[0]
    assert read_text(unknown) == (
        "Newsletter: Newsletter by text; Offers: Offers by post; Use of data: Sharing with partners"
    )


def test_an_opt_in_that_is_not_in_force_says_why(console: ConsoleClient, ours: WireClient) -> None:
    text = {"ConsentType": "TextMessages", "ConsentVersion": "2026-01", "Locale": "en_US"}
    yes = {**text, "ConsentStatus": 1, "ConsentDate": "2026-01-01T00:00:00Z"}
    number = {"PhoneNumber": "+12025550143", "PhoneNumberPreferences": [choice("NEWS-TEXT", 1, "2026-02-01T00:00:00Z")]}
    emails = [
        *mail("a@example.com", choice("NEWS-EMAIL", 1, "2020-01-01T00:00:00Z")),
        *mail("b@example.com", choice("OFFERS-EMAIL", 1, "2026-01-01T00:00:00Z")),
    ]
    made = ours.write(person(1, PhoneNumbers=[number], Consents=[yes], Emails=emails))
    no = mail("b@example.com", choice("OFFERS-EMAIL", 2, "2026-02-01T00:00:00Z"), EmailAddressType="Work")
    revoked = {**yes, "ConsentStatus": 3, "ConsentDate": "2026-03-01T00:00:00Z"}
    ours.write({"Consents": [revoked], "Emails": no}, made["ProfileId"])
    page = console.get(f"{PEOPLE}/{made['ProfileId']}").text
    assert "Opted in. The consent TextMessages is missing." in list_rows(page, ">Text messages</h3>")[0]
    shown = list_rows(page, ">Email</h3>")
    assert "Expired The opt-in has ended. since 31 Dec 2019" in shown[0]
    assert "Stored, and not in force Opted in. A later opt-out of the same address or number" in shown[1]
    assert "Opted out since 31 Jan 2026" in shown[2]
    labels = re.findall(r'<svg class="track"[^>]* aria-label="([^"]*)"', page)
    assert "Newsletter by text, +12025550143: Opted in on 31 Jan 2026, not in force now" in labels


def test_the_timeline_has_every_choice_newest_first_as_a_table_and_as_a_picture(
    console: ConsoleClient, ours: WireClient
) -> None:
    profile_id = make_mia(ours)
    page = console.get(f"{PEOPLE}/{profile_id}").text
    rows = list_rows(page, "Timeline: every choice")
    assert [re.findall("Offers by call|Newsletter by|Offers by email|PrivacyPolicy", row)[0] for row in rows[:2]] == [
        "Offers by call",
        "Newsletter by",
    ]
    assert "Method: web form; Reference: F-77" in next(row for row in rows if "PrivacyPolicy" in row)
    [news] = re.findall(r'aria-label="(Newsletter by email[^"]*)".*?</svg>\s*</svg>', page, re.DOTALL)
    assert news == (
        "Newsletter by email, mia@example.com: Opted in on 29 Feb 2024, Opted out on 20 Jan 2025, in force now"
    )
    picture = page[page.index('aria-label="Newsletter by email') :]
    spans = re.findall(r'<svg x="([\d.]+)%" width="([\d.]+)%".*?span-(yes|no)', picture, re.DOTALL)[:2]
    assert [kind for *_, kind in spans] == ["yes", "no"]
    assert sum(float(width) for _, width, _ in spans) == pytest.approx(100, abs=0.1)


def test_a_history_is_never_rendered_whole(console: ConsoleClient, ours: WireClient) -> None:
    days = [f"2025-{month:02}-{day:02}T09:00:00Z" for month in (1, 2) for day in range(1, 27)]
    records = [person(1, Emails=mail("c1@example.com", choice("NEWS-EMAIL", n % 2 + 1, at))) for n, at in
               enumerate(days)]  # fmt: skip
    ours.run(records, **BY_CRM)
    path = f"{PEOPLE}/{ours.find_crm('C-1')['ProfileId']}"
    page = console.get(path).text
    assert len(list_rows(page, "Timeline: every choice")) == 50
    following = html.unescape(re.findall(r'href="([^"]+)" rel="next"', page)[0])
    last = console.get(following).text
    assert len(list_rows(last, "Timeline: every choice")) == 2
    assert 'rel="next"' not in last
    assert "What this person agreed to now" not in last
    assert "No choice of this person is stored before this one" in console.get(f"{path}?before=1").text


def test_what_a_user_may_not_see_or_do_is_not_shown(
    console: ConsoleClient, mailer: ConsoleClient, ours: WireClient
) -> None:
    path = f"{PEOPLE}/{make_mia(ours)}"
    page = mailer.get(path).text
    assert "202 555" not in page
    assert "Offers by" not in page
    assert "Delete" not in page
    assert "Deactivate" in page
    search = mailer.get(PEOPLE).text
    assert "Phone number" not in search
    assert mailer.post(PEOPLE, by="phone", text="+12025550143").status_code == 403
    assert mailer.post(f"{path}/delete").status_code == 403
    assert mailer.get(f"{path}/choice?of=E0.P.OFFERS-EMAIL").status_code == 404

    def only_read(document: dict[str, Any]) -> None:
        document["userGroups"][1]["permissions"] |= {"import": False, "profile": ["read"]}

    ours.reconfigure(only_read)
    page = mailer.get(path).text
    assert "Record a choice" not in page
    assert "<form" not in page[page.index("<main") :]
    assert "/console/imports/" not in page, "the import is named, and is no link"
    assert "Unsubscribed" in page
    for more in ("/choice", "/deactivate"):
        assert mailer.post(f"{path}{more}", PEOPLE).status_code == 403
    ours.reconfigure(lambda document: document["userGroups"][1]["permissions"].update({"import": True, "profile": []}))
    assert PEOPLE not in mailer.get("/console/imports").text
    for refused in (PEOPLE, path, f"{path}/choice"):
        assert mailer.get(refused).status_code == 403
    assert console.get(path).status_code == 200


def test_a_choice_is_recorded_under_the_rules_of_an_import(console: ConsoleClient, ours: WireClient) -> None:
    profile_id = make_mia(ours)
    path = f"{PEOPLE}/{profile_id}"
    assert "Now: neither yes nor no." in read_text(console.get(f"{path}/choice?of=P0.P.NEWS-TEXT").text)
    done = console.post(f"{path}/choice", of="E0.P.NEWS-EMAIL", answer="yes", frequency="Daily", day="2026-01-31")
    assert done.headers["location"] == f"{path}?done=recorded"
    [news, _] = list_rows(console.get(path).text, ">Email</h3>")
    assert "Daily Opted in since 31 Jan 2026" in news
    late = console.post(f"{path}/choice", of="E0.P.NEWS-EMAIL", answer="no", day="2025-12-01")
    assert late.status_code == 422
    assert "The choice was not recorded." in late.text
    assert 'value="2025-12-01"' in late.text, "the form keeps what was filled in"
    again = console.post(f"{path}/choice", of="E0.P.NEWS-EMAIL", answer="yes", frequency="Daily", day="2026-01-31")
    assert again.headers["location"] == f"{path}?done=unchanged"
    for wrong in ({"answer": "yes", "day": "31.1.2026"}, {"answer": "maybe"}, {"answer": "yes", "day": "2999-01-01"}):
        assert console.post(f"{path}/choice", of="E0.P.NEWS-EMAIL", **wrong).status_code == 422, wrong
    more = {"method": "letter", "reference": "file 12", "locale": "es_US"}
    console.post(f"{path}/choice", of=".C.PrivacyPolicy", answer="3", day="", **more)
    page = console.get(path).text
    [consent] = list_rows(page, ">Consents</h3>")
    assert "PrivacyPolicy version 2.0 Revoked" in consent
    assert "Guardamos sus datos durante tres años." in consent
    assert "Method: letter; Reference: file 12" in list_rows(page, "Timeline: every choice")[0]
    assert len(ours.events("profile.written")) == 5, "one of them by make_mia"


def test_an_account_that_requires_dates_asks_for_the_day(console: ConsoleClient, ours: WireClient) -> None:
    profile_id = make_mia(ours)
    ours.reconfigure(lambda document: document["account"].update({"requireDates": True}))
    form = console.get(f"{PEOPLE}/{profile_id}/choice?of=E0.P.NEWS-EMAIL").text
    assert '<input type="date" name="day" required' in form
    assert console.post(f"{PEOPLE}/{profile_id}/choice", of="E0.P.NEWS-EMAIL", answer="no").status_code == 422


def test_a_person_is_deactivated_and_deleted(console: ConsoleClient, ours: WireClient) -> None:
    profile_id = make_mia(ours)
    path = f"{PEOPLE}/{profile_id}"
    assert console.post(f"{path}/deactivate").headers["location"] == f"{path}?done=deactivated"
    page = console.get(f"{path}?done=deactivated").text
    assert "The person was deactivated." in page
    assert "The person is not active. No choice is in force." in page
    assert "Opted in" in page, "the history stays"
    assert "Record a choice" not in page
    assert "Nobody was found" in console.post(PEOPLE, by="email", text="mia@example.com").text
    assert console.post(f"{path}/delete").headers["location"] == f"{PEOPLE}?done=deleted"
    assert "The person was deleted" in console.get(f"{PEOPLE}?done=deleted").text
    assert console.get(path).status_code == 404
    assert ours.try_profile(profile_id).status_code == 404


def make_hostile(ours: WireClient) -> int:
    """A person all of whose texts are hostile, long, or written from right to left; the ProfileId."""
    hostile = choice("NEWS-EMAIL", 1, "2026-01-01T00:00:00Z", PreferenceAttributes=[{"Key": EVIL[:90], "Value": EVIL}])
    record = person(
        7,
        Emails=mail("evil@example.com", hostile),
        CustomerName={"FirstName": EVIL, "MiddleName": ARABIC, "LastName": LONG},
        ProfileTags=[{"Name": EVIL}, {"Name": LONG}],
        Groups=[{"GroupType": "Household", "GroupName": EVIL}],
        CustomFields=[{"Name": "Nickname", "Value": EVIL}],
        Consents=[agree(1, "2026-01-01T00:00:00Z", Evidence={"Method": EVIL[:50], "Reference": EVIL})],
    )
    ours.run([record, person(8, Emails=mail("evil@example.com"))], Name=EVIL, Source={"FileName": f"{EVIL}.csv"})
    return int(ours.find_crm("C-7")["ProfileId"])


@pytest.mark.slow
def test_axe_finds_nothing_and_hostile_texts_run_nothing(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    path = f"{PEOPLE}/{make_hostile(ours)}"
    screens = [
        PEOPLE,
        path,
        f"{path}/choice",
        f"{path}/choice?of=E0.P.NEWS-EMAIL",
        f"{path}/choice?of=.C.PrivacyPolicy",
    ]
    for width, scheme in zip(WIDTHS, ("light", "dark"), strict=True):
        with chromium.open(server, width=width, color_scheme=scheme, bypass_csp=True) as seen:
            for screen in screens:
                page = seen.go(screen)
                for closed in page.locator("summary").all():
                    closed.click()
                assert page.locator("img[src=x]").count() == 0
                assert page.locator("script:not([src])").count() == 0
                seen.check(width=width)
            page = seen.go(PEOPLE)
            page.get_by_label("The whole value").fill("evil@example.com")
            press(page, "Find")
            seen.check(width=width)


def test_a_letter_is_answered_with_the_keyboard_and_without_javascript(
    chromium: BrowserScene, server: AccountAccess, ours: WireClient
) -> None:
    make_mia(ours)
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.page
        page.get_by_role("link", name="People").press("Enter")
        page.get_by_label("The whole value").fill("mia@example.com")
        with page.expect_navigation(url="**/people/*"):
            page.get_by_label("The whole value").press("Enter")
        assert page.get_by_role("heading", name="Mia Berg").is_visible()
        page.emulate_media(media="print")
        assert page.get_by_text("for three years.").first.is_visible(), "the letter has the text that was shown"
        assert not page.get_by_text("Delete…").is_visible()
        page.emulate_media(media="screen")
        page.get_by_role("link", name="Change Offers by email, mia@example.com").press("Enter")
        page.get_by_label("Opted out").press("Space")
        press(page, "Record")
        assert page.get_by_text("The choice was recorded.").is_visible()
        page.get_by_text("Deactivate…").press("Enter")
        press(page, "Deactivate the person")
        assert page.get_by_text("No choice is in force.").is_visible()
