"""The heartbeat of a process in the database: it shows that the process runs, and how far its clock is off.

PostgreSQL cannot tell a session whose process is frozen from one whose process is slow to take a long result. So each
process has one more session, which does a trifle every few seconds. Once that stops, its other sessions may be ended
(`Database.end_frozen_sessions`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

import psycopg
import structlog
from psycopg.rows import TupleRow

from consentory.store.statements import statement

log = structlog.get_logger(__name__)

FARTHEST_OFF = 5.0
"""Seconds that the clock of a machine may differ from the database's before the log says so."""
SAY_AGAIN_SECONDS = 600.0


class Heartbeat:
    """Beats in a thread of its own, from the first interval after `start` on."""

    def __init__(self, conninfo: str, name: str, seconds: float) -> None:
        """`name`: the application_name of the session."""
        self._conninfo = conninfo
        self._name = name
        self._seconds = seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)
        self._said_at = float("-inf")
        self.on_clock: Callable[[float], None] | None = None
        """Called with the seconds that this process's clock is ahead of the database's, at each beat."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the session is gone a moment later."""
        self._stop.set()

    def _run(self) -> None:
        connection: psycopg.Connection[TupleRow] | None = None
        while not self._stop.wait(self._seconds):
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(
                        self._conninfo, autocommit=True, application_name=self._name, connect_timeout=5
                    )
                self._beat(connection)
            except psycopg.Error:  # the database is away, and then nobody is asked for a sign of life
                if connection is not None:
                    connection.close()
        if connection is not None:
            connection.close()

    def _beat(self, connection: psycopg.Connection[TupleRow]) -> None:
        before = time.time()
        row = connection.execute(statement("beat")).fetchone()
        assert row is not None
        after = time.time()
        # The database read its clock somewhere between: what the way took says nothing of the clocks.
        ahead = before - row[0] if row[0] < before else min(0.0, after - row[0])
        if abs(ahead) > FARTHEST_OFF and time.monotonic() - self._said_at > SAY_AGAIN_SECONDS:
            self._said_at = time.monotonic()
            log.warning("the clock of this machine is off, the database's counts", seconds_ahead=round(ahead, 1))
        if self.on_clock is not None:
            self.on_clock(ahead)
