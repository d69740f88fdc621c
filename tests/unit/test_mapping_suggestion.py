"""`mapping suggest` (files.md): from headers, the first rows and the account, with a comment for each doubt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tabular_files import FOLDER, compile_text, describe, make_records, read_acme

from consentory.codec.sources import open_file
from consentory.codec.tabular.mapping_presets import identify_preset, list_presets
from consentory.codec.tabular.mapping_suggestion import suggest_mapping
from consentory.codec.tabular.row_mapping import RowRefused
from consentory.codec.tabular.table import ReadOptions, Row

ACME = read_acme()
GERMAN = [
    "Kunden-Nr",
    "E-Mail",
    "Vorname",
    "Nachname",
    "Newsletter",
    "Newsletter seit",
    "Handy",
    "Tags",
    "Tier",
    "Notiz",
]
ROWS = [
    ["7", "a@example.com", "Ann", "Ast", "ja", "03.02.2024 10:00", "+49 170 1234567", "a, b", "gold", "NULL"],
    ["8", "b@example.com", "Ben", "", "nein", "14.02.2024 11:00", "", "a", "basic", ""],
    ["9", "c@example.com", "", "Cox", "bounced", "", "-", "", "", ""],
]


def suggest(headers: Sequence[str], rows: Sequence[Sequence[str]], *, account: bool = True) -> str:
    numbered = [Row(line, list(cells)) for line, cells in enumerate(rows, start=2)]
    return suggest_mapping(describe(headers), numbered, ACME if account else None)


def test_a_file_of_german_headers() -> None:
    text = suggest(GERMAN, ROWS)
    for line in (
        'file: {empty: ["", "-", "NULL"]}',
        "match: CRM   # people are found by their id of this type",
        "  Kunden-Nr: AlternateIds[CRM].AlternateId   # Is CRM the type of this id?",
        "  E-Mail: Emails[Home].EmailAddress",
        "  Newsletter:   # Is this the filter? Is bounced a yes or a no?",
        '    values: {"ja": OptIn, "nein": OptOut, "bounced": nothing}',
        "  Handy: PhoneNumbers[Mobile].PhoneNumber",
        '  Tags: {to: ProfileTags, split: ","}',
        "  Tier: CustomFields[Tier]",
        "  Notiz: ignore   # Empty in these rows.",
    ):
        assert f"\n{line}" in text
    assert '.CustomerDate", time: "%d.%m.%Y %H:%M"}   # The time of the choice?' in text
    records = make_records(compile_text(text, GERMAN, ACME), ROWS)
    assert records[0]["Emails"][0]["EmailPreferences"] == [
        {"FilterId": "NEWS-EMAIL", "PreferenceType": "OptIn", "CustomerDate": "2024-02-03T10:00:00"}
    ]
    assert "EmailPreferences" not in records[2]["Emails"][0]
    assert "PhoneNumbers" not in records[2]


def test_without_an_account_the_guesses_are_said() -> None:
    text = suggest(GERMAN, ROWS, account=False)
    assert "# Made without an account" in text
    assert "  E-Mail: Emails.EmailAddress" in text
    assert "  Tier: ignore   # Not understood" in text
    compile_text(text, GERMAN)


LEAVINGS = "Abgemeldet gekündigt désinscrit Désabonné baja disiscritto descadastrado uitgeschreven отписан 配信停止"


@pytest.mark.parametrize("word", LEAVINGS.split())
def test_the_words_for_a_no_are_known_in_many_languages(word: str) -> None:
    text = suggest(["E-Mail", "Newsletter"], [["a@example.com", "ja"], ["b@example.com", word]])
    assert f'{{"ja": OptIn, "{word}": OptOut}}' in text


def test_a_word_that_is_not_known_is_never_mapped_to_nothing() -> None:
    rows = [["a@example.com", "yes"], ["b@example.com", "vielleicht"]]
    text = suggest(["E-Mail", "Newsletter"], rows)
    assert "Is vielleicht a yes or a no? Add it to values. Until then its rows are refused." in text
    assert 'values: {"yes": OptIn}' in text
    with pytest.raises(RowRefused, match="one of the values"):
        make_records(compile_text(text, ["E-Mail", "Newsletter"], ACME), rows)


def test_a_title_above_the_header_is_doubted(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Contacts of 2024\n\nEmail;Name;Newsletter\na@example.com;A;yes\nb@example.com;B;no\n")
    with open_file(file) as source:
        table = source.open_table(ReadOptions())
        text = suggest_mapping(table.description, table.read_rows())
    assert "# The header was read in line 1, and most rows below it have more cells." in text
    assert "Perhaps the header is in line 3: say --header 3.\n" in text
    assert "header was read" not in suggest(["A", "B"], [["1", "2"]])


def test_an_opt_out_column_gives_no_yes() -> None:
    headers = ["Email", "Unsubscribed"]
    text = suggest(headers, [["a@example.com", "true"], ["b@example.com", "false"]])
    assert 'values: {"true": OptOut, "false": nothing}' in text


def test_days_and_months_that_could_be_either_are_doubted() -> None:
    headers = ["Email", "Opt-in", "Opt-in date"]
    rows = [["a@example.com", "yes", "03/04/2024"]]
    assert 'time: "%m/%d/%Y"}   # The time of the choice? Month first, or day first?' in suggest(headers, rows)
    rows.append(["b@example.com", "yes", "31/04/2024"])
    rows[1][2] = "30/04/2024"
    assert 'time: "%d/%m/%Y"}   # The time of the choice?\n' in suggest(headers, rows)


def test_a_few_faulty_times_do_not_hide_the_time_of_the_choice() -> None:
    headers = ["Email", "Opt-in", "Opt-in date"]
    rows = [[f"p{day}@example.com", "yes", f"{day:02d}.03.2024"] for day in range(1, 21)]
    rows[4][2], rows[7][2] = "31.02.2024", "soon"
    text = suggest(headers, rows)
    assert 'time: "%d.%m.%Y"}   # The time of the choice? Cells of these rows that have another form: 2.\n' in text
    rows[8][2] = "later"
    assert "  Opt-in date: ignore   # Not understood" in suggest(headers, rows)


def test_a_time_that_may_be_that_of_the_choice_is_said() -> None:
    text = suggest(["E-Mail", "Newsletter", "Anmeldedatum"], [["a@example.com", "ja", "03.02.2024"]])
    assert "the first row of" in text
    target = "Emails[Home].EmailPreferences[NEWS-EMAIL].CustomerDate"
    said = f'If it is the time of the choice, write {{to: "{target}", time: "%d.%m.%Y"}} in place of ignore.'
    assert f"  Anmeldedatum: ignore   # {said}\n" in text


def test_no_cell_of_a_person_is_repeated() -> None:
    text = suggest(["Email", "Secret", "Customer ID"], [["ana@example.com", "s3cr3t", "C-77"]])
    for cell in ("ana@example.com", "s3cr3t", "C-77"):
        assert cell not in text


def test_a_column_of_another_channel_is_no_choice_of_email() -> None:
    text = suggest(["Email", "Accepts SMS Marketing"], [["a@example.com", "yes"]])
    assert "Accepts SMS Marketing: ignore   # A choice of another channel?" in text
    assert "# No column holds a yes or a no." in text


def test_headers_that_yaml_would_misread_are_quoted() -> None:
    headers = ["no", "a: b", "#x", "*", "{", "Email", "Email", "", "Zoë's", '"', "- c", "1"]
    text = suggest(headers, [["x"] * len(headers)])
    compile_text(text, headers, ACME)


@pytest.mark.parametrize("path", sorted((FOLDER / "exports").glob("*.csv")), ids=lambda path: path.name)
def test_a_suggestion_can_be_used_as_it_is(path: Path) -> None:
    with open_file(path) as source:
        table = source.open_table(ReadOptions())
        rows = list(table.read_rows())
        names = [column.header for column in table.description.columns]
        for account in (ACME, None):
            mapping = compile_text(suggest_mapping(table.description, rows, account), names, account)
            for row in rows:
                mapping.make_record(row)


@pytest.mark.parametrize("path", sorted((FOLDER / "exports").glob("*.csv")), ids=lambda path: path.name)
def test_an_export_is_identified(path: Path) -> None:
    with open_file(path) as source:
        preset = identify_preset(source.open_table(ReadOptions()).description)
    told = path.name.partition("-")[0].partition(".")[0].replace("google", "google-contacts")
    assert preset == ("mailchimp" if "audience" in told else told)
    assert preset in list_presets()


def test_other_headers_are_identified_as_no_tool() -> None:
    assert identify_preset(describe(GERMAN)) is None
    assert identify_preset(describe(["Email", "First Name", "Last Name"])) is None
