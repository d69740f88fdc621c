"""The loops of a worker process, started and stopped together."""

from __future__ import annotations

from threading import Event, Thread

from consentory.worker.chunk_loop import ImportWorker
from consentory.worker.maintenance_loop import Maintenance
from consentory.worker.preview_loop import PreviewLoop


def run_loops(worker: ImportWorker, maintenance: Maintenance, previews: PreviewLoop, stop: Event) -> None:
    """Work until `stop` is set: the chunk loop in this thread, each other loop in a thread of its own."""
    beside = [
        Thread(target=maintenance.run, name="maintenance"),
        Thread(target=previews.run, name="previews"),
    ]
    for thread in beside:
        thread.start()
    try:
        worker.run()
    finally:
        stop.set()
        for thread in beside:
            thread.join()
