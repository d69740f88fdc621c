"""scripts/check_prose.py refuses a sentence that hides its subject, and accepts others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent.parent


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the check on a folder, with a copy of the script in it."""
    (folder / "scripts").mkdir()
    script = folder / "scripts" / "check_prose.py"
    script.write_text((ROOT / "scripts" / "check_prose.py").read_text("utf-8"), "utf-8")
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "One fact. What comes again is skipped.\n"),
        ("docs/page.md", "Whoever owns the file can read it.\n"),
        ("src/module.py", '"""Whoever calls it waits."""\n'),
        ("src/module.py", "# One fact. What is left is refused.\n"),
        ("tests/test_module.py", '"""What the server answers to a call."""\n'),
        ("src/query.sql", "-- What remains of a person.\nSELECT 1;\n"),
    ],
)
def test_a_sentence_that_hides_its_subject_is_refused(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    done = check(tmp_path)
    assert (done.returncode, f"{name}:1: name the subject first" in done.stdout) == (1, True)


def test_a_question_and_a_plain_sentence_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("What is a batch? A batch holds records. It says what failed.\n", "utf-8")
    assert check(tmp_path).returncode == 0
