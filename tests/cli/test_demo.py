"""`consentory demo`, as a person runs it: it plays to its end, says what came of it and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import httpx
import pytest
from console_client import find_token
from waiting import let_pass

pytestmark = pytest.mark.slow

DEMO = (sys.executable, "-m", "consentory", "demo")


@pytest.fixture
def demo_environment(tmp_path: Path) -> dict[str, str]:
    """Temporary folders are made in `tmp_path`, and another server's settings must not matter."""
    return {**os.environ, "TMPDIR": str(tmp_path), "CONSENTORY_SERVER": "http://127.0.0.1:9"}


def find_processes(words: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if words in command:
                found.append(command)
    return found


def test_demo_plays_and_leaves_nothing(tmp_path: Path, demo_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*DEMO, "--people", "3000"], env=demo_environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "Generated 3,000 records",
        "30 faulty",
        "ValidationFailed 30",
        "Executed: 2,970 records",
        "The commonest faults",
        "Email.Malformed",
        "A person who came more than once",
        "History",
        "And now a file as Mailchimp exports it: 200 subscribers, 10 rows faulty.",
        "--preset mailchimp --set newsletter=NEWS-EMAIL --set id=Loyalty",
        "subscribed_email_audience_export_demo.csv.exceptions.csv",
        "Row.TimeMalformed in OPTIN_TIME",
        "Phone.NotANumber in Phone",
        "exactly the faulty records were refused",
    ):
        assert said in done.stdout
    assert "NO" not in done.stdout.split(), "a count that does not add up"
    assert list(tmp_path.iterdir()) == []
    assert find_processes(str(tmp_path)) == []


def test_demo_that_is_kept_leaves_a_server_with_a_link_that_signs_in(
    tmp_path: Path, demo_environment: dict[str, str]
) -> None:
    folder = tmp_path / "kept"
    demo = subprocess.Popen(
        [*DEMO, "--people", "300", "--keep", "--data", str(folder)],
        env=demo_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert demo.stdout
    said = read_until(demo.stdout, "Another link")
    link = re.findall(r"This link signs you in.*: (http\S+)", said)[0]
    assert re.findall(r"Its console: (http\S+)", said)[0] == link.partition("/link/")[0]
    with httpx.Client(headers={"Origin": link.partition("/console")[0]}) as browser:
        form = {"form_token": find_token(browser.get(link).text)}
        assert browser.post(link, data=form).headers["location"] == "/console"
        page = browser.get(link.partition("/link/")[0] + "/imports").text
        assert "Demo" in page
        assert "Audit" in page
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=120) == 0
    assert "consentory up --data" in demo.stdout.read()
    assert (folder / "store").is_dir()
    assert find_processes(str(tmp_path)) == []


def read_until(stream: TextIO, words: str) -> str:
    said = ""
    for line in stream:
        said += line
        if words in line:
            break
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo_leaves_nothing(
    number: signal.Signals, tmp_path: Path, demo_environment: dict[str, str]
) -> None:
    demo = subprocess.Popen(
        [*DEMO, "--people", "200000"],
        env=demo_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert demo.stdout
    for line in demo.stdout:
        if line.startswith("Up at"):
            break
    let_pass(0.5, because="the demo is then generating people, and prints nothing")
    demo.send_signal(number)
    assert demo.wait(timeout=120) == 130
    assert list(tmp_path.iterdir()) == []
    assert find_processes(str(tmp_path)) == []


def test_demo_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("precious")
    done = subprocess.run([*DEMO, "--data", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (tmp_path / "letter.txt").read_text() == "precious"
