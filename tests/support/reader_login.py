"""A reader of an account: its login for SQL, made as the command makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consentory.bootstrap.composition import open_readers


@contextmanager
def reader_of(database_url: str, account_id: int) -> Iterator[str]:
    """The connection string of a new reader, which is gone at the end."""
    readers = open_readers(database_url)
    try:
        login, url = readers.create(account_id, None, new_password=False)
        try:
            yield url
        finally:
            readers.delete(account_id, login)
    finally:
        readers.close()
