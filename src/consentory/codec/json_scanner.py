"""A strict JSON reader that only finds where values begin and end. It never recurses and never converts.

msgspec reads nearly every body. This module reads the JSON that msgspec refuses (lone surrogates, deep nesting), and
names the byte at which a text stops being JSON. At its end a reader of brackets alone, for text that may be broken.
Text is bytes of valid UTF-8; positions count bytes from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import msgspec

Buffer = bytes | memoryview

_SPACE = rb"[ \t\r\n]*+"
# A match keeps the interpreter to itself, and memory for each repetition: so none repeats without end, and what
# is longer is taken in several.
_PIECE = rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))'
# Atomic groups around such repetitions, not possessive ones: up to Python 3.11.4 a possessive repetition of a group
# does not give back its place when an iteration stops short.
_STRING = rb'"(?>' + _PIECE + rb'{0,1000})"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
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
# Runs of plain members or elements are taken in one match.
_SCALAR_MEMBERS = re.compile(
    rb"(?>(?:" + _SPACE + rb"," + _SPACE + _STRING + _SPACE + rb":" + _SPACE + _SCALAR + rb"){0,500})"
)
_SCALAR_ELEMENTS = re.compile(rb"(?>(?:" + _SPACE + rb"," + _SPACE + _SCALAR + rb"){0,500})")
# Arrays that begin with an array, all but the innermost.
_NESTED_ARRAYS = re.compile(rb"(?>(?:\[" + _SPACE + rb"(?=\[)){1,1000})")

LOOSE_STRING = rb'"(?:[^"\\]++|\\.)*+"'
"""A string as its quotes say, broken or not; with re.DOTALL."""
_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:%s[^"{}\[\]]*+)*+([{}\[\]])' % LOOSE_STRING, re.DOTALL)

_any_value = msgspec.json.Decoder(msgspec.Raw).decode

_OBJECT, _ARRAY, _QUOTE = b"{"[0], b"["[0], b'"'[0]


class JsonFault(ValueError):
    """The text is not JSON from byte `position` on; the message says what was expected there."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


def find_fault(text: Buffer) -> JsonFault | None:
    """Why a text is not one JSON value with white space around it; None for a text that is one."""
    try:
        _any_value(text)
    except (msgspec.MsgspecError, RecursionError):
        pass  # Broken, or JSON that only the scanner can read: it decides.
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
    """The position just after the value that begins at `position`; raises JsonFault. Any depth."""
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
    """Take a scalar or an empty container whole; of another container its opening, up to its first value.

    The position after it, and the brackets that were opened: more than one where arrays begin with arrays.
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
    """After a value: go to the next one of its container (False), or past the container's end (True)."""
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
    """Where the string that begins at `position` has its closing quote, or else breaks or is cut off."""
    end = position + 1
    while match := _MATCH_PIECES.match(text, end):
        end = match.end()
    return end


def _explain(text: Buffer, position: int, expected: str) -> JsonFault:
    """The fault at `position`; inside a broken string, at the byte that breaks it."""
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
    """Go through the object that begins at `position`; the position after it. Raises JsonFault.

    `take(name, start)` gets each member's name as written, in quotes, and must return its value's end.
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
    """Go through the array that begins at `position`; the position after it. Raises JsonFault.

    `take(start)` gets where each element begins and must return its end.
    """
    closing = _CLOSE_ARRAY.match(text, position + 1)
    if closing:
        return closing.end()
    start, closed = skip_space(text, position + 1), False
    while not closed:
        start, closed = _leave_value(text, take(start), _ARRAY)
    return start


def split_object(text: bytes) -> dict[str, bytes]:
    """The value of each member of an object, as its own bytes; of a repeated member the last. Raises JsonFault."""
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
    """Go on from `position`, which is inside so many brackets, until all are closed or the text has no more of them.

    The position after the last bracket, and how many are open there. Nothing but brackets and quotes is looked at, so a
    broken value has an end too.
    """
    while match := _BRACKET.match(text, position):
        depth += 1 if match[1] in (b"{", b"[") else -1
        position = match.end()
        if depth <= 0:
            break
    return position, depth
