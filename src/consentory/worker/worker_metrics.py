"""The metrics of workers, in the folder of PROMETHEUS_MULTIPROC_DIR (see http/request_metrics.py)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.multiprocess import mark_process_dead

_EXECUTED = Counter("consentory_records_executed", "Records processed.")
_SLICES = Histogram(
    "consentory_slice_seconds",
    "Time of one slice of an import's execution. A slice is one transaction.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 5, 30),
)
_WAITS = Counter("consentory_worker_waits", "Pauses of workers because of a failure that is not an error in the data.")
_IMPORTS = Gauge("consentory_imports", "Imports by status.", ("status",), multiprocess_mode="mostrecent")
_QUARANTINED = Gauge(
    "consentory_imports_quarantined",
    "Imports that a worker skips for a while because their last try failed: the largest number of all workers.",
    multiprocess_mode="livemax",
)
_OF_A_PROCESS = re.compile(r"gauge_live\w+_(\d+)\.db")
"""The name of a file of prometheus_client with values that count only while their process lives."""


def count_slice(records: int, seconds: float) -> None:
    """Count one processed slice."""
    _EXECUTED.inc(records)
    _SLICES.observe(seconds)


def count_waits(waits: int) -> None:
    """Count pauses because of the database: an outage, a deadlock, a lack of resources."""
    _WAITS.inc(waits)


def show_imports(by_status: Mapping[str, int]) -> None:
    """Show the number of imports in each status."""
    for status, count in by_status.items():
        _IMPORTS.labels(status).set(count)


def show_quarantined(imports: int) -> None:
    """Show the number of imports that this worker skips now."""
    _QUARANTINED.set(imports)


def forget_dead_processes() -> None:
    """Remove the current values of processes that have ended in any way."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for file in Path(folder).glob("gauge_live*.db") if folder else ():
        found = _OF_A_PROCESS.fullmatch(file.name)
        if found is not None and not _is_alive(int(found[1])):
            mark_process_dead(found[1])  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
