"""The loops of a worker end together: a worker of which one loop is gone would keep imports or previews waiting."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from consentory.worker.worker_process import run_loops

pytestmark = pytest.mark.unit


class Waiting:
    """A loop with nothing to do."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.ended = False

    def run(self) -> None:
        assert self.stop.wait(20)
        self.ended = True


class Broken:
    """A loop with an error that nobody foresaw."""

    def run(self) -> None:
        raise ZeroDivisionError("nobody foresaw this")


@pytest.mark.parametrize("first", [True, False])
def test_an_error_of_one_loop_ends_all_and_is_raised(first: bool) -> None:
    stop = threading.Event()
    waiting = Waiting(stop)
    with pytest.raises(ZeroDivisionError):
        run_loops([Broken(), waiting] if first else [waiting, Broken()], stop)
    assert waiting.ended


def test_a_signal_ends_all_in_good_order() -> None:
    stop = threading.Event()
    loops = [Waiting(stop), Waiting(stop)]
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        run_loops(loops, stop)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert all(loop.ended for loop in loops)
