"""The metrics of the clocks of our processes. Import this module after PROMETHEUS_MULTIPROC_DIR is set."""

from __future__ import annotations

from prometheus_client import Gauge

_OFF = Gauge(
    "consentory_clock_off_seconds",
    "Seconds by which a process's clock differs from the database's clock: the largest difference of all processes.",
    multiprocess_mode="livemax",
)


def show_clock(seconds_ahead: float) -> None:
    """Show how many seconds this process's clock is ahead of the database's clock; below zero: behind."""
    _OFF.set(abs(seconds_ahead))
