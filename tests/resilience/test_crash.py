"""kill -9 for worker, server, PostgreSQL or all of them in the middle of imports: the same comes of them.

scripts/crash runs as many rounds as you like, with other seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.crash_round import run_round
from crash.dataset import make_dataset, make_undo_dataset
from crash.import_run import Trial
from crash.machine import Machine

SEED = 20_000
ROUNDS = 25
UNDO_ROUNDS = 3

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds its victims in /proc"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.start()
    yield machine
    machine.stop()


@pytest.fixture(scope="module")
def undo_trial(machine: Machine) -> Trial:
    return Trial(machine, make_undo_dataset(SEED, people=60))


@pytest.fixture(scope="module")
def trial(machine: Machine) -> Trial:
    return Trial(machine, make_dataset(SEED, people=160))


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_what_is_killed_at_any_instant_ends_as_if_it_had_not_been(machine: Machine, trial: Trial, seed: int) -> None:
    report = run_round(machine, trial, seed)
    assert not report.differences, (report.kills, machine.read_log())


@pytest.mark.parametrize("seed", range(SEED, SEED + UNDO_ROUNDS))
def test_an_undo_during_which_anything_is_killed_ends_as_if_it_had_not_been(
    machine: Machine, undo_trial: Trial, seed: int
) -> None:
    report = run_round(machine, undo_trial, seed)
    assert not report.differences, (report.kills, machine.read_log())
