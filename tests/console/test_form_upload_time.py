"""A file that a plain form sends too slowly is refused.

The limit of a server is two hours. So the application runs in this process with a limit of a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from console_client import ConsoleClient, find_token
from running_server import AccountAccess
from upload_person import Person
from upload_scene import make_table

from consentory.api.application import create_app
from consentory.console import form_upload
from consentory.console.console_router import make_console
from consentory.services.imports.stage_processes import StageProcesses

ALLOWED = 0.5


def test_a_form_that_takes_too_long_is_refused_and_leaves_no_file(
    console: ConsoleClient, server: AccountAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_upload, "RECEIVE_SECONDS", ALLOWED)
    monkeypatch.setattr(form_upload, "PIECE_BYTES", 10)
    token = find_token(console.get("/console/imports/new").text)

    def list_names() -> list[str]:
        return [one.file_name for one in server.services.uploads.list_uploads(Person(server).caller)]

    async def send() -> AsyncIterator[bytes]:
        part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
        yield (part.format("form_token", "") + f"{token}\r\n").encode()
        yield part.format("file", '; filename="people.csv"').encode() + make_table(3)
        while list_names() != ["people.csv"]:  # the file has begun
            await asyncio.sleep(0.02)
        await asyncio.sleep(ALLOWED)
        yield make_table(3) + b"\r\n--x--\r\n"

    with ThreadPoolExecutor(1) as thread:  # the tests with a browser have an event loop in this one
        answer = thread.submit(asyncio.run, post(console, server, send())).result()
    assert answer.status_code == 400
    assert "Request.TooSlow" in answer.text
    assert "send the file with JavaScript" in answer.text
    assert list_names() == []


async def post(console: ConsoleClient, server: AccountAccess, content: Any) -> httpx.Response:
    app = create_app(server.services, StageProcesses(["false"], {}), more_routes=[make_console()])
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    headers = {"Origin": server.url, "Content-Type": "multipart/form-data; boundary=x"}
    async with httpx.AsyncClient(
        transport=transport, base_url=server.url, headers=headers, cookies=dict(console.http.cookies)
    ) as http:
        return await http.post("/console/uploads", content=content, timeout=30)
