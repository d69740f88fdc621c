"""The account document (account.md, "Configuration"): read it with all faults at once, compare it, render it.

The reader walks PyYAML's node tree, which knows the lines, along the types of `domain/configuration.py`. Only these
types define keys, value types and defaults. JSON is read as YAML, because JSON is valid YAML.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import yaml

from consentory.codec.account.account_difference import ConfigurationChange, is_change, merge_configurations
from consentory.codec.account.account_faults import AccountDocumentInvalid, DocumentFault, FaultLog
from consentory.codec.account.account_nodes import NodeReader, compose_document
from consentory.codec.account.account_rules import check_configuration
from consentory.domain.configuration import Configuration, Item

__all__ = [
    "AccountDocument",
    "AccountDocumentInvalid",
    "ConfigurationChange",
    "DocumentFault",
    "compare_configurations",
    "is_change",
    "read_account_document",
    "render_configuration",
    "render_yaml",
    "text_hashes",
]


class AccountDocument(NamedTuple):
    """A document that was read. `lines` maps the JSON path of every value to its line (from 1). `source` names the
    document in messages."""

    configuration: Configuration
    lines: Mapping[str, int]
    source: str


def read_account_document(data: bytes, *, source: str) -> AccountDocument:
    """The configuration in a YAML or JSON document. Reading is slow, so read a document only once.

    `source` names the document in messages: a file's name, or "the request body". Raises AccountDocumentInvalid with
    every fault and its line. If the text is not YAML, the error has only the first place that is not YAML.
    """
    log = FaultLog(source)
    configuration = NodeReader(log).read_root(compose_document(data, source), Configuration)
    check_configuration(configuration, log)
    log.raise_any()
    return AccountDocument(configuration, log.lines, source)


def compare_configurations(
    old: Configuration | None,
    new: Configuration,
    *,
    earlier: Sequence[Configuration] = (),
    source: str = "configuration",
    lines: Mapping[str, int] | None = None,
) -> ConfigurationChange:
    """The change when `new` is applied to an account that has `old` (None: there is no account yet).

    The `configuration` of the result is the configuration to store. Items of `old` that `new` leaves out stay, switched
    off, after the items of `new`. Names keep the spelling of `old` and of `earlier` revisions. The `lines` of the
    result are the difference for people, empty if there is no difference.

    Raises AccountDocumentInvalid if evidence would change (text, expiration or order of applied consent versions), or
    if the clientId differs. `source` and `lines` (of the document) are used only in messages.
    """
    log = FaultLog(source, lines)
    change = merge_configurations(old, earlier, new, log)
    log.raise_any()
    return change


def render_configuration(configuration: Configuration) -> bytes:
    """JSON in the form of the GET answer: camelCase, without default values. A client may send it back unchanged."""
    return msgspec.json.encode(_simple(configuration))


def render_yaml(configuration: Configuration) -> bytes:
    """The same document as YAML. A client may apply it unchanged."""
    document = _simple(configuration)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110, encoding="utf-8")


def text_hashes(configuration: Configuration) -> list[tuple[str, str, str, str]]:
    """(consent type, version, locale, SHA-256 in hex of the text's UTF-8) for every text, in the order of the
    document."""
    return [
        (item.name, version.version, locale, hashlib.sha256(text.encode()).hexdigest())
        for item in configuration.consent_types
        for version in item.versions
        for locale, text in version.texts.items()
    ]


def _simple(value: Any) -> Any:
    """Structs as mappings without default values, whole floats as integers (25, not 25.0), as people write them.

    Defaults are compared by equality. msgspec's own `omit_defaults` compares texts by identity and would render some
    defaults.
    """
    if isinstance(value, Item):
        given = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return {field.encode_name: _simple(item) for field, item in given if not _is_default(field, item)}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _simple(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_simple(item) for item in value]
    return value


def _is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return not field.required and bool(value == field.default)
