"""One clock decides everything: the database's. A server process whose own is a day wrong changes nothing, and says
that it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attack_scene import BASE, take_token
from running_server import AccountAccess, RunningServer, own_server
from waiting import let_pass, wait_for

from consentory.bootstrap.metrics_folder import METRICS_VARIABLE

pytestmark = pytest.mark.processes

DAY = 86_400
SLACK = timedelta(minutes=1)
FOLDER = Path(__file__).parents[1] / "support" / "wrong_clock"


@pytest.fixture(scope="module", params=[DAY, -DAY], ids=["ahead", "behind"])
def wrong(request: Any, engine: str, template: str, tmp_path_factory: Any) -> Iterator[RunningServer]:
    """A server, its stage processes and a worker whose clocks are a day ahead, or behind."""
    environment = {
        "PYTHONPATH": str(FOLDER),
        "TEST_CLOCK_AHEAD": str(request.param),
        METRICS_VARIABLE: str(tmp_path_factory.mktemp("metrics")),
    }
    with own_server(engine, template, 1, **environment) as server:
        yield server


class Client:
    def __init__(self, access: AccountAccess) -> None:
        self.access = access
        headers = {"Authorization": f"Bearer {take_token(access)}"}
        self.http = httpx.Client(headers=headers, trust_env=False, timeout=30, base_url=f"{access.url}{BASE}")

    def run(self, *people: Any) -> Any:
        """The status of a whole import, at its end."""
        path = f"/Async/{self.access.account}/Import"
        settings = {"Name": "clock", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
        path += f"/{self.http.post(path, json=settings).json()['AccessToken']}"
        staged = self.http.post(f"{path}/Stage", json={"UserProfilePreferences": people})
        assert staged.status_code == 200, staged.text
        assert self.http.post(f"{path}/Execute").status_code in (200, 409)
        return wait_for(
            lambda: self.http.get(f"{path}/Status").json(), lambda seen: seen["Status"] in ("Completed", "Failed"), 60
        )

    def choice(self) -> Any:
        query = {"alternateIdType": "CRM", "alternateId": "c-1"}
        found = self.http.get(f"/{self.access.account}/Profile", params=query).json()
        return found["Emails"][0]["EmailPreferences"][0]


def make_person(preference: int, date: datetime | None = None) -> Any:
    choice: dict[str, Any] = {"FilterId": "OFFERS-EMAIL", "PreferenceType": preference}
    if date is not None:
        choice["CustomerDate"] = date.isoformat()
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "c-1"}],
        "Emails": [{"EmailAddress": "ana@example.com", "EmailPreferences": [choice]}],
    }


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_undated_choice_has_the_databases_date(wrong: RunningServer) -> None:
    client = Client(wrong.create_account())
    status = client.run(make_person(2))
    assert (status["Created"], status["ValidationFailed"]) == (1, 0)
    now = datetime.now(UTC)
    assert abs(read_time(client.choice()["CustomerDate"]) - now) < SLACK
    assert abs(read_time(status["Expires"]) - timedelta(hours=12) - now) < SLACK
    assert abs(read_time(status["StartedAt"]) - now) < SLACK


def test_an_opt_out_after_an_opt_in_counts_whichever_server_took_them(
    wrong: RunningServer, running: RunningServer
) -> None:
    """The opt-in comes through the server whose clock is wrong, the opt-out carries its real date."""
    client = Client(wrong.create_account())
    client.run(make_person(2))
    let_pass(0.01, because="the second choice has a later date then")
    status = client.run(make_person(1, datetime.now(UTC)))
    assert (status["Updated"], status["NotHonored"]) == (1, 0)
    assert client.choice()["PreferenceType"] == 1


def test_a_choice_of_the_future_is_refused_and_one_of_now_is_not(wrong: RunningServer) -> None:
    client = Client(wrong.create_account())
    now = datetime.now(UTC)
    assert client.run(make_person(2, now + timedelta(minutes=10)))["ValidationFailed"] == 1
    assert client.run(make_person(2, now + timedelta(minutes=1)))["ValidationSuccessful"] == 1


def test_log_and_metrics_say_that_the_clock_is_off(wrong: RunningServer) -> None:
    deadline = time.monotonic() + 30
    while True:
        text = httpx.get(f"{wrong.url}/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith("consentory_clock_off_seconds ")]
        logged = [line for line in wrong.log.read_text().splitlines() if "the clock of this machine is off" in line]
        if lines and len(logged) >= 3:
            break
        assert time.monotonic() < deadline, logged
        let_pass(0.2, because="the next look at metrics and log")
    assert abs(float(lines[0].split()[1]) - DAY) < 60
    assert all(abs(abs(json.loads(line)["seconds_ahead"]) - DAY) < 60 for line in logged)


@pytest.mark.slow
def test_a_right_clock_is_no_news(running: RunningServer) -> None:
    let_pass(6, because="a worker compares the clocks every few seconds")
    assert "the clock of this machine is off" not in running.log.read_text()
