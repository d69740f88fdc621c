"""The pulse of a process: signs of life by which its parent tells a frozen process from one that works.

A child writes a byte into a pipe every few seconds. A pipe needs no disk, and the kernel closes it with the processes.
The parent kills a child whose pulse has stopped, and starts another, as after a crash.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from io import FileIO
from threading import Thread

from consentory.config import read_test_number

PULSE_VARIABLE = "CONSENTORY_PULSE"
"""The number of the open pipe into which a process that `consentory up` starts writes its pulse."""
FROZEN_VARIABLE = "CONSENTORY_FROZEN_SECONDS"
"""Only for tests, which cannot wait as long. It is no setting."""
FROZEN_SECONDS = read_test_number(FROZEN_VARIABLE, 30)
"""A process without a pulse for this time is frozen."""
BEAT_SECONDS = FROZEN_SECONDS / 15

_PIPE_BYTES = 65_536


class Pulse:
    """The child's end. A beat never waits, because a full pipe has enough signs of life."""

    def __init__(self, pipe: FileIO) -> None:
        """`pipe`: the pipe to write into. It does not block."""
        self.pipe = pipe

    def beat_in_thread(self) -> None:
        """Beat in a thread of its own, which shows that the process runs."""
        Thread(target=self._run, name="pulse", daemon=True).start()

    async def beat_in_loop(self) -> None:
        """Beat in the running event loop, which shows that the loop runs."""
        self._beat_again(asyncio.get_running_loop())

    def _run(self) -> None:
        while True:
            self._beat()
            time.sleep(BEAT_SECONDS)

    def _beat_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beat()
        loop.call_later(BEAT_SECONDS, self._beat_again, loop)

    def _beat(self) -> None:
        with suppress(OSError):  # the parent has ended
            self.pipe.write(b".")


class PulseWatch:
    """The parent's end of one child's pulse. The parent looks about every second."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        self._reader = FileIO(reader, "r")
        self.pulse = Pulse(FileIO(writer, "w"))
        """For the child."""
        self._has_begun = False
        self._looked_at = self._since = time.monotonic()

    def is_frozen(self) -> bool:
        """True if the pulse has stopped. After that answer the wait starts again.

        The wait begins with the first beat, because a start may wait for a migration without a bound. The wait also
        starts again if this process did not look for a long time, because then the whole machine may have stopped.
        """
        now = time.monotonic()
        if self._reader.read(_PIPE_BYTES):
            self._has_begun, self._since = True, now
        elif now - self._looked_at > FROZEN_SECONDS / 3:
            self._since = now
        self._looked_at = now
        if not self._has_begun or now - self._since < FROZEN_SECONDS:
            return False
        self._since = now
        return True


def take_pulse() -> Pulse | None:
    """The pulse of a process that `consentory up` started and watches. None in any other process."""
    handed = os.environ.pop(PULSE_VARIABLE, None)
    return None if handed is None else Pulse(FileIO(int(handed), "w"))
