"""A round: while a dataset is brought in, processes are killed at moments that a seed decides."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from waiting import let_pass

from crash.import_run import ImportRun, Trial
from crash.machine import WEIGHTS, Machine, Target

LONGEST_DELAY = 0.06
"""Seconds from the moment at which a kill is due to the kill: at most about the time of a slice."""

LATEST = 0.97
"""Progress after which there is hardly anything left to disturb."""


LONGEST_UNDO = 0.3
"""Seconds from a call of an undo to the kill: at most about the time of its staging, its preview or its execution."""


@dataclass(frozen=True)
class Kill:
    """A kill `delay` seconds after a import run's progress has reached `progress`, or after the client has begun the
    call with the number `call`, if there is one."""

    target: Target
    progress: float
    delay: float
    call: int | None = None
    phase: str = ""
    """The phase that the call begins."""

    def is_due(self, import_run: ImportRun) -> bool:
        """Wait for the moment. False when the run is over before."""
        if self.call is None:
            return import_run.await_progress(self.progress)
        return import_run.await_call(self.call)


@dataclass
class Report:
    """The events of one round, or of several."""

    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0
    kills: list[tuple[Target, str]] = field(default_factory=list)
    """Target and phase, in order."""
    recoveries: list[float] = field(default_factory=list)
    """Seconds from each kill until the server was ready."""
    answers: Counter[str] = field(default_factory=Counter)
    """Answers to the import client, by status."""
    looks: int = 0
    """Number of looks at the counts."""


def draw_kills(rng: random.Random, undo_calls: Mapping[int, str]) -> list[Kill]:
    """One to three kills, in order. If there are calls of an undo, all kills come after such calls."""
    if undo_calls:
        return _draw_undo_kills(rng, undo_calls)
    targets, weights = list(WEIGHTS), list(WEIGHTS.values())
    kills = [
        Kill(rng.choices(targets, weights)[0], rng.random() * LATEST, rng.random() * LONGEST_DELAY)
        for _ in range(rng.choice((1, 1, 1, 1, 1, 2, 2, 3)))
    ]
    return sorted(kills, key=lambda kill: kill.progress)


def _draw_undo_kills(rng: random.Random, undo_calls: Mapping[int, str]) -> list[Kill]:
    calls = sorted(rng.choices(list(undo_calls), k=rng.choice((1, 1, 1, 2, 2, 3))))
    targets = rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=len(calls))
    return [
        Kill(target, 0, rng.random() ** 2 * LONGEST_UNDO, call, undo_calls[call])
        for target, call in zip(targets, calls, strict=True)
    ]


def run_round(machine: Machine, trial: Trial, seed: int) -> Report:
    """One round, with idempotency keys where the seed is even. A breach of the contract is a difference, too."""
    rng = random.Random(seed)
    kills = draw_kills(rng, trial.dataset.list_undo_calls())
    report = Report()

    def disturb(import_run: ImportRun) -> None:
        for kill in kills:
            if not kill.is_due(import_run):
                return
            let_pass(kill.delay, because="the kill comes at any instant")
            phase = kill.phase or import_run.watch.phase
            if machine.kill(kill.target, rng):
                report.kills.append((kill.target, phase))
                let_pass(0.05, because="a killed process may be the last to notice")
                report.recoveries.append(machine.await_answer())

    try:
        report.differences, import_run = trial.disturb(disturb, keyed=seed % 2 == 0)
    except AssertionError as error:
        report.differences = [f"{type(error).__name__}: {error}"]
        return report
    report.seconds, report.looks, report.answers = (
        import_run.seconds,
        import_run.watch.looks,
        import_run.import_client.wire.answers,
    )
    return report
