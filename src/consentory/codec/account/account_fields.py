"""The rules of custom fields in an account document: the keys that fit each type, and the field's default value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import re2

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.limits import LENGTHS
from consentory.codec.times import TimeFault, read_time
from consentory.domain.configuration import CustomField, Picklist
from consentory.domain.text import fold

LONGEST_VALUE = LENGTHS["CustomField"]["default"].most
LONGEST_PATTERN = LENGTHS["CustomField"]["pattern"].most

_KEYS_OF_TYPE = {
    "Text": ("pattern", "minLength", "maxLength"),
    "Numeric": ("min", "max"),
    "DateTime": (),
    "SelectList": ("picklist", "several"),
}
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)


def check_pattern(path: str, pattern: str, log: FaultLog) -> Any:
    """The pattern, compiled by RE2, which is fast for every pattern. None after a fault, if the pattern cannot be
    compiled."""
    if len(pattern) > LONGEST_PATTERN:
        message = f"has {len(pattern)} characters, at most {LONGEST_PATTERN} are allowed"
        log.refuse(path, "TooLong", message)
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        log.refuse(path, "PatternInvalid", f"not a pattern in RE2 syntax: {reason}")
        return None


def check_custom_field(
    path: str, field: CustomField, picklists: Mapping[str, Picklist], zone: tzinfo, log: FaultLog
) -> None:
    """Add the faults of one field to the log. `picklists` are by caseless name, `zone` is the account's time zone."""
    pattern = None if field.pattern is None else check_pattern(f"{path}.pattern", field.pattern, log)
    if log.is_broken(f"{path}.type"):
        return
    _check_keys(path, field, log)
    _check_bounds(path, field, log)
    if field.default:
        reason = _find_fault(field, field.default, pattern, picklists, zone)
        if reason is not None:
            log.refuse(f"{path}.default", "DefaultInvalid", f"{field.default[:80]!r} {reason}")


def _check_keys(path: str, field: CustomField, log: FaultLog) -> None:
    given = {
        "pattern": field.pattern is not None,
        "minLength": field.min_length is not None,
        "maxLength": field.max_length is not None,
        "min": field.min is not None,
        "max": field.max is not None,
        "picklist": field.picklist is not None,
        "several": field.several,
    }
    for kind, keys in _KEYS_OF_TYPE.items():
        for key in keys:
            if given[key] and kind != field.type:
                log.refuse(f"{path}.{key}", "NotApplicable", f"only {kind} fields have it, this one is {field.type}")
    if field.type == "SelectList" and field.picklist is None:
        log.refuse(f"{path}.picklist", "Missing", "a SelectList field needs a picklist")


def _check_bounds(path: str, field: CustomField, log: FaultLog) -> None:
    shortest, longest = field.min_length, field.max_length
    if shortest is not None and not 0 <= shortest <= LONGEST_VALUE:
        log.refuse(f"{path}.minLength", "OutOfRange", f"must be 0 to {LONGEST_VALUE}")
    if longest is not None and not 1 <= longest <= LONGEST_VALUE:
        log.refuse(f"{path}.maxLength", "OutOfRange", f"must be 1 to {LONGEST_VALUE}")
    if shortest is not None and longest is not None and shortest > longest:
        log.refuse(f"{path}.minLength", "OutOfRange", f"minLength {shortest} is larger than maxLength {longest}")
    if field.min is not None and field.max is not None and field.min > field.max:
        log.refuse(f"{path}.min", "OutOfRange", f"min {field.min:.15g} is larger than max {field.max:.15g}")


def _find_fault(
    field: CustomField, value: str, pattern: Any, picklists: Mapping[str, Picklist], zone: tzinfo
) -> str | None:
    """The reason why the field would refuse the value; None if the field accepts it (record.md, "Custom field
    values")."""
    if value != value.strip() or len(value) > LONGEST_VALUE:
        return f"must be at most {LONGEST_VALUE} characters without white space around them"
    if any(letter in value for letter in "\n\r\t"):
        return "has a line break or a tab"
    match field.type:
        case "Text":
            return _find_text_fault(field, value, pattern)
        case "Numeric":
            return _find_number_fault(field, value)
        case "DateTime":
            return _find_time_fault(value, zone)
        case "SelectList":
            return _find_option_fault(field, value, picklists)


def _find_text_fault(field: CustomField, value: str, pattern: Any) -> str | None:
    if field.min_length is not None and len(value) < field.min_length:
        return f"is shorter than minLength {field.min_length}"
    if field.max_length is not None and len(value) > field.max_length:
        return f"is longer than maxLength {field.max_length}"
    if pattern is not None and pattern.fullmatch(value) is None:
        return "does not match the field's pattern"
    return None


def _find_number_fault(field: CustomField, value: str) -> str | None:
    if not _NUMBER.fullmatch(value):
        return "is not a decimal number"
    number = Decimal(value)
    low = field.min is not None and number < Decimal(str(field.min))
    high = field.max is not None and number > Decimal(str(field.max))
    return "is not within min and max" if low or high else None


def _find_option_fault(field: CustomField, value: str, picklists: Mapping[str, Picklist]) -> str | None:
    picklist = picklists.get(fold(field.picklist or ""))
    if picklist is None:
        return None  # reported at the field's picklist
    options = {fold(option) for option in picklist.values}
    chosen = value.split("::") if field.several else [value]
    missing = next((item for item in chosen if fold(item.strip()) not in options), None)
    return None if missing is None else f"has {missing[:80]!r}, which is not in the picklist {picklist.name!r}"


def _find_time_fault(value: str, zone: tzinfo) -> str | None:
    try:
        read_time(value, zone, no=False)
    except TimeFault as fault:
        return f"is not a date (2026-01-31) or a date-time (2026-01-31T12:00:00Z): {fault}"
    return None
