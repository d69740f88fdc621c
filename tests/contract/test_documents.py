"""The documents are true: their commands are run, and their statements about the code are compared with the code.

A document shows commands in a block marked `console` (see also CONTRIBUTING.md). `$ ` begins a command, and a command
continues while a line ends with `\\`. The full answer stands below the command. In an answer, `...` stands for any
text, and alone on a line for any number of lines. `<name>` in a command is the value of "name" in an earlier answer,
and port 8480 stands for a free port. A block with the name of a file, for example `python nightly.py`, is that file.
All blocks of a document are one session of bash, in a copy of the project's folder.

`make up` is run as the Makefile has it, beside the session, and stopped by Ctrl-C. `make demo` is run with fewer
people. `make test` would run this test again, so only its recipe is checked; the build server runs the command.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec import inspect
from prometheus_client import REGISTRY
from running_server import find_free_port
from typer.main import get_command

import consentory.http.request_metrics
import consentory.services.clock_metrics
import consentory.services.process_metrics
import consentory.worker.worker_metrics  # noqa: F401 - each of these registers its metrics
from consentory.cli.main import make_app
from consentory.codec.answers.status_object import StatusObject
from consentory.config import SETTINGS
from consentory.domain.imports import TRANSITIONS
from consentory.store.embedded.embedded_server import EmbeddedServer

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DEFAULT_PORT = "8480"
SHOWN_PORT = re.compile(rf"\b{DEFAULT_PORT}\b")
DEMO_PEOPLE = 1000
SESSION_SECONDS = 240
WIDTH = 118
"""Width in columns of the terminal on which the documents were written."""

BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\w+ ([\w.-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"<([A-Za-z_]+)>")
PROJECT_PATH = re.compile(
    r"`((?:src|tests|docs|scripts|bench)/[\w./-]+|[\w-]+\.(?:md|toml)|requirements\.lock|Makefile|\.ci/run)`"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def name_document(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass
class Step:
    """A command of a document and the answer that it promises."""

    command: str
    promised: list[str] = field(default_factory=list)


def read_steps(path: Path) -> list[Step]:
    steps: list[Step] = []
    for language, block in BLOCK.findall(path.read_text("utf-8")):
        if language != "console":
            continue
        goes_on = False
        for line in block.splitlines():
            if goes_on:
                steps[-1].command += "\n" + line
            elif line.startswith("$ "):
                steps.append(Step(line[2:]))
            else:
                assert steps, f"{name_document(path)}: a console block begins with a command, not {line!r}"
                steps[-1].promised.append(line)
                continue
            goes_on = line.endswith("\\")
    return steps


def match_answer(promised: list[str], answer: str) -> bool:
    """True if the answer is the promised answer. The width of a column or of a rule does not count."""
    pattern = ""
    for line in promised:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*?".join(re.escape(part) for part in squeeze(line).split("...")) + "\n"
    return re.fullmatch(pattern, "".join(f"{squeeze(line)}\n" for line in answer.splitlines())) is not None


def squeeze(line: str) -> str:
    """Shorten each run of spaces or of rule characters to one: a table is as wide as its widest number."""
    return re.sub(r"([ ─━])\1+", r"\1", line.rstrip())


def list_recipe(*words: str) -> list[str]:
    """The commands that `make` would run, as `make` itself prints them."""
    said = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in said.stdout.splitlines() if not line.startswith("make")]


def drop_setup(recipe: list[str]) -> str:
    """The only command of a recipe after the setup. The environment of the tests is already set up."""
    assert recipe[0] == "scripts/setup"
    assert len(recipe) == 2, recipe
    return recipe[1]


class Session:
    """A bash in a copy of the project's folder, and the server beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = str(find_free_port())
        self.answers = ""
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
        self.environment |= {
            "COLUMNS": str(WIDTH),
            "CONSENTORY_PORT": self.port,
            "CONSENTORY_SERVER": f"http://127.0.0.1:{self.port}",
        }
        self.bash = self._start("bash")
        self.server: subprocess.Popen[str] | None = None
        self.watchdog = threading.Timer(SESSION_SECONDS, self._kill)
        self.watchdog.start()

    def _start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command.split(),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _kill(self) -> None:
        for process in (self.bash, self.server):
            if process is not None and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def answer(self, command: str) -> str:
        """Run a command and return its output, with the port of the documents."""
        if command == "make up":
            answer = self._start_server()
        elif command == "make demo":
            answer = self._ask_bash(drop_setup(list_recipe("demo", f"PEOPLE={DEMO_PEOPLE}")))
        elif command == "make test":
            assert list_recipe("test") == ["scripts/setup", "scripts/test"]
            return ""
        else:
            answer = self._ask_bash(self._fill_in(SHOWN_PORT.sub(self.port, command)))
        self.answers += answer
        return answer.replace(self.port, DEFAULT_PORT)

    def _fill_in(self, command: str) -> str:
        def find(match: re.Match[str]) -> str:
            found = re.findall(rf'"{match[1]}": ?"?([^",\s}}]+)', self.answers)
            assert found, f"no answer so far has a {match[1]}"
            return str(found[-1])

        return PLACEHOLDER.sub(find, command)

    def _ask_bash(self, command: str) -> str:
        end = "end-of-answer"
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        # The next command may use $?.
        self.bash.stdin.write(f"{command}\n__status=$?; printf '\\n{end}\\n'; (exit $__status)\n")
        self.bash.stdin.flush()
        lines: list[str] = []
        for line in self.bash.stdout:
            if line == f"{end}\n":
                return "".join(lines).removesuffix("\n")
            lines.append(line)
        raise AssertionError(f"bash ended in {command!r}:\n{''.join(lines)}")

    def _start_server(self) -> str:
        with (self.folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(
                drop_setup(list_recipe("up")).split(),
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.server.stdout is not None
        # The address of the server, and the address of its console.
        return "".join(self.server.stdout.readline() for _ in range(2)) or (self.folder / "server.log").read_text()

    def close(self) -> None:
        """End both. The server is ended as by Ctrl-C and must exit correctly."""
        self.watchdog.cancel()
        assert self.bash.stdin is not None
        self.bash.stdin.close()
        self.bash.wait(20)
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGINT)
            assert self.server.wait(30) == 0, (self.folder / "server.log").read_text()


@pytest.fixture
def session() -> Iterator[Session]:
    folder = Path(tempfile.mkdtemp(prefix="consentory-documents-"))
    folder.chmod(0o755)  # as root, the database runs as another user, who needs to enter the folder
    shutil.copytree(ROOT / "tests" / "accounts", folder / "tests" / "accounts")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    session = Session(folder)
    try:
        yield session
        session.close()
    finally:
        session._kill()
        session.watchdog.cancel()
        for lock in folder.glob("*/launcher.lock"):
            EmbeddedServer(lock.parent).erase()  # for root the data may be in another folder
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("promised", "answer", "matches"),
    [
        (["one", "...", "four"], "one\ntwo\nthree\nfour\n", True),
        (["one", "...", "two"], "one  \ntwo", True),
        (["took ... s"], "took 1.5 s", True),
        (["..."], "", True),
        ([], "", True),
        ([], "a word", False),
        (["one"], "one\ntwo", False),
        (["took ... s"], "took\n1 s", False),
        (["Created 1"], "Created 2", False),
        (["a.b"], "acb", False),
        (["│ Created │   1 │", "└─────┘"], "│ Created │  1 │\n└────┘", True),
        (["│ Created │   1 │"], "│ Created │ 11 │", False),
    ],
)
def test_answers_are_compared(promised: list[str], answer: str, matches: bool) -> None:
    assert match_answer(promised, answer) is matches


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("path", [p for p in DOCUMENTS if read_steps(p)], ids=name_document)
def test_commands_answer_what_the_document_says(path: Path, session: Session) -> None:
    for name, text in FILE.findall(path.read_text("utf-8")):
        (session.folder / name).write_text(text, "utf-8")
    for step in read_steps(path):
        program = step.command.split()[0]
        if program == "curl" and shutil.which("curl") is None:
            pytest.skip("there is no curl on this machine")
        answer = session.answer(step.command)
        if step.command != "make test":
            promised = "\n".join(step.promised)
            assert match_answer(step.promised, answer), f"$ {step.command}\n{answer}\n--- promised ---\n{promised}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_document)
def test_every_command_shown_is_in_a_block_that_is_run(path: Path) -> None:
    text = BLOCK.sub(lambda match: "" if match[1] == "console" else match[2], path.read_text("utf-8"))
    assert [line for line in text.splitlines() if line.lstrip().startswith("$ ")] == []


def test_documents_are_written_for_the_default_port() -> None:
    assert SETTINGS["port"].default == DEFAULT_PORT
    assert SETTINGS["server"].default == f"http://127.0.0.1:{DEFAULT_PORT}"


@pytest.mark.processes
def test_make_sets_up_first_and_runs_what_the_readme_says() -> None:
    assert list_recipe("demo") == ["scripts/setup", ".venv/bin/consentory demo --people 100000"]
    assert list_recipe("demo-keep") == ["scripts/setup", ".venv/bin/consentory demo --people 100000 --keep"]
    assert list_recipe("up") == ["scripts/setup", ".venv/bin/consentory up"]
    assert list_recipe("test") == ["scripts/setup", "scripts/test"]
    assert list_recipe("check") == ["scripts/setup", "scripts/check"]
    for target in ("demo", "demo-keep", "test", "up"):
        assert f"make {target}" in (ROOT / "README.md").read_text("utf-8")


def test_the_build_server_runs_exactly_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_document)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    named = [ROOT / found for found in PROJECT_PATH.findall(text)] + [path.parent / link for link in LINK.findall(text)]
    named = [p for p in named if p.name not in ("consentory.toml", "settings.toml")]
    assert [name_document(p.resolve()) for p in named if not p.exists()] == []


def test_walk_answers_with_four_files() -> None:
    text = (ROOT / "docs" / "walk.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (decided|stored|counted|shown) \| `([^`]+)`", text, re.MULTILINE))
    assert list(rows) == ["decided", "stored", "counted", "shown"]
    assert len({Path(found).name for found in rows.values()}) == 4
    places = re.findall(r"^\| (?:decided|stored|counted|shown) \| `([^`]+)` \| `(\w+)`", text, re.MULTILINE)
    assert len(places) == 4
    for path, name in places:
        assert re.search(rf"^(?:def|-- name:) {name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), (path, name)


def test_walk_names_only_what_the_code_has() -> None:
    text = (ROOT / "docs" / "walk.md").read_text("utf-8")
    sources = [p for p in (ROOT / "src").rglob("*") if p.suffix in (".py", ".sql")]
    code = "\n".join(p.read_text("utf-8") for p in sources)
    named = set(re.findall(r"`([A-Za-z_]\w+)`", text))
    assert [name for name in sorted(named) if not re.search(rf"\b{name}", code)] == []


def test_walk_names_every_package() -> None:
    text = (ROOT / "docs" / "walk.md").read_text("utf-8")
    packages = [p.parent.name for p in (ROOT / "src" / "consentory").glob("*/__init__.py")]
    assert [name for name in packages if f"src/consentory/{name}/" not in text] == []


LIFECYCLE = ROOT / "docs" / "import-lifecycle.md"


def test_state_diagram_is_the_table_of_transitions() -> None:
    diagram = next(block for language, block in BLOCK.findall(LIFECYCLE.read_text("utf-8")) if language == "mermaid")
    moves = re.findall(r"^\s*(\w+|\[\*\]) --> (\w+|\[\*\])", diagram, re.MULTILINE)
    drawn = {state: {to for origin, to in moves if origin == state} for state in TRANSITIONS}
    assert moves.count(("[*]", "Initiated")) == 1
    assert {state: targets - {"[*]"} for state, targets in drawn.items()} == {
        state: set(targets) for state, targets in TRANSITIONS.items()
    }
    assert {state for state, targets in drawn.items() if "[*]" in targets} == {
        state for state, targets in TRANSITIONS.items() if not targets
    }


def test_every_move_is_made_by_a_guarded_statement_that_exists() -> None:
    rows = re.findall(r"^\| ([\w, ]+) → (\w+) \| `(\w+)` in `([\w./]+)`", LIFECYCLE.read_text("utf-8"), re.MULTILINE)
    made: set[tuple[str, str]] = set()
    for origins, target, name, file in rows:
        statement = (ROOT / file).read_text("utf-8").split(f"-- name: {name}\n")[1].split("-- name:")[0]
        assert re.search(r"UPDATE import SET", statement), name
        assert "status =" in statement.split("WHERE")[1] or "status IN" in statement.split("WHERE")[1], name
        made |= {(origin, target) for origin in origins.split(", ")}
    assert made == {(origin, target) for origin, targets in TRANSITIONS.items() for target in targets}


def test_lifecycle_explains_every_count() -> None:
    text = LIFECYCLE.read_text("utf-8")
    others = {"AccessToken", "DataStageDuration"}
    fields = [(field.name, field.type) for field in inspect.type_info(StatusObject).fields if field.name not in others]
    kinds = [(name, kind.type if isinstance(kind, inspect.Metadata) else kind) for name, kind in fields]
    counts = [name for name, kind in kinds if isinstance(kind, inspect.IntType)]
    assert len(counts) == 14
    assert [name for name in counts if f"| `{name}` |" not in text] == []
    assert all(f"`{state}`" in text for state in TRANSITIONS)


OPERATIONS = ROOT / "docs" / "operations.md"


def test_settings_table_is_the_one_of_the_code() -> None:
    rows = [line for line in OPERATIONS.read_text("utf-8").splitlines() if re.match(r"\| `[a-z_]+` \| (`--|–)", line)]

    def show(text: str | None) -> str:
        return f"`{text}`" if text else "–"

    table = [
        f"| `{s.name}` | {show(s.flag)} | `{s.variable}` | {show(s.default)} | {s.help} |" for s in SETTINGS.values()
    ]
    assert rows == table, "the table should be:\n" + "\n".join(table)


def test_every_variable_that_is_looked_at_is_named() -> None:
    """Settings are listed in their table. Other variables that the program reads are listed below the table."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    asked = set(re.findall(r'"(CONSENTORY_[A-Z_]+)"', sources))
    assert {"CONSENTORY_CONFIG", "CONSENTORY_SECRET_KEY"} <= asked
    text = OPERATIONS.read_text("utf-8")
    assert [name for name in sorted(asked) if f"`{name}`" not in text] == []


def list_commands(command: Any, words: str = "consentory") -> Iterator[str]:
    """Every command with the groups that contain it, as typed."""
    if not hasattr(command, "commands"):
        yield words
        return
    for name, inner in command.commands.items():
        yield from list_commands(inner, f"{words} {name}")


def test_every_command_is_in_a_document() -> None:
    commands = list(list_commands(get_command(make_app())))
    assert {"consentory up", "consentory audit verify"} <= set(commands)
    text = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    assert [command for command in commands if not re.search(rf"\b{command}(?![\w-])", text)] == []


def test_metrics_named_are_there() -> None:
    known = {metric.name for metric in REGISTRY.collect()}
    named = set(re.findall(r"^\| `(consentory_\w+?)(?:_total)?[`{]", OPERATIONS.read_text("utf-8"), re.MULTILINE))
    assert named
    assert named <= known


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_decision_records_have_their_form(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.match(rf"# {int(path.name[:4])}\. \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Status", "Context", "Decision", "Consequences"]


def test_pictures_are_drawings() -> None:
    for path in (ROOT / "docs" / "pictures").glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.processes
def test_picture_of_the_house_is_drawn_from_the_imports_of_today() -> None:
    drawn = subprocess.run([sys.executable, ROOT / "scripts" / "draw_house.py", "--check"], check=False)
    assert drawn.returncode == 0, "the imports between layers or rooms changed: run scripts/draw_house.py"
