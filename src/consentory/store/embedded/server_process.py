"""Child processes of the embedded server: they run as the right user, and end with this process."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consentory.errors import ConsentoryError
from consentory.store.embedded.parent_death import end_with_parent

ACCOUNT_NAME = "consentory"
STOP_PATIENCE_S = 300.0


class EmbeddedServerError(ConsentoryError):
    """The embedded server cannot be used. The message tells the reason and the next step."""


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The user that the server runs as: our own user, or a system user without a login if we are root, because
    PostgreSQL refuses root."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def can_enter(self, folder: Path) -> bool:
        """Ask the system as that user, so that access control lists and mounts count as well."""
        return not self.dropped or run_child(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], self) == 0

    def can_run(self, program: Path) -> bool:
        command = ["/bin/sh", "-c", '"$1" --version', "sh", str(program)]
        return not self.dropped or run_child(command, self) == 0

    def own(self, path: Path | int) -> None:
        """Make the account the owner of a path or open file. A symbolic link at the end of the path is not followed."""
        if not self.dropped:
            return
        if isinstance(path, int):
            os.fchown(path, self.uid, self.gid)
        else:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account() -> ServerAccount:
    """Our own user. For root: the user `consentory`, which is created if it does not exist.

    Raises EmbeddedServerError if root has no such user and cannot create one.
    """
    if os.geteuid() != 0:
        return ServerAccount(f"uid {os.geteuid()}", os.geteuid(), os.getegid(), dropped=False)
    entry = _find_user() or _create_user()
    if entry.pw_uid == 0:
        raise EmbeddedServerError(f"The user {ACCOUNT_NAME!r} is root itself: give it an id of its own.")
    return ServerAccount(ACCOUNT_NAME, entry.pw_uid, entry.pw_gid, dropped=True)


def _find_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _create_user() -> pwd.struct_passwd:
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    program = shutil.which("useradd", path=path)
    said = "there is no useradd"
    if program:
        command = [program, *options, "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
    # Look the user up even after an error of useradd: another launcher may have created it in the meantime.
    entry = _find_user()
    if entry is None:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and the system user {ACCOUNT_NAME!r} could not be created "
            f"({said}). Create it, or start Consentory as an ordinary user."
        )
    return entry


def run_child(command: Sequence[str], account: ServerAccount, output: int = subprocess.DEVNULL) -> int:
    """Runs a command as the account, and returns its exit code. The command is killed if this process is killed."""
    return _open_child(command, account, output, signal.SIGKILL).wait()


def _open_child(
    command: Sequence[str], account: ServerAccount, output: int, death_signal: int
) -> subprocess.Popen[bytes]:
    drop: dict[str, Any] = {}
    if account.dropped:
        drop = {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        # preexec_fn runs after the change of user, because that change would clear the signal.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            umask=0o077,
            preexec_fn=_arm_death_signal(os.getpid(), death_signal),
            **drop,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(f"Cannot run {command[0]} as {account.name}: {error}") from error


def _arm_death_signal(parent: int, number: int) -> Callable[[], None]:
    def arm() -> None:
        if not end_with_parent(parent, number):
            os._exit(1)

    return arm


class ServerProcess:
    """A running `postgres`. `stop` shuts it down fast. If this process dies, the kernel ends it.

    The kernel sends the signal when the *thread* that forked ends. So one thread forks, and waits until the child
    ends.
    """

    def __init__(self, command: Sequence[str], account: ServerAccount, output: int) -> None:
        self._forked = threading.Event()
        # Not a join of the thread: in CPython 3.11 a thread counts as ended after an exception interrupts its join.
        self._ended = threading.Event()
        self._failure: EmbeddedServerError | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(
            target=self._keep, args=(command, account, output), name="embedded-postgresql", daemon=True
        )
        self._thread.start()
        try:
            self._forked.wait()
        except BaseException:
            self._forked.wait()
            if self._child is not None:
                self.stop()
            raise
        if self._failure is not None:
            raise self._failure

    def _keep(self, command: Sequence[str], account: ServerAccount, output: int) -> None:
        try:
            self._child = _open_child(command, account, output, signal.SIGINT)
        except EmbeddedServerError as error:
            self._failure = error
            self._ended.set()
            return
        finally:
            self._forked.set()
        self._child.wait()
        self._ended.set()

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive() and not self._ended.is_set()  # after a fork the thread is the parent's

    def wait(self, seconds: float) -> None:
        """Wait until the server has ended, at most `seconds`."""
        self._ended.wait(seconds)

    def stop(self) -> None:
        """End the sessions, write a checkpoint, and wait until the server has ended. Kill it if it does not end."""
        assert self._child is not None
        for number, patience in ((signal.SIGINT, STOP_PATIENCE_S), (signal.SIGQUIT, None)):
            if self.is_running:
                self._child.send_signal(number)
                self._ended.wait(patience)
