"""The data folder of the embedded server: its files, their owners and their modes.

DATA/                 0700; for root 0711 and root's own
  launcher.lock       held (flock) by the launcher whose server runs
  conninfo            0600, how to connect, with the password
  secret-key          0600, encrypts the keys in the database, unless the environment gives another key
  server.log          0600
  server/             0700, the server's user: the cluster and the socket
  binaries/           root only: copied, if the server's user cannot reach the installed ones
  location            root only: the folder that holds server/ and binaries/ instead, if the server's
                      user cannot reach DATA (a clone below /root); such a folder is
                      /var/lib/consentory/<random>, and a backup has to take it along
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consentory.store.embedded.server_process import EmbeddedServerError, ServerAccount

STATE_ROOT = Path("/var/lib/consentory")
PORT = 5432  # only a part of the socket's name
LONGEST_SOCKET_PATH = 107
LOG_LIMIT = 16 * 1024 * 1024

_log = structlog.get_logger(__name__)


class DataFolder:
    """One data folder. Only the launcher that holds the lock may call methods other than `prepare` and `try_lock`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock = self.path / "launcher.lock"
        self._conninfo = self.path / "conninfo"
        self._secret_key = self.path / "secret-key"
        self._log = self.path / "server.log"
        self._location = self.path / "location"

    def prepare(self) -> None:
        """Creates the folder, or recognizes it as ours. Raises EmbeddedServerError if it is anything else."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            self.path.mkdir(mode=mode, parents=True, exist_ok=True)
            names = {entry.name for entry in self.path.iterdir()}
        except OSError as error:
            raise EmbeddedServerError(
                f"The data folder {self.path} cannot be created or read ({error.strerror}): name "
                "another one, or start as the user it belongs to."
            ) from error
        if "PG_VERSION" in names:
            raise EmbeddedServerError(
                f"{self.path} is itself a PostgreSQL cluster, not a data folder of Consentory: name another "
                "folder, or start a server on it and give its address as --database-url."
            )
        if self._lock.name in names:
            return
        foreign = sorted(name for name in names if name != "lost+found" and not name.startswith("."))
        if foreign:
            raise EmbeddedServerError(
                f"{self.path} holds files that are not Consentory's ({', '.join(foreign[:3])}): name an "
                "empty or a new folder."
            )
        if self.path.stat().st_uid == os.geteuid():
            self.path.chmod(mode)

    def try_lock(self) -> int | None:
        """The lock as an open file, which the caller closes. None: another launcher holds the lock."""
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedServerError(
                f"{self._lock} cannot be opened ({error.strerror}): start as the user it belongs to."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == self._lock.stat().st_ino:
                return lock
        except (BlockingIOError, FileNotFoundError):
            pass  # another launcher holds it, or it was removed between opening and locking
        os.close(lock)
        return None

    def read_conninfo(self) -> str | None:
        with suppress(FileNotFoundError):
            return self._conninfo.read_text()
        return None

    def write_conninfo(self, conninfo: str) -> None:
        """Write a file so that a crash never leaves an incomplete one: it may be the only copy of the password."""
        self._write_private(self._conninfo, conninfo)

    def _write_private(self, path: Path, text: str) -> None:
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def read_secret_key(self, *, make: bool) -> str | None:
        """The text of the file. None: there is no file. With `make` it is made first, with 256 random bits in base64.

        If several processes make it at the same time, the first one wins.
        """
        if make and not self._secret_key.exists():
            fresh = self._secret_key.with_name(f".{self._secret_key.name}.{secrets.token_hex(4)}")
            self._write_private(fresh, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
            with suppress(FileExistsError):
                os.link(fresh, self._secret_key)
            fresh.unlink()
        with suppress(FileNotFoundError):
            return self._secret_key.read_text("ascii")
        return None

    @contextmanager
    def open_log(self) -> Iterator[int]:
        """The server's log, open to append. We own it, so that the server's user cannot replace it by a link."""
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_name("server.log.1"))
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            yield log
        finally:
            os.close(log)

    def measure_log(self) -> int:
        """The bytes written so far. The text of the next start begins there."""
        return self._log.stat().st_size

    def read_log(self, since: int, lines: int = 12) -> str:
        """The last lines that were written after this number of bytes."""
        with self._log.open("rb") as file:
            file.seek(max(since, self.measure_log() - 64 * 1024))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def find_home(self, account: ServerAccount) -> Path:
        """The folder that holds `server/`: this folder, or another one if the account cannot enter this folder."""
        if self._location.exists():
            home = Path(self._location.read_text().splitlines()[0])
        elif (self.path / "server" / "cluster").exists():
            home = self.path
        else:
            home = self._choose_home(account)
        server = home / "server"
        if not server.is_dir():
            raise EmbeddedServerError(
                f"{self._location} says that the data is in {home}, but it is not there: restore it, or "
                f"remove {self.path} to begin afresh."
            )
        if server.stat().st_uid != account.uid:
            raise EmbeddedServerError(
                f"{server} belongs to user id {server.stat().st_uid}, and the server would run as "
                f"{account.name} ({account.uid}): start as the user who created it."
            )
        if not account.can_enter(server):
            raise EmbeddedServerError(
                f"The user {account.name} cannot enter {server}: a folder above it is closed to others. Open "
                "that one for passing through (chmod o+x), or move the data folder back to where it was."
            )
        return home

    def _choose_home(self, account: ServerAccount) -> Path:
        if self._offer_home(self.path, account):
            return self.path
        shutil.rmtree(self.path / "server")  # no cluster in it: see find_home
        try:
            if not STATE_ROOT.exists():
                STATE_ROOT.mkdir()
                STATE_ROOT.chmod(0o755)
            home = STATE_ROOT / secrets.token_hex(8)
            home.mkdir()
            home.chmod(0o711)
        except OSError as error:
            raise EmbeddedServerError(
                f"The user {account.name} cannot enter {self.path}, and {STATE_ROOT} cannot take the data "
                f"instead ({error.strerror}): name a data folder that everybody may pass through to."
            ) from error
        self._report_left_behind()
        (home / "origin").write_text(str(self.path))
        if not self._offer_home(home, account):
            raise EmbeddedServerError(f"The user {account.name} cannot enter {home}: see its rights.")
        self._write_private(self._location, f"{home}\nThe data is there: back it up with this folder.\n")
        _log.warning("embedded_data_elsewhere", data_folder=str(self.path), data=str(home), user=account.name)
        return home

    def _offer_home(self, home: Path, account: ServerAccount) -> bool:
        server = home / "server"
        server.mkdir(mode=0o700, exist_ok=True)
        account.own(server)
        return account.can_enter(server)

    def _report_left_behind(self) -> None:
        """If somebody removed the data folder, its data may still exist. It is neither deleted nor ignored."""
        for origin in STATE_ROOT.glob("*/origin"):
            if origin.read_text() == str(self.path):
                _log.warning("embedded_data_left_behind", data_folder=str(self.path), data=str(origin.parent))

    def choose_socket_folder(self, server: Path, account: ServerAccount) -> Path:
        """The folder of the socket: the server's own, or a temporary one if the path is too long or not text."""
        if _can_hold_socket(server):
            return server
        earlier = self._find_earlier_socket_folder(account)
        if earlier is not None:
            return earlier
        own = [] if account.dropped else [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()]
        bases = [base for base in (*own, "/run", "/tmp") if base and os.access(base, os.W_OK)]  # noqa: S108
        base = next((base for base in bases if _can_hold_socket(Path(base) / "consentory-12345678")), "/tmp")  # noqa: S108
        folder = Path(tempfile.mkdtemp(prefix="consentory-", dir=base))
        account.own(folder)
        return folder

    def _find_earlier_socket_folder(self, account: ServerAccount) -> Path | None:
        host = conninfo_to_dict(self.read_conninfo() or "").get("host")
        folder = Path(str(host))
        if host and folder.name.startswith("consentory-") and folder.exists():
            status = folder.lstat()
            private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
            if private and status.st_uid == account.uid:
                return folder
        return None

    def read_or_make_conninfo(self, socket_folder: Path, *, cluster_exists: bool) -> str:
        """The conninfo of the socket, with the password of the cluster, or with a new password."""
        known = conninfo_to_dict(self.read_conninfo() or "").get("password")
        if known is None and cluster_exists:
            raise EmbeddedServerError(f"{self._conninfo}, which holds the password, is gone: restore it.")
        conninfo = make_conninfo(
            host=str(socket_folder),
            port=PORT,
            user="consentory",
            password=known or secrets.token_urlsafe(32),
            dbname="consentory",
        )
        self.write_conninfo(conninfo)
        return conninfo

    def erase(self) -> None:
        """Removes all our files, wherever they are, and the folder itself if it is empty after that."""
        if self._location.exists():
            shutil.rmtree(self._location.read_text().splitlines()[0], ignore_errors=True)
        for name in ("server", "binaries"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        rotated = self._log.with_name("server.log.1")
        for file in (self._conninfo, self._secret_key, self._location, self._log, rotated, self._lock):
            file.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()


def _can_hold_socket(folder: Path) -> bool:
    """True if a socket in this folder has a path that the system and a conninfo can express."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH and "," not in str(folder)
