"""The data that the model stores of one person.

Configured names are stored by their keys (`account_model.fold`), so spelling never makes two items of one. Answers show
the names as the account spells them.
"""

from dataclasses import dataclass, field
from datetime import datetime

from .record_model import PERSON, Place


@dataclass
class AlternateId:
    type: str
    value: str
    active: bool = True


@dataclass
class Element:
    kind: str
    type: str
    values: dict[str, str]
    added: int
    active: bool = True
    default: bool = False
    mobile: bool | None = None
    address2: str = ""
    country: str | None = None


@dataclass
class Group:
    type: str
    name: str
    primary: bool = False
    active: bool = True


@dataclass(frozen=True)
class Preference:
    filter: str
    type: int
    frequency: str | None
    attributes: tuple[tuple[str, str | None], ...]
    date: datetime
    expires: datetime | None
    archived: bool = False


@dataclass(frozen=True)
class Consent:
    type: str
    version: str
    locale: str
    status: int
    evidence: tuple[tuple[str, str], ...]
    date: datetime
    expires: datetime | None
    archived: bool = False


@dataclass
class Profile:
    id: int
    created_by: tuple[int, int]
    created: datetime
    modified: datetime
    locale: str
    customer_type: str | None
    active: bool = True
    confirmed: bool = False
    name: dict[str, str] = field(default_factory=dict)
    alternate_ids: dict[tuple[str, str], AlternateId] = field(default_factory=dict)
    elements: dict[Place, Element] = field(default_factory=dict)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    preferences: dict[tuple[Place, str], Preference] = field(default_factory=dict)
    consents: dict[tuple[Place, str, str], Consent] = field(default_factory=dict)
    added: int = 0

    def of_kind(self, kind: str) -> list[Element]:
        """Elements in the order in which they were added."""
        return sorted((e for e in self.elements.values() if e.kind == kind), key=lambda e: e.added)

    def applies(self, place: Place) -> bool:
        """False for the choices of an inactive profile or element, which are out of force."""
        return self.active and (place == PERSON or self.elements[place].active)
