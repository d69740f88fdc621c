"""The yardsticks of Consentory, on the same server with the same settings: a floor, and a plain loop.

Floor: the file's lines COPYed into an unlogged table, then one INSERT ... ON CONFLICT into (key, doc). It validates
nothing, keeps no history and finds no person by email: no importer can be much faster.
Loop: executemany upserts of one document, a thousand at a time, as simple scripts do.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import psycopg


def prepare_floor(conninfo: str) -> None:
    """An empty document table."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_document")
        connection.execute("CREATE TABLE bench_document (key text PRIMARY KEY, doc jsonb NOT NULL)")


def run_floor(conninfo: str, path: Path) -> float:
    """Seconds for the file's lines by COPY and one upsert."""
    begun = time.perf_counter()
    with psycopg.connect(conninfo) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_line")
        connection.execute("CREATE UNLOGGED TABLE bench_line (line text NOT NULL)")
        with connection.cursor().copy("COPY bench_line FROM STDIN (FORMAT binary)") as copy, path.open("rb") as lines:
            copy.set_types(["text"])
            for line in lines:
                copy.write_row((line.decode(),))
        connection.execute(
            "INSERT INTO bench_document SELECT line::jsonb -> 'AlternateIds' -> 0 ->> 'AlternateId', line::jsonb"
            " FROM bench_line ON CONFLICT (key) DO UPDATE SET doc = excluded.doc"
        )
        connection.execute("DROP TABLE bench_line")
    return time.perf_counter() - begun


def run_loop(conninfo: str, path: Path) -> float:
    """Seconds for the file by executemany upserts."""
    begun = time.perf_counter()
    statement = "INSERT INTO bench_document VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET doc = excluded.doc"
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor, path.open("rb") as lines:
        batch = []
        for line in lines:
            batch.append((json.loads(line)["AlternateIds"][0]["AlternateId"], line.decode()))
            if len(batch) == 1000:
                cursor.executemany(statement, batch)
                connection.commit()
                batch = []
        cursor.executemany(statement, batch)
    return time.perf_counter() - begun
