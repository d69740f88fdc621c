"""`consentory serve` says when it answers and where its secret key lies, and takes idle connections by the thousand."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from running_server import find_free_port, own_server
from started_processes import CONSENTORY, PATIENCE, started

IDLE = 2200


@pytest.mark.parametrize("from_file", [True, False])
def test_serve_says_when_it_is_up_and_where_its_key_is_from(database_url: str, tmp_path: Path, from_file: bool) -> None:
    key, port = "k" * 40, find_free_port()
    file = tmp_path / "key"
    file.write_text(key)
    source = {"CONSENTORY_SECRET_KEY_FILE": str(file)} if from_file else {"CONSENTORY_SECRET_KEY": key}
    settings = {"CONSENTORY_DATABASE_URL": database_url, "CONSENTORY_PORT": str(port), **source}
    with started(CONSENTORY, "serve", **settings) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Consentory is up: http://127.0.0.1:{port}\n"
        assert httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
        where = str(file) if from_file else "CONSENTORY_SECRET_KEY"
        assert process.stdout.readline() == f"Its secret key comes from {where}.\n"
        process.terminate()
        said, complained = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert key not in said + complained


@pytest.fixture
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 200
    if hard != resource.RLIM_INFINITY and hard < 2 * wanted:
        pytest.skip(f"a process may have {hard} open files here, too few for this attack")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
def test_idle_connections_by_the_thousand_stop_nobody(engine: str, template: str) -> None:
    with own_server(engine, template, workers=0, CONSENTORY_PROCESSES="1") as server, ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
        # Idle connections are closed after 30 s: the answer must not wait for that.
        assert httpx.get(f"{server.url}/healthz", trust_env=False, timeout=20).status_code == 200
