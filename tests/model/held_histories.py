"""Hypothesis strategies: histories with imports that a guard may hold."""

from dataclasses import replace

from hypothesis import strategies as st

from .histories import DeleteStep, HeldStep, History, ImportStep, Pick, Step, imports, writes
from .undo_histories import undo_steps

Draw = st.DrawFn
LIMITS = (
    "invalid", "profilesDeleted", "profilesDeactivated", "optInsAdded", "optInsEnded", "optOutsAdded", "optOutsEnded",
    "contactElementsAdded", "contactElementsDeactivated", "alternateIdsAdded", "alternateIdsDeactivated",
    "groupsAdded", "groupsDeactivated", "tagsAdded", "tagsRemoved",
)  # fmt: skip


@st.composite
def held_steps(draw: Draw) -> HeldStep:
    limits = st.dictionaries(st.sampled_from(LIMITS), st.sampled_from([0, 0, 1, 2]), min_size=1, max_size=4)
    between = st.one_of(st.none(), writes(), st.integers(0, 5).map(lambda n: DeleteStep(Pick(n))))
    return HeldStep(
        draw(imports()),
        draw(limits),
        draw(between),
        draw(imports()),
        releases=draw(st.sampled_from([True, True, False])),
        pass_held=draw(st.booleans()),
    )


@st.composite
def held_histories(draw: Draw) -> History:
    """People, then one or two guarded imports. In some histories, the last import is undone at the end."""
    first: ImportStep = draw(imports(deletes=False))
    steps: list[Step] = [replace(first, knobs=None)]
    steps += draw(st.lists(held_steps(), min_size=1, max_size=2))
    if draw(st.integers(1, 3)) == 3:
        steps.append(draw(undo_steps(back=draw(st.integers(1, 2)), wide=False)))
    return History(steps, draw(st.sampled_from([1, 2, 7, None])), 1)
