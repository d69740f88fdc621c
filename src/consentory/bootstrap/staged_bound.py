"""The settings that limit the staged records and the uploaded files of an account.

The module imports little, so that stage processes stay small.
"""

from __future__ import annotations

from consentory.config import load_number
from consentory.domain.upload import UploadLimits
from consentory.services.imports.staging_service import GIGABYTE, MEGABYTE


def read_staged_bound() -> int:
    """The bytes that the staged records of one account may take. Raises SettingError."""
    return load_number("max_staged_gigabytes") * GIGABYTE


def read_upload_limits() -> UploadLimits:
    """The bounds of uploaded files. Raises SettingError."""
    return UploadLimits(
        file_bytes=load_number("max_upload_megabytes") * MEGABYTE,
        account_bytes=load_number("max_uploaded_gigabytes") * GIGABYTE,
    )
