"""Commands of ours, started as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONSENTORY = Path(sys.executable).with_name("consentory")


ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}


PATIENCE = 30


@contextmanager
def started(*words: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*words], env=ENVIRONMENT | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def up(data: Path, port: int) -> list[str | Path]:
    return [CONSENTORY, "up", "--data", data, "--port", str(port), "--workers", "1", "--processes", "1"]


def end(process: subprocess.Popen[str], number: int) -> str:
    """End a process with a signal. The result is its standard error; an unclean end fails the test."""
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said
