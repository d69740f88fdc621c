"""Where the embedded server's socket lies when the data folder's own path is too long for one."""

import os
import tempfile
from pathlib import Path

import pytest

from consentory.store.embedded.server_folder import LONGEST_SOCKET_PATH, PORT, DataFolder
from consentory.store.embedded.server_process import ServerAccount

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_RUNTIME_DIR"])
def test_a_long_temporary_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Found by `make test` as an ordinary user: the way out had been one byte too long itself."""
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setenv(variable, str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)  # what was read of the environment before
    account = ServerAccount("me", os.getuid(), os.getgid(), dropped=False)
    folder = DataFolder(tmp_path / "data").choose_socket_folder(long / "server", account)
    try:
        assert len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()
