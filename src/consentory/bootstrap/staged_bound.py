"""The setting that bounds what an account stages. Imports little: stage processes are to be small."""

from __future__ import annotations

from consentory.config import load_number
from consentory.services.imports.staging_service import GIGABYTE


def read_staged_bound() -> int:
    """Bytes that the staged records of one account may take. Raises SettingError."""
    return load_number("max_staged_gigabytes") * GIGABYTE
