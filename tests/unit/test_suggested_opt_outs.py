"""`mapping suggest` (files.md): a no in any column is imported as a no, and wins over the yes of another column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tabular_files import compile_text, describe, make_records, read_acme

from consentory.codec.tabular.mapping_document import list_candidates
from consentory.codec.tabular.mapping_suggestion import suggest_mapping
from consentory.codec.tabular.row_mapping import RowRefused
from consentory.codec.tabular.table import Row

ACME = read_acme()
FILTERS = list_candidates("emailFilter", ACME)[:2]
NO, YES = "OptOut", "OptIn"


def suggest(headers: Sequence[str], rows: Sequence[Sequence[str]], *, account: bool = True) -> str:
    numbered = [Row(line, list(cells)) for line, cells in enumerate(rows, start=2)]
    return suggest_mapping(describe(headers), numbered, ACME if account else None)


def read_choices(
    header: str, rows: Sequence[str], more: Sequence[str] = (), *, account: bool = True
) -> list[tuple[str, str | None] | None]:
    """The choice and its time of each row, by the mapping that is suggested from `rows`."""
    headers = ["Email", *header.split(";")]
    cells = [[f"p{place}@example.com", *row.split(";")] for place, row in enumerate((*rows, *more))]
    text = suggest(headers, cells[: len(rows)], account=account)
    records = make_records(compile_text(text, headers, ACME if account else None), cells)
    return [_read_choice(record) for record in records]


def _read_choice(record: dict[str, Any]) -> tuple[str, str | None] | None:
    choices = record["Emails"][0].get("EmailPreferences")
    return (choices[0]["PreferenceType"], choices[0].get("CustomerDate")) if choices else None


@pytest.mark.parametrize("account", [True, False])
@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("Newsletter;Unsubscribed at", ["yes;", "yes;2024-05-01 10:00:00"], [(YES, None), (NO, "2024-05-01T10:00:00")]),
        ("Unsubscribed at;Newsletter", [";yes", "2024-05-01;yes"], [(YES, None), (NO, "2024-05-01")]),
        ("Subscribed;Unsubscribed", ["yes;", "yes;yes", ";yes"], [(YES, None), (NO, None), (NO, None)]),
        ("Unsubscribed;Subscribed", ["no;yes", "yes;yes", "yes;"], [(YES, None), (NO, None), (NO, None)]),
        ("DOUBLE_OPT-IN;EMAIL_BLACKLISTED", ["Yes;No", "Yes;Yes"], [(YES, None), (NO, None)]),
        ("Unsubscribed;Blacklisted", ["no;yes", "yes;no", "no;no"], [(NO, None), (NO, None), None]),
        ("Newsletter;Status", ["yes;subscribed", "yes;unsubscribed"], [(YES, None), (NO, None)]),
        ("Email consent;Newsletter", ["yes;no", "yes;yes"], [None, (YES, None)]),
        ("Subscribed at;Unsubscribed at", ["2024-01-01;", "2024-01-01;2024-05-01"], [None, (NO, "2024-05-01")]),
        (
            "Newsletter;Opt-in date;Unsubscribed at",
            ["yes;2024-01-01;", "yes;2024-01-01;2024-05-01", "yes;;"],
            [(YES, "2024-01-01"), (NO, "2024-05-01"), (YES, None)],
        ),
        (
            "Newsletter;Opt-in date;Unsubscribed;Unsubscribed at",
            ["yes;2024-01-01;no;", "yes;2024-01-01;yes;", "yes;2024-01-01;yes;2024-05-01"],
            [(YES, "2024-01-01"), (NO, None), (NO, "2024-05-01")],
        ),
        ("Unsubscribed;Opt-in date", ["yes;2024-01-01", "no;2024-01-01"], [(NO, None), None]),
    ],
)
def test_a_no_wins_over_a_yes_and_has_its_own_time(
    header: str, rows: list[str], expected: list[object], *, account: bool
) -> None:
    assert read_choices(header, rows, account=account) == expected


def test_an_opt_out_column_that_is_not_understood_takes_the_yes_away() -> None:
    rows = ["yes;", "yes;too many", "unsubscribed;too many"]
    assert read_choices("Newsletter;Unsubscribe reason", rows) == [(YES, None), None, (NO, None)]
    text = suggest(["Email", "Newsletter", "Unsubscribe reason"], [["a@example.com", "yes", "too many"]])
    assert "  Unsubscribe reason: ignore   # IS THIS A NO?" in text


def test_an_opt_out_column_that_is_empty_in_the_first_rows_takes_the_yes_away_later() -> None:
    assert read_choices("Newsletter;Unsubscribed at", ["yes;"], ["yes;2024-05-01"]) == [(YES, None), None]


def test_a_word_of_an_opt_out_column_that_was_not_seen_is_refused() -> None:
    with pytest.raises(RowRefused, match="one of the values"):
        read_choices("Newsletter;Blacklisted", ["yes;no"], ["yes;perhaps"])


def test_a_no_without_a_filter_in_its_header_is_one_to_every_choice() -> None:
    headers = ["Email", *(f"Newsletter {name}" for name in FILTERS), "Unsubscribed at"]
    row = ["a@example.com", *("yes" for _ in FILTERS), "2024-05-01 10:00:00"]
    [record] = make_records(compile_text(suggest(headers, [row]), headers, ACME), [row])
    choices = record["Emails"][0]["EmailPreferences"]
    assert [choice["FilterId"] for choice in choices] == FILTERS
    assert {(choice["PreferenceType"], choice["CustomerDate"]) for choice in choices} == {(NO, "2024-05-01T10:00:00")}


def test_an_opt_out_of_another_channel_is_none_of_email() -> None:
    rows = ["yes;2024-05-01;yes", "yes;;no"]
    choices = read_choices("Newsletter;SMS unsubscribed at;SMS_BLACKLISTED", rows)
    assert choices == [(YES, None), (YES, None)]
