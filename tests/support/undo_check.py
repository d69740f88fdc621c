"""An undo on trial: made, perhaps cancelled, and executed on the real services and on the model."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from checked_retention import Staged, check_staged

from consentory.codec.answers.exceptions_answer import render_row
from consentory.domain.imports import Import
from consentory.errors import RequestRefused
from model.comparison import check_same
from model.execution_model import ImportResult, Undo
from model.histories import UndoStep, pick_import

if TYPE_CHECKING:
    from model_check import Trial

HELD = frozenset(("NotHonored",))


def play_undo(trial: Trial, step: UndoStep) -> None:
    """The step on both sides; AssertionError at the first difference."""
    number = pick_import(trial.numbers, step.back)
    item, made = _make_both(trial, number, step)
    if item is None or made is None:
        return
    if step.cancels:
        trial.room.services.imports.cancel(trial.caller, str(item.access_token))
        trial.model.cancel_undo(made)
        item, made = _make_both(trial, number, step)
        assert item is not None
        assert made is not None
    if step.between is not None:
        trial.play(step.between)
    token = str(item.access_token)
    trial.room.services.imports.execute(trial.caller, token)
    trial.work_off(token)
    with trial.room.owner.transaction(trial.account_id) as tx:
        query = "SELECT started_at FROM import WHERE import_id = %s"
        (started,) = tx.connection.execute(query, (item.import_id,)).fetchone()  # type: ignore[misc]
    result = trial.model.run_undo(made, started_at=started)
    trial.imports[result.number] = str(item.import_id)
    trial.numbers.append(result.number)
    stays = _compare_undo(trial, result, token)
    days = item.settings.data_stage_duration
    trial.staged.append(Staged(trial.account_id, item.import_id, days, len(result.outcomes), stays))
    check_staged(trial.room, trial.staged[-1], maintained=trial.history.maintainers > 0)


def _make_both(trial: Trial, number: int, step: UndoStep) -> tuple[Import | None, Undo | None]:
    """The undo of each side; None, None: refused by both with one code."""
    item, refused = None, None
    try:
        item = trial.room.services.undo.undo(trial.caller, str(trial.imports[number]), restore_yes=step.restore_yes)
    except RequestRefused as error:
        refused = error.code if error.kind == "conflict" else f"{error.kind}: {error.code}"
    made = trial.model.start_undo(number, restore_yes=step.restore_yes, at=datetime.now(UTC))
    check_same(refused, made if isinstance(made, str) else None, "refusal of the undo")
    if isinstance(made, str) or item is None:
        return None, None
    assert (item.status, item.books.received) == ("Staging", len(made.people)), item
    return item, made


def _compare_undo(trial: Trial, result: ImportResult, token: str) -> frozenset[int]:
    """Codes person by person: the contract does not say in which order an undo takes the people. The SequenceNumbers
    of the store's records that were refused or not honored."""
    services = trial.room.services
    item = services.imports.find_by_token(trial.caller, token)
    rows: dict[str, Any] = {}
    stays = set()
    for phases in (frozenset(("Stage", "Execute")), HELD):
        for row in services.exceptions.stream(trial.caller, item, phases):  # type: ignore[arg-type]
            shown = json.loads(render_row(row))
            stays.add(row.sequence_number)
            rows[str(shown["ProfileId"])] = sorted({fault["Code"] for fault in shown["Exceptions"]})
    real_of = dict(zip(trial.model.created.values(), trial.real_ids, strict=True))
    ours = {
        str(real_of[result.people[sequence]]): sorted({fault.code for fault in faults})
        for sequence, faults in (result.faults | result.not_honored).items()
    }
    check_same(rows, ours, "faults of the undo")
    status = trial.read_status(token)
    check_same({name: status[name] for name in result.counts}, result.counts, "counts of the undo")
    assert status["Status"] == result.status
    return frozenset(stays)
