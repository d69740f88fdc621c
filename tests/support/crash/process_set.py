"""PostgreSQL, a server and two workers, each a process that a test can stop, freeze and start by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from running_server import ENGINE_VARIABLE, SECRET_KEY, RunningServer
from waiting import let_pass

from consentory.bootstrap.process_entry import CHUNK_VARIABLE
from consentory.store.database import LEASE_VARIABLE
from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.store.migration import migrate

LEASE_SECONDS = 3
CHUNK_RECORDS = 50
UP_SECONDS = 60


@dataclass
class ProcessSet:
    """A site of separate processes over a PostgreSQL of its own, with a short lease."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="consentory-outage-")))
    postgres: EmbeddedServer = field(init=False, repr=False)
    server: RunningServer = field(init=False, repr=False)
    conninfo: str = field(default="", repr=False)
    secret_key: str = field(default=SECRET_KEY, repr=False)

    def start(self) -> None:
        """Start everything."""
        self.folder.chmod(0o755)
        binaries = os.environ.get(ENGINE_VARIABLE)
        self.postgres = EmbeddedServer(
            self.folder / "data", binaries=Path(binaries) if binaries else None, shared_buffers_mb=128
        )
        self.conninfo = self.postgres.start()
        migrate(self.conninfo)
        environment = {LEASE_VARIABLE: str(LEASE_SECONDS), CHUNK_VARIABLE: str(CHUNK_RECORDS)}
        self.server = RunningServer(self.conninfo, workers=2, environment=environment)
        self.server.start()

    def stop(self) -> None:
        """Stop everything, and leave nothing behind."""
        self.server.stop()
        self.postgres.erase()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self.server.url

    @property
    def workers(self) -> list[subprocess.Popen[bytes]]:
        """Both."""
        return self.server.processes[1:]

    def await_answer(self) -> float:
        """Wait until the server is ready, which it becomes by itself; the seconds taken."""
        begun = time.monotonic()
        while time.monotonic() - begun < UP_SECONDS:
            with suppress(URLError, OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=10):
                return time.monotonic() - begun
            let_pass(0.03, because="the next look whether the server is ready")
        raise AssertionError(f"not ready within {UP_SECONDS} s:\n{self.read_log()}")

    def read_log(self) -> str:
        """The last words of the server and the workers, requests left out."""
        log = self.server.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if '"event": "request"' not in line][-30:])
