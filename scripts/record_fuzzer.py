"""A coverage-guided fuzzer of decode, validate and merge; `scripts/fuzz` runs it where atheris is installed.

An input is the body of a Stage call. `check_body` says what must hold for every input. The fuzzer
writes an input that breaks this to a file. Give the file as the only argument to try the input again.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["consentory.codec", "consentory.domain"]):
    from record_cases import ACCOUNTS, ACME, STAGED_AT, make_validator

    from consentory.codec.answers.exceptions_answer import render_exception
    from consentory.codec.record.fault_codes import FAULT_CODES
    from consentory.codec.record.wire_record import WireRecord
    from consentory.codec.staging.batch_body import split_batch
    from consentory.codec.staging.staged_block import decode_record, pack_work, unpack_work
    from consentory.domain.imports import ImportSettings
    from consentory.domain.merge import merge
    from consentory.domain.merge_state import MergeContext
    from consentory.domain.record import Record
    from consentory.errors import RequestRefused

import msgspec

SETTINGS = [
    ImportSettings(name="fuzz"),
    ImportSettings(name="fuzz", match_type="CRM"),
    ImportSettings(name="fuzz", match_type="CRM", action="Delete"),
]
VALIDATORS = [make_validator(match_type=item.match_type, action=item.action) for item in SETTINGS]
NOW = int(STAGED_AT.timestamp() * 1_000_000)
CODES = {fault.code for fault in FAULT_CODES}
STRANGE: list[Any] = [
    None, True, 0, 1, 2, -1, 1.0, 1.5, 2**63, -(2**70), 1e308, "", " ", "\0", "\ud800", "x" * 300, "2026-03-01",
    "2026-13-01", "2999-01-01T00:00:00Z", "2026-03-08T02:30", "OptIn", "Granted", "CRM", "Home", "+12025550143",
    "a@example.com", "\u202e", "e\u0301", [], {}, [None], [[]], [{}], [{}] * 101, {"Nope": 1},
]  # fmt: skip


def is_json(body: bytes) -> bool | None:
    """The answer of Python's own reader to the text; None where the reader gives up."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(body.decode("utf-8-sig"), parse_constant=refuse)
    except RecursionError:
        return None
    except ValueError as error:
        return None if "digits" in str(error) else False
    return True


def check_body(body: bytes) -> None:
    """A body that is not JSON stages no record. Each record is accepted or refused, and applied twice if accepted."""
    for media in ("json", "ndjson"):
        try:
            records = split_batch(body, media)
        except RequestRefused as refusal:
            if refusal.kind != "invalid":
                raise
            broken = refusal.code in ("Request.MalformedJson", "Request.NotUtf8")
            if broken and media == "json" and is_json(body):
                raise
            continue
        assert media == "ndjson" or is_json(body) is not False, "what is no JSON was taken"
        for raw in list(records)[:20]:
            for settings, validator in zip(SETTINGS, VALIDATORS, strict=True):
                check_record(bytes(raw), settings, validator.validate(raw))


def check_record(raw: bytes, settings: ImportSettings, result: Any) -> None:
    """A record is accepted, or has documented faults and comes back with them as JSON."""
    if isinstance(result, Record):
        ((_, encoded),) = unpack_work(pack_work([(0, result)]))
        same = decode_record(encoded)
        assert same == result
        if settings.action == "Add":
            check_merge(result, settings)
        return
    assert result
    for fault in result:
        assert fault.Code in CODES, fault
        assert fault.Message, fault
        assert fault.Path.startswith("$"), fault
    shown = json.loads(render_exception(raw, 1, "Stage", result))
    assert shown["SequenceNumber"] == 1
    assert len(shown["Exceptions"]) == len(result)


def check_merge(record: Record, settings: ImportSettings) -> None:
    """A record that made a new person and was applied whole changes nothing the second time."""
    context = MergeContext(ACME, settings, NOW, NOW, {})
    first = merge(1, None, record, context)
    if first.outcome == "Created" and not first.not_honored:
        again = merge(1, first.body, record, context)
        assert again.outcome == "Unchanged", (again.outcome, again.not_honored)


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in items for place in list_places(inner, (*path, step)))]


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change bytes of the input, or a value of its JSON, each half of the time."""
    chance = random.Random(seed)
    try:
        tree = json.loads(data)
        places = list_places(tree)[1:]
    except (ValueError, RecursionError):
        places = []
    if not places or chance.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    path = chance.choice(places)
    target = tree
    for step in path[:-1]:
        target = target[step]
    match chance.randrange(4):
        case 0 if isinstance(target, dict):
            del target[path[-1]]
        case 1 if isinstance(target, list):
            target.append(target[path[-1]])
        case 2 if isinstance(target, dict):
            target[chance.choice(NAMES)] = target[path[-1]]
        case _:
            target[path[-1]] = chance.choice(STRANGE)
    return json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")[:max_size]


def list_names(struct: type[msgspec.Struct]) -> set[str]:
    """The members of the record and of its elements."""
    names: set[str] = set()
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[union-attr]
        names.add(field.encode_name)
        for part in getattr(field.type, "types", (field.type,)):
            inner = getattr(part, "item_type", part)
            if isinstance(inner, msgspec.inspect.StructType) and inner.cls is not struct:
                names |= list_names(inner.cls)
    return names


NAMES = sorted(list_names(WireRecord))


def write_corpus(folder: Path) -> None:
    """The first bodies, from the account of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = (ACCOUNTS / "batch.json").read_bytes()
    (folder / "batch").write_bytes(batch)
    for number, record in enumerate(json.loads(batch)["UserProfilePreferences"]):
        body = json.dumps({"UserProfilePreferences": [record]}, ensure_ascii=False).encode()
        (folder / f"record-{number}").write_bytes(body)
        (folder / f"line-{number}").write_bytes(json.dumps(record).encode())
    (folder / "empty").write_bytes(b'{"UserProfilePreferences":[]}')


def main() -> None:
    """`record_fuzzer.py CORPUS [libFuzzer's options]`, or a file of an input to try again."""
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-") and not Path(sys.argv[1]).is_file():
        write_corpus(Path(sys.argv[1]))
    atheris.Setup(sys.argv, check_body, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
