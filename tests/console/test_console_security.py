"""The console against other pages, other sites and planted texts, below the browser (SECURITY.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from console_client import ConsoleClient, find_token
from litestar.routes import HTTPRoute
from offline_app import make_app
from running_server import AccountAccess

from consentory.console.static_files import load_files, name_address

TEMPLATES = {
    entry.name: entry.read_text("utf-8") for entry in files("consentory.console").joinpath("templates").iterdir()
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


OF_FILES = {"/console/uploads", "/console/uploads/00000000-0000-0000-0000-000000000000/parts"}
"""Their bodies are no simple forms: see test_new_import.py, test_a_form_needs_its_token_before_a_byte_is_stored."""


def list_changing_paths() -> Iterator[str]:
    """The paths of all calls of the console that are not GET, without those of files."""
    for route in make_app().routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/console") and route.methods - {"GET", "OPTIONS"}:
            assert route.methods <= {"GET", "POST", "OPTIONS"}
            path = re.sub(r"\{(\w+):\w+\}", "00000000-0000-0000-0000-000000000000", route.path)
            if path not in OF_FILES:
                yield path


@pytest.mark.parametrize("path", [*list_changing_paths()])
def test_each_form_needs_a_page_of_this_session_and_of_this_server(
    console: ConsoleClient, server: AccountAccess, path: str
) -> None:
    stranger = ConsoleClient(server.url)
    of_other = find_token(stranger.get("/console/sign-in").text)
    stranger.close()
    own = find_token(console.get("/console/imports").text)
    for form in ({"other": "x"}, {"form_token": of_other}, {"form_token": ""}):
        answer = console.http.post(path, data=form)
        assert answer.status_code == 403, (path, form)
        assert "Console.FormTokenInvalid" in answer.text
    for origin in ("https://elsewhere.example", "null", f"{server.url}.elsewhere.example", ""):
        answer = console.http.post(path, data={"form_token": own}, headers={"Origin": origin})
        assert answer.status_code == 403, (path, origin)
        assert "Console.OtherOrigin" in answer.text
    assert console.is_signed_in()


def test_each_page_has_the_strict_policy(console: ConsoleClient) -> None:
    for path in ("/console/sign-in", "/console/imports", "/console/imports/rows", "/console/imports?status=no"):
        headers = console.get(path).headers
        assert set(headers["content-security-policy"].split("; ")) == POLICY
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_escape_each_value_and_have_no_inline_code(name: str) -> None:
    text = TEMPLATES[name]
    for forbidden in (
        r"\|\s*safe\b",
        r"autoescape",
        r"<style",
        r"\sstyle=",
        r"\son[a-z]+=",
        r"javascript:",
        r"https?://",
    ):
        assert re.search(forbidden, text) is None, forbidden
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    # A value in an attribute without quotes could begin another attribute.
    assert re.search(r"=\{\{", text) is None


def test_static_files_are_kept_for_a_year_under_the_hash_of_their_content(visitor: ConsoleClient) -> None:
    for name, file in load_files().items():
        answer = visitor.get(name_address(name))
        assert answer.content == file.content
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert visitor.get("/console/static/0000000000000000/console.css").status_code == 404
    assert visitor.get(name_address("console.css").replace("console.css", "LICENSE-htmx.txt")).status_code == 404


def test_a_page_without_a_session_shows_nothing(visitor: ConsoleClient) -> None:
    answer = visitor.get("/console/imports/rows")
    assert (answer.status_code, answer.text) == (303, "")
    part = visitor.http.get("/console/imports/rows", headers={"HX-Request": "true"})
    assert (part.status_code, part.text, part.headers["hx-redirect"]) == (401, "", "/console/sign-in")
