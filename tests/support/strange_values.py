"""Values of every wrong kind, and the places of a record to put them in."""

from typing import Any

from hypothesis import strategies as st


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in items for place in list_places(inner, (*path, step)))]


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, 3, -1, 1.0, 1.5, 2**63 - 1, 2**63, -(2**70), 1e308]),
    st.sampled_from(["", " ", "x", "\x00", "2026-03-01", "2026-13-01", "2999-01-01", "OptIn", "\U0001f600" * 300]),
    st.text(max_size=5),
    st.sampled_from([[], {}, [None], [[]], [{}], {"Exceptions": 1}, {"Nope": [1]}, [{"Value": None}] * 101]),
)
