"""The server of the demo: `consentory up` as a child process that ends with the demo at the latest."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from consentory.errors import ConsentoryError
from consentory.terminal.terminal_output import notes
from consentory.terminal.visible_text import show_lines

_START_PATIENCE, _STOP_PATIENCE = 120.0, 60.0  # seconds
_UP = re.compile(r"^Consentory is up: (http://\S+)", re.MULTILINE)
_CONSENTORY = (sys.executable, "-m", "consentory")


class DemoFailed(ConsentoryError):
    """The demo could not be played to its end. The text gives the reason."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM in the block, so that cleaning up is finished."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class DemoServer:
    """A context manager: in its block the server runs at `url` on the data folder `data`.

    `folder` is the working directory of the server. The server prints to `server.out` and `server.err` in `folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "store"
        self.url = ""
        self._folder = folder
        self._out, self._err = folder / "server.out", folder / "server.err"
        # The shell may have settings of another server. The demo's server does not take them.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [*_CONSENTORY, "up", "--data", str(self.data), "--host", "127.0.0.1", "--port", str(_find_port())]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            # The server has its own session, so Ctrl-C reaches only the demo. The demo then stops the server.
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self.url = self._await_up(self._child)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ConsentoryError) and (log := self.read_log()):
            notes.print(f"The last lines of the server's log:\n{show_lines(log)}")
        self.stop()

    def _await_up(self, child: subprocess.Popen[bytes]) -> str:
        ends = time.monotonic() + _START_PATIENCE
        while time.monotonic() < ends:
            if found := _UP.search(self._out.read_text(errors="replace")):
                return found[1]
            if child.poll() is not None:
                raise DemoFailed(
                    f"The server ended while it started, with exit code {child.returncode}.\n{self.read_log()}"
                )
            time.sleep(0.05)
        raise DemoFailed(f"The server did not answer within {_START_PATIENCE:.0f} s.\n{self.read_log()}")

    def stop(self) -> None:
        """Ask the server to end. If it has not ended after _STOP_PATIENCE seconds, kill it."""
        child, self._child = self._child, None
        if child is None:
            return
        with undisturbed():
            child.terminate()
            try:
                child.wait(_STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)  # the server's session is a process group too
                child.wait()

    def wait(self) -> None:
        """Wait until the server ends. Raises DemoFailed if it ends without being asked to."""
        assert self._child is not None  # it runs
        code = self._child.wait()
        raise DemoFailed(f"The server ended, with exit code {code}.")

    def read_log(self, lines: int = 12) -> str:
        """The last lines of the server's log."""
        return "\n".join(self._err.read_text(errors="replace").splitlines()[-lines:])

    def run_command(self, *words: str) -> str:
        """Run another `consentory` command on the same data folder and return its output.

        Raises DemoFailed with the output of the command if the command fails.
        """
        done = subprocess.run(
            [*_CONSENTORY, *words, "--data", str(self.data)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env=self._environment,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise DemoFailed(f"consentory {' '.join(words[:2])} failed with exit code {done.returncode}:\n{said}")
        return done.stdout

    def run_client(self, words: Sequence[str], settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a `consentory` command that calls this server. `settings` are variables of its environment."""
        return subprocess.run(
            [*_CONSENTORY, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self._folder,
            env={**self._environment, "CONSENTORY_SERVER": self.url, "PYTHONIOENCODING": "utf-8", **settings},
            check=False,
        )

    def measure_memory(self) -> list[tuple[str, int]]:
        """The peak resident bytes of each process of the server without PostgreSQL, largest first.

        Empty if the system has no /proc.
        """
        if self._child is None or not Path("/proc/self/status").exists():
            return []
        peaks = []
        for pid in _find_family(self._child.pid):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue  # ended meanwhile
            if "postgres" not in words[0] and (peak := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)):
                name = re.search(r"^Name:\s+(.*)", status, re.MULTILINE)
                label = "server" if pid == self._child.pid else name[1] if name else "process"
                peaks.append(("worker" if "worker" in " ".join(words) else label, int(peak[1]) * 1024))
        return sorted(peaks, key=lambda peak: -peak[1])


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _find_family(root: int) -> list[int]:
    """The process `root` and all its descendants."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text(errors="replace")
            except OSError:
                continue  # ended meanwhile
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family
