"""account.md, "Configuration", over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from running_server import AccountAccess, RunningServer
from wire_client import WireClient, check_problem, person, require


@pytest.fixture
def ours(running: RunningServer) -> Iterator[WireClient]:
    """A user who may read and write the configuration."""

    def permit(document: dict[str, Any]) -> None:
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    with WireClient(running.create_account(permit)) as client:
        yield client


def show(client: WireClient) -> dict[str, Any]:
    return require(client.http.get(f"{client.account}/Configuration"))


def put(client: WireClient, document: Any, media: str = "application/json", **parameters: Any) -> httpx.Response:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {"Content-Type": media}
    return client.http.put(f"{client.account}/Configuration", content=content, headers=headers, params=parameters)


def test_get_returns_the_document_and_putting_it_back_changes_nothing(ours: WireClient) -> None:
    """One document, applied as a whole and idempotently: PUT /{clientId}/Configuration, GET gives it back."""
    document = show(ours)
    assert document["account"]["clientId"] == ours.access.account
    assert [one["name"] for one in document["alternateIdTypes"]] == ["CRM", "Loyalty"]
    assert require(put(ours, document)) == {"Changes": [], "Applied": False}
    assert show(ours) == document


def test_put_applies_the_document_as_json_or_yaml(ours: WireClient) -> None:
    """… applied as a whole: what changes is said."""
    document = show(ours)
    document["alternateIdTypes"].append({"name": "ERP"})
    applied = require(put(ours, document))
    assert applied["Applied"] is True
    assert any("ERP" in line for line in applied["Changes"])
    document["alternateIdTypes"].append({"name": "Shop"})
    assert require(put(ours, yaml.safe_dump(document).encode(), "application/yaml"))["Applied"] is True
    assert [one["name"] for one in show(ours)["alternateIdTypes"]] == ["CRM", "Loyalty", "ERP", "Shop"]
    assert put(ours, document, "text/plain").status_code == 415


def test_a_dry_run_only_says_what_would_change(ours: WireClient) -> None:
    """Applying prints what would change first (--dry-run stops there)."""
    before = show(ours)
    document = show(ours)
    document["alternateIdTypes"].append({"name": "ERP"})
    would = require(put(ours, document, dryRun="true"))
    assert (would["Applied"], len(would["Changes"])) == (False, 1)
    assert show(ours) == before
    assert require(put(ours, document))["Changes"] == would["Changes"]


def test_an_item_left_out_is_switched_off_and_reported(ours: WireClient) -> None:
    """Nothing that is in use is deleted by leaving it out: it is switched off, and says so."""
    profile = ours.write(person(1))
    document = show(ours)
    document["alternateIdTypes"] = [one for one in document["alternateIdTypes"] if one["name"] != "CRM"]
    applied = require(put(ours, document))
    assert any("CRM" in line and "off" in line for line in applied["Changes"])
    crm = next(one for one in show(ours)["alternateIdTypes"] if one["name"] == "CRM")
    assert crm["active"] is False
    assert ours.profile(profile["ProfileId"])["AlternateIds"][0]["AlternateId"] == "C-1"


@pytest.mark.parametrize(
    "change",
    [
        lambda versions: versions[0]["texts"].update(en_US="Another text."),
        lambda versions: versions[1].update(expirationDays=10),
        lambda versions: versions.reverse(),
    ],
)
def test_text_expiration_and_order_of_consent_versions_cannot_be_changed(ours: WireClient, change: Any) -> None:
    """The text, the expiration and the order of consent versions once applied cannot be changed."""
    before = show(ours)
    document = show(ours)
    change(next(one for one in document["consentTypes"] if one["name"] == "PrivacyPolicy")["versions"])
    problem = check_problem(put(ours, document), 400, "Configuration.Invalid")
    assert problem["errors"]
    assert show(ours) == before


def test_a_new_consent_version_is_made_instead(ours: WireClient) -> None:
    """… a new version is made instead."""
    document = show(ours)
    versions = next(one for one in document["consentTypes"] if one["name"] == "PrivacyPolicy")["versions"]
    versions.append({"version": "3.0", "texts": {"en_US": "A new text."}})
    assert require(put(ours, document))["Applied"] is True


def test_an_unknown_key_is_refused_and_all_faults_are_told(ours: WireClient) -> None:
    """Every key stands in the contract; an unknown one is refused."""
    document = show(ours)
    document["accounts"] = {}
    document["account"]["timeZone"] = "Mars/Base"
    problem = check_problem(put(ours, document), 400, "Configuration.Invalid")
    assert len(problem["errors"]) == 2
    assert all(error["path"] for error in problem["errors"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"account: [", b"null"])
def test_a_body_that_is_not_a_document_is_400(ours: WireClient, body: bytes) -> None:
    """400: malformed or invalid request."""
    check_problem(put(ours, body), 400, "Configuration.Invalid")


def test_the_document_is_of_the_account_in_the_path(ours: WireClient, running: RunningServer) -> None:
    """An account is described by one document; accounts are walled off from each other."""
    document = show(ours)
    document["account"]["clientId"] = running.create_account().account
    check_problem(put(ours, document), 400, "Configuration.OtherAccount")


def test_patterns_cannot_hang_the_service(ours: WireClient) -> None:
    """Patterns … match the whole value; none can hang the service (RE2 syntax and linear time)."""
    document = show(ours)
    loyalty = next(one for one in document["alternateIdTypes"] if one["name"] == "Loyalty")
    loyalty["pattern"] = "(a+)+"
    require(put(ours, document))

    def write(value: str) -> httpx.Response:
        return ours.try_write({"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": value}]})

    answer = write("a" * 255 + "!")
    check_problem(answer, 400, "AlternateId.PatternMismatch")
    assert answer.elapsed.total_seconds() < 5
    check_problem(write("baa"), 400, "AlternateId.PatternMismatch")
    assert write("aaa").status_code == 201
    loyalty["pattern"] = "(?=a)b"  # not of RE2
    check_problem(put(ours, document), 400, "Configuration.Invalid")


def test_a_change_takes_effect_for_the_next_stage_call(ours: WireClient) -> None:
    """A change of configuration takes effect for the next Stage call everywhere, in every process."""
    token = ours.initiate()["AccessToken"]
    record = {"AlternateIds": [{"AlternateIdType": "ERP", "AlternateId": "1"}]}
    assert ours.stage(token, [record])["Batch"]["ValidationFailed"] == 1
    document = show(ours)
    document["alternateIdTypes"].append({"name": "ERP"})
    require(put(ours, document))
    assert ours.stage(token, [record])["Batch"]["ValidationFailed"] == 0
    assert ours.finish(token)["Created"] == 1


def test_reading_and_writing_need_their_permissions(server: AccountAccess, running: RunningServer) -> None:
    """Permissions …: configuration (read, write); 403: the caller's user groups do not permit it."""
    with WireClient(server) as reader:
        document = show(reader)
        check_problem(put(reader, document), 403, "Permission.Configuration")
    with WireClient(running.give_access(server.account, "mailer")) as mailer:
        path = f"{mailer.account}/Configuration"
        check_problem(mailer.http.get(path), 403, "Permission.Configuration")
