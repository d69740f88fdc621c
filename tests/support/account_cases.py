"""Cases for the tests of the account document: the example, edits of it, and the result of reading it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from consentory.codec.account.account_document import (
    AccountDocumentInvalid,
    DocumentFault,
    read_account_document,
)
from consentory.domain.configuration import Configuration

ROOT = Path(__file__).parents[1]
ACME = (ROOT / "accounts" / "acme.yaml").read_bytes()
Edit = Callable[[dict[str, Any]], Any]


def acme(*edits: Edit) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(ACME)
    for edit in edits:
        edit(document)
    return document


def read(document: dict[str, Any] | bytes | str) -> Configuration:
    if isinstance(document, dict):
        document = json.dumps(document)
    data = document.encode() if isinstance(document, str) else document
    return read_account_document(data, source="acme.yaml").configuration


def faults(document: dict[str, Any] | bytes | str) -> list[DocumentFault]:
    with pytest.raises(AccountDocumentInvalid) as caught:
        read(document)
    return caught.value.faults


def codes(document: dict[str, Any] | bytes | str) -> set[tuple[str, str]]:
    return {(fault.path, fault.code.removeprefix("Configuration.")) for fault in faults(document)}


def minimal(rest: str = "") -> str:
    return "account: {clientId: A, name: A, locales: [en_US]}\n" + rest


def put(path: str, value: Any) -> Edit:
    """An edit that sets `account.name` or `programs.0.id` of a document; a list one longer than it is grows."""

    def edit(document: dict[str, Any]) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        target: Any = document
        for step in way:
            target = target[step]
        if isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value

    return edit
