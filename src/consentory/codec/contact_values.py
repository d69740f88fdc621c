"""Email addresses, phone numbers, postal addresses and countries: validate a value, and compute its compared form.

Email addresses and phone numbers have a fast path for simple values. The fast path accepts a value only if the library
surely accepts the value and gives the same compared form. The library decides about all other values. A property test
compares both paths.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
import pycountry
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from phonenumbers import PhoneMetadata

from consentory.domain.text import fold

_LOCAL = "[A-Za-z0-9_]++(?:[.+-][A-Za-z0-9_]++)*"
_DOMAIN = r"[A-Za-z0-9]++(?:[.-][A-Za-z0-9]++)*\.[A-Za-z]{2,24}"
_SHORT_EMAIL = re.compile(f"{_LOCAL}@{_DOMAIN}")
_SHORT = 64
"""An address of at most this length cannot exceed the limits on the length of its parts."""
_SIMPLE_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@)(?!.{{200}})(?!.*[A-Za-z0-9-]{{64}}){_LOCAL}@{_DOMAIN}")
_E164_BEGIN = re.compile(r"\+[1-9][0-9]{2}")
_SIMPLE_NANP = re.compile(r"(?:\(([2-9][0-9]{2})\) ?|([2-9][0-9]{2})[ .-]?)([0-9]{3})[ .-]?([0-9]{4})")
_SPACES = " \\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000"
_BETWEEN_DIGITS = rf"[{_SPACES}./()\[\]\u2010-\u2015\u2212\uff0d\uff0e\uff0f\uff08\uff09-]"
_BEFORE_DIGITS = rf"[{_SPACES}()\[\]\uff08\uff09]"
_PHONE_FORM = re.compile(rf"[(\[\uff08]?[+\uff0b]?{_BEFORE_DIGITS}*\d(?:{_BETWEEN_DIGITS}*\d)*")
"""One phone number as numbers are written: digits, one leading +, spaces, hyphens, dots, slashes and brackets."""
_DECIMAL_TAIL = re.compile(r"[^.]*\.(?:\d{1,2}|0+)")
_SEPARATORS = re.compile(rf"{_BETWEEN_DIGITS}+")
_LEAST_DIGITS = 7
"""A text with fewer digits than this is only a part of a number, for example an area code."""
_ERROR_NUMBER = re.compile(r"^\([0-9]+\) ")
_NANP = 1
_SPECIAL_USE = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


class ContactFault(ValueError):
    """A contact value is refused. `code` is a fault code; the message says the reason and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def compare_simple_email(text: str) -> str | None:
    """The compared form of an email address that the library surely accepts; None if the library must decide."""
    if (_SHORT_EMAIL if len(text) <= _SHORT else _SIMPLE_EMAIL).fullmatch(text):
        lowered = text.lower()
        if not lowered.endswith(_SPECIAL_USE):
            return lowered
    return None


def compare_email(text: str) -> str:
    """The compared form of a trimmed email address: caseless, with the domain in ASCII. Raises ContactFault."""
    return compare_simple_email(text) or compare_email_by_library(text)


def compare_email_by_library(text: str) -> str:
    """Like compare_email, but always by the library. DNS is not asked for the domain."""
    try:
        address = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise ContactFault("Email.Malformed", str(error)) from None
    return f"{fold(address.local_part)}@{address.ascii_domain.lower()}"


class _Plan(NamedTuple):
    """The numbering plan of a country code: the possible lengths of a national number, and the prefixes that the
    library would strip."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None


@lru_cache(maxsize=1024)
def _plan_of(country_code: int, region: str | None = None) -> _Plan | None:
    """The plan of a country code, with the prefix that is stripped in `region` (default: the main region of the country
    code)."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(country_code)
    if not regions or regions[0] == "001":
        return None
    main = PhoneMetadata.metadata_for_region(regions[0], None)
    local = PhoneMetadata.metadata_for_region(region or regions[0], None)
    if main is None or main.general_desc is None or local is None:
        return None
    prefix = local.national_prefix_for_parsing
    return _Plan(frozenset(main.general_desc.possible_length), re.compile(prefix) if prefix else None)


def compare_phone(text: str, region: str) -> str:
    """The compared form, E.164, of a trimmed phone number in the account's default region.

    Raises ContactFault if the text is not a number, if the number is not possible, or if the number has an extension.
    """
    plain = _find_simple_e164(text[:4])
    if plain is not None and plain.fullmatch(text):
        return text
    if phonenumbers.country_code_for_region(region) == _NANP:
        match = _SIMPLE_NANP.fullmatch(text)
        if match is not None:
            national = (match[1] or match[2]) + match[3] + match[4]
            plan = _plan_of(_NANP, region)
            if plan is not None and (plan.prefix is None or not plan.prefix.match(national)):
                return "+1" + national
    return compare_phone_by_library(text, region)


@lru_cache(maxsize=1024)
def _find_simple_e164(begin: str) -> re.Pattern[str] | None:
    """The form of the E.164 numbers that begin with `begin`, a + and three digits, and that the library surely accepts
    unchanged: there is no prefix to strip, and the length is possible."""
    if not _E164_BEGIN.fullmatch(begin):
        return None
    for end in (2, 3, 4):
        code = begin[1:end]
        if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            plan = _plan_of(int(code))
            if plan is None:
                return None
            national = [f"[1-9][0-9]{{{size - 1}}}" for size in plan.lengths if 8 <= len(code) + size <= 15]
            stripped = "" if plan.prefix is None else f"(?!{plan.prefix.pattern})"
            return re.compile(rf"\+{code}{stripped}(?:{'|'.join(national)})") if national else None
    return None


def compare_phone_by_library(text: str, region: str) -> str:
    """Like compare_phone, but always by the library."""
    text = " ".join(text.split())  # white space of any kind counts as a space; the library knows only some kinds
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        _check_phone_form(text, region, is_possible=False)
        raise ContactFault("Phone.Malformed", _ERROR_NUMBER.sub("", str(error))) from None
    if number.extension:
        raise ContactFault("Phone.Extension", "it has an extension; leave the extension out")
    is_possible = phonenumbers.is_possible_number(number)
    _check_phone_form(text, region, is_possible)
    if not is_possible:
        raise ContactFault("Phone.NotPossible", "it has too few or too many digits for its country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check_phone_form(text: str, region: str, is_possible: bool) -> None:
    """Raise ContactFault if the text is not one number, written as numbers are. A text without a digit passes."""
    if not any(map(str.isdecimal, text)):
        return
    if not _PHONE_FORM.fullmatch(text) or text.count("+") > 1:
        reason = "a number has digits, one leading + and spaces, hyphens, dots, slashes or brackets between the digits"
        raise ContactFault("Phone.NotANumber", reason)
    if _DECIMAL_TAIL.fullmatch(text):
        raise ContactFault("Phone.NotANumber", "it ends like a decimal; send the number as text, digit by digit")
    if _has_two_numbers(text, region, is_possible):
        raise ContactFault("Phone.NotANumber", "it holds two numbers; send each as an element of its own")


def _has_two_numbers(text: str, region: str, is_possible: bool) -> bool:
    """True if a slash follows a whole number. In a text that is too long for one number, this holds for any
    separator."""
    for match in _SEPARATORS.finditer(text):
        is_whole = _is_whole_number(text[: match.start()], region)
        if is_whole and ("/" in match[0] or "\uff0f" in match[0]):
            return True
        if is_whole and not is_possible and _is_whole_number(text[match.end() :], region):
            return True
    return False


def _is_whole_number(text: str, region: str) -> bool:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    reason = phonenumbers.is_possible_number_with_reason(number)
    digits = len(phonenumbers.national_significant_number(number))
    return reason == phonenumbers.ValidationResult.IS_POSSIBLE and digits >= _LEAST_DIGITS


def has_country_code(text: str, compared: str) -> bool:
    """True if the number was written with its country code. False if the number was read in a region. `compared` is its
    compared form."""
    first = text.lstrip("([ ")[:1]
    if first in ("+", "0", compared[1]):
        return first == "+" or "".join(filter(str.isdecimal, text)).endswith(compared[1:])
    return first == "\uff0b"


def _list_countries() -> dict[str, str]:
    codes: dict[str, str] = {}
    for country in pycountry.countries:
        for code in (country.alpha_2, country.alpha_3, country.numeric):
            codes[code] = country.alpha_2
    return codes


_COUNTRIES = _list_countries()
ALPHA2 = frozenset(_COUNTRIES.values())
"""The country codes of two letters."""


def find_country(code: str | int, form: str) -> str | None:
    """The alpha-2 code of an ISO 3166-1 code, or None if there is no such code. `form` is Alpha2, Alpha3 or Numeric."""
    if form == "Numeric":
        text = str(code)
        digits = text.isascii() and text.isdecimal() and len(text) <= 3
        return _COUNTRIES.get(text.zfill(3)) if digits else None
    text = str(code).upper()
    length = 2 if form == "Alpha2" else 3
    return _COUNTRIES.get(text) if len(text) == length and text.isascii() and text.isalpha() else None
