"""Take the pictures of the console for the documents: docs/pictures/console-*.png.

`.venv/bin/python scripts/take_pictures.py` starts a server with the account of the tests, imports generated people, and
looks at the screens with Chromium of this system. It takes about half a minute, and leaves nothing behind.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests")]

from console_browser import BrowserScene, find_chromium, open_browser  # noqa: E402
from running_server import (  # noqa: E402
    AccountAccess,
    RunningServer,
    create_database,
    make_template,
    running_engine,
)
from waiting import wait_for  # noqa: E402
from wire_client import FAULTY, WireClient, choice, mail, person  # noqa: E402


def permit_all(document: dict[str, Any]) -> None:
    """Give the user of the pictures each permission."""
    more = {"release": True, "audit": True, "configuration": ["read", "write"]}
    document["userGroups"][0]["permissions"].update(more)
    document["users"][0]["id"] = "ana"


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


def take(scene: BrowserScene, access: AccountAccess, ended: str, held: str) -> None:
    """The pictures. `light` and `wide` is the usual one."""
    screens = {
        "imports": "/console/imports",
        "import": f"/console/imports/{ended}",
        "preview": f"/console/imports/{held}",
        "refused": f"/console/imports/{ended}/refused",
        "account": "/console/account",
        "audit": "/console/audit",
    }
    with scene.open(access, width=1280) as seen:
        for name, path in screens.items():
            seen.go(path).screenshot(path=PICTURES / f"console-{name}.png")
    with scene.open(access, width=360, color_scheme="dark") as seen:
        seen.go(screens["import"]).screenshot(path=PICTURES / "console-narrow.png")


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
                ids = fill(ours)
            with open_browser(chromium) as scene:
                take(scene, access, *ids)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
