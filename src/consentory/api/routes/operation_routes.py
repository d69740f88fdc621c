"""The calls for the operators of the server: liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.http.request_metrics import METRICS_TYPE, render_metrics

ReadinessCheck = NamedDependency[SkipValidation[Callable[[], None]]]


class Health(msgspec.Struct):
    """The server is healthy."""

    status: Literal["ok"] = "ok"


@get("/healthz", operation_id="getHealth", sync_to_thread=False, tags=["Operation"])
def get_health() -> Health:
    """The process runs. The answer says nothing about the database."""
    return Health()


@get("/readyz", operation_id="getReadiness", sync_to_thread=True, tags=["Operation"], opt={"refuses": (503,)})
def get_readiness(check_ready: ReadinessCheck) -> Health:
    """The database answers, so requests can be served."""
    check_ready()
    return Health()


@get(
    "/metrics",
    operation_id="getMetrics",
    sync_to_thread=True,
    tags=["Operation"],
    opt={"offers": ("text/plain",)},
)
def get_metrics() -> Response[bytes]:
    """Metrics in Prometheus's text format."""
    return Response(render_metrics(), media_type=METRICS_TYPE)
