"""Verbatim records: the fast path accepts only records that the long path accepts, and keeps the same record."""

import copy
import json
import tracemalloc
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import zstandard
from everyday_record import CONSENT, VERBATIM, encode
from hypothesis import given, settings
from hypothesis import strategies as st
from record_cases import STAGED_AT, make_validator
from strange_values import STRANGE, list_places

from consentory.codec.record.fast_path.verbatim_record import READER, VERBATIM_BYTES, read_verbatim
from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging import staged_block as block
from consentory.codec.staging.batch_body import split_batch
from consentory.domain.configuration import Permissions
from consentory.domain.imports import ImportSettings
from consentory.domain.record import Fault, Record, VerbatimRecord
from consentory.errors import RequestRefused
from consentory.services.imports.staging_service import validate_batch

OPT_OUT_BY_DAY = {"FilterId": "OFFERS-EMAIL", "PreferenceType": 2, "CustomerDate": "2026-03-01"}
MAILER = Permissions(
    import_=True, profile=("read", "write"), channels=("Email",), programs=("NEWS",), consent_types=("PrivacyPolicy",)
)
READ_ONLY = Permissions(import_=True, profile=("read",), channels="all", programs="all", consent_types="all")


def check_record(validator: RecordValidator, sent: bytes) -> VerbatimRecord | Record | list[Fault]:
    """Validate as staging does."""
    verbatim = validator.check(sent)
    return validator.validate(sent) if verbatim is None else verbatim


VALIDATORS = [
    make_validator(match_type="crm"),
    make_validator(match_type="Loyalty"),
    make_validator(match_type="crm", permissions=MAILER),
    make_validator(match_type="crm", permissions=READ_ONLY),
    make_validator(match_type="crm", allow_prior_consents=True),
    make_validator(match_type="crm", action="Delete"),
    make_validator(),
]


def read(result: Any, sent: bytes) -> Any:
    return read_verbatim(result, sent) if isinstance(result, VerbatimRecord) else result


@pytest.mark.parametrize("form", [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])
def test_an_everyday_record_is_verbatim_and_read_as_the_long_path_reads_it(form: dict[str, Any]) -> None:
    sent = encode(VERBATIM, **form)
    result = check_record(VALIDATORS[0], sent)
    assert isinstance(result, VerbatimRecord)
    assert read_verbatim(result, sent) == VALIDATORS[0].validate(sent)


def at(*path: Any, value: Any) -> Any:
    record = copy.deepcopy(VERBATIM)
    target: Any = record
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return record


@pytest.mark.parametrize(
    "record",
    [
        at("Emails", 0, "EmailPreferences", 0, "PreferenceType", value="OptIn"),
        at("Emails", 0, "EmailPreferences", 1, value={**OPT_OUT_BY_DAY, "PreferenceType": "OptOut"}),
        at("Emails", 0, "EmailPreferences", 1, value=OPT_OUT_BY_DAY),
        *[at("Consents", 1, "ConsentStatus", value=name) for name in ("Granted", "Denied", "Revoked", "NotSet")],
    ],
)
def test_a_choice_given_by_name_is_as_verbatim_as_one_given_by_number(record: Any) -> None:
    sent = encode(record)
    result = check_record(VALIDATORS[0], sent)
    assert isinstance(result, VerbatimRecord)
    assert read_verbatim(result, sent) == VALIDATORS[0].validate(sent)


@pytest.mark.parametrize(
    "record",
    [
        at("CustomerName", "FirstName", value=" Zoë"),
        at("CustomerName", "FirstName", value="Zo\x07ë"),
        at("CustomerName", "FirstName", value="Zo\x85ë"),
        at("CustomerName", "FirstName", value="Zoë\u2003"),
        at("CustomerType", value="customer"),
        at("AlternateIds", 0, "AlternateIdType", value="crm"),
        at("AlternateIds", 0, "AlternateId", value="no space"),
        at("AlternateIds", 1, "AlternateIdType", value="CRM"),
        at("AlternateIds", 0, "IsActive", value=False),
        at("Emails", 0, "IsDefault", value="yes"),
        at("Emails", 1, "IsDefault", value=True),
        at("Emails", 1, "EmailAddressType", value="Home"),
        at("Emails", 0, "EmailAddress", value="zoe@localhost"),
        at("Emails", 0, "EmailPreferences", 0, "CustomerDate", value="2026-11-21T15:35:01Z"),
        at("Emails", 0, "EmailPreferences", 0, "CustomerDate", value="2026-02-29"),
        at("Emails", 0, "EmailPreferences", 0, "FilterId", value="OFFERS-EMAIL"),
        at("Emails", 0, "EmailPreferences", 0, "PreferenceAttributes", 0, "Key", value="$form"),
        at("PhoneNumbers", 0, "PhoneNumber", value="12"),
        at("PhoneNumbers", 1, "PhoneType", value="Mobile"),
        at("PhoneNumbers", 0, "IsMobile", value=False),
        at("Addresses", 0, "CountryCode_Alpha2", value="us"),
        at("Consents", 0, "ConsentVersion", value="1.0"),
        at("Consents", 0, "Evidence", "IpAddress", value="192.0.2.700"),
        at("Groups", value=VERBATIM["Groups"] * 2),
        at("ProfileTags", 1, "Name", value="LOYAL"),
        at("CustomFields", 0, "Value", value="GOLD"),
        at("CustomFields", 1, "Value", value="many"),
        at("ProfileId", value=7),
        at("Unknown", value=1),
    ],
)
def test_a_record_that_needs_more_checks_is_left_to_the_long_path(record: Any) -> None:
    sent = encode(record)
    result = check_record(VALIDATORS[0], sent)
    assert not isinstance(result, VerbatimRecord)
    assert result == VALIDATORS[0].validate(sent)


NEARLY = st.one_of(
    st.sampled_from(["x", " x", "x ", "\xa0x", "\x7f", "a\x85b", "\u2003y", "é", "E\u0301", "ẞ", "\U0001f600", '"\\/']),
    st.sampled_from(["a\xa0b", "a b", "A\u3000b", "a\u200bb", "a\ufeff", "\ue000", "a\u2028b", "a\u200db", "\u0378"]),
    st.sampled_from(
        ["2.02555014E9", "2025550143.0", "030 1234567/89", "202/555-0143", "0176 1234567 x", "[202] 5550143"]
    ),
    st.sampled_from(["\ud83d", "\tx", "$k", "x" * 101, "loyal", "LOYAL", "192.0.2.700", "2001:db8::1"]),
    st.sampled_from(["2026-03-01T14:05:00.999Z", "2026-03-01T14:05:00,999Z", "2026-02-29T00:00:00Z"]),
    st.sampled_from(["2026-03-01T14:05:00+01:00", "2026-W09-7T14:05:00Z", "2026-03-01T24:00:00Z"]),
    st.sampled_from(["2026-11-21T15:34:59.999Z", "2026-11-21T15:35:00.001Z", "2026-03-01T14:05:00.٢٢٢Z"]),
    st.sampled_from(["1989-12-31T23:59:59Z", "1990-01-01T00:00:00Z", "1989-12-31T23:59:59.999Z", "1989-12-31"]),
    st.sampled_from(["CRM", "crm", "Loyalty", "Home", "home", "Work", "Mobile", "Billing", "US", "DE", "USA", "840"]),
    st.sampled_from(["NEWS-EMAIL", "news-email", "NEWS-TEXT", "OFFERS-EMAIL", "OFFERS-PHONE", "DATA-SHARING"]),
    st.sampled_from(["Weekly", "Yearly", "1.0", "2.0", "PrivacyPolicy", "es_US"]),
    st.sampled_from(
        ["a@b.example", "A@x.com", "a@x.com", "ä@x.com", "a@xn--mnchen-3ya.de", "a@x.com.", "z@münchen.de"]
    ),
    st.sampled_from(["+442079460018", "+44 20 7946 0018", "202-555-0143", "+1202555014", "2025550143 x12"]),
    st.sampled_from(["S123", "gold", "gold::basic", "812", "-1", "1e3", "Tier", "tier", "Interests", "FirstPurchase"]),
)
CHOICE_NAMES = ["OptIn", "OptOut", "optin", "Granted", "Denied", "Revoked", "NotSet"]
PLACES = [place for place in list_places(VERBATIM) if place]
CHANGE = st.tuples(
    st.sampled_from(PLACES), NEARLY | STRANGE | st.sampled_from(["remove", "twice", [], 1, 2, 3, 4, *CHOICE_NAMES])
)


def change(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    record = copy.deepcopy(VERBATIM)
    for path, value in changes:
        target: Any = record
        try:
            for step in path[:-1]:
                target = target[step]
            if value == "remove":
                del target[path[-1]]
            elif value == "twice" and isinstance(target, list):
                target.append(copy.deepcopy(target[path[-1]]))
            else:
                target[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed that place
    return record


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(
    st.lists(CHANGE, max_size=3),
    st.sampled_from(VALIDATORS),
    st.sampled_from([{}, {"separators": (",", ":")}, {"ensure_ascii": False}]),
)
def test_both_paths_agree(changes: list[Any], validator: RecordValidator, form: dict[str, Any]) -> None:
    try:
        sent = encode(change(changes), **form)
    except UnicodeEncodeError:  # half of a surrogate pair can only be sent as an escape
        sent = encode(change(changes))
    result = check_record(validator, sent)
    expected = validator.validate(sent)
    assert read(result, sent) == expected
    if isinstance(result, VerbatimRecord):
        assert isinstance(expected, Record)
        assert (result.profile_id, result.match_key, result.match_count) == (None, expected.match_key, 1)
        assert list(result.keys) == [claim.key for claim in expected.alternate_ids]


def test_a_record_is_verbatim_whichever_record_came_before_it() -> None:
    """Otherwise a file that comes again with one more record would be another file."""
    validator = make_validator(match_type="CRM")
    others = [encode(VERBATIM | {"ProfileId": 7}), encode(VERBATIM | {"Consents": [CONSENT | {"Locale": "xx"}]})]
    for sent in (encode(VERBATIM), *others * 100, encode(VERBATIM)):
        assert isinstance(validator.check(sent), VerbatimRecord) is (sent == encode(VERBATIM))


@pytest.mark.parametrize("order", [1, -1])
def test_a_choice_that_was_verbatim_in_one_place_is_checked_again_in_another(order: int) -> None:
    """The same words on a number that is not mobile, in another array, in another letter case, or as another answer."""
    text = {"FilterId": "NEWS-TEXT", "PreferenceType": 1, "CustomerDate": "2026-03-01"}
    phones = [
        at("PhoneNumbers", value=[{"PhoneType": "Home", "PhoneNumber": "+12025550144", "IsMobile": is_mobile,
                                   "PhoneNumberPreferences": [text | other]}])
        for is_mobile in (True, False, None)
        for other in ({}, {"PreferenceType": 2}, {"PreferenceType": "OptOut"}, {"FilterId": "news-text"})
    ]  # fmt: skip
    elsewhere = [at("ProfilePreferences", value=[text]), at("Emails", 0, "EmailPreferences", value=[text])]
    revoked = [CONSENT | {"ConsentStatus": status, "ConsentDate": "2026-03-01"} for status in (1, 3, "Revoked")]
    consents = [at("Consents", value=[one]) for one in [*revoked, revoked[1] | {"ConsentType": "textmessages"}]]
    validator = make_validator(match_type="CRM")
    for record in [*phones, *elsewhere, *consents][::order]:
        sent = encode(record)
        assert read(check_record(validator, sent), sent) == make_validator(match_type="CRM").validate(sent)


def test_a_block_keeps_verbatim_records_beside_others_and_reads_those_of_the_version_before() -> None:
    validator = VALIDATORS[0]
    sent = encode(VERBATIM)
    verbatim, long = check_record(validator, sent), validator.validate(sent)
    assert isinstance(verbatim, VerbatimRecord)
    assert isinstance(long, Record)
    items = block.unpack_work(block.pack_work([(1, verbatim), (3, long)]))
    assert [(item.place, item.is_verbatim) for item in items] == [(1, True), (3, False)]
    assert block.decode_verbatim(items[0].encoded) == verbatim
    assert block.decode_record(items[1].encoded) == long
    assert {block.decode_match(item.encoded).match_key for item in items} == {long.match_key}
    before = zstandard.compress(msgspec.msgpack.encode([(0, long)]))
    assert [(item.place, item.is_verbatim) for item in block.unpack_work(before)] == [(0, False)]


@pytest.mark.parametrize("date", ["2026-03-01", "2026-03-01T09:05:00-05:00", "2026-03-01T09:05", " 2026-03-01", None])
def test_choices_are_verbatim_in_every_form_of_their_dates(date: str | None) -> None:
    """A choice without a date has the time of the Stage call."""
    dated = {"ConsentDate": date, "ConsentStatus": 3}
    record = VERBATIM | {
        "ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": date}],
        "Consents": [CONSENT | dated, CONSENT | dated | {"ConsentType": "PrivacyPolicy", "ConsentVersion": "1.0"}],
    }
    for validator in (VALIDATORS[0], make_validator(match_type="CRM", staged_at=STAGED_AT + timedelta(days=1))):
        result = check_record(validator, encode(record))
        assert isinstance(result, VerbatimRecord)
        assert read_verbatim(result, encode(record)) == validator.validate(encode(record))


def test_a_number_keeps_the_region_of_the_configuration_it_was_staged_under() -> None:
    """The record is read again when the import runs, perhaps under a newer configuration."""
    sent = encode(VERBATIM)
    verbatim = check_record(VALIDATORS[0], sent)
    assert isinstance(verbatim, VerbatimRecord)
    assert [phone.compared for phone in read_verbatim(verbatim, sent).phones] == ["+12025550143", "+12025550143"]


def make_dated() -> dict[str, Any]:
    """A record with dates of every form, in every place, for a yes and for a no."""
    text = VERBATIM["PhoneNumbers"][0]["PhoneNumberPreferences"][0]
    return VERBATIM | {
        "PhoneNumbers": [
            {
                "PhoneType": "Mobile",
                "PhoneNumber": "(202) 555-0143",
                "PhoneNumberPreferences": [text | {"CustomerDate": "2026-02-01"}],
                "Consents": [CONSENT | {"ConsentDate": None}],
            },
            {"PhoneType": "Home", "PhoneNumber": "+12025550144", "Consents": [CONSENT]},
        ],
        "ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": "2026-02-01"}],
        "Consents": [
            CONSENT | {"ConsentDate": "2026-02-01T09:05:00-05:00", "ConsentStatus": 3},
            CONSENT | {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "ConsentDate": " 2026-02-01"},
        ],
    }


def test_records_staged_by_position_by_the_release_before_are_read_correctly() -> None:
    """The earlier release kept the numbers and the times of a record as lists, in the order in which the record was
    read."""
    sent = encode(make_dated())
    validator = VALIDATORS[0]
    expected = validator.validate(sent)
    assert isinstance(expected, Record)
    phone, (sharing,), (revoked, privacy) = expected.phones[0], expected.preferences, expected.consents
    staged = [
        *(None, expected.match_key, 1, [claim.key for claim in expected.alternate_ids]),
        ["+12025550143", "+12025550144"],
        [phone.preferences[0].at, phone.consents[0].at, sharing.at, revoked.at, privacy.at],
    ]
    assert sharing.at - phone.preferences[0].at == 86_399_000_000
    old = block.decode_verbatim(msgspec.Raw(msgspec.msgpack.encode(staged)))
    assert old.reader == 0
    assert read_verbatim(old, sent) == expected
    new = check_record(validator, sent)
    assert isinstance(new, VerbatimRecord)
    assert new.reader == READER
    assert read_verbatim(new, sent) == expected


def test_a_later_reader_that_takes_more_forms_of_a_time_moves_no_date() -> None:
    """Suppose that a later reader reads a date with an offset. Then that date is no longer among the times, and the
    other times stay."""
    sent = encode(make_dated())
    new = check_record(VALIDATORS[0], sent)
    assert isinstance(new, VerbatimRecord)
    assert isinstance(new.times, dict)
    moved = dict(reversed(new.times.items()))
    again = sent.replace(b"2026-02-01T09:05:00-05:00", b"2026-02-01T14:05:00Z")
    assert read_verbatim(msgspec.structs.replace(new, times=moved), again) == VALIDATORS[0].validate(again)


SENT = encode(VERBATIM, ensure_ascii=False)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(
    st.integers(0, len(SENT)), st.integers(0, 2), st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"\xc3", b","])
)
def test_bytes_that_are_not_json_text_are_never_verbatim(place: int, cut: int, inserted: bytes) -> None:
    """Staging does not check a verbatim record further."""
    broken = SENT[:place] + inserted + SENT[place + cut :]
    if VALIDATORS[0].check(broken) is not None:
        assert isinstance(json.loads(broken.decode("utf-8", "strict")), dict)


@pytest.mark.parametrize("between", [b",\n", b",,, ,\n", b" ,\r\n"])
def test_a_line_with_more_than_its_record_is_not_json(between: bytes) -> None:
    line = encode(VERBATIM)
    records = split_batch(line + between + line, "ndjson")
    with pytest.raises(RequestRefused, match=f"line 1, byte {len(line.strip()) + between.index(b',')} "):
        validate_batch(records, VALIDATORS[0], ImportSettings(name="test", match_type="CRM"))


def pad(record: dict[str, Any], size: int) -> bytes:
    sent = encode(record)
    return sent[:-1] + b" " * (size - len(sent)) + b"}"


def test_long_records_and_their_neighbours_are_not_verbatim() -> None:
    """A worker would have to read the whole sent text of such records."""
    validator = make_validator(match_type="CRM")
    assert isinstance(validator.check(pad(VERBATIM, VERBATIM_BYTES)), VerbatimRecord)
    assert validator.check(pad(VERBATIM, VERBATIM_BYTES + 1)) is None

    def count_verbatim(*sizes: int) -> int:
        body = b"\n".join(pad(VERBATIM, size) for size in sizes)
        batch = validate_batch(split_batch(body, "ndjson"), validator, ImportSettings(name="test", match_type="CRM"))
        return sum(item.is_verbatim for packed in batch.blocks for item in block.unpack_work(packed.work))

    assert count_verbatim(*[VERBATIM_BYTES] * 3) == 3
    assert count_verbatim(VERBATIM_BYTES, VERBATIM_BYTES, VERBATIM_BYTES + 1) == 0
    assert count_verbatim(VERBATIM_BYTES + 1, 4000, 4000) == 2


def test_a_record_full_of_escapes_costs_no_more_than_another() -> None:
    body = b'{"CustomerName":{"FirstName":"' + b'ab\\"' * 1_000_000 + b'"}}'
    tracemalloc.start()
    VALIDATORS[0].check(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(body)
