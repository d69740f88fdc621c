"""The console as a browser without JavaScript would use it: cookies, forms with their token, an Origin."""

from __future__ import annotations

import re
from typing import Any

import httpx
from running_server import AccountAccess

TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


def find_token(page: str) -> str:
    """The token of a page's first form."""
    found = TOKEN.search(page)
    assert found is not None, page
    return found[1]


class ConsoleClient:
    """One browser."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, headers={"Origin": url})

    def close(self) -> None:
        self.http.close()

    def sign_in(self, client_id: str, client_secret: str, **fields: str) -> httpx.Response:
        """Fill in the sign-in form."""
        token = find_token(self.http.get("/console/sign-in").text)
        form = {"client_id": client_id, "client_secret": client_secret, "form_token": token, **fields}
        return self.http.post("/console/sign-in", data=form)

    def enter(self, access: AccountAccess) -> ConsoleClient:
        """Sign in, which must succeed."""
        answer = self.sign_in(access.client_id, access.client_secret)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console"), answer.text
        return self

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.http.get(path, params=parameters or None)

    def post(self, path: str, page: str | None = None, **fields: str) -> httpx.Response:
        """Send a form with the token of a page; None: the page "Imports"."""
        token = find_token(self.http.get(page or "/console/imports").text)
        return self.http.post(path, data={"form_token": token, **fields})

    def is_signed_in(self) -> bool:
        """True if the console answers with a screen, False if it asks to sign in."""
        answer = self.http.get("/console/imports")
        assert answer.status_code in (200, 303), answer.text
        return answer.status_code == 200
