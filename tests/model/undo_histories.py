"""Hypothesis strategies: histories with undos of imports, and with other steps before and after the undos."""

from hypothesis import strategies as st

from .histories import (
    ConfigureStep,
    DeleteStep,
    History,
    ImportStep,
    Pick,
    Step,
    UndoStep,
    WriteStep,
    imports,
    writes,
)
from .wide_histories import ANY, knobs, wide_imports, wide_writes

Draw = st.DrawFn
DELETES = st.integers(0, 5).map(lambda n: DeleteStep(Pick(n)))


@st.composite
def _between(draw: Draw, *, wide: bool) -> WriteStep | DeleteStep | ConfigureStep:
    """A step that is not an import. `undoDays` changes only while no retention runs, because retention may delete
    before-images when `undoDays` becomes smaller."""
    sorts: list[st.SearchStrategy[WriteStep | DeleteStep | ConfigureStep]] = [wide_writes() if wide else writes()] * 3
    sorts.append(DELETES)
    if wide:
        sorts.append(knobs(ANY).map(ConfigureStep))
    else:
        sorts.append(st.sampled_from([0, 1, 10, 30]).map(lambda days: ConfigureStep({"undo days": days})))
    step: WriteStep | DeleteStep | ConfigureStep = draw(st.one_of(*sorts))
    return step


def _one_in(draw: Draw, times: int) -> bool:
    return draw(st.integers(1, times)) == times


@st.composite
def undo_steps(draw: Draw, *, back: int, wide: bool) -> UndoStep:
    return UndoStep(
        back,
        restore_yes=_one_in(draw, 3),
        between=draw(_between(wide=wide)) if _one_in(draw, 6) else None,
        cancels=_one_in(draw, 12),
    )


@st.composite
def _rounds(draw: Draw, steps: list[Step], *, wide: bool) -> list[Step]:
    """An import, some steps, its undo, and some steps after it: the same file again, an undo of the undo, or both."""
    old = [step for step in steps if isinstance(step, ImportStep)]
    step = draw(st.sampled_from(old)) if old and _one_in(draw, 4) else draw(wide_imports() if wide else imports())
    found: list[Step] = [step]
    back = 1
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        if _one_in(draw, 3):
            found.append(draw(wide_imports() if wide else imports()))
            back += 1
        else:
            found.append(draw(_between(wide=wide)))
    if _one_in(draw, 6):
        back = draw(st.integers(1, 4))  # any import of the history
    found.append(draw(undo_steps(back=back, wide=wide)))
    for then in draw(st.sampled_from(["", "", "file", "file", "undo", "undo", "undo file", "between undo"])).split():
        if then == "file":
            found.append(step)
        elif then == "undo":
            found.append(draw(undo_steps(back=1, wide=wide)))
        else:
            found.append(draw(_between(wide=wide)))
    return found


@st.composite
def undo_histories(draw: Draw, max_rounds: int = 3) -> History:
    """The first step is an import of people."""
    wide = draw(st.booleans())
    steps: list[Step] = [draw(wide_imports(deletes=False) if wide else imports(deletes=False))]
    for _ in range(draw(st.integers(1, max_rounds))):
        steps += draw(_rounds(steps, wide=wide))
    return History(
        steps,
        draw(st.sampled_from([1, 2, 7, None])),
        draw(st.integers(1, 4)),
        draw(st.integers(0, 3)) if wide else 0,
    )
