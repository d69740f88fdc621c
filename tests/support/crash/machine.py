"""`consentory up` as a machine of its own, whose processes can be killed one by one or all at once. Linux only."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.error import URLError

from running_server import ENGINE_VARIABLE, find_free_port
from waiting import let_pass

from consentory.bootstrap.process_entry import CHUNK_VARIABLE
from consentory.config import SETTINGS
from consentory.store.embedded.embedded_server import EmbeddedServer

Target = Literal[
    "worker",  # one of two
    "workers",
    "server",  # the HTTP server with all of its processes
    "server process",  # one of these: the one that answers
    "stage process",  # one of those in which it lets batches be validated
    "backend",  # one connection's process: PostgreSQL ends all others and recovers
    "postmaster",
    "postgres",  # the postmaster and all that it has started
    "root",  # `consentory up` alone: the others have to notice
    "all",
]
WEIGHTS: dict[Target, int] = {
    "worker": 4, "workers": 3, "server": 3, "server process": 1, "stage process": 3, "backend": 3,
    "postmaster": 2, "postgres": 2, "root": 1, "all": 2,
}  # fmt: skip
"""How often each is drawn."""

UP_SECONDS = 90
CHUNK_RECORDS = 15


@dataclass
class Machine:
    """One `consentory up` on a data folder of its own; it is started again when it is gone, as an init would."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="consentory-crash-")))
    port: int = field(default_factory=find_free_port)
    starts: int = 0
    """How often the root was started."""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything."""
        self.folder.chmod(0o755)
        self.await_answer()

    def stop(self) -> None:
        """Stop everything, and leave nothing behind."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
        EmbeddedServer(self.data).erase()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def conninfo(self) -> str:
        """How the owner of the database connects."""
        return (self.data / "conninfo").read_text()

    @property
    def secret_key(self) -> str:
        """The secret key of the data folder."""
        return (self.data / "secret-key").read_text().strip()

    def read_log(self, lines: int = 30) -> str:
        """The last words of all processes, requests left out."""
        log = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if '"event": "request"' not in line][-lines:])

    def _spawn(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
        environment[CHUNK_VARIABLE] = str(CHUNK_RECORDS)
        if ENGINE_VARIABLE in os.environ:
            environment[SETTINGS["postgres_binaries"].variable] = os.environ[ENGINE_VARIABLE]
        self.starts += 1
        words = ["up", "--data", str(self.data), "--port", str(self.port), "--workers", "2"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "consentory", *words],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_answer(self) -> float:
        """Wait until the server answers that it is ready, starting the root again if it is gone; the seconds taken."""
        begun = time.monotonic()
        while True:
            if self._process is None or self._process.poll() is not None:
                self._spawn()
            with suppress(URLError, OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=10):
                return time.monotonic() - begun
            if time.monotonic() - begun > UP_SECONDS:
                raise AssertionError(f"not up again within {UP_SECONDS} s:\n{self.read_log()}")
            let_pass(0.03, because="the next look whether the server is ready")

    def kill(self, target: Target, rng: random.Random) -> int:
        """kill -9; how many processes."""
        victims = self._find_victims(target, rng)
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None and self._process.pid in victims:
            self._process.wait()
        return len(victims)

    def _find_victims(self, target: Target, rng: random.Random) -> list[int]:
        assert self._process is not None
        root = self._process.pid
        family = _list_children()
        if target == "root":
            return [root]
        if target == "all":
            return [root, *_list_descendants(family, root)]
        workers, servers, postmasters = (
            [pid for pid in family.get(root, []) if sign in _read_words(pid)] for sign in ("worker", "serve", "-D")
        )
        backends = [
            pid for master in postmasters for pid in family.get(master, [])
            if _read_words(pid)[0].startswith("postgres: consentory")
        ]  # fmt: skip
        answering = [pid for server in servers for pid in family.get(server, [])]
        staging = [pid for process in answering for pid in family.get(process, [])]
        chosen = {
            "worker": _draw(rng, workers),
            "workers": workers,
            "server": [pid for server in servers for pid in (server, *_list_descendants(family, server))],
            "server process": _draw(rng, answering),
            "stage process": _draw(rng, staging),
            "backend": _draw(rng, backends),
            "postmaster": postmasters,
            "postgres": [pid for master in postmasters for pid in (master, *family.get(master, []))],
        }
        return chosen[target]


def _draw(rng: random.Random, pids: list[int]) -> list[int]:
    return [rng.choice(pids)] if pids else []


def _list_children() -> dict[int, list[int]]:
    """Each process's children."""
    family: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # ended meanwhile
                stat = (folder / "stat").read_text(errors="replace")
                family.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(folder.name))
    return family


def _list_descendants(family: dict[int, list[int]], root: int) -> list[int]:
    found = list(family.get(root, []))
    for pid in found:
        found += family.get(pid, [])
    return found


def _read_words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]
