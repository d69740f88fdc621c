"""The metrics of workers, through the folder of PROMETHEUS_MULTIPROC_DIR (see api/request_metrics.py)."""

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
    "Time of one step, which is one transaction, of an import's execution.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 5, 30),
)
_WAITS = Counter("consentory_worker_waits", "Times a worker waited out what is not the data's fault.")
_IMPORTS = Gauge("consentory_imports", "Imports by status.", ("status",), multiprocess_mode="mostrecent")
_QUARANTINED = Gauge(
    "consentory_imports_quarantined",
    "Imports that a worker passes over for a while because their last try failed; the most of any worker.",
    multiprocess_mode="livemax",
)
_OF_A_PROCESS = re.compile(r"gauge_live\w+_(\d+)\.db")
"""prometheus_client's file of what only a living process counts for."""


def count_slice(records: int, seconds: float) -> None:
    """One step processed."""
    _EXECUTED.inc(records)
    _SLICES.observe(seconds)


def count_waits(waits: int) -> None:
    """Pauses because of the database: an outage, a deadlock, a lack of resources."""
    _WAITS.inc(waits)


def show_imports(by_status: Mapping[str, int]) -> None:
    """How many imports there are in each status."""
    for status, count in by_status.items():
        _IMPORTS.labels(status).set(count)


def show_quarantined(imports: int) -> None:
    """How many imports this worker passes over just now."""
    _QUARANTINED.set(imports)


def forget_dead_processes() -> None:
    """Take out of the metrics the current state of processes that ended, however they did."""
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
