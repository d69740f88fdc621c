"""The mapping document (files.md, "The mapping"): its types, and how it is read from YAML with the line of each fault.

The reader does not guess a type from the look of a word: `yes`, `1` and `2026-01-01` are texts as written, quoted or
not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import yaml
from msgspec import inspect

from consentory.codec.account.account_faults import AccountDocumentInvalid, DocumentFault, FaultLog
from consentory.codec.account.account_nodes import NodeReader, compose_document
from consentory.codec.tabular.table import ReadOptions
from consentory.domain.configuration import Configuration
from consentory.errors import ConsentoryError

IGNORE, NOTHING = "ignore", "nothing"
UNSET = "${"
"""The beginning of the value of a parameter that is required and not given: the parameter as written."""
PRESENT, ABSENT = "present", "absent"

ParameterKind = Literal["text", "emailFilter", "textFilter", "phoneFilter", "alternateIdType", "customField"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of every part of the document."""


class FileForm(_Part, frozen=True):
    """How the file is read. Each member overrides the detected value."""

    encoding: str | None = None
    delimiter: str | None = None
    header: int | None = None
    sheet: str | None = None
    empty: tuple[str, ...] = ()
    """Cells that count as empty, in addition to the empty cell."""


class ColumnRule(_Part, frozen=True):
    """The meaning of one column."""

    to: str | tuple[str, ...] = IGNORE
    values: dict[str, str] = {}
    other_values: Literal["refuse", "keep"] = "refuse"
    time: str | tuple[str, ...] = ()
    split: str | None = None
    strip: str | None = None
    prepend: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets; empty for a column that is ignored."""
        given = (self.to,) if isinstance(self.to, str) else self.to
        return tuple(target for target in given if target != IGNORE)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The forms of a time, tried in order."""
        return (self.time,) if isinstance(self.time, str) else self.time


class Rule(_Part, frozen=True):
    """Sets targets if every condition holds."""

    set: dict[str, str]
    if_: dict[str, str | tuple[str, ...]] = msgspec.field(name="if", default={})


class Parameter(_Part, frozen=True):
    """A name that differs from account to account, written `${name}` in the document."""

    about: str
    kind: ParameterKind = "text"
    default: str | None = None
    optional: bool = False
    """True: without a value, the parts that use the parameter are left out."""


class MappingDocument(_Part, frozen=True):
    about: str = ""
    parameters: dict[str, Parameter] = {}
    file: FileForm = FileForm()
    file_names: dict[str, dict[str, str]] = {}
    """Maps a pattern of the file's name to constants. A file name that fits no pattern stops the import."""
    match: str | None = None
    zone: str | None = None
    columns: dict[str, str | ColumnRule] = {}
    constants: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    other_columns: Literal["stop", "ignore"] = "stop"
    missing_columns: Literal["stop", "ignore"] = "stop"
    required_columns: tuple[str, ...] = ()


class MappingInvalid(ConsentoryError):
    """A mapping cannot be used, and nothing was staged. `faults` holds every fault, in the order of lines.

    The text of the exception is for people: one line `source:line: path: message` for each fault.
    """

    def __init__(self, faults: list[DocumentFault], text: str) -> None:
        self.faults = [
            DocumentFault(fault.line, fault.path, fault.code.replace("Configuration.", "Mapping."), fault.message)
            for fault in faults
        ]
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """A document as it was read. `log` holds the faults so far. They are raised together with faults that are found
    later."""

    document: MappingDocument
    log: FaultLog
    text: bytes
    is_bound: bool = False
    """True if the parameters have their values."""

    @property
    def options(self) -> ReadOptions:
        """The options of the document for reading the file."""
        form = self.document.file
        sheet = int(form.sheet) if form.sheet and form.sheet.isascii() and form.sheet.isdecimal() else form.sheet
        return ReadOptions(encoding=form.encoding, delimiter=form.delimiter, header=form.header, sheet=sheet)

    def raise_any(self) -> None:
        """Raise MappingInvalid if there is any fault."""
        try:
            self.log.raise_any()
        except AccountDocumentInvalid as error:
            raise MappingInvalid(error.faults, str(error)) from None


def read_mapping(data: bytes, source: str) -> TableMapping:
    """Read a document. `source` names the document in messages.

    Raises MappingInvalid only for a text that is not YAML. Other faults stay in the log.
    """
    log = FaultLog(source)
    try:
        document = _MappingReader(log).read_root(compose_document(data, source), MappingDocument)
    except AccountDocumentInvalid as error:
        raise MappingInvalid(error.faults, str(error)) from None
    return TableMapping(document, log, data)


class _MappingReader(NodeReader):
    """Reads texts as written, and a column as a text or as a mapping of keys."""

    def _read(self, node: yaml.Node, kind: inspect.Type, path: str) -> Any:
        if isinstance(kind, inspect.UnionType) and isinstance(node, yaml.MappingNode):
            kind = next((item for item in kind.types if isinstance(item, inspect.StructType)), kind)
        return super()._read(node, kind, path)

    def _read_text(self, node: yaml.Node, path: str, *, what: str = "value") -> Any:
        self._log.lines.setdefault(path, int(node.start_mark.line) + 1)
        if isinstance(node, yaml.ScalarNode) and (node.style is not None or node.value):
            return node.value
        return super()._read_text(node, path, what=what)


# Parameters

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")
_KIND_NAMES: dict[ParameterKind, str] = {
    "text": "",
    "emailFilter": "email filter",
    "textFilter": "text filter",
    "phoneFilter": "phone filter",
    "alternateIdType": "alternate id type",
    "customField": "custom field",
}


def list_candidates(kind: ParameterKind, configuration: Configuration) -> list[str]:
    """The active names of the account that a parameter of this kind can have as its value."""
    if kind == "alternateIdType":
        return [item.name for item in configuration.alternate_id_types if item.active]
    if kind == "customField":
        return [item.name for item in configuration.custom_fields if item.active]
    channel = {"emailFilter": "Email", "textFilter": "Text", "phoneFilter": "Phone"}.get(kind)
    return [
        item.id
        for program in configuration.programs
        for item in program.filters
        if channel and program.active and item.active and item.channel == channel
    ]


def bind_parameters(
    mapping: TableMapping, settings: Mapping[str, str], configuration: Configuration | None
) -> TableMapping:
    """Replace each `${name}` by the given value, or by the default, or by the account's only candidate.

    The parts that use an optional parameter without a value are left out. Faults are added to the log. The text of the
    mapping begins with the values, as comments, so the text documents the whole mapping. A bound mapping stays
    unchanged.
    """
    if mapping.is_bound:
        return mapping
    declared = mapping.document.parameters
    for name in settings.keys() - declared.keys():
        known = ", ".join(declared) or "none"
        mapping.log.refuse(
            "$", "UnknownParameter", f"{name} is not a parameter of this mapping. Its parameters are: {known}"
        )
    values = {
        name: _choose_value(mapping, name, parameter, settings.get(name), configuration)
        for name, parameter in declared.items()
    }
    said = "".join(f"# {name}: {value}\n" for name, value in values.items() if value is not None)
    document = _Binder(values, mapping.log).bind_document(mapping.document)
    return TableMapping(document, mapping.log, said.encode() + mapping.text, is_bound=True)


def _choose_value(
    mapping: TableMapping, name: str, parameter: Parameter, given: str | None, configuration: Configuration | None
) -> str | None:
    if given is not None:
        return given
    candidates = list_candidates(parameter.kind, configuration) if configuration else []
    if parameter.default is not None or parameter.optional:
        return parameter.default
    if len(candidates) == 1:
        return candidates[0]
    known = f" The account has: {', '.join(candidates)}." if candidates else ""
    kind = _KIND_NAMES[parameter.kind] or "value"
    message = f"needs the parameter {name}: {parameter.about} Add --set {name}=… with the {kind}.{known}"
    mapping.log.refuse(f"$.parameters.{name}", "ParameterRequired", message)
    return f"{UNSET}{name}}}"


class _Left(Exception):
    """The text uses an optional parameter that has no value."""


class _Binder:
    """Rewrites the texts of a document. A rewritten key keeps the line of the original key."""

    def __init__(self, values: Mapping[str, str | None], log: FaultLog) -> None:
        self._values = values
        self._log = log

    def bind_document(self, document: MappingDocument) -> MappingDocument:
        columns: dict[str, str | ColumnRule] = self._bind_keys(document.columns, "$.columns", self._bind_column)
        names = self._bind_keys(
            document.file_names, "$.fileNames", lambda item, path: self._bind_keys(item, path, self._bind_text)
        )
        match: str | None = None
        with suppress(_Left):
            match = None if document.match is None else self._bind_text(document.match, "$.match")
        return msgspec.structs.replace(
            document,
            match=match,
            columns=columns,
            file_names=names,
            constants=self._bind_keys(document.constants, "$.constants", self._bind_text),
            rules=tuple(self._bind_rule(rule, f"$.rules[{place}]") for place, rule in enumerate(document.rules)),
            required_columns=self._bind_texts(document.required_columns, "$.requiredColumns"),
        )

    def _bind_keys(self, given: Mapping[str, Any], path: str, bind_value: Any) -> dict[str, Any]:
        bound: dict[str, Any] = {}
        for key, value in given.items():
            try:
                new, bound_value = self._bind_text(key, f"{path}.{key}"), bind_value(value, f"{path}.{key}")
            except _Left:
                continue
            if line := self._log.lines.get(f"{path}.{key}"):
                self._log.lines.setdefault(f"{path}.{new}", line)
            bound[new] = bound_value
        return bound

    def _bind_column(self, rule: str | ColumnRule, path: str) -> str | ColumnRule:
        if isinstance(rule, str):
            return self._bind_text(rule, path)
        given = (rule.to,) if isinstance(rule.to, str) else rule.to
        targets = self._bind_texts(given, path)
        if not targets:
            raise _Left
        return msgspec.structs.replace(
            rule, to=targets, values=self._bind_keys(rule.values, f"{path}.values", self._bind_text)
        )

    def _bind_rule(self, rule: Rule, path: str) -> Rule:
        """A rule with a condition that is left out sets nothing: the rule must not hold more often than it was
        written."""
        conditions = self._bind_keys(rule.if_, f"{path}.if", lambda value, _: value)
        wanted = {} if len(conditions) < len(rule.if_) else rule.set
        return Rule(if_=conditions, set=self._bind_keys(wanted, f"{path}.set", self._bind_text))

    def _bind_texts(self, texts: Iterable[str], path: str) -> tuple[str, ...]:
        bound = []
        for text in texts:
            with suppress(_Left):
                bound.append(self._bind_text(text, path))
        return tuple(bound)

    def _bind_text(self, text: str, path: str) -> str:
        def choose(found: re.Match[str]) -> str:
            name = found[1]
            if name not in self._values:
                self._log.refuse(path, "UnknownParameter", f"${{{name}}} must be one of the parameters of this mapping")
                return name
            value = self._values[name]
            if value is None:
                raise _Left
            return value

        return _PLACEHOLDER.sub(choose, text)
