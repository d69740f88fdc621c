"""The command line against a running server, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running_server import AccountAccess

CONSENTORY = Path(sys.executable).with_name("consentory")
CHOSEN, EARLIER = "2026-03-01T14:05:00Z", "2025-03-01T14:05:00Z"

Run = Callable[..., subprocess.CompletedProcess[str]]
Record = dict[str, Any]


def make_environment(server: AccountAccess) -> dict[str, str]:
    """The settings of a client as a shell has them, on a wide terminal without colours."""
    return {
        **os.environ,
        "CONSENTORY_SERVER": server.url,
        "CONSENTORY_ACCOUNT": server.account,
        "CONSENTORY_CLIENT_ID": server.client_id,
        "CONSENTORY_CLIENT_SECRET": server.client_secret,
        "CONSENTORY_USER": server.user,
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }


def make_people(count: int, filter_id: str = "NEWS-EMAIL", **more: Any) -> list[Record]:
    """People that no other test knows, each with one dated opt-in."""
    family = uuid.uuid4().hex[:12]
    return [
        {
            "CustomerName": {"FirstName": "Zoë", "LastName": f"Ōkubo {n}"},
            "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"{family}-{n}"}],
            "Emails": [
                {
                    "EmailAddress": f"p{n}.{family}@example.com",
                    "EmailPreferences": [{"FilterId": filter_id, "PreferenceType": 1, "CustomerDate": CHOSEN}],
                }
            ],
            **more,
        }
        for n in range(count)
    ]


def write_lines(path: Path, people: list[Any]) -> Path:
    path.write_text("".join(json.dumps(person, ensure_ascii=False) + "\n" for person in people))
    return path
