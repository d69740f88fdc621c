"""`python -m consentory.bootstrap.refused_entry`: a process that writes the refused rows of an upload to its standard
output. The server process starts it, and says which rows in the first line of its standard input."""

from __future__ import annotations

import os
import sys

import msgspec

from consentory.bootstrap.upload_entry import make_work, prepare_process
from consentory.config import SETTINGS
from consentory.services.uploads.refused_rows_service import RefusedCall
from consentory.store.database import Database


def main() -> None:
    """Write the rows. Raises KeyError if CONSENTORY_DATABASE_URL is not set."""
    call = msgspec.json.decode(sys.stdin.buffer.readline(), type=RefusedCall)
    prepare_process()
    database = Database(os.environ[SETTINGS["database_url"].variable], "consentory_service", size=2)
    try:
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as output:
            make_work(database).write_refused(call, output)
    finally:
        database.close()


if __name__ == "__main__":
    main()
