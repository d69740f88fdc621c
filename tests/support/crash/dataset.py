"""The imports of a crash round: three imports of one account. Each one changes people of the one before."""

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

    @property
    def is_held(self) -> bool:
        """Whether the guard holds it, until it is released."""
        return "Guard" in self.settings

    @property
    def records(self) -> int:
        return sum(batch.records for batch in self.batches)


@dataclass(frozen=True)
class Dataset:
    """Imports to be staged and executed in this order, none waiting for the end of the one before."""

    seed: int
    loads: list[Load]

    @property
    def records(self) -> int:
        return sum(load.records for load in self.loads)

    @property
    def calls(self) -> int:
        """Calls that bring it in: of each import an Initiate, a Stage for each batch, a Preview and an Execute. A held
        import has a Release as well."""
        return sum(len(load.batches) + 3 + load.is_held for load in self.loads)


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
