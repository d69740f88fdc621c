"""The metrics of requests for /metrics. Several server processes share their numbers through a folder.

The folder belongs to prometheus_client's own multiprocess mode. PROMETHEUS_MULTIPROC_DIR must name an empty folder in
the environment of every process before the process starts. Without it, a process shows only its own numbers.
"""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

METRICS_TYPE = CONTENT_TYPE_LATEST

disable_created_metrics()  # type: ignore[no-untyped-call]

_REQUESTS = Counter(
    "consentory_http_requests", "Requests answered, by route and status.", ("method", "route", "status")
)
_DURATIONS = Histogram(
    "consentory_http_request_seconds",
    "Time from the request's head to the end of the answer.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_IMPORT_CALLS = Counter("consentory_import_calls", "Calls that changed the state of an import, by call.", ("call",))
_STAGED = Counter("consentory_records_staged", "Staged records, by the result of their validation.", ("result",))


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the template of the path, without any value from the path."""
    _REQUESTS.labels(method, route, str(status)).inc()
    _DURATIONS.labels(method, route).observe(seconds)


def count_import_call(call: str) -> None:
    """Count one Initiate, Execute, Cancel or Release that was not refused."""
    _IMPORT_CALLS.labels(call).inc()


def count_staged(valid: int, failed: int) -> None:
    """Count the records of one batch."""
    _STAGED.labels("valid").inc(valid)
    _STAGED.labels("failed").inc(failed)


def render_metrics() -> bytes:
    """All metrics in Prometheus's text format, of every process that shares the folder."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
