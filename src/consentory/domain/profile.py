"""What is known of a person now: the body of the profile table, and what an application of a record changes.

Bodies are stored as json. Elements of `emails`, `phones` and `addresses` are only ever appended or marked inactive,
never removed, so an index names one for ever (the ledger's `place`).
Times are integers: microseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from consentory.domain.record import Kind

PLACE_LETTER: dict[Kind, str] = {"Email": "E", "Phone": "P", "Address": "A"}


def find_kind(place: str) -> Kind | None:
    """The kind of the contact element that a ledger entry is bound to, None when to the person."""
    return next((kind for kind, letter in PLACE_LETTER.items() if place.startswith(letter)), None)


class Stored(msgspec.Struct, omit_defaults=True, gc=False):
    """What all stored parts share: defaults are left out of the json."""

    if TYPE_CHECKING:

        def __copy__(self) -> Self: ...  # msgspec has it, and its stubs do not say so


class Preference(Stored):
    filter: str
    type: int
    at: int
    entry: int
    """Number of the ledger entry that says who set it, when, and from which import."""
    frequency: str | None = None
    attributes: dict[str, str] | None = None
    expires: int | None = None
    """Opt-In only: fixed when recorded."""
    archived: bool = False
    """Out of force for good; precedence still looks at it."""


class Consent(Stored):
    type: str
    version: str
    locale: str
    status: int
    at: int
    entry: int
    evidence: dict[str, str] | None = None
    expires: int | None = None
    archived: bool = False


ChoiceT = TypeVar("ChoiceT", Preference, Consent)


class AlternateId(Stored):
    type: str
    value: str
    edited: int
    active: bool = True


class Element(Stored):
    """A contact element; `given` holds the wire members of its value in the form first given, and Address2;
    `country` is the alpha-2 code."""

    type: str
    compared: str
    given: dict[str, str]
    edited: int = 0
    active: bool = True
    default: bool = False
    mobile: bool | None = None
    country: str | None = None
    preferences: list[Preference] = []
    consents: list[Consent] = []
    same_as: int | None = None
    """Set where another spelling of the type had made a second element of one: the number of the first, which has all
    of both since. This one is inactive and empty, and keeps its number for the ledger (`domain/spelling.py`)."""


class Group(Stored):
    type: str
    name: str
    edited: int
    primary: bool = False
    active: bool = True


class ProfileState(Stored):
    locale: str
    active: bool = True
    registered: bool = False
    customer_type: str | None = None
    name: dict[str, str] = {}
    alternate_ids: list[AlternateId] = []
    emails: list[Element] = []
    phones: list[Element] = []
    addresses: list[Element] = []
    preferences: list[Preference] = []
    consents: list[Consent] = []
    groups: list[Group] = []
    tags: list[str] = []
    fields: dict[str, str] = {}
    entries: int = 0
    """Ledger entries of this profile so far; the next one's number is one more."""

    def elements(self, kind: Kind) -> list[Element]:
        """The contact elements of one kind, in the order in which they were first added."""
        if kind == "Email":
            return self.emails
        return self.phones if kind == "Phone" else self.addresses


class Profile(msgspec.Struct):
    """A stored profile: its body and the plain columns beside it. Times in microseconds."""

    profile_id: int
    body: ProfileState
    created: int
    modified: int


class TagCounts(msgspec.Struct, frozen=True):
    """Every tag of an account with the number of profiles that have it, by name. `at` in microseconds."""

    at: int
    counts: list[tuple[str, int]]


class LedgerEntry(msgspec.Struct, frozen=True, gc=False):
    """One applied preference or consent, as the ledger keeps it."""

    of: str
    """"P" preference, "C" consent."""
    place: str
    """"" for the person, else kind letter and index: "E0"."""
    at: int
    """When the person chose it."""
    value: dict[str, object]
    """The wire members of the choice, without its date."""


class ContactKey(msgspec.Struct, frozen=True):
    """A way to find a person by an active email or phone."""

    key: bytes
    kind: str
    """"E" or "P"."""
    value: str
    """The compared form."""
