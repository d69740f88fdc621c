"""record.md, "Contact elements": valid values and compared forms; both paths agree."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentory.codec.contact_values import (
    ContactFault,
    compare_email,
    compare_email_by_library,
    compare_phone,
    compare_phone_by_library,
    find_country,
    has_country_code,
)
from consentory.domain.text import compare_address


def outcome(function, *arguments: str) -> str:
    """The compared form, or the fault's code in brackets."""
    try:
        return function(*arguments)
    except ContactFault as fault:
        return f"[{fault.code}]"


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("Zoe.Okubo@Example.COM", "zoe.okubo@example.com"),
        ("zoe@MÜNCHEN.example", "zoe@xn--mnchen-3ya.example"),
        ("zoe@xn--mnchen-3ya.example", "zoe@xn--mnchen-3ya.example"),
        ("ZOË@example.com", "zoë@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("straße@example.com", "strasse@example.com"),
        ("a+b_c-d.e@sub.example.co.uk", "a+b_c-d.e@sub.example.co.uk"),
    ],
)
def test_email_is_compared_caseless_with_the_domain_in_ascii(text: str, compared: str) -> None:
    assert compare_email(text) == compared


@pytest.mark.parametrize(
    "text",
    [
        "not-an-address", "a@", "@example.com", "a@b", "a@shop.test", "a@localhost", "a@x.localhost", "a@printer.local",
        "a@x.invalid", "a@x.onion", "a@[127.0.0.1]", '"a b"@example.com', "Ada <a@example.com>", "a..b@example.com",
        ".a@example.com", "a@-example.com", "a@example-.com", "a@exa mple.com", "a@example.123", "a@xn--a.com",
        "a@" + "b" * 64 + ".com", "a@b@example.com", "a@TEST", "a@Shop.TEST",
    ],
)  # fmt: skip
def test_email_syntax_and_special_use_domains(text: str) -> None:
    assert outcome(compare_email, text) == "[Email.Malformed]"


NEAR_EMAIL = st.builds(
    lambda local, domain, tail: f"{local}@{domain}.{tail}",
    st.text("abcXYZ019._+-'!é ß", min_size=0, max_size=12) | st.text("a", min_size=60, max_size=70),
    st.text("abZ01.-ü_", min_size=0, max_size=14) | st.text("b1", min_size=60, max_size=66),
    st.sampled_from(["com", "COM", "test", "co.uk", "x", "c0m", "123", "xn--p1ai", "local", "example.TEST", "Onion"]),
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(NEAR_EMAIL | st.emails())
def test_both_paths_validate_and_compare_an_email_in_the_same_way(text: str) -> None:
    assert outcome(compare_email, text) == outcome(compare_email_by_library, text)


@pytest.mark.parametrize("length", [250, 253, 254, 255, 256])
def test_both_paths_agree_on_long_emails(length: int) -> None:
    text = "a@" + "bcdefghi." * 40
    text = text[: length - 4].rstrip(".") + "x.com"
    assert outcome(compare_email, text) == outcome(compare_email_by_library, text)


@pytest.mark.parametrize(
    ("text", "region", "compared"),
    [
        ("(202) 555-0143", "US", "+12025550143"),
        ("202-555-0143", "US", "+12025550143"),
        ("1 202 555 0143", "US", "+12025550143"),
        ("+1 202 555 0143", "DE", "+12025550143"),
        ("+12025550143", "US", "+12025550143"),
        ("030 123456", "DE", "+4930123456"),
        ("+390612345678", "US", "+390612345678"),
        ("+44 20 7946 0018", "US", "+442079460018"),
    ],
)
def test_phone_is_read_in_the_default_region_and_compared_as_e164(text: str, region: str, compared: str) -> None:
    assert compare_phone(text, region) == compared


def test_phone_must_be_possible_not_known() -> None:
    unknown = "+1 999 999 9999"
    assert not phonenumbers.is_valid_number(phonenumbers.parse(unknown))
    assert compare_phone(unknown, "US") == "+19999999999"
    assert outcome(compare_phone, "12", "US") == "[Phone.NotPossible]"
    assert outcome(compare_phone, "+1 202 555 014312", "US") == "[Phone.NotPossible]"
    assert outcome(compare_phone, "call me", "US") == "[Phone.Malformed]"


@pytest.mark.parametrize("text", ["(202) 555-0143 x12", "+12025550143 ext. 5", "202-555-0143;ext=7"])
def test_a_phone_extension_is_a_fault(text: str) -> None:
    assert outcome(compare_phone, text, "US") == "[Phone.Extension]"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("2.02555014E9", "US"),
        ("4.91761234567E+11", "US"),
        ("491761234567.0", "US"),
        ("2025550143.00", "US"),
        ("0176 1234567 privat", "US"),
        ("1-800-FLOWERS", "US"),
        ("030 1234567/89", "US"),
        ("030 1234567/89", "DE"),
        ("202-555-0143/0144", "US"),
        ("2025550143 2025550144", "US"),
        ("0176 1234567 030 1234567", "DE"),
        ("+491761234567 +49301234567", "DE"),
        ("2025550143, 2025550144", "US"),
        ("2025550143;", "US"),
        ("*2025550143#", "US"),
        ("202\u200b5550143", "US"),
        ("-2025550143", "US"),
        ("+-2025550143", "US"),
        ("\u22122025550143", "US"),
        (".2025550143", "US"),
        ("/2025550143", "US"),
    ],
)
def test_only_one_number_written_as_numbers_are(text: str, region: str) -> None:
    """Letters, an exponent, a decimal tail, and two numbers in one text are faults (`Phone.NotANumber`)."""
    assert outcome(compare_phone, text, region) == "[Phone.NotANumber]"


@pytest.mark.parametrize(
    ("text", "region", "compared"),
    [
        ("+1 (202) 555\u20130143", "US", "+12025550143"),
        ("[202] 555.0143", "US", "+12025550143"),
        ("202\xa0555\u20110143", "US", "+12025550143"),
        ("(+49) 176/1234567", "US", "+491761234567"),
        ("0171/1234567", "DE", "+491711234567"),
        ("05121/12345", "DE", "+49512112345"),
        ("0049/30/1234567", "DE", "+49301234567"),
        ("+49 (0)5121/12345", "DE", "+49512112345"),
        ("030 1234567-89", "DE", "+4930123456789"),
        ("01/23/45/67/89", "FR", "+33123456789"),
        ("01.23.45.67.89", "FR", "+33123456789"),
        ("0475/12.34.56", "BE", "+32475123456"),
        ("\uff0b1 202 555 0143", "DE", "+12025550143"),
    ],
)
def test_numbers_as_they_are_written(text: str, region: str, compared: str) -> None:
    """Digits, one leading +, spaces, hyphens, dots, slashes and brackets between digits."""
    assert compare_phone(text, region) == compared


@pytest.mark.parametrize(
    ("text", "region", "said"),
    [
        ("(202) 555-0143", "US", False),
        ("202.555.0143", "US", False),
        ("12025550143", "US", True),
        ("+1 202 555 0143", "DE", True),
        ("(+49) 176 1234567", "US", True),
        ("011 49 176 1234567", "US", True),
        ("0049 30 1234567", "DE", True),
        ("030 1234567", "DE", False),
        ("0171/1234567", "DE", False),
    ],
)
def test_whether_a_number_was_written_with_its_country_code(text: str, region: str, said: bool) -> None:
    assert has_country_code(text, compare_phone(text, region)) is said


CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
GROUPS = [st.text("0123456789", min_size=size, max_size=size) for size in (3, 3, 4)]
DIGITS = st.text("0123456789", min_size=4, max_size=13)
NEAR_PHONE = st.one_of(
    st.builds(lambda code, rest: f"+{code}{rest}", st.sampled_from(CODES), DIGITS),
    st.builds(lambda digits: f"+{digits}", DIGITS),
    DIGITS,
    st.builds(lambda a, b, c, space: f"({a}){space}{b}-{c}", *GROUPS, st.sampled_from(["", " ", "  "])),
    st.builds(lambda a, b, c, mark: f"{a}{mark}{b}{mark}{c}", *GROUPS, st.sampled_from(["", " ", ".", "-"])),
)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(NEAR_PHONE, st.sampled_from(["US", "CA", "PR", "AG", "DO", "DE", "GB", "MX", "IT"]))
def test_both_paths_validate_and_compare_a_phone_in_the_same_way(text: str, region: str) -> None:
    assert outcome(compare_phone, text, region) == outcome(compare_phone_by_library, text, region)


@pytest.mark.parametrize("code", CODES)
def test_both_paths_agree_on_an_example_number_of_every_plan(code: int) -> None:
    region = phonenumbers.region_code_for_country_code(code)
    example = (
        phonenumbers.example_number_for_non_geo_entity(code) if region == "001" else phonenumbers.example_number(region)
    )
    text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for given_form in (text, text + "1", text[:-1], text[:-2], text[:-3]):
        assert outcome(compare_phone, given_form, "US") == outcome(compare_phone_by_library, given_form, "US")


def test_address_is_compared_by_four_lines_caseless_and_space_collapsed() -> None:
    assert compare_address("1200  Maple St", "FAIRVIEW", "ca", "90210") == compare_address(
        "1200 maple st", "Fairview", "CA", "90210"
    )
    assert compare_address("12", "0 A", "ca", "1") != compare_address("12 0", "A", "ca", "1")


@pytest.mark.parametrize(
    ("code", "form", "country"),
    [
        ("US", "Alpha2", "US"), ("us", "Alpha2", "US"), ("USA", "Alpha2", None), ("USA", "Alpha3", "US"),
        ("840", "Numeric", "US"), (840, "Numeric", "US"), ("36", "Numeric", "AU"), (36, "Numeric", "AU"),
        ("XX", "Alpha2", None), ("840", "Alpha3", None), ("US", "Numeric", None), (-840, "Numeric", None),
        ("0840", "Numeric", None), ("٨٤٠", "Numeric", None), (2**70, "Numeric", None),
    ],
)  # fmt: skip
def test_country_codes_are_those_of_iso_3166_1(code: str | int, form: str, country: str | None) -> None:
    assert find_country(code, form) == country
