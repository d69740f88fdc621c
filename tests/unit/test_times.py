"""record.md, "Times", sentence by sentence."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_cases import micros

from consentory.codec.times import TimeFault, count_microseconds, read_canonical_time, read_time, render_time

NEW_YORK = ZoneInfo("America/New_York")


def read(text: str, zone: str = "America/New_York", no: bool = False) -> str:
    return render_time(read_time(text, ZoneInfo(zone), no=no).at)


def refuse(text: str, zone: str = "America/New_York", no: bool = False) -> str:
    with pytest.raises(TimeFault) as caught:
        read_time(text, ZoneInfo(zone), no=no)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("2026-03-01T14:05:00Z", "2026-03-01T14:05:00Z"),
        ("2026-03-01T14:05Z", "2026-03-01T14:05:00Z"),
        ("2026-03-01T14:05:00.5Z", "2026-03-01T14:05:00.500000Z"),
        ("2026-03-01T09:05:00-05:00", "2026-03-01T14:05:00Z"),
        ("2026-03-01T19:35:00+05:30", "2026-03-01T14:05:00Z"),
        ("2026-03-01T09:05:00", "2026-03-01T14:05:00Z"),
        ("2026-07-01T09:05", "2026-07-01T13:05:00Z"),
        ("2026-03-01", "2026-03-01T05:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_the_form_with_z_or_offset_stands_and_without_is_local(text: str, result: str) -> None:
    assert read(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-03", "20260301", "2026-3-1", "2026-W09-7", "2026-060", "2026-02-30", "0000-01-01",
        "2026-03-01 14:05:00Z", "2026-03-01t14:05:00Z", "2026-03-01T14:05:00z", "2026-03-01T14Z", "2026-03-01T1405Z",
        "2026-03-01T24:00:00Z", "2026-03-01T14:60Z", "2026-03-01T14:05:60Z", "2026-03-01T14:05:00,5Z",
        "2026-03-01T14:05:00.Z", "2026-03-01T14:05:00+05", "2026-03-01T14:05:00+0500", "2026-03-01T14:05:00+24:00",
        "2026-03-01T14:05:00 Z", "+002026-03-01", "٢٠٢٦-03-01", "2026-03-01T", "2026-03-01T14:05:00Z\n",
    ],
)  # fmt: skip
def test_a_text_in_another_form_is_no_time(text: str) -> None:
    assert refuse(text) == "Time.Malformed"


@pytest.mark.parametrize("second", ["00", "59"])
@pytest.mark.parametrize("minute", ["00", "59"])
@pytest.mark.parametrize("end", ["Z", ".250Z"])
def test_the_fast_path_takes_no_hour_but_those_of_a_day(minute: str, second: str, end: str) -> None:
    """Some versions of Python's own reader take 24:00:00 as midnight of the next day."""
    for hour in range(100):
        text = f"2026-03-01T{hour:02}:{minute}:{second}{end}"
        if hour < 24:
            assert read(text) == text.replace(".250Z", ".250000Z")
        else:
            assert read_canonical_time(text) is None
            assert refuse(text) == "Time.Malformed"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2026-07-12 10:00:00", "write it as 2026-07-12T10:00:00"),
        ("2026-07-12 10:00", "write it as 2026-07-12T10:00"),
        ("2026-07-12 9:05:00.5 UTC", "write it as 2026-07-12T09:05:00.5Z"),
        ("2026-07-12t10:00:00z", "write it as 2026-07-12T10:00:00Z"),
        ("2026-07-12T10:00:00,250Z", "write it as 2026-07-12T10:00:00.250Z"),
        ("2026-07-12T10:00:00+0200", "write it as 2026-07-12T10:00:00+02:00"),
        ("2026-07-12 10:00:00 +02", "write it as 2026-07-12T10:00:00+02:00"),
        ("2026/7/2", "write it as 2026-07-02"),
        ("20260712", "write it as 2026-07-12"),
        ("12.07.2026", "write the year first"),
        ("7/12/2026 10:00", "write the year first"),
        ("yesterday", None),
        ("2026-07-12 25:00:00", None),
    ],
)
def test_a_common_other_form_gets_the_hint_how_to_write_it(text: str, hint: str | None) -> None:
    with pytest.raises(TimeFault) as caught:
        read_time(text, NEW_YORK, no=False)
    message = str(caught.value)
    assert message.endswith(hint or "[Z|±hh:mm]")
    if hint is not None and "as" in hint:
        read_time(hint.rpartition(" ")[2], NEW_YORK, no=False)


def test_digits_after_the_sixth_are_cut() -> None:
    assert read("2026-03-01T14:05:00.1234569Z") == "2026-03-01T14:05:00.123456Z"
    assert read("2026-03-01T14:05:00." + "9" * 100_000 + "Z") == "2026-03-01T14:05:00.999999Z"


def test_a_time_that_does_not_exist_is_a_fault() -> None:
    assert refuse("2026-03-08T02:30") == "Time.NotExisting"
    assert refuse("2026-03-08T02:30", no=True) == "Time.NotExisting"
    assert read("2026-03-08T03:00") == "2026-03-08T07:00:00Z"


def test_a_yes_takes_the_earlier_of_a_time_that_exists_twice_and_a_no_the_later() -> None:
    assert read("2026-11-01T01:30") == "2026-11-01T05:30:00Z"
    assert read("2026-11-01T01:30", no=True) == "2026-11-01T06:30:00Z"


def test_a_bare_date_is_the_first_instant_for_a_yes_and_the_last_second_for_a_no() -> None:
    assert read("2026-03-08") == "2026-03-08T05:00:00Z"
    assert read("2026-03-08", no=True) == "2026-03-09T03:59:59Z"


def test_a_bare_date_whose_midnight_is_jumped_over_begins_at_the_jump() -> None:
    assert read("2018-11-04", "America/Sao_Paulo") == "2018-11-04T03:00:00Z"
    assert read("2018-11-03", "America/Sao_Paulo", no=True) == "2018-11-04T02:59:59Z"


def test_a_bare_date_whose_edge_exists_twice() -> None:
    # Newfoundland set its clocks back from 00:01 to 23:01 of the day before.
    assert read("2006-10-29", "America/St_Johns") == "2006-10-29T02:30:00Z"
    assert read("2006-10-28", "America/St_Johns", no=True) == "2006-10-29T03:29:59Z"


def test_a_day_that_the_zone_left_out_does_not_exist() -> None:
    assert refuse("2011-12-30", "Pacific/Apia") == "Time.NotExisting"
    assert refuse("2011-12-30", "Pacific/Apia", no=True) == "Time.NotExisting"
    assert read("2011-12-29", "Pacific/Apia", no=True) == "2011-12-30T09:59:59Z"


def test_a_bare_date_with_an_offset_is_that_day_there() -> None:
    assert read("2026-03-01Z") == "2026-03-01T00:00:00Z"
    assert read("2026-03-01Z", no=True) == "2026-03-01T23:59:59Z"
    assert read("2026-03-01+02:00") == "2026-02-28T22:00:00Z"


def test_years_beyond_the_calendar_are_out_of_range() -> None:
    assert refuse("0001-01-01T00:00:00+01:00") == "Time.OutOfRange"
    assert refuse("9999-12-31T23:59:59-01:00") == "Time.OutOfRange"
    assert refuse("9999-12-31T23:59:59") == "Time.OutOfRange"
    assert refuse("9999-12-31", no=True) == "Time.OutOfRange"


def test_times_are_rendered_in_utc_with_z_and_microseconds_only_if_there_are_any() -> None:
    assert render_time(0) == "1970-01-01T00:00:00Z"
    assert render_time(1) == "1970-01-01T00:00:00.000001Z"
    assert render_time(-1) == "1969-12-31T23:59:59.999999Z"


@given(
    st.datetimes(min_value=datetime.fromisoformat("1900-01-02"), max_value=datetime.fromisoformat("2099-12-30")),
    st.integers(-1439, 1439),
)
def test_any_time_with_an_offset_is_read_as_the_standard_library_reads_it(moment: datetime, minutes: int) -> None:
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    result = read_time(moment.isoformat(), NEW_YORK, no=False)
    assert result.at == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_time(render_time(result.at), NEW_YORK, no=True).at == result.at


def test_count_microseconds() -> None:
    assert count_microseconds(datetime(2026, 3, 1, 9, 5, tzinfo=NEW_YORK)) == micros("2026-03-01T14:05:00+00:00")
