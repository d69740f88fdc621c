"""Cases for the tests of the record: the account of tests/accounts/acme.yaml and a validator for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_body import split_batch
from consentory.domain.configuration import Configuration, Permissions
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.record import Fault, Record

ACCOUNTS = Path(__file__).parents[1] / "accounts"
STAGED_AT = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
"""10:30 in New York."""
ALL = Permissions(
    import_=True, profile=("read", "write", "delete"), channels="all", programs="all", consent_types="all"
)


def read_document() -> dict[str, Any]:
    return yaml.safe_load((ACCOUNTS / "acme.yaml").read_text(encoding="utf-8"))


def make_configuration_index(document: dict[str, Any] | None = None) -> ConfigurationIndex:
    return ConfigurationIndex(7, 1, msgspec.convert(document or read_document(), Configuration))


ACME = make_configuration_index()


def make_validator(
    configuration_index: ConfigurationIndex = ACME,
    permissions: Permissions = ALL,
    staged_at: datetime = STAGED_AT,
    **settings: Any,
) -> RecordValidator:
    return RecordValidator(configuration_index, ImportSettings(name="test", **settings), permissions, staged_at)


_SIMPLE = make_validator()


def check_record(record: Any, validator: RecordValidator = _SIMPLE) -> Record | list[Fault]:
    """Validate a record given as Python data, or as JSON in bytes."""
    return validator.validate(record if isinstance(record, bytes) else json.dumps(record).encode())


def accept(record: Any, validator: RecordValidator = _SIMPLE) -> Record:
    result = check_record(record, validator)
    assert isinstance(result, Record), result
    return result


def refuse(record: Any, validator: RecordValidator = _SIMPLE) -> list[tuple[str, str]]:
    """(code, path) of every fault."""
    result = check_record(record, validator)
    assert isinstance(result, list), result
    assert all(fault.Message for fault in result)
    return [(fault.Code, fault.Path) for fault in result]


def person(**members: Any) -> dict[str, Any]:
    """A record that says enough to be accepted, and these members."""
    return {"CustomerName": {"FirstName": "Ada"}} | members


def micros(text: str) -> int:
    """Microseconds of an ISO time with a zone."""
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp()) * 1_000_000 + moment.microsecond


def example(index: int) -> bytes:
    """A record of tests/accounts/batch.json: the first is good, the second has five faults."""
    return bytes(split_batch((ACCOUNTS / "batch.json").read_bytes(), "json")[index])
