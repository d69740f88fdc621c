"""Structured logs: one JSON object a line on standard error."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

import structlog


class BestEffortLogger(structlog.WriteLogger):
    """Writes each line at once, so that the lines of several processes do not mix.

    A line that cannot be written is lost: a full disk under the log must not stop requests or imports.
    """

    def msg(self, message: str) -> None:
        """Write one line, if that is possible."""
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = error = err = fatal = failure = critical = exception = msg


def configure_logs(level: int = logging.INFO) -> None:
    """Write structlog's events, and warnings of libraries, as JSON lines to standard error."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: BestEffortLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
