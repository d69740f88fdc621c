"""The judge: generated histories give on the real store what the model of execution.md and effects.md gives.

CONSENTORY_JUDGE_HISTORIES sets how many (scripts/judge: 2,000); beside them a part of it of each other sort.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from model_check import ModelCheck, judged
from running_server import create_database, drop_database

from model.held_histories import held_histories
from model.histories import History, histories
from model.undo_histories import undo_histories
from model.wide_histories import wide_histories

pytestmark = pytest.mark.slow

HISTORIES = int(os.environ.get("CONSENTORY_JUDGE_HISTORIES", "60"))


@pytest.fixture(scope="module")
def room(engine: str, template: str) -> Iterator[ModelCheck]:
    url = create_database(engine, template)
    model_check = ModelCheck(url)
    yield model_check
    model_check.close()
    drop_database(engine, url)


@pytest.mark.timeout(6 * 3600)
@judged(HISTORIES)
@given(history=wide_histories())
def test_every_history_gives_what_the_model_gives(room: ModelCheck, history: History) -> None:
    """Documents that change, records of every sort, several workers and their retention."""
    room.try_history(history)


@pytest.mark.timeout(6 * 3600)
@judged(HISTORIES // 4)
@given(history=histories())
def test_every_history_of_sound_records_gives_what_the_model_gives(room: ModelCheck, history: History) -> None:
    """Fewer refusals, so that more of a record is applied."""
    room.try_history(history)


@pytest.mark.timeout(6 * 3600)
@judged(HISTORIES // 2)
@given(history=undo_histories())
def test_every_history_with_undo_gives_what_the_model_gives(room: ModelCheck, history: History) -> None:
    """Imports taken back after changes, deletes and other imports; undo of undo; the same file again."""
    room.try_history(history)


@pytest.mark.timeout(6 * 3600)
@judged(HISTORIES // 8)
@given(history=held_histories())
def test_every_history_with_held_imports_gives_what_the_model_gives(room: ModelCheck, history: History) -> None:
    """Guards that hold imports; a write and a later import meanwhile; release or cancellation."""
    room.try_history(history)
