"""A strict JSON reader that only finds where values begin and end. It does not recurse and does not convert values.

msgspec reads nearly every body. This module reads the JSON that msgspec refuses (lone surrogates, deep nesting). It
also finds the byte at which a text stops being JSON. `skip_brackets` looks only at brackets and quotes, for text that
may be broken. Text is bytes of valid UTF-8; positions count bytes from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import msgspec

Buffer = bytes | memoryview

_SPACE = rb"[ \t\r\n]*+"
# A match holds the interpreter lock, and needs memory for each repetition. So each repetition has an upper bound, and a
# longer text is matched in several pieces.
_PIECE = rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))'
# The groups around these repetitions are atomic, not possessive. Up to Python 3.11.4 (Debian 12 has 3.11.2), a
# possessive repetition of a group does not restore its position if an iteration fails halfway: "0e" would be a number.
_STRING = rb'"(?>' + _PIECE + rb'{0,1000})"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?>(?:\.[0-9]++)?)(?>(?:[eE][+-]?[0-9]++)?)"
_SCALAR = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null)"
_NAME = _SPACE + rb"(" + _STRING + rb")" + _SPACE + rb":" + _SPACE

_SKIP_SPACE = re.compile(_SPACE)
_MATCH_SCALAR = re.compile(_SCALAR)
_MATCH_NAME = re.compile(_NAME)
_MATCH_COLON = re.compile(_SPACE + rb":" + _SPACE)
_MATCH_PIECES = re.compile(rb"(?>" + _PIECE + rb"{1,1000})")
_MATCH_COMMA = re.compile(_SPACE + rb"," + _SPACE)
_CLOSE_OBJECT = re.compile(_SPACE + rb"\}")
_CLOSE_ARRAY = re.compile(_SPACE + rb"\]")
# One match takes a run of scalar members or elements.
_SCALAR_MEMBERS = re.compile(
    rb"(?>(?:" + _SPACE + rb"," + _SPACE + _STRING + _SPACE + rb":" + _SPACE + _SCALAR + rb"){0,500})"
)
_SCALAR_ELEMENTS = re.compile(rb"(?>(?:" + _SPACE + rb"," + _SPACE + _SCALAR + rb"){0,500})")
# Arrays whose first element is an array: all opening brackets except the innermost.
_NESTED_ARRAYS = re.compile(rb"(?>(?:\[" + _SPACE + rb"(?=\[)){1,1000})")

LOOSE_STRING = rb'"(?:[^"\\]++|\\.)*+"'
"""A string from quote to quote, valid or not; use with re.DOTALL."""
# These two are possessive, because an atomic group would need memory for each iteration. An iteration of theirs fails
# halfway only at the end of the text, and there is no match from there on.
_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:%s[^"{}\[\]]*+)*+([{}\[\]])' % LOOSE_STRING, re.DOTALL)

_any_value = msgspec.json.Decoder(msgspec.Raw).decode

_OBJECT, _ARRAY, _QUOTE = b"{"[0], b"["[0], b'"'[0]


class JsonFault(ValueError):
    """The text is not JSON from byte `position` on. The message says what was expected at that byte."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


def find_fault(text: Buffer) -> JsonFault | None:
    """The reason why a text is not exactly one JSON value with white space around it; None if the text is such a
    value."""
    try:
        _any_value(text)
    except (msgspec.MsgspecError, RecursionError):
        pass  # broken JSON, or JSON that only the scanner can read: the scanner decides
    else:
        return None
    try:
        end = skip_space(text, skip_value(text, skip_space(text, 0)))
    except JsonFault as fault:
        return fault
    return JsonFault(end, "the JSON text is over, but more follows") if end < len(text) else None


def skip_space(text: Buffer, position: int) -> int:
    """The position after any white space."""
    match = _SKIP_SPACE.match(text, position)
    assert match is not None
    return match.end()


def skip_value(text: Buffer, position: int) -> int:
    """The position just after the value that begins at `position`, at any depth; raises JsonFault."""
    stack = bytearray()
    while True:
        position, opened = _enter_value(text, position)
        if opened:
            stack += opened
            continue
        while stack:
            plain = _SCALAR_MEMBERS if stack[-1] == _OBJECT else _SCALAR_ELEMENTS
            match = plain.match(text, position)
            position = match.end() if match else position
            position, closed = _leave_value(text, position, stack[-1])
            if not closed:
                break
            stack.pop()
        else:
            return position


def _enter_value(text: Buffer, position: int) -> tuple[int, bytes]:
    """Read a whole scalar or a whole empty container. Of another container, read the opening bracket, up to the
    container's first value.

    Returns the position after the text read, and the opened brackets. Arrays whose first element is an array give more
    than one bracket.
    """
    match = _MATCH_SCALAR.match(text, position)
    if match:
        return match.end(), b""
    first = text[position] if position < len(text) else 0
    if first == _OBJECT:
        closing = _CLOSE_OBJECT.match(text, position + 1)
        return (closing.end(), b"") if closing else (_read_name(text, position + 1)[1], b"{")
    if first == _ARRAY:
        closing = _CLOSE_ARRAY.match(text, position + 1)
        if closing:
            return closing.end(), b""
        run = _NESTED_ARRAYS.match(text, position)
        if run:
            return run.end(), b"[" * run[0].count(b"[")
        return skip_space(text, position + 1), b"["
    if first == _QUOTE:
        return _skip_string(text, position), b""
    raise _explain(text, position, "a value")


def _leave_value(text: Buffer, position: int, container: int) -> tuple[int, bool]:
    """Read on after a value: to the next value of the container (False), or past the end of the container (True)."""
    closing = (_CLOSE_OBJECT if container == _OBJECT else _CLOSE_ARRAY).match(text, position)
    if closing:
        return closing.end(), True
    comma = _MATCH_COMMA.match(text, position)
    if comma is None:
        expected = "a comma or }" if container == _OBJECT else "a comma or ]"
        raise _explain(text, skip_space(text, position), expected)
    return (_read_name(text, comma.end())[1] if container == _OBJECT else comma.end()), False


def _read_name(text: Buffer, position: int) -> tuple[bytes, int]:
    match = _MATCH_NAME.match(text, position)
    if match:
        return match[1], match.end()
    start = skip_space(text, position)
    if text[start : start + 1] == b'"':
        end = _skip_string(text, start)
        colon = _MATCH_COLON.match(text, end)
        if colon:
            return bytes(text[start:end]), colon.end()
    raise _explain(text, start, "a member's name in quotes and a colon")


def _skip_string(text: Buffer, position: int) -> int:
    """The position after the string that begins at `position`, of any length; raises JsonFault."""
    end = _run_string(text, position)
    if text[end : end + 1] != b'"':
        raise _explain(text, position, "a value")
    return end + 1


def _run_string(text: Buffer, position: int) -> int:
    """The position of the closing quote of the string that begins at `position`, or of the byte at which the string
    breaks or ends."""
    end = position + 1
    while match := _MATCH_PIECES.match(text, end):
        end = match.end()
    return end


def _explain(text: Buffer, position: int, expected: str) -> JsonFault:
    """The fault at `position`. Inside a broken string, the fault is at the byte that breaks the string."""
    if text[position : position + 1] == b'"':
        end = _run_string(text, position)
        if end >= len(text):
            return JsonFault(end, "the text ends inside a string")
        if text[end] != _QUOTE:
            return JsonFault(end, "a string has a raw control character or a broken escape here")
        position = skip_space(text, end + 1)
    if position >= len(text):
        return JsonFault(position, f"the text ends where {expected} is expected")
    return JsonFault(position, f"{expected} is expected here")


def walk_object(text: Buffer, position: int, take: Callable[[bytes, int], int]) -> int:
    """Walk through the object that begins at `position`; returns the position after the object. Raises JsonFault.

    `take(name, start)` gets each member's name as written, in quotes, and must return the position of the end of the
    member's value.
    """
    closing = _CLOSE_OBJECT.match(text, position + 1)
    if closing:
        return closing.end()
    name, start = _read_name(text, position + 1)
    while True:
        end = take(name, start)
        closing = _CLOSE_OBJECT.match(text, end)
        if closing:
            return closing.end()
        comma = _MATCH_COMMA.match(text, end)
        if comma is None:
            raise _explain(text, skip_space(text, end), "a comma or }")
        name, start = _read_name(text, comma.end())


def walk_array(text: Buffer, position: int, take: Callable[[int], int]) -> int:
    """Walk through the array that begins at `position`; returns the position after the array. Raises JsonFault.

    `take(start)` gets the position of each element and must return the position of the element's end.
    """
    closing = _CLOSE_ARRAY.match(text, position + 1)
    if closing:
        return closing.end()
    start, closed = skip_space(text, position + 1), False
    while not closed:
        start, closed = _leave_value(text, take(start), _ARRAY)
    return start


def split_object(text: bytes) -> dict[str, bytes]:
    """The members of an object, each value as its own bytes. If a member is repeated, the last value counts. Raises
    JsonFault."""
    members: dict[str, bytes] = {}

    def take(name: bytes, start: int) -> int:
        end = skip_value(text, start)
        members[json.loads(name)] = text[start:end]
        return end

    walk_object(text, skip_space(text, 0), take)
    return members


def split_array(text: bytes) -> list[bytes]:
    """The elements of an array, each as its own bytes. Raises JsonFault."""
    elements: list[bytes] = []

    def take(start: int) -> int:
        end = skip_value(text, start)
        elements.append(text[start:end])
        return end

    walk_array(text, skip_space(text, 0), take)
    return elements


def skip_brackets(text: Buffer, position: int, depth: int) -> tuple[int, int]:
    """Read on from `position`, which is inside `depth` brackets, until all brackets are closed or the text has no more
    of them.

    Returns the position after the last bracket, and the number of brackets that are open there. Only brackets and
    quotes are examined, so a broken value has an end, too.
    """
    while match := _BRACKET.match(text, position):
        depth += 1 if match[1] in (b"{", b"[") else -1
        position = match.end()
        if depth <= 0:
            break
    return position, depth
