"""The imports of a crash round, all of one account. Each one changes people of the ones before, or takes one back."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consentory.demo.people import generate_people

GUARD = {"Guard": {"contactElementsAdded": 1}}
"""A limit that an import of people exceeds."""


@dataclass(frozen=True)
class Batch:
    body: bytes
    records: int


@dataclass(frozen=True)
class Load:
    """One import."""

    settings: dict[str, Any]
    batches: list[Batch]
    undo_of: int | None = None
    """The place of the import that this one takes back."""
    most_people: int = 0
    """Of an undo: the records that it has at most."""

    @property
    def is_held(self) -> bool:
        """Whether the guard holds it, until it is released."""
        return "Guard" in self.settings

    @property
    def calls(self) -> int:
        """An Initiate or an Undo, a Stage for each batch, a Preview and an Execute. A held import has a Release as
        well."""
        return len(self.batches) + 3 + self.is_held

    @property
    def records(self) -> int:
        return self.most_people or sum(batch.records for batch in self.batches)


@dataclass(frozen=True)
class Dataset:
    """Imports to be staged and executed in this order. Only an undo waits for the end of the ones before."""

    seed: int
    loads: list[Load]

    @property
    def records(self) -> int:
        return sum(load.records for load in self.loads)

    @property
    def calls(self) -> int:
        """The number of calls that bring it in."""
        return sum(load.calls for load in self.loads)

    def list_undo_calls(self) -> dict[int, str]:
        """By number, the calls that begin to stage, to preview and to execute an undo. The first call has number 1."""
        found, number = {}, 1
        for load in self.loads:
            if load.undo_of is not None:
                found |= {number: "undo staged", number + 1: "undo previewed", number + 2: "undo executed"}
            number += load.calls
        return found


def make_dataset(seed: int, people: int = 300) -> Dataset:
    """A dataset for the account of the demo; about twice as many records as people.

    New people with faults, repeated ones and stolen alternate ids; half of them once more with other contacts;
    and the deletion of some, and of a few who are not there. Of an even seed the guard holds the first import, and the
    others wait for it.
    """
    rng = random.Random(seed)
    by_crm = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    first = [line for line, _ in generate_people(people, seed, 0.03, 0.08)]
    for number in range(people // 20):
        first.insert(rng.randrange(len(first)), _steal_id(number, rng.randrange(people)))
    second = [line for line, _ in generate_people(people // 2, seed + 1, 0.02, 0.05)]
    leaving = rng.sample(range(people + 10), people // 4)
    gone = [_encode({"AlternateIds": [_crm(f"D-{number:07d}")]}) for number in leaving]
    return Dataset(
        seed,
        [
            Load({"Name": "people", **by_crm, **({} if seed % 2 else GUARD)}, _cut(first, 6)),
            Load({"Name": "again", "RefreshContacts": True, "RefreshTags": True, **by_crm}, _cut(second, 3)),
            Load({"Name": "farewell", "ImportAction": "Delete", **by_crm}, _cut(gone, 2)),
        ],
    )


def make_undo_dataset(seed: int, people: int = 200) -> Dataset:
    """A dataset in which imports are taken back, for the account of the demo.

    New people; two thirds of them once more with other contacts, and the undo of that; some of them again; the undo of
    the undo, which keeps these; and the undo of the first import, which deletes the people whom nobody changed.
    """
    by_crm = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    again = {"RefreshContacts": True, "RefreshTags": True, **by_crm}

    def make(name: str, count: int, offset: int, parts: int, settings: dict[str, Any]) -> Load:
        lines = [line for line, _ in generate_people(count, seed + offset, 0.02, 0.05)]
        return Load({"Name": name, **settings}, _cut(lines, parts))

    return Dataset(
        seed,
        [
            make("people", people, 0, 3, by_crm),
            make("wrong", people * 2 // 3, 1, 2, again),
            Load({}, [], undo_of=1, most_people=people * 2 // 3),
            make("between", people // 4, 2, 1, again),
            Load({}, [], undo_of=2, most_people=people * 2 // 3),
            Load({}, [], undo_of=0, most_people=people),
        ],
    )


def _steal_id(number: int, victim: int) -> bytes:
    """A new person with the loyalty id that the victim may have: who comes second is refused in execution."""
    loyalty = {"AlternateIdType": "Loyalty", "AlternateId": f"77{victim:08d}"}
    return _encode({"AlternateIds": [_crm(f"T-{number}"), loyalty], "CustomerName": {"FirstName": "Tay"}})


def _crm(value: str) -> dict[str, str]:
    return {"AlternateIdType": "CRM", "AlternateId": value}


def _encode(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def _cut(lines: Sequence[bytes], parts: int) -> list[Batch]:
    size = -(-len(lines) // parts)
    cuts = [lines[at : at + size] for at in range(0, len(lines), size)]
    return [Batch(b'{"UserProfilePreferences":[' + b",".join(cut) + b"]}", len(cut)) for cut in cuts]
