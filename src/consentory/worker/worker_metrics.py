"""What /metrics shows of workers, through the folder of PROMETHEUS_MULTIPROC_DIR (see api/request_metrics.py)."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

_EXECUTED = Counter("consentory_records_executed", "Records worked off.")
_STEPS = Histogram(
    "consentory_step_seconds",
    "Time of one step, which is one transaction, of an import's execution.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 5, 30),
)
_WAITS = Counter("consentory_worker_waits", "Times a worker waited out what is not the data's fault.")
_IMPORTS = Gauge("consentory_imports", "Imports by status.", ("status",), multiprocess_mode="mostrecent")


def count_step(records: int, seconds: float) -> None:
    """One step worked off."""
    _EXECUTED.inc(records)
    _STEPS.observe(seconds)


def count_wait() -> None:
    """One pause because of the database: an outage, a deadlock, a lack of resources."""
    _WAITS.inc()


def show_imports(by_status: Mapping[str, int]) -> None:
    """How many imports there are in each status."""
    for status, count in by_status.items():
        _IMPORTS.labels(status).set(count)
