"""`consentory mapping suggest | show | presets` as a person uses them, without a server and with one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook
from running_server import AccountAccess

from consentory.codec.tabular.mapping_presets import list_presets

EXPORTS = Path(__file__).parents[1] / "exports"
CONSENTORY = Path(sys.executable).with_name("consentory")
PEOPLE = "Email;First Name;Newsletter\nana@example.com;Ana;yes\nben@example.com;;maybe\n"
MAPPING = """\
columns:
  Email: Emails.EmailAddress
  First Name: CustomerName.FirstName
  Newsletter: {to: "Emails.EmailPreferences[NEWS-EMAIL].PreferenceType", values: {yes: OptIn, no: OptOut}}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}

    def run_command(*words: str | Path, input: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CONSENTORY, "mapping", *words],
            input=input,
            env={**clean, "HOME": str(tmp_path), "NO_COLOR": "1", "COLUMNS": "200", **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return run_command


def connect(server: AccountAccess) -> dict[str, str]:
    return {
        "CONSENTORY_SERVER": server.url,
        "CONSENTORY_ACCOUNT": server.account,
        "CONSENTORY_CLIENT_ID": server.client_id,
        "CONSENTORY_CLIENT_SECRET": server.client_secret,
        "CONSENTORY_USER": server.user,
    }


def test_a_suggestion_is_a_mapping_that_show_takes(run: Run, tmp_path: Path) -> None:
    done = run("suggest", "people.csv")
    assert done.returncode == 0, done.stderr
    assert "Is maybe a yes or a no?" in done.stdout
    (tmp_path / "suggested.yaml").write_text(done.stdout)
    shown = run("show", "people.csv", "--mapping", "suggested.yaml")
    assert shown.returncode == 0, shown.stderr
    assert '"EmailAddress": "ana@example.com"' in shown.stdout


def test_show_prints_rows_beside_their_records(run: Run) -> None:
    done = run("show", "people.csv", "--mapping", "mapping.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("people.csv, line 2\n  Email       ana@example.com\n  First Name  Ana\n")
    assert '"PreferenceType": "OptIn"' in done.stdout
    _, _, second = done.stdout.partition("people.csv, line 3\n")
    assert second.splitlines() == [
        "  Email       ben@example.com",
        "  Newsletter  maybe",
        "  refused: Newsletter: The cell must be one of the values of the mapping: yes, no.",
        "",
    ]
    assert run("show", "people.csv", "--mapping", "mapping.yaml", "--rows", "1").stdout.count("people.csv, line") == 1


def test_each_command_says_first_how_the_file_is_read(run: Run, tmp_path: Path) -> None:
    said = "people.csv: CSV, encoding utf-8 (checked), delimiter semicolon (detected), header in line 1, 3 columns.\n"
    for command in (["suggest", "people.csv"], ["show", "people.csv", "--mapping", "mapping.yaml"]):
        assert run(*command).stderr == said
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace("First Name", "Last Name"))
    done = run("show", "people.csv", "--mapping", "mapping.yaml")
    assert (done.returncode, done.stderr.startswith(said + "mapping.yaml:")) == (2, True)


def test_a_guessed_encoding_is_a_warning_with_what_else_it_may_be(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("Email;First Name\na@example.com;Łukasz\n".encode("cp1250"))
    done = run("suggest", "people.csv")
    assert 'cp1250 reads "Łukasz", ' in done.stderr
    assert 'cp1252 reads "£ukasz"' in done.stderr
    assert "Warning: The encoding cp1250 is a guess" in done.stderr
    assert "give the right encoding: --encoding NAME." in done.stderr
    assert "Warning" not in run("suggest", "people.csv", "--encoding", "cp1250").stderr


def test_show_takes_the_options_of_reading(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("Email#First Name#Newsletter\na@example.com#Zoë#yes\n".encode("mac-roman"))
    options = ("--mapping", "mapping.yaml", "--encoding", "mac-roman", "--delimiter", "#")
    done = run("show", "people.csv", *options)
    assert "encoding mac-roman (given), delimiter # (given)" in done.stderr
    assert '"FirstName": "Zoë"' in done.stdout
    book = Workbook()
    book.active.append(["x"])
    book.create_sheet("People").append(["Email", "First Name", "Newsletter"])
    book["People"].append(["b@example.com", "Ben", "no"])
    book.save(tmp_path / "book.xlsx")
    done = run("show", "book.xlsx", "--mapping", "mapping.yaml", "--sheet", "People")
    assert '"EmailAddress": "b@example.com"' in done.stdout


def test_standard_input_is_read(run: Run, tmp_path: Path) -> None:
    for command in (["suggest", "-"], ["show", "-", "--mapping", "mapping.yaml"]):
        done = run(*command, input=PEOPLE)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("-: CSV, encoding utf-8 (checked)")
        assert "Emails" in done.stdout


def test_a_suggested_preset_has_the_values_of_its_parameters_in_it(run: Run, tmp_path: Path) -> None:
    file = EXPORTS / "shopify-customers_export.csv"
    settings = ("--set", "newsletter=NEWS-EMAIL", "--set", "id=CRM", "--set", "no=nothing", "--set", "texts=A, {b}: c")
    done = run("suggest", file, "--preset", "shopify", *settings[:6])
    assert done.returncode == 0, done.stderr
    (tmp_path / "own.yaml").write_text(done.stdout)
    own = run("show", file, "--mapping", "own.yaml").stdout
    assert own == run("show", file, "--preset", "shopify", *settings[:6]).stdout
    assert '"FilterId": "NEWS-EMAIL"' in own
    assert '"A, {b}: c"' in run("suggest", file, "--preset", "shopify", *settings).stdout
    unknown = run("suggest", file, "--preset", "shopify", "--set", "newslettr=X")
    assert unknown.returncode == 2
    assert "newslettr is not a parameter of this preset. Its parameters are: newsletter, " in unknown.stderr
    assert run("suggest", file, "--set", "newsletter=X").returncode == 2


def test_show_tells_all_faults_of_a_mapping(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace("FirstName", "FristName").replace("yes: OptIn", "yes: In"))
    done = run("show", "people.csv", "--mapping", "mapping.yaml")
    assert done.returncode == 2
    assert "mapping.yaml:3: $.columns.First Name: FristName is not a member" in done.stderr
    assert "mapping.yaml:4: $.columns.Newsletter.values.yes:" in done.stderr


def test_show_compares_with_the_account_of_a_server(run: Run, tmp_path: Path, server: AccountAccess) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace("NEWS-EMAIL", "NEWS-MAIL"))
    assert run("show", "people.csv", "--mapping", "mapping.yaml").returncode == 0
    done = run("show", "people.csv", "--mapping", "mapping.yaml", **connect(server))
    assert done.returncode == 2
    assert "no active filter NEWS-MAIL: did you mean NEWS-EMAIL?" in done.stderr
    suggested = run("suggest", "people.csv", **connect(server))
    assert "Emails[Home].EmailAddress" in suggested.stdout


def test_a_table_without_a_mapping_is_told_what_to_do(run: Run) -> None:
    done = run("show", "people.csv")
    assert done.returncode == 2
    assert "consentory mapping suggest people.csv > mapping.yaml" in done.stderr
    done = run("show", EXPORTS / "klaviyo.csv")
    assert "try --preset klaviyo" in done.stderr


def test_a_suggestion_keeps_what_was_said_of_reading(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes("Liste\nE-Mail|Näme\na@example.com|Zoë\n".encode("cp1252"))
    done = run("suggest", "odd.csv", "--encoding", "cp1252", "--delimiter", "|", "--header", "2")
    assert 'file: {encoding: "cp1252", delimiter: "|", header: 2}\n' in done.stdout
    (tmp_path / "odd.yaml").write_text(done.stdout.replace("ignore", "CustomerName.LastName"))
    assert '"LastName": "Zoë"' in run("show", "odd.csv", "--mapping", "odd.yaml").stdout
    book = Workbook()
    book.active.title = "Notes"
    book.active.append(["x"])
    book.create_sheet("People").append(["Email"])
    book["People"].append(["a@example.com"])
    book.save(tmp_path / "book.xlsx")
    assert "other sheets: 'People'" in run("suggest", "book.xlsx").stdout
    done = run("suggest", "book.xlsx", "--sheet", "People")
    assert 'file: {sheet: "People"}' in done.stdout
    assert "Email: Emails.EmailAddress" in done.stdout
    assert run("suggest", "book.xlsx", "--sheet", "2").stdout.replace("2}", '"People"}') == done.stdout


def test_a_suggestion_looks_at_a_thousand_rows_and_show_at_five(run: Run, tmp_path: Path) -> None:
    rows = ["Email;First Name;Newsletter", *["a@example.com;Ana;yes"] * 999, "a@example.com;Ana;perhaps"]
    (tmp_path / "people.csv").write_text("\n".join([*rows, "a@example.com;Ana;maybe"]))
    done = run("suggest", "people.csv")
    assert done.stdout.startswith("# Suggested from the header and the first 1000 rows of people.csv.")
    assert ("Is perhaps a yes or a no?" in done.stdout, "maybe" in done.stdout) == (True, False)
    assert run("show", "people.csv", "--mapping", "mapping.yaml").stdout.count("people.csv, line") == 5


def test_presets_are_listed_with_what_they_assume(run: Run) -> None:
    done = run("presets")
    assert done.returncode == 0
    for name, preset in list_presets().items():
        assert f"{name}\n  {preset.document.about.splitlines()[0]}\n" in done.stdout
    assert "--set newsletter=…   The filter that the audience is subscribed to. (needed)" in done.stdout
    assert run("presets", "shopify").stdout == list_presets()["shopify"].text.decode()
    assert run("suggest", EXPORTS / "klaviyo.csv", "--preset", "klaviyo").stdout.startswith("about: |\n")
    unknown = run("presets", "shoppify")
    assert (unknown.returncode, unknown.stderr) == (2, "There is no preset shoppify. Did you mean shopify?\n")


def test_a_preset_is_shown_with_its_parameters(run: Run) -> None:
    file = EXPORTS / "shopify-customers_export.csv"
    done = run("show", file, "--preset", "shopify", "--set", "newsletter=NEWS-EMAIL", "--set", "id=CRM")
    assert done.returncode == 0, done.stderr
    assert '"AlternateId": "7210448301122"' in done.stdout
    assert "left out: an address, because the row has only a part of it" in done.stdout
    for wrong in ("newsletter", "=x", "newsletter="):
        done = run("show", file, "--preset", "shopify", "--set", wrong)
        assert done.returncode == 2
        assert "must be NAME=VALUE" in done.stderr
    assert run("show", file, "--preset", "shopify", "--mapping", "mapping.yaml").returncode == 2


def test_a_row_that_cannot_be_read_is_shown_with_its_fault(run: Run, tmp_path: Path) -> None:
    content = (
        "Email;First Name;Newsletter\na@example.com;Zoë;no\nb@example.com;Zo".encode() + b"\xff;no\nc@example.com\n"
    )
    (tmp_path / "people.csv").write_bytes(content)
    shown = run("show", "people.csv", "--mapping", "mapping.yaml").stdout
    assert "  First Name  Zo\\xff\n" in shown
    assert "  refused: First Name: the cell has bytes that are not utf-8" in shown
    assert "  refused: the row has 1 cells and the header 3" in shown


def test_cells_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("Email;First Name;Newsletter\na@example.com;\x1b[2J\u202eevil;\n")
    done = run("show", "people.csv", "--mapping", "mapping.yaml")
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "<U+202E>" in done.stdout
