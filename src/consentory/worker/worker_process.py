"""The two loops of a worker process, started and stopped together."""

from __future__ import annotations

from threading import Event, Thread

from consentory.worker.chunk_loop import ImportWorker
from consentory.worker.maintenance_loop import Maintenance


def run_loops(worker: ImportWorker, maintenance: Maintenance, stop: Event) -> None:
    """Work until `stop` is set: the chunk loop in this thread, the maintenance loop in another."""
    beside = Thread(target=maintenance.run, name="maintenance")
    beside.start()
    try:
        worker.run()
    finally:
        stop.set()
        beside.join()
