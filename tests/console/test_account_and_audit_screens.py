"""The screens "Account" and "Audit": the configuration, its change, the trail and its chain."""

from __future__ import annotations

import html
import re
from typing import Any

import yaml
from console_browser import BrowserScene
from console_client import ConsoleClient
from running_server import AccountAccess
from waiting import wait_for
from wire_client import WireClient, person

EVIL = "</textarea><script>alert(1)</script>"


def read_document(console: ConsoleClient) -> dict[str, Any]:
    return dict(yaml.safe_load(console.get("/console/account/document").text))


def upload(console: ConsoleClient, document: str) -> str:
    """Upload a document as a file; the page with the difference."""
    token = re.findall(r'name="form_token" value="(\w+)"', console.get("/console/account").text)[0]
    answer = console.http.post(
        "/console/account/difference", data={"form_token": token}, files={"file": ("acme.yaml", document.encode())}
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_document_is_uploaded_compared_and_applied(console: ConsoleClient, ours: WireClient) -> None:
    document = read_document(console)
    document["programs"][0]["name"] = f"Letters {EVIL}"
    page = upload(console, yaml.safe_dump(document))
    assert "<script>alert" not in page
    assert "Letters" in html.unescape(page)
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    kept = html.unescape(re.findall(r'<textarea name="document" hidden>\n(.*?)</textarea>', page, re.DOTALL)[0])
    assert read_document(console)["programs"][0]["name"] == "Newsletter", "a difference applies nothing"

    ours.reconfigure(lambda one: one["programs"].append({"id": "MORE", "name": "More", "filters": []}))
    again = console.post("/console/account/apply", document=kept, seen=seen)
    assert "The account changed while you looked" in again.text
    assert read_document(console)["programs"][0]["name"] == "Newsletter"

    seen = re.findall(r'name="seen" value="(\w+)"', again.text)[0]
    done = console.post("/console/account/apply", document=kept, seen=seen)
    assert done.headers["location"] == "/console/account?applied=yes"
    assert f"Letters {EVIL}" in html.unescape(console.get("/console/account").text)


def test_a_wrong_document_is_refused_with_each_fault(console: ConsoleClient) -> None:
    answer = console.post("/console/account/difference", document="account: {clientId: 7}\nnope: 1\n")
    assert answer.status_code == 400
    assert "Configuration.Invalid" in answer.text
    assert "line 2" in answer.text


def test_what_a_user_may_not_do_is_not_shown(mailer: ConsoleClient) -> None:
    page = mailer.get("/console/imports").text
    assert "/console/account" not in page
    assert "/console/audit" not in page
    assert mailer.get("/console/account").status_code == 403
    assert mailer.get("/console/audit").status_code == 403
    assert mailer.get("/console/audit/verification").status_code == 403


def list_actions(page: str) -> list[str]:
    return re.findall(r"<code>([a-z.-]+)</code></div></td>", page)


def test_the_trail_is_filtered_and_read_page_by_page(console: ConsoleClient, ours: WireClient) -> None:
    import_id = ours.run([person(1)])["ImportId"]
    for _ in range(60):
        console.get("/console/account/document")
    path = "/console/audit?action=configuration.read&user=nightly"

    def read_two_pages() -> tuple[list[str], list[str]]:
        page = console.get(path).text
        following = re.findall(r'href="([^"]+)" rel="next"', page)
        return list_actions(page), list_actions(console.get(html.unescape(following[0])).text) if following else []

    expected = ["configuration.read"] * 50, ["configuration.read"] * 10
    assert wait_for(read_two_pages, lambda pages: pages == expected) == expected
    of_import = wait_for(
        lambda: list_actions(console.get(f"/console/audit?import={import_id}").text),
        lambda actions: "import.completed" in actions,
    )
    assert of_import[-1] == "import.initiated", "newest first"
    assert list_actions(console.get("/console/audit?user=nobody").text) == []
    assert console.get("/console/audit?import=nonsense").status_code == 400


def test_the_chain_verifies_until_somebody_changes_it(console: ConsoleClient, ours: WireClient) -> None:
    ours.run([person(1)])
    wait_for(lambda: list_actions(console.get("/console/audit").text), lambda actions: "import.completed" in actions)
    assert "The chain verifies" in console.get("/console/audit/verification").text
    ours.change(
        "UPDATE audit_event SET caller = 'somebody' WHERE account_id = %s AND action = 'import.executed'",
        ours.access.account_id,
    )
    page = console.get("/console/audit/verification").text
    assert "The trail was changed: 1 finding" in page
    assert "its event was changed" in page


def test_an_account_is_changed_without_javascript(
    chromium: BrowserScene, server: AccountAccess, console: ConsoleClient
) -> None:
    document = yaml.safe_dump(read_document(console) | {"users": [{"id": "nightly", "groups": ["Loaders"]}]})
    with chromium.open(server, java_script_enabled=False) as seen:
        page = seen.go("/console/account")
        file = {"name": "acme.yaml", "mimeType": "application/yaml", "buffer": document.encode()}
        page.get_by_label("The document as a file").set_input_files(files=[file])
        page.get_by_role("button", name="Show the difference").click()
        assert page.locator(".differences li").count() >= 1
        page.get_by_role("button", name="Apply").click()
        assert page.get_by_text("The document was applied.").is_visible()
