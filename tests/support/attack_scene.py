"""A server under attack: who attacks, who just wants a quick answer meanwhile, and what the server takes."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
from running_server import AccountAccess, RunningServer

BASE = "/Profiles/v4"
LOOK_SECONDS = 0.05


def take_token(access: AccountAccess) -> str:
    form = {"client_id": access.client_id, "client_secret": access.client_secret}
    return str(httpx.post(f"{access.url}/oauth2/token", data=form, trust_env=False).json()["access_token"])


def find_children(parent: int, *, deep: bool = True) -> list[int]:
    """The processes that a process started, and (`deep`) those that they started."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text(errors="replace")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found += [int(folder.name), *(find_children(int(folder.name)) if deep else ())]
    return found


@dataclass
class Party:
    """One account's user, with an import to stage into."""

    access: AccountAccess
    bearer: str = ""
    token: int = 0

    def __post_init__(self) -> None:
        self.bearer = f"Bearer {take_token(self.access)}"
        self.renew()

    def renew(self) -> None:
        """A fresh import."""
        self.token = httpx.post(
            f"{self.imports}/Import", headers=self.headers, json={"Name": "scene"}, trust_env=False
        ).json()["AccessToken"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self.bearer}

    @property
    def imports(self) -> str:
        return f"{self.access.url}{BASE}/Async/{self.access.account}"

    @property
    def account(self) -> str:
        return f"{self.access.url}{BASE}/{self.access.account}"

    def stage(self, body: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**self.headers, "Content-Type": "application/json", **named}
        url = f"{self.imports}/Import/{self.token}/Stage"
        return httpx.post(url, content=body, headers=sent, timeout=300, trust_env=False)

    def exceptions(self) -> str:
        """The exceptions of the import, as they come: they may be nested too deep to be read by `json`."""
        url = f"{self.imports}/Import/{self.token}/Exceptions"
        return httpx.get(url, headers=self.headers, timeout=60, trust_env=False).text


class Witness:
    """Asks for the Status of its own import all the time; a context manager."""

    def __init__(self, party: Party, find_family: Callable[[], list[int]]) -> None:
        self._party = party
        self._find_family = find_family
        self.peaks: dict[int, float] = {}
        """MB that each process took at most, those included that ended meanwhile."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seconds: list[float] = []
        self.refused: list[int] = []
        self.peak = 0.0
        """MB that the server took at most meanwhile; known at the end."""

    def _look(self) -> None:
        url = f"{self._party.imports}/Import/{self._party.token}/Status"
        with httpx.Client(headers=self._party.headers, timeout=60, trust_env=False) as client:
            while not (self._stop.is_set() and self.seconds):
                began = time.perf_counter()
                try:
                    status = client.get(url).status_code
                except httpx.TransportError:
                    status = 0
                self.seconds.append(time.perf_counter() - began)
                self.note_memory()
                if status != 200:
                    self.refused.append(status)
                self._stop.wait(LOOK_SECONDS)

    def note_memory(self) -> None:
        """Look at what the processes take; also called at the end."""
        for pid in self._find_family():
            self.peaks[pid] = max(self.peaks.get(pid, 0.0), read_memory(pid, "VmHWM"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        self.note_memory()


@dataclass
class Scene:
    """One server process, one attacker and one bystander of another account."""

    server: RunningServer
    attacker: Party
    bystander: Party
    figures: list[str] = field(default_factory=list)

    def find_family(self) -> list[int]:
        """The process that answers requests, and then its stage processes."""
        (server,) = find_children(self.server.processes[0].pid, deep=False)
        return [server, *find_children(server)]

    @contextmanager
    def watch(self, attack: str) -> Iterator[Witness]:
        """Note what the attack inside cost: the slowest answer to the bystander, and the peak memory of the
        server process and its stage processes together."""
        family = self.find_family()
        before = sum(read_memory(pid, "VmRSS") for pid in family)
        for pid in family:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM starts anew
        began = time.perf_counter()
        with Witness(self.bystander, self.find_family) as witness:
            yield witness
        took = time.perf_counter() - began
        peak = sum(witness.peaks.values())
        assert family[0] in self.find_family(), "the server process died"
        ordered = sorted(witness.seconds)
        self.figures.append(
            f"{attack:<44} {took:6.1f} s   others: {len(ordered):4} answers, median"
            f" {ordered[len(ordered) // 2] * 1000:5.0f} ms, slowest {ordered[-1] * 1000:5.0f} ms"
            f"   memory {before:4.0f} -> {peak:4.0f} MB"
        )
        witness.peak = peak


def read_memory(pid: int, name: str) -> float:
    """VmRSS or VmHWM of a process in MB."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended
        return 0.0
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def speak(port: int, request: bytes, seconds: float = 10) -> bytes:
    """The answer of a server to these bytes, until it closes the connection or the time is over."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
    return answer
