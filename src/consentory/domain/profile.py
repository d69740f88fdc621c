"""The current state of a person: the body of the profile table, and the data that an application of a record adds.

Bodies are stored as JSON. Elements of `emails`, `phones` and `addresses` are appended or marked inactive, and never
removed. So the index of an element never changes (the ledger's `place` uses it). Times are integers: microseconds since
1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from consentory.domain.record import KIND_MEMBERS, Kind

PLACE_LETTER: dict[Kind, str] = {"Email": "E", "Phone": "P", "Address": "A"}
_KIND_OF_LETTER = {letter: kind for kind, letter in PLACE_LETTER.items()}
_VALUE_MEMBERS = frozenset(
    ("EmailAddress", "PhoneNumber", "Address1", "Address2", "City", "StateProvince", "PostalCode")
)


def find_kind(place: str) -> Kind | None:
    """The kind of the contact element of a ledger entry; None if the entry belongs to the person."""
    return _KIND_OF_LETTER.get(place[:1])


class Stored(msgspec.Struct, omit_defaults=True, gc=False):
    """The base of all stored parts. The JSON leaves out members that have the default value."""

    if TYPE_CHECKING:

        def __copy__(self) -> Self: ...  # msgspec defines the method, but its type stubs leave the method out


class Preference(Stored):
    filter: str
    type: int
    at: int
    entry: int
    """Number of the ledger entry that says who set the preference, at which time, and by which import."""
    frequency: str | None = None
    attributes: dict[str, str] | None = None
    expires: int | None = None
    """For an Opt-In only. The time is fixed when the Opt-In is recorded."""
    archived: bool = False
    """Out of force for good. Precedence still looks at an archived choice."""


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


def describe_preference(choice: Preference) -> dict[str, object]:
    """The wire members of a preference, without its date, as the ledger keeps them."""
    value: dict[str, object] = {"FilterId": choice.filter, "PreferenceType": choice.type}
    if choice.frequency is not None:
        value["FrequencyId"] = choice.frequency
    if choice.attributes:
        value["PreferenceAttributes"] = [{"Key": key, "Value": text} for key, text in choice.attributes.items()]
    return value


def describe_consent(choice: Consent) -> dict[str, object]:
    """As describe_preference, of a consent."""
    value: dict[str, object] = {
        "ConsentType": choice.type,
        "ConsentVersion": choice.version,
        "Locale": choice.locale,
        "ConsentStatus": choice.status,
    }
    if choice.evidence:
        value["Evidence"] = choice.evidence
    return value


class AlternateId(Stored):
    type: str
    value: str
    edited: int
    active: bool = True


class Element(Stored):
    """A contact element. `given` holds the wire members of the value in the form first given, and Address2; `country`
    is the alpha-2 code."""

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
    """Number of the element that took over the data of this element. Set if two elements differed only in the spelling
    of the type. This element is then inactive and empty, and keeps its number for the ledger (`domain/spelling.py`)."""


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
    """Number of ledger entries of this profile so far. The next entry gets this number plus one."""

    def elements(self, kind: Kind) -> list[Element]:
        """The contact elements of one kind, in the order in which they were first added."""
        if kind == "Email":
            return self.emails
        return self.phones if kind == "Phone" else self.addresses


class Profile(msgspec.Struct):
    """A stored profile: its body and the columns of its row. Times in microseconds."""

    profile_id: int
    body: ProfileState
    created: int
    modified: int


class TagCounts(msgspec.Struct, frozen=True):
    """Every tag of an account with the number of profiles that have the tag, sorted by name. `at` is in
    microseconds."""

    at: int
    counts: list[tuple[str, int]]


class LedgerEntry(msgspec.Struct, frozen=True, gc=False):
    """One applied preference or consent, as the ledger keeps the choice."""

    of: str
    """"P" for a preference, "C" for a consent."""
    place: str
    """"" for the person, else kind letter and index, for example "E0"."""
    at: int
    """Time at which the person chose."""
    value: dict[str, object]
    """The wire members of the choice, without its date."""


class ContactKey(msgspec.Struct, frozen=True):
    """An active email or phone by which a person is found."""

    key: bytes
    kind: str
    """"E" or "P"."""
    value: str
    """The compared form of the email or phone."""


class PlacedElement(msgspec.Struct, gc=False):
    """A contact element without the members that no place names."""

    type: str
    given: dict[str, str]


class PlacedElements(msgspec.Struct, gc=False):
    """The contact elements of a stored state. To decode them takes less time than to decode the whole state."""

    emails: list[PlacedElement] = []
    phones: list[PlacedElement] = []
    addresses: list[PlacedElement] = []

    def elements(self, kind: Kind) -> list[PlacedElement]:
        """As of ProfileState."""
        if kind == "Email":
            return self.emails
        return self.phones if kind == "Phone" else self.addresses


def describe_place(body: ProfileState | PlacedElements, place: str) -> dict[str, Any]:
    """The place of a ledger entry in words of the wire: `Kind`, and of a contact element its type and its value."""
    kind = find_kind(place)
    if kind is None:
        return {"Kind": "Profile"}
    element = body.elements(kind)[int(place[1:])]
    given = {name: text for name, text in element.given.items() if name in _VALUE_MEMBERS}
    return {"Kind": kind, KIND_MEMBERS[kind].type: element.type, **given}
