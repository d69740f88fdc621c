"""A round: while a dataset is brought in, processes are killed at moments that a seed decides."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from waiting import let_pass

from crash.import_run import ImportRun, Trial
from crash.machine import WEIGHTS, Machine, Target

LONGEST_DELAY = 0.06
"""Seconds from the moment at which a kill is due to the kill: at most about the time of a slice."""

LATEST = 0.97
"""Progress after which there is hardly anything left to disturb."""


@dataclass(frozen=True)
class Kill:
    """A kill `delay` seconds after a import run's progress has reached `progress`."""

    target: Target
    progress: float
    delay: float


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


def draw_kills(rng: random.Random) -> list[Kill]:
    """One to three kills, in order."""
    targets, weights = list(WEIGHTS), list(WEIGHTS.values())
    kills = [
        Kill(rng.choices(targets, weights)[0], rng.random() * LATEST, rng.random() * LONGEST_DELAY)
        for _ in range(rng.choice((1, 1, 1, 1, 1, 2, 2, 3)))
    ]
    return sorted(kills, key=lambda kill: kill.progress)


def run_round(machine: Machine, trial: Trial, seed: int) -> Report:
    """One round, with idempotency keys where the seed is even. A breach of the contract is a difference, too."""
    rng = random.Random(seed)
    kills = draw_kills(rng)
    report = Report()

    def disturb(import_run: ImportRun) -> None:
        for kill in kills:
            if not import_run.await_progress(kill.progress):
                return
            let_pass(kill.delay, because="the kill comes at any instant")
            phase = import_run.watch.phase
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
