"""Read YAML nodes into the structs of the configuration, by the types of the structs, with the line of every fault.

YAML 1.1 guesses a type from the look of an unquoted word (`no`, `1.0`, `2026-01-01`, `010`, `1:30`). This reader does
not guess: the wanted type decides, and a text that YAML would read as another type must be quoted.
"""

from __future__ import annotations

import re
from datetime import date
from difflib import get_close_matches
from math import isfinite
from typing import Any, TypeVar
from unicodedata import category

import msgspec
import yaml
from msgspec import inspect

from consentory.codec.account.account_faults import AccountDocumentInvalid, DocumentFault, FaultLog

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 200_000
"""Largest number of values in a document. A value counts once for each alias that repeats it. This limit stops a
"billion laughs"."""

_TAG = "tag:yaml.org,2002:"
_GUESSED = {"bool": "a boolean", "int": "a number", "float": "a number", "timestamp": "a date"}
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUTH: dict[str, bool] = yaml.SafeLoader.bool_values
_NOTHING: Any = object()
StructT = TypeVar("StructT", bound=msgspec.Struct)


class _Composer(yaml.SafeLoader):
    """Composes nodes only to a limited depth. No Python object is constructed from the nodes."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_DEPTH} levels deep", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose_document(data: bytes, source: str) -> yaml.Node:
    """The root node of a YAML or JSON text; raises AccountDocumentInvalid if the text is neither."""
    if len(data) > MAX_BYTES:
        raise _malformed(source, None, f"the document is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _malformed(source, line, f"not UTF-8 at byte {error.start + 1}") from None
    if "\t" in text and _is_json(text):
        # JSON allows a tab between values, YAML does not. Inside its strings, JSON has no raw tab.
        text = text.replace("\t", " ")
    try:
        node = yaml.compose(text, _Composer)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        message = error.problem or "not YAML"
        raise _malformed(source, place.line + 1 if place else None, message) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _malformed(source, line, "a character that YAML does not allow") from None
    if node is None:
        raise _malformed(source, 1, "the document is empty")
    return node


class NodeReader:
    """Reads nodes by type. Faults are added to the log. A value that could not be read gets a placeholder, so that
    reading continues."""

    def __init__(self, log: FaultLog) -> None:
        self._log = log
        self._values = 0

    def read_root(self, node: yaml.Node, cls: type[StructT]) -> StructT:
        """The whole document as `cls`. Faults of single values are not raised; they are in the log."""
        kind = inspect.type_info(cls)
        self._log.lines["$"] = _line(node)
        root: StructT = self._or_blank(self._read(node, kind, "$"), kind)
        return root

    def _read(self, node: yaml.Node, kind: inspect.Type, path: str) -> Any:
        """The node as a value of this type; _NOTHING if the node does not fit."""
        self._values += 1
        if self._values > MAX_VALUES:
            message = f"more than {MAX_VALUES} values (aliases count each time); is this an account?"
            raise _malformed(self._log.source, _line(node), message)
        match kind:
            case inspect.UnionType():
                return self._read(node, _choose(node, kind), path)
            case inspect.StructType():
                return self._read_struct(node, kind, path)
            case inspect.DictType():
                return self._read_dict(node, kind, path)
            case inspect.VarTupleType():
                return self._read_list(node, kind, path)
            case inspect.BoolType():
                return self._read_truth(node, path)
            case inspect.IntType() | inspect.FloatType():
                return self._read_number(node, path, whole=isinstance(kind, inspect.IntType))
            case inspect.LiteralType():
                return self._read_choice(node, kind, path)
            case inspect.DateType():
                return self._read_day(node, path)
            case _:
                return self._read_text(node, path)

    def _read_struct(self, node: yaml.Node, kind: inspect.StructType, path: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(path, "a mapping of keys to values", node)
        fields = {field.encode_name: field for field in kind.fields}
        given: dict[str, Any] = {}
        for key, (key_node, value_node) in self._members(node, path).items():
            place = f"{path}.{key}"
            field = fields.get(key)
            if field is None:
                self._refuse_key(place, key, key_node, fields)
            elif _is_null(value_node) and (not field.required or _takes_null(field.type)):
                continue
            else:
                value = self._read(value_node, field.type, place)
                if value is not _NOTHING:
                    given[field.name] = value
        for field in kind.fields:
            place = f"{path}.{field.encode_name}"
            if field.required and field.name not in given:
                if not self._log.is_broken(place):
                    self._log.refuse_unread(place, "Missing", f"{field.encode_name} is required")
                given[field.name] = _blank(field.type)
        return kind.cls(**given)

    def _refuse_key(self, path: str, key: str, node: yaml.Node, known: dict[str, inspect.Field]) -> None:
        near = get_close_matches(key, known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"the known keys are {', '.join(known)}"
        self._log.lines[path] = _line(node)
        self._log.refuse_unread(path, "UnknownKey", f"unknown key {_shorten(key)}: {advice}")

    def _members(self, node: yaml.MappingNode, path: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Maps each key to the node of the key and the node of the value. Refuses keys that are not text, and repeated
        keys (the first counts)."""
        members: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            place = f"{path}.{_shorten(str(key_node.value)) if _is_scalar(key_node) else '?'}"
            key = self._read_text(key_node, place, what="key")
            if key is _NOTHING:
                continue
            if key in members:
                first = _line(members[key][0])
                self._log.lines[f"{path}.{key} again"] = _line(key_node)
                self._log.refuse_unread(
                    f"{path}.{key} again", "RepeatedKey", f"line {first} has the key {_shorten(key)} already"
                )
                continue
            members[key] = (key_node, value_node)
            self._log.lines[f"{path}.{key}"] = _line(key_node)
        return members

    def _read_dict(self, node: yaml.Node, kind: inspect.DictType, path: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(path, "a mapping of keys to values", node)
        return {
            key: self._or_blank(self._read(value_node, kind.value_type, f"{path}.{key}"), kind.value_type)
            for key, (_, value_node) in self._members(node, path).items()
        }

    def _read_list(self, node: yaml.Node, kind: inspect.VarTupleType, path: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._wrong(path, "a list", node)
        items = []
        for place, item in enumerate(node.value):
            self._log.lines[f"{path}[{place}]"] = _line(item)
            # A placeholder keeps the position, so that the paths of later elements stay the paths of the document.
            items.append(self._or_blank(self._read(item, kind.item_type, f"{path}[{place}]"), kind.item_type))
        return tuple(items)

    def _read_truth(self, node: yaml.Node, path: str) -> Any:
        if _is_scalar(node) and node.tag == f"{_TAG}bool" and node.value.lower() in _TRUTH:
            return _TRUTH[node.value.lower()]
        return self._wrong(path, "true or false", node)

    def _read_number(self, node: yaml.Node, path: str, *, whole: bool) -> Any:
        wanted = "a whole number" if whole else "a number"
        text = node.value if _is_scalar(node) and len(node.value) <= 30 else ""
        if node.tag == f"{_TAG}str" and getattr(node, "style", None) is not None:
            return self._wrong(path, f"{wanted} without quotes", node)
        if not _NUMBER.fullmatch(text) or not isfinite(float(text)):
            return self._wrong(path, wanted, node)
        number = float(text)
        if not whole:
            return number
        return int(number) if number.is_integer() and abs(number) < 2**53 else self._wrong(path, wanted, node)

    def _read_choice(self, node: yaml.Node, kind: inspect.LiteralType, path: str) -> Any:
        wanted = f"one of {', '.join(map(str, kind.values))}"
        if not _is_scalar(node) or node.value not in kind.values:
            return self._wrong(path, wanted, node)
        return node.value

    def _read_day(self, node: yaml.Node, path: str) -> Any:
        """A calendar day, quoted or not."""
        day = node.value if _is_scalar(node) and _DAY.fullmatch(node.value) else ""
        try:
            return date.fromisoformat(day)
        except ValueError:
            return self._wrong(path, "a day of the calendar, YYYY-MM-DD", node)

    def _read_text(self, node: yaml.Node, path: str, *, what: str = "value") -> Any:
        self._log.lines.setdefault(path, _line(node))
        if not _is_scalar(node) or _is_null(node):
            return self._wrong(path, "a text", node)
        guessed = _GUESSED.get(node.tag.removeprefix(_TAG))
        if guessed is not None:
            # The value is kept in spite of the fault, so that a reference to this name is not a second fault.
            message = f'YAML reads this {what} as {guessed}. Quote it: "{_shorten(node.value, quote=False)}"'
            self._log.refuse_unread(path, "QuoteIt", message)
            return node.value
        if node.tag not in (f"{_TAG}str", f"{_TAG}value", f"{_TAG}merge"):
            return self._wrong(path, "a text", node)
        return self._check_characters(node.value, path)

    def _check_characters(self, text: str, path: str) -> Any:
        try:
            # JSON writes a character above U+FFFF as two escapes, and YAML reads them as two surrogates.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._log.refuse_unread(path, "NotUnicode", "half of a surrogate pair is not a character")
            return _NOTHING
        if not text.strip():
            self._log.refuse_unread(path, "Blank", "must not be blank. Leave the key out, or give a text")
            return _NOTHING
        # Line breaks and tabs are allowed in a consent's text. The rules refuse them in names.
        if any(category(letter) == "Cc" and letter not in "\n\r\t" for letter in text):
            self._log.refuse_unread(path, "ControlCharacter", "has a control character")
            return _NOTHING
        return text

    def _wrong(self, path: str, wanted: str, node: yaml.Node) -> Any:
        self._log.refuse_unread(path, "WrongType", f"must be {wanted}, not {_name_node(node)}")
        return _NOTHING

    @staticmethod
    def _or_blank(value: Any, kind: inspect.Type) -> Any:
        return _blank(kind) if value is _NOTHING else value


def _blank(kind: inspect.Type) -> Any:
    """The placeholder for a required value that is missing or could not be read."""
    match kind:
        case inspect.StructType():
            return kind.cls(**{field.name: _blank(field.type) for field in kind.fields if field.required})
        case inspect.VarTupleType():
            return ()
        case inspect.DictType():
            return {}
        case inspect.LiteralType():
            return kind.values[0]
        case _:
            return ""


def _choose(node: yaml.Node, kind: inspect.UnionType) -> inspect.Type:
    """The alternative that fits the node's shape: a list or one word, a text or a number. For null there is no
    alternative (see `_read_struct`)."""
    types = [item for item in kind.types if not isinstance(item, inspect.NoneType)]
    if len(types) > 1:
        text = next((item for item in types if isinstance(item, inspect.StrType)), None)
        number = next((item for item in types if isinstance(item, inspect.IntType)), None)
        if text is not None and number is not None:
            return text if node.tag == f"{_TAG}str" else number
    lists = [item for item in types if isinstance(item, inspect.VarTupleType)]
    words = [item for item in types if not isinstance(item, inspect.VarTupleType)]
    return lists[0] if lists and (not words or not _is_scalar(node)) else words[0]


def _takes_null(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.UnionType) and kind.includes_none


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _is_null(node: yaml.Node) -> bool:
    return _is_scalar(node) and node.tag == f"{_TAG}null"


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _name_node(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if _is_null(node) else _shorten(node.value)


def _shorten(text: str, *, quote: bool = True) -> str:
    cut = text if len(text) <= 80 else text[:79] + "…"
    return repr(cut) if quote else cut


def _malformed(source: str, line: int | None, message: str) -> AccountDocumentInvalid:
    return AccountDocumentInvalid(source, [DocumentFault(line, "$", "Configuration.Malformed", message)])
