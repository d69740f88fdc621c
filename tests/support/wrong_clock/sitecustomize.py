"""For PYTHONPATH of a process under test: its clock is ahead by the seconds that TEST_CLOCK_AHEAD names."""

from __future__ import annotations

import datetime as module
import os
import time
from typing import Any

AHEAD = float(os.environ["TEST_CLOCK_AHEAD"])
_real, _real_time, _real_time_ns = module.datetime, time.time, time.time_ns


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real)


class datetime(_real, metaclass=_Kind):
    """The real class with another current time."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _real.now(tz) + module.timedelta(seconds=AHEAD)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(module.UTC).replace(tzinfo=None)


module.datetime = datetime  # type: ignore[misc]
time.time = lambda: _real_time() + AHEAD
time.time_ns = lambda: _real_time_ns() + int(AHEAD * 1e9)
