"""An import with a guard on trial: held or not, and executed only after its release."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from consentory.bootstrap.composition import open_worker
from consentory.codec.answers.status_object import render_status
from consentory.domain.imports import Import
from model.comparison import check_same
from model.guard_model import find_exceeded
from model.histories import HeldStep, ImportStep

if TYPE_CHECKING:
    from model_check import Trial

Wire = dict[str, Any]


def play_held(trial: Trial, step: HeldStep) -> None:
    """The step on both sides; AssertionError at the first difference."""
    imports = trial.room.services.imports
    trial.model.configure(trial.configure({"guard": {"passHeld": step.pass_held}}))
    item = _execute(trial, step.step, Guard=step.limits)
    wanted = _predict(trial, step, item)
    status = _read(trial, item)
    check_same(sorted(status["HeldReason"] or [], key=lambda one: str(one["Limit"])), wanted, "HeldReason")
    if not wanted:
        trial.judge_import(step.step, item, None)
        return
    assert status["Status"] == "Queued", status
    if step.between is not None:
        trial.play(step.between)
    later = _execute(trial, step.later)
    if step.pass_held:
        trial.judge_import(step.later, later, None)
    else:
        assert _read(trial, later)["Status"] == "Queued"
    assert _read(trial, item)["Status"] == "Queued"
    trial.compare_people()
    if step.releases:
        imports.release(trial.caller, str(item.import_id))
    else:
        imports.cancel(trial.caller, str(item.access_token))
    _work(trial)
    if step.releases:
        trial.judge_import(step.step, item, None)
    else:
        assert _read(trial, item)["Status"] == "Failed"
    if not step.pass_held:
        trial.judge_import(step.later, later, None)


def _execute(trial: Trial, step: ImportStep, **more: Any) -> Import:
    item = trial.stage_import(step, **more)
    trial.room.services.imports.execute(trial.caller, str(item.access_token))
    _work(trial)
    return item


def _work(trial: Trial) -> None:
    """Everything that a worker finds to do. The end of a preview without records only shows at the next look."""
    worker = open_worker(trial.room.database_url, trial.history.chunk_size)
    idle = 0
    try:
        while idle < 3:
            is_busy = (
                worker.execution.process_slice() is not None
                or worker.execution.resolve_next() is not None
                or worker.previewing.work_once()
            )
            idle = 0 if is_busy else idle + 1
    finally:
        worker.close()


def _predict(trial: Trial, step: HeldStep, item: Import) -> list[Wire]:
    """The HeldReason by the model: the import runs on a copy of the people."""
    now = datetime.now(UTC)
    copy = deepcopy(trial.model)
    batches = trial.make_batches(step.step, item.import_id)
    result = copy.run_import(settings=step.step.settings, batches=batches, started_at=now)
    exceeded = find_exceeded(step.limits, trial.model.profiles, copy.profiles, result, copy.account, now)
    return [
        {"Code": "Guard.Exceeded", "Limit": one.limit, "Allowed": one.allowed, "Found": one.found} for one in exceeded
    ]


def _read(trial: Trial, item: Import) -> Wire:
    found = trial.room.services.imports.find_by_token(trial.caller, str(item.access_token))
    return dict(json.loads(msgspec.json.encode(render_status(found))))
