"""The values of a record one by one, to correct them in a form. A value that nobody changes keeps its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from consentory.codec.answers.exceptions_answer import GIVEN_OUT, join_array, join_object, split_elements, split_members
from consentory.codec.hidden_characters import spell_hidden

_NOT_OWN = frozenset((*GIVEN_OUT, "Origin"))
"""Members that an answer adds to a record. Staging ignores them."""
_LEVELS = 12
"""A value further inside is shown and changed as a whole."""

Change = Callable[[bytes, str], bytes | None]
"""Gets a value and its path, and returns the new value; None: the value goes."""


class Leaf(NamedTuple):
    """A value that is no filled object and no filled array. `text`: the value for a person, with hidden characters
    spelled out."""

    path: str
    text: str


def list_leaves(raw: bytes) -> list[Leaf]:
    """The values of a record, in their order. A record that is not an object is one value."""
    leaves: list[Leaf] = []

    def note(value: bytes, path: str) -> bytes:
        leaves.append(Leaf(path, _show(value)))
        return value

    _rebuild(raw, "$", note, _LEVELS)
    return leaves


def replace_leaves(raw: bytes, texts: Mapping[int, str]) -> bytes:
    """The record with other texts for some of its values, by their place in `list_leaves`.

    A value whose text did not change keeps its bytes. An empty text takes the value out, and what is empty then. A text
    stays a text; a number, true, false and null may become one another, or a text.
    """
    place = -1

    def change(value: bytes, _: str) -> bytes | None:
        nonlocal place
        place += 1
        text = texts.get(place)
        if text is None or text == _show(value):
            return value
        return _make_value(text, is_text=value.startswith(b'"')) if text else None

    return _rebuild(raw, "$", change, _LEVELS) or b"{}"


def _rebuild(raw: bytes, path: str, change: Change, levels: int) -> bytes | None:
    raw = raw.strip()
    if levels and raw.startswith(b"{") and (members := split_members(raw)):
        own = {name: value for name, value in members.items() if name not in _NOT_OWN}
        kept = {name: _rebuild(value, f"{path}.{name}", change, levels - 1) for name, value in own.items()}
        left = {name: value for name, value in kept.items() if value is not None}
        return join_object(left) if left or not own else None
    if levels and raw.startswith(b"[") and (elements := split_elements(raw)):
        rebuilt = [_rebuild(element, f"{path}[{place}]", change, levels - 1) for place, element in enumerate(elements)]
        some = [value for value in rebuilt if value is not None]
        return join_array(some) if some else None
    return change(raw, path)


def _show(value: bytes) -> str:
    if not value.startswith(b'"'):
        return value.decode("utf-8", "replace")
    try:
        text = json.loads(value)
    except ValueError:
        return value.decode("utf-8", "replace")
    return spell_hidden(text.replace("\r\n", "\n"), keep="\n")


def _make_value(text: str, *, is_text: bool) -> bytes:
    if not is_text:
        try:
            if not isinstance(json.loads(text), str):
                return text.strip().encode()
        except ValueError:
            pass
    return msgspec.json.encode(text)
