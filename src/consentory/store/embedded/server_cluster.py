"""The cluster of the embedded server: its creation, its version and its settings."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from consentory.store.embedded.server_folder import DataFolder
from consentory.store.embedded.server_process import EmbeddedServerError, ServerAccount, run_child


def check_major(cluster: Path, major: int) -> None:
    """Raises EmbeddedServerError if there is a cluster that binaries of this major version cannot run."""
    if not cluster.exists():
        return
    try:
        found = (cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise EmbeddedServerError(
            f"{cluster} is damaged: PG_VERSION cannot be read ({error.strerror}). Restore it from a backup."
        ) from error
    if found != str(major):
        named = found if re.fullmatch(r"\d+", found) else "(unknown)"
        raise EmbeddedServerError(
            f"The data in {cluster} is of PostgreSQL {named}, the binaries are of {major}. Name binaries of "
            f"version {named}, or dump the data with them and load it into a new data folder."
        )


def remove_leftovers(server: Path) -> None:
    """Removes the rest of an interrupted `create_cluster`. Each start does so, because initdb may still be writing."""
    for leftover in server.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def create_cluster(
    folder: DataFolder,
    server: Path,
    *,
    initdb: Path,
    major: int,
    account: ServerAccount,
    password: str,
    log: int,
) -> None:
    """Makes `server/cluster`. It has another name until it is complete, so a crash leaves no incomplete cluster."""
    since = folder.measure_log()
    code = 0
    for locale in _list_locales(major):
        work = server / f"new-{secrets.token_hex(4)}"
        work.mkdir(mode=0o700)
        account.own(work)
        secret, fresh = work / "password", work / "cluster"
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            account.own(file.fileno())
            file.write(password)
        command = [str(initdb), "-D", str(fresh), "--username=consentory", f"--pwfile={secret}", *locale]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"]
        code = run_child(command, account, log)
        if code == 0:
            fresh.replace(server / "cluster")
        shutil.rmtree(work, ignore_errors=True)
        if code == 0:
            return
    raise EmbeddedServerError(f"initdb ended with {code}. It said:\n{folder.read_log(since)}")


def _list_locales(major: int) -> list[list[str]]:
    """Locales to try in this order. PostgreSQL has C.UTF-8 itself from version 17 on."""
    if major >= 17:
        return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    return [["--locale=C.UTF-8", "--lc-messages=C"], ["--locale=C"]]


def list_settings(socket_folder: Path, shared_buffers_mb: int, free_disk_mb: int) -> dict[str, str]:
    """The server's settings by name. Each start gives them."""
    quoted = str(socket_folder).replace('"', '""')
    return {
        "listen_addresses": "",
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "shared_buffers": f"{shared_buffers_mb}MB",
        # 16 GB for bulk imports, and less on a small disk. The keys of new people change random pages of their
        # indexes, and each page goes into the WAL as a whole once after each checkpoint.
        "max_wal_size": f"{max(1024, min(16384, free_disk_mb // 4))}MB",
        "checkpoint_timeout": "15min",
        "synchronous_commit": "on",
        "wal_level": "replica",
        "max_connections": "200",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_destination": "stderr",
        # Errors of statements show values, which may be personal data. The caller gets them, and the log does not.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }


def choose_shared_buffers_mb() -> int:
    """A quarter of the memory of the machine or container, at most 4 GB."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # missing, or the word "max"
            size = min(size, int(Path(limit).read_text()))
    return min(4096, max(32, size // 2**20 // 4))


def read_predecessor(cluster: Path) -> tuple[str, str]:
    """The process id and the state that the last server of the cluster wrote down, as text. Only for messages."""
    lines: list[str] = []
    with suppress(OSError):
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
    return (lines[0], lines[7].strip()) if len(lines) > 7 else ("unknown", "unknown")
