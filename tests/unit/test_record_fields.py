"""record.md, "Custom field values"."""

from typing import Any

import pytest
from record_cases import check_record, make_configuration_index, make_validator, person, read_document, refuse

from consentory.codec.record.validation_context import MOST_KNOWN, compile_validation_context
from consentory.domain.record import Record


def make_fields_index():
    document = read_document()
    document["customFields"] += [
        {"name": "Code", "type": "Text", "minLength": 3, "maxLength": 5, "required": True},
        {"name": "Ratio", "type": "Numeric", "min": -0.1, "max": 0.3},
        {"name": "Old", "type": "Text", "active": False},
        {"name": "Slow", "type": "Text", "pattern": "(a+)+b"},
        {"name": "Any", "type": "Text"},
    ]
    return make_configuration_index(document)


FIELDS_INDEX = make_fields_index()
FIELDS = make_validator(FIELDS_INDEX)


def outcome(name: str, value: Any) -> Any:
    """The stored value, or the code of the fault."""
    result = check_record(person(CustomFields=[{"Name": name, "Value": value}]), FIELDS)
    if isinstance(result, Record):
        return result.fields[0][1]
    (fault,) = result
    assert fault.Path == "$.CustomFields[0].Value"
    return f"[{fault.Code}]"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Code", " abc ", "abc"),
        ("Code", "ab", "[CustomField.TooShort]"),
        ("Code", "abcdef", "[CustomField.TooLong]"),
        ("Store", "S123", "S123"),
        ("Store", " S123 ", "S123"),
        ("Store", "S1234", "[CustomField.PatternMismatch]"),
        ("Store", "xS123", "[CustomField.PatternMismatch]"),
        ("Slow", "a" * 4000, "[CustomField.PatternMismatch]"),
        ("Any", "x" * 4000, "x" * 4000),
        ("Any", "x" * 4001, "[String.TooLong]"),
        ("Any", None, None),
        ("Any", "", ""),
    ],
)
def test_text_has_min_and_max_length_and_pattern_of_the_whole_trimmed_value(name: str, value: Any, kept: Any) -> None:
    assert outcome(name, value) == kept


@pytest.mark.parametrize("value", ["0", "100000", "+5", "-0", "812.50", ".5", "5.", "0" * 3000])
def test_numeric_is_a_decimal_sign_allowed_and_kept_as_given(value: str) -> None:
    assert outcome("Score", value) == value


@pytest.mark.parametrize(
    "value", ["many", "1,000", "1e3", "0x10", "٥", "1 0", "--1", "+", ".", "NaN", "Infinity", "1_0"]
)
def test_texts_that_are_not_decimals(value: str) -> None:
    assert outcome("Score", value) == "[CustomField.NotANumber]"


def test_numeric_is_within_the_configured_range() -> None:
    assert outcome("Score", "-1") == outcome("Score", "100000.0000000000000001") == "[CustomField.OutOfRange]"
    assert outcome("Ratio", "0.3") == "0.3"
    assert outcome("Ratio", "0.30000000000000000001") == "[CustomField.OutOfRange]"
    assert outcome("Ratio", "-0.1") == "-0.1"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T14:05:00Z", "2026-03-01T14:05:00Z"),
        ("2026-03-01T09:05:00-05:00", "2026-03-01T14:05:00Z"),
        ("2026-03-01T09:05", "2026-03-01T14:05:00Z"),
        ("01/03/2026", "[CustomField.NotADate]"),
        ("2026-02-30", "[CustomField.NotADate]"),
        ("2999-01-01", "2999-01-01"),
    ],
)
def test_datetime_is_a_date_or_a_date_time_and_a_bare_date_stays_a_date(value: str, kept: str) -> None:
    assert outcome("FirstPurchase", value) == kept


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Tier", "Gold", "gold"),
        ("Tier", "platinum", "[CustomField.UnknownOption]"),
        ("Tier", "gold::silver", "[CustomField.SeveralOptions]"),
        ("Interests", "silver:: GOLD", "silver::gold"),
        ("Interests", "gold::", "[CustomField.UnknownOption]"),
        ("Interests", "gold::gold", "[CustomField.RepeatedOption]"),
        ("Interests", "", ""),
    ],
)
def test_select_list_options_several_where_the_field_allows_several(name: str, value: str, kept: str) -> None:
    assert outcome(name, value) == kept


def test_a_required_field_may_not_be_blank() -> None:
    assert outcome("Code", "") == outcome("Code", "  ") == "[CustomField.Required]"
    assert outcome("Code", None) is None


def test_the_name_is_a_configured_active_field() -> None:
    def refused(name: str | None) -> list[tuple[str, str]]:
        return refuse(person(CustomFields=[{"Name": name, "Value": "x"}]), FIELDS)

    assert refused("Nope") == refused("Old") == [("CustomField.Unknown", "$.CustomFields[0].Name")]
    assert refused("x" * 95) == [("String.TooLong", "$.CustomFields[0].Name")]
    assert refused(None) == [("Value.Required", "$.CustomFields[0].Name")]


def test_remembered_values_are_forgotten_with_the_account_document() -> None:
    """Values are remembered from call to call. Another document may give the same value another meaning."""
    given = person(CustomFields=[{"Name": "Score", "Value": "99999"}])
    stricter = read_document()
    next(field for field in stricter["customFields"] if field["name"] == "Score")["max"] = 50
    for _ in range(2):
        assert isinstance(check_record(given, make_validator(make_configuration_index())), Record)
        assert refuse(given, make_validator(make_configuration_index(stricter))) == [
            ("CustomField.OutOfRange", "$.CustomFields[0].Value")
        ]


def test_more_values_than_are_remembered_are_validated_all_the_same() -> None:
    for number in range(3 * MOST_KNOWN // 2):
        assert outcome("Score", f"{number}.5") == f"{number}.5"
        assert outcome("Score", f"-{number}.5") == "[CustomField.OutOfRange]"
    assert outcome("Score", "0.5") == "0.5"


def test_little_is_remembered() -> None:
    """Long values and names with white space are never remembered: they are read anew each time."""
    validator = make_validator(FIELDS_INDEX)
    for number in range(3 * MOST_KNOWN // 2):
        for name, value in (("Any", f"{number}"), ("Any", f"{number:0150}"), (f"Any{' ' * 200}", f"{number}")):
            assert isinstance(check_record(person(CustomFields=[{"Name": name, "Value": value}]), validator), Record)
    remembered = compile_validation_context(FIELDS_INDEX).known_fields
    assert 0 < len(remembered) <= MOST_KNOWN
    assert max(len(name or "") + len(value or "") for name, value in remembered) <= 128
