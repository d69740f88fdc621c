"""Take the pictures of the console for the documents: docs/pictures/console-*.png.

`.venv/bin/python scripts/take_pictures.py` starts a server with the account of the tests, imports generated people, and
looks at the screens with Chromium of this system. It takes about half a minute, and leaves nothing behind.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests")]

from console_browser import BrowserScene, SeenPage, find_chromium, open_browser  # noqa: E402
from running_server import (  # noqa: E402
    AccountAccess,
    RunningServer,
    create_database,
    make_template,
    running_engine,
)
from upload_person import Person  # noqa: E402
from waiting import wait_for  # noqa: E402
from wire_client import FAULTY, WireClient, choice, mail, person  # noqa: E402


def permit_all(document: dict[str, Any]) -> None:
    """Give the user of the pictures each permission."""
    more = {"release": True, "audit": True, "configuration": ["read", "write"]}
    document["userGroups"][0]["permissions"].update(more)
    document["users"][0]["id"] = "ana"


FIRST = ("Anna", "Jürgen", "Zoé", "Mehmet", "Ève", "Björn", "José", "Ines", "Käthe", "Aylin")
LAST = ("Müller", "Großmann", "Lefèvre", "Sørensen", "García", "Weiß", "Schäfer")


def make_table() -> bytes:
    """A file as a shop exports it, in cp1252, with some wrong rows."""
    lines = ["Kundennummer;E-Mail-Adresse;Vorname;Nachname;Mobil;Newsletter;Angemeldet am;Bemerkung"]
    for n in range(400):
        first, last = FIRST[n * 7 % 10], LAST[n * 3 % 7]
        told = "ja" if n % 4 else "nein"
        email, day = f"{first[0].lower()}.kunde{n}@example.com", 1 + n % 28
        lines.append(f"K-{1000 + n};{email};{first};{last};+49 151 2345{6000 + n};{told};{day:02}.03.2026;")
    lines[4] = "K-1003;anna.mueller(at)example.com;Anna;Müller;+49 151 23456003;ja;05.03.2026;"
    lines[20] = "K-1019;bjoern@example;Björn;Sørensen;+49 151 23456019;nein;05.03.2026;Rückruf"
    lines[50] = "K-1049;k1049@example.com;Käthe;Weiß;+49 151 23456049;vielleicht;05.03.2026;"
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def describe(number: int, kind: int = 1, at: str = "2026-05-01T09:00:00Z", **members: Any) -> dict[str, Any]:
    """A person with one choice."""
    return person(number, Emails=mail(f"c{number}@example.com", choice("NEWS-EMAIL", kind, at)), **members)


def fill(ours: WireClient) -> tuple[str, str]:
    """Imports as an account has them; the ids of one that has ended and of one with a preview."""
    match = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    ours.run(
        [describe(n, 2 if n % 5 == 0 else 1) for n in range(4000)],
        Name="Nightly warehouse feed",
        Source={"FileName": "people-2026-11-27.csv"},
        **match,
    )
    records = [describe(n) for n in range(1, 2600)]
    records += [describe(n, CustomerName={"FirstName": "Ana"}) for n in range(2601, 3100)]
    records += [describe(n) for n in range(5000, 5400)]
    records += [describe(n, 1, "2026-01-01T09:00:00Z") for n in range(3100, 3190, 5)]
    records += [FAULTY] * 37 + [person(n, Nope=1) for n in range(12)]
    ended = ours.run(records, Name="Nightly warehouse feed", Source={"FileName": "people-2026-11-28.csv"}, **match)
    held = ours.prepare(
        [describe(n, 2, "2026-11-20T09:00:00Z", ProfileTags=[{"Name": "partner"}]) for n in range(1, 300, 2)],
        Name="Unsubscribed at the partner",
        Source={"FileName": "partner.xlsx"},
        Guard={"optInsEnded": 100},
        **match,
    )
    ours.call(held, "Execute")
    status = wait_for(lambda: ours.status(held), lambda one: one["HeldReason"])
    return str(ended["ImportId"]), str(status["ImportId"])


def make_person(ours: WireClient) -> int:
    """A person with a history of several years; the ProfileId."""
    match = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    call = [{"PhoneNumber": "+1 202 555 0143", "PhoneNumberPreferences": [choice("OFFERS-PHONE", 2, "2026-02-11")]}]

    def write(*choices: dict[str, Any], name: str, file: str, **members: Any) -> None:
        record = person("7001", Emails=mail("mia.berg@example.com", *choices), **members)
        ours.run([record], Name=name, Source={"FileName": file}, **match)

    write(
        *(choice(name, 1, "2024-03-01") for name in ("NEWS-EMAIL", "OFFERS-EMAIL")),
        name="Sign-ups of the shop",
        file="signups-2024-03.csv",
        CustomerName={"FirstName": "Mia", "LastName": "Berg"},
        Consents=[{**consent, "ConsentDate": "2024-03-01", "Evidence": {"Method": "web form"}}],
    )
    write(choice("NEWS-EMAIL", 2, "2025-01-20"), name="Unsubscribed", file="unsubscribed.csv")
    write(
        choice("NEWS-EMAIL", 1, "2026-01-08", FrequencyId="Monthly"),
        name="Nightly warehouse feed",
        file="people-2026-01-09.csv",
        PhoneNumbers=call,
    )
    return int(ours.find_crm("C-7001")["ProfileId"])


def keep_counts(ours: WireClient) -> None:
    """Counts of the past half year, as workers would have made them."""
    for back in range(1, 180):
        news, offers = 3260 - 12 * back + round(90 * math.sin(back / 9)), 2300 - (350 if back < 60 else 0)
        counts = {"NEWS-EMAIL": [news, 812 - back], "OFFERS-EMAIL": [offers, 66], "OFFERS-PHONE": [0, 3]}
        ours.change(
            "INSERT INTO audience_count (account_id, day, began_at, counted_at, ended_at, counts)"
            " VALUES (%s, (now() AT TIME ZONE 'UTC')::date - %s, now(), now(), now(), %s)",
            ours.access.account_id,
            back,
            json.dumps(counts),
        )
    today = "account_id = %s AND day = (now() AT TIME ZONE 'UTC')::date"
    ours.change(f"UPDATE audience_count SET wanted_at = now() WHERE {today}", ours.access.account_id)
    days, caller = ours.access.services.audience_days, Person(ours.access).caller
    wait_for(lambda: days.read(caller).days[0], lambda day: not day.waits)


def take(scene: BrowserScene, access: AccountAccess, ended: str, held: str, profile_id: int) -> None:
    """The pictures. `light` and `wide` is the usual one."""
    screens = {
        "imports": "/console/imports",
        "import": f"/console/imports/{ended}",
        "preview": f"/console/imports/{held}",
        "refused": f"/console/imports/{ended}/refused",
        "audiences": "/console/audience",
        "person": f"/console/people/{profile_id}",
        "account": "/console/account",
        "audit": "/console/audit",
    }
    with scene.open(access, width=1280) as seen:
        for name, path in screens.items():
            seen.go(path).screenshot(path=PICTURES / f"console-{name}.png", full_page=name == "person")
        take_new_import(seen)
    with scene.open(access, width=360, color_scheme="dark") as seen:
        seen.go(screens["import"]).screenshot(path=PICTURES / "console-narrow.png")


def take_new_import(seen: SeenPage) -> None:
    """The mapping of a file, and the correction of one of its records."""
    page = seen.go("/console/imports/new")
    file = {"name": "Kunden März.csv", "mimeType": "text/csv", "buffer": make_table()}
    page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name="What was recognized").wait_for()
    page.evaluate("document.getElementById('mapping').parentElement.scrollIntoView()")
    page.screenshot(path=PICTURES / "console-new-import.png")
    page.get_by_role("button", name="Stage the file").click()
    page.get_by_role("link", name="Go on to what it will do").click(timeout=60_000)
    page.get_by_role("link", name="Refused and held back").click()
    page.get_by_role("link", name="Email.Malformed").click()
    page.get_by_role("link", name="Correct record 4").click()
    page.screenshot(path=PICTURES / "console-correct.png")


def main() -> None:
    """Start, fill, look, stop."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(
            "There is no Chromium. Install it (Debian: apt-get install chromium), or name it in CONSENTORY_CHROMIUM."
        )
    with running_engine() as engine:
        server = RunningServer(create_database(engine, make_template(engine)))
        server.start()
        try:
            access = server.create_account(permit_all, user="ana")
            with WireClient(access) as ours:
                profile_id = make_person(ours)  # first, because the held import keeps later ones waiting
                ended, held = fill(ours)
                keep_counts(ours)
            with open_browser(chromium) as scene:
                take(scene, access, ended, held, profile_id)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
