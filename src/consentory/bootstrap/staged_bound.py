"""The setting that limits the staged records of an account. It imports little, so that stage processes stay small."""

from __future__ import annotations

from consentory.config import load_number
from consentory.services.imports.staging_service import GIGABYTE


def read_staged_bound() -> int:
    """The bytes that the staged records of one account may take. Raises SettingError."""
    return load_number("max_staged_gigabytes") * GIGABYTE
