"""A batch validated as the Stage call does it."""

from __future__ import annotations

from typing import Any

from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_body import split_batch
from consentory.domain.imports import ImportSettings
from consentory.services.imports.batch_validation import ValidatedBatch, validate_batch


def validate(records: list[str], validator: RecordValidator, **settings: Any) -> ValidatedBatch:
    body = f'{{"UserProfilePreferences": [{",".join(records)}]}}'.encode()
    return validate_batch(split_batch(body, "json"), validator, ImportSettings(name="test", **settings))
