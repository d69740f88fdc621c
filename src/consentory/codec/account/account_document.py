"""The account document (account.md, "Configuration"): read with all faults at once, compared, given back.

Reading walks PyYAML's node tree, which knows the lines, along the types of `domain/configuration.py`,
which are the only place where keys, types and defaults stand. JSON is read as the YAML that it is.
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
    """A document that was read. `lines`: JSON path to line (1-based) of every value. `source` names it in messages."""

    configuration: Configuration
    lines: Mapping[str, int]
    source: str


def read_account_document(data: bytes, *, source: str) -> AccountDocument:
    """The configuration that a YAML or JSON document describes. Reading is slow: read a document once.

    `source` names the document in messages: a file's name, or "the request body".
    Raises AccountDocumentInvalid with every fault and its line; where the text is not YAML at all,
    with the first place that is not.
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
    """What applying `new` to an account that has `old` (None: no account yet) comes to.

    The result's `configuration` is what to store: what `new` leaves out of `old` stays, switched off,
    after what `new` has; names stay as `old` spells them, and as
    `earlier` revisions did. Its `lines` are the difference for people, empty when
    there is none.
    Raises AccountDocumentInvalid where proof would change (text, expiration or order of consent versions
    already applied) or clientId differs; `source` and `lines` (of the document) only tell where.
    """
    log = FaultLog(source, lines)
    change = merge_configurations(old, earlier, new, log)
    log.raise_any()
    return change


def render_configuration(configuration: Configuration) -> bytes:
    """JSON as GET gives it: camelCase, defaults left out. It may be sent back as it is."""
    return msgspec.json.encode(_simple(configuration))


def render_yaml(configuration: Configuration) -> bytes:
    """The same document as YAML; it may be applied as it is."""
    document = _simple(configuration)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110, encoding="utf-8")


def text_hashes(configuration: Configuration) -> list[tuple[str, str, str, str]]:
    """(consent type, version, locale, SHA-256 in hex of the text's UTF-8) of every text, in document order."""
    return [
        (item.name, version.version, locale, hashlib.sha256(text.encode()).hexdigest())
        for item in configuration.consent_types
        for version in item.versions
        for locale, text in version.texts.items()
    ]


def _simple(value: Any) -> Any:
    """Structs as mappings without what is the default, whole floats as integers (25, not 25.0), as people write.

    By equality: msgspec's own `omit_defaults` compares texts by identity, and would give out some defaults.
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
