"""How many statements a call takes: as many for fifty people as for one, and none more for a key that is made up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from running_server import SECRET_KEY
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.composition import open_services
from consentory.codec.account.account_nodes import compose_document
from consentory.codec.answers.profile_answer import render_profile
from consentory.domain.caller import Caller
from consentory.domain.configuration import Permissions
from consentory.errors import RequestRefused
from consentory.services.access.secret_box import SecretBox
from consentory.store.database import Transaction

CHOICES = [{"FilterId": "OFFERS-EMAIL", "PreferenceType": 2, "CustomerDate": "2026-03-01T12:00:00Z"}]


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Named statements, counted on their way to the database."""
    counted: Counter[str] = Counter()
    run = Transaction.run

    def count(self: Transaction, name: str, *parameters: Any) -> Any:
        counted[name] += 1
        return run(self, name, *parameters)

    monkeypatch.setattr(Transaction, "run", count)
    return counted


def test_fifty_people_take_as_many_statements_as_one(bench: Workbench, statements: Counter[str]) -> None:
    def make(number: int, address: str) -> dict[str, Any]:
        return make_person(number, Emails=[{"EmailAddress": address, "EmailPreferences": CHOICES}])

    bench.complete([make(0, "one@example.com"), *(make(n, "many@example.com") for n in range(1, 51))])
    taken = []
    for address, people in (("one@example.com", 1), ("many@example.com", 50)):
        statements.clear()
        found = bench.services.profiles.find_by_email(bench.caller, address)
        taken.append(statements.total())
        assert len(found) == people
        shown = [render_profile(one) for one in found]
        assert {one.Emails[0].EmailPreferences[0].FilterId for one in shown} == {"OFFERS-EMAIL"}
    assert taken[0] == taken[1] < 10


@pytest.mark.parametrize("call", ["get", "find_by_phone", "history", "write"])
def test_a_call_on_a_person_asks_once_for_the_configuration(
    bench: Workbench, statements: Counter[str], call: str
) -> None:
    profiles, person = bench.services.profiles, make_person(1, PhoneNumbers=[{"PhoneNumber": "+12025550143"}])
    profile_id = profiles.write(bench.caller, None, json.dumps(person).encode(), {}).profile_id
    statements.clear()
    if call == "get":
        profiles.get(bench.caller, profile_id)
    elif call == "find_by_phone":
        assert len(profiles.find_by_phone(bench.caller, "+12025550143")) == 1
    elif call == "history":
        profiles.history(bench.caller, profile_id, "Preferences", 10, 1)
    else:
        profiles.write(bench.caller, profile_id, json.dumps(person).encode(), {})
    assert statements["current_revision"] == 1


def test_applying_a_document_reads_it_once(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def compose(data: bytes, source: str) -> Any:
        read.append(data)
        return compose_document(data, source)

    monkeypatch.setattr("consentory.codec.account.account_document.compose_document", compose)
    body = bench.services.accounts.show("ACME", "json")
    permissions = Permissions(configuration=("read", "write"))
    caller = Caller(bench.caller.account_id, "ACME", "nightly", permissions)
    assert not bench.services.accounts.apply_configuration(caller, body, False).is_applied
    assert read == [body]


def test_made_up_keys_do_not_make_the_keys_be_read_each_time(database_url: str, statements: Counter[str]) -> None:
    services = open_services(database_url, SecretBox([SECRET_KEY]))
    try:
        services.authentication.tokens.load_keys()
        statements.clear()
        for number in range(100):
            forged = jwt.encode(
                {"alg": "HS256", "kid": f"made-up-{number}"}, {"exp": 2**33}, OctKey.import_key("k" * 43)
            )
            with pytest.raises(RequestRefused, match="TokenInvalid"):
                services.authentication.tokens.verify(forged)
        assert statements["list_signing_keys"] < 20
    finally:
        services.close()
