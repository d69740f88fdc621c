"""The heartbeat of a process in the database: it shows that the process runs, and how wrong its clock is.

PostgreSQL cannot tell a session whose process is frozen from one whose process is slow to take a long result. So each
process has one more session, with a small statement every few seconds. If that stops, its other sessions may be ended
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
"""The log reports a clock that differs from the database's clock by more seconds than this."""
SAY_AGAIN_SECONDS = 600.0


class Heartbeat:
    """Beats in a thread of its own. The first beat comes one interval after `start`."""

    def __init__(self, conninfo: str, name: str, seconds: float) -> None:
        """`name`: the application_name of the session."""
        self._conninfo = conninfo
        self._name = name
        self._seconds = seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)
        self._said_at = float("-inf")
        self.on_clock: Callable[[float], None] | None = None
        """Called at each beat, with the seconds that this process's clock is ahead of the database's clock."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the heartbeat. The session ends a moment later."""
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
            except psycopg.Error:  # the database cannot be reached, and nobody asks for a sign of life
                if connection is not None:
                    connection.close()
        if connection is not None:
            connection.close()

    def _beat(self, connection: psycopg.Connection[TupleRow]) -> None:
        before = time.time()
        row = connection.execute(statement("beat")).fetchone()
        assert row is not None
        after = time.time()
        # The database read its clock at some time in between. The time of the message must not count as a difference.
        ahead = before - row[0] if row[0] < before else min(0.0, after - row[0])
        if abs(ahead) > FARTHEST_OFF and time.monotonic() - self._said_at > SAY_AGAIN_SECONDS:
            self._said_at = time.monotonic()
            log.warning("the clock of this machine is off, the database's counts", seconds_ahead=round(ahead, 1))
        if self.on_clock is not None:
            self.on_clock(ahead)
