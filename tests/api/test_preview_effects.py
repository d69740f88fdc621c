"""Each kind of effect apart: what is stored, a record that changes it, and the counts that the preview then has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from running_server import AccountAccess, RunningServer
from waiting import wait_for
from wire_client import WireClient, choice, person, require

from consentory.domain.effects import EFFECT_KINDS

Wire = dict[str, Any]
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
CRM_ID, LOYALTY = (
    {"AlternateIdType": "CRM", "AlternateId": "C-1"},
    {"AlternateIdType": "Loyalty", "AlternateId": "L-1"},
)
HOUSES = [{"GroupType": "Household", "GroupName": name} for name in ("Okubo", "Diaz")]
TAGS = [{"Name": "loyal"}, {"Name": "new"}]


def mail(*choices: Wire, **members: Any) -> Wire:
    return {"Emails": [{"EmailAddress": "one@example.com", "EmailPreferences": list(choices), **members}]}


def consent(status: int, at: str) -> Wire:
    one = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US"}
    return {"Consents": [{**one, "ConsentStatus": status, "ConsentDate": at}]}


def fields(**values: str) -> Wire:
    return {"CustomFields": [{"Name": name, "Value": value} for name, value in values.items()]}


@dataclass(frozen=True)
class Case:
    """`before` and `after`: the members of the records of one person. `member`: that of the listed change."""

    kind: str
    before: Wire
    after: Wire
    member: str
    beside: Wire = field(default_factory=dict)
    """The effects that belong to it by their nature."""
    settings: Wire = field(default_factory=dict)


YES, NO = choice("NEWS-EMAIL", 1, OLD), choice("NEWS-EMAIL", 2, OLD)
LATER_YES, LATER_NO = choice("NEWS-EMAIL", 1, NEW), choice("NEWS-EMAIL", 2, NEW)
WORK = {"EmailAddressType": "Work", "EmailAddress": "work@example.com"}
CASES = [
    Case("OptInsAdded", mail(), mail(YES), "NEWS-EMAIL"),
    Case("OptInsEnded", mail(YES), mail(LATER_NO), "NEWS-EMAIL", {"OptOutsAdded": 1}),
    Case("OptOutsAdded", mail(), mail(NO), "NEWS-EMAIL"),
    Case("OptOutsEnded", mail(NO), mail(LATER_YES), "NEWS-EMAIL", {"OptInsAdded": 1}),
    Case("ConsentsGranted", mail(), consent(1, OLD), "PrivacyPolicy"),
    Case("ConsentsWithdrawn", mail(), consent(2, OLD), "PrivacyPolicy"),
    Case("ConsentsEnded", consent(1, OLD), consent(3, NEW), "PrivacyPolicy", {"ConsentsWithdrawn": 1}),
    Case("ContactElementsAdded", mail(), {"Emails": [*mail()["Emails"], WORK]}, "Emails"),
    Case("ContactElementsDeactivated", {"Emails": [*mail()["Emails"], WORK]}, mail(), "Emails",
         settings={"RefreshContacts": True}),
    Case("AlternateIdsAdded", mail(), {"AlternateIds": [CRM_ID, LOYALTY]}, "Loyalty"),
    Case(
        "AlternateIdsDeactivated",
        {"AlternateIds": [CRM_ID, LOYALTY]},
        {"AlternateIds": [CRM_ID, {**LOYALTY, "IsActive": False}]},
        "Loyalty",
    ),
    Case("MembersChanged", {"CustomerName": {"FirstName": "Zoë"}}, {"CustomerName": {"FirstName": "Bea"}},
         "CustomerName.FirstName"),
    Case("CustomFieldsChanged", fields(Store="S001"), fields(Store="S002"), "Store"),
    Case("CustomFieldsRemoved", fields(Store="S001", Score="7"), fields(Score="7"), "Store",
         settings={"RefreshCustomFields": True}),
    Case("GroupsAdded", mail(), {"Groups": HOUSES[:1]}, "Household"),
    Case("GroupsDeactivated", {"Groups": HOUSES}, {"Groups": HOUSES[:1]}, "Household",
         settings={"RefreshGroups": True}),
    Case("TagsAdded", mail(), {"ProfileTags": TAGS[:1]}, "ProfileTags"),
    Case("TagsRemoved", {"ProfileTags": TAGS}, {"ProfileTags": TAGS[:1]}, "ProfileTags",
         settings={"RefreshTags": True}),
    Case("ProfilesDeactivated", mail(), {"IsActive": False}, "IsActive"),
    Case("ProfilesDeleted", mail(), {}, "ProfileId", settings={"ImportAction": "Delete"}),
]  # fmt: skip


@pytest.fixture
def ours(running: RunningServer) -> Iterator[WireClient]:
    access: AccountAccess = running.create_account()
    with WireClient(access) as client:
        yield client


def test_every_kind_has_its_case() -> None:
    assert [case.kind for case in CASES] == list(EFFECT_KINDS)


@pytest.mark.parametrize("case", CASES, ids=[case.kind for case in CASES])
def test_the_preview_counts_and_lists_each_kind_apart(ours: WireClient, case: Case) -> None:
    stored = ours.run([person(1, **{"Emails": [], **case.before})], Name=uuid4().hex, **CRM)
    assert stored["Created"] == 1
    record = {"AlternateIds": [CRM_ID], **case.after}
    token = ours.prepare([record], **CRM, **case.settings)
    assert ours.call(token, "Preview").status_code == 202
    path = ours.path(token, "Preview")
    seen = wait_for(lambda: require(ours.http.get(path)), lambda shown: shown["State"] != "Running")
    effects = {kind: count for kind, count in seen["Effects"].items() if count}
    assert effects == {case.kind: 1, **case.beside}, seen
    (change,) = require(ours.http.get(f"{path}/Changes", params={"kind": case.kind}))["Changes"]
    assert (change["Kind"], change["SequenceNumber"], change["Member"]) == (case.kind, 1, case.member)
    assert change["ProfileId"] == ours.find_crm("C-1")["ProfileId"]
    assert ours.finish(token)["Status"] == "Completed"
