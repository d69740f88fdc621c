"""The console in a real browser: Chromium of this system, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from running_server import AccountAccess

AXE = (Path(__file__).parents[1] / "console" / "vendor" / "axe-4.14.1.min.js").read_text("utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 360)


def find_chromium() -> str | None:
    """The program, or None."""
    return os.environ.get("CONSENTORY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class BrowserScene:
    """A running browser."""

    browser: Browser

    @contextmanager
    def open(self, access: AccountAccess | None = None, **options: Any) -> Iterator[SeenPage]:
        """A page in a context of its own, signed in if there is an access. `options`: those of a browser context."""
        size = {"width": options.pop("width", 1280), "height": 800}
        context = self.browser.new_context(viewport=size, **options)
        seen = SeenPage(context.new_page(), access.url if access else "")
        try:
            if access is not None:
                seen.sign_in(access)
            yield seen
        finally:
            context.close()


class SeenPage:
    """A page, with everything that went wrong on it: messages of the browser, and requests to other servers."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", self._watch)

    def sign_in(self, access: AccountAccess) -> None:
        self.page.goto(f"{self.url}/console/sign-in")
        self.page.get_by_label("Client ID", exact=True).fill(access.client_id)
        self.page.get_by_label("Client secret").fill(access.client_secret)
        press(self.page, "Sign in")

    def go(self, path: str) -> Page:
        """Open a screen."""
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status, self.page.content())
        return self.page

    def check(self, *, width: int = 1280) -> None:
        """Axe finds nothing, nothing is wider than the page, and nothing went wrong."""
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, self.page.url
        # axe is not part of the page, so it runs past the page's policy, in the world of the test.
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(done => done.violations.map("
            "one => [one.id, one.nodes.map(node => node.html.slice(0, 200) + ' ' + node.failureSummary)]))",
            _RULES,
        )
        assert found == [], (self.page.url, found)
        assert self.complaints == [], self.page.url

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _watch(self, request: Request) -> None:
        if self.url and not request.url.startswith((f"{self.url}/console", "data:")):
            self.complaints.append(f"request to {request.url}")


def press(page: Page, name: str) -> None:
    """Press a button that leads to another page, and wait for that page. To load a page before that would cancel the
    request."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def look_again(page: Page) -> None:
    """Load the page anew, as a person without JavaScript does."""
    page.goto(page.url)


@contextmanager
def open_browser(path: str) -> Iterator[BrowserScene]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield BrowserScene(browser)
        finally:
            browser.close()
