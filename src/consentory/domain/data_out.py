"""The people that a bulk read selects, and the keys by which a cut stream is continued (docs/data-out.md)."""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from uuid import UUID

import msgspec

from consentory.domain.audience import Contact
from consentory.domain.profile import PLACE_LETTER, Profile, ProfileState
from consentory.domain.text import fold

_KEY = re.compile("([0-9]{1,18})(?::([EPA][0-9]{1,9}))?")
_LETTERS = "".join(PLACE_LETTER.values())


class Selection(msgspec.Struct, frozen=True):
    """The filters of an export or of an audience. None: the filter is not set. Names of the account document are
    spelled as configured; `modified_since` is in microseconds."""

    customer_type: str | None = None
    tag: str | None = None
    group_type: str | None = None
    group_name: str | None = None
    import_id: UUID | None = None
    modified_since: int | None = None
    active: bool | None = None
    filter_id: str | None = None
    """People without a preference of this filter may be left out."""

    def has_body(self, body: ProfileState) -> bool:
        """True if the filters on members select this body. The columns of the profile's row decide the other
        filters."""
        if self.customer_type is not None and body.customer_type != self.customer_type:
            return False
        if self.tag is not None and fold(self.tag) not in {fold(tag) for tag in body.tags}:
            return False
        return self.group_name is None or any(
            group.active and group.type == self.group_type and fold(group.name) == fold(self.group_name)
            for group in body.groups
        )


class AudienceKey(NamedTuple):
    """The key of a row of an audience: the profile, and the place of the choice as in the ledger. Without a place it
    stands after all rows of the profile."""

    profile_id: int
    place: str | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The key of a text, for example "17:E0"; None if the text is not a key."""
        found = _KEY.fullmatch(text)
        return None if found is None else cls(int(found[1]), found[2])

    def render(self) -> str:
        """The text of the key."""
        return f"{self.profile_id}:{self.place}" if self.place else str(self.profile_id)

    def precedes(self, contact: Contact) -> bool:
        """True if the row of this contact of the same profile comes after the row of this key."""
        return self.place is not None and _rank(contact.place) > _rank(self.place)


def _rank(place: str) -> tuple[int, int]:
    return (_LETTERS.index(place[0]), int(place[1:])) if place else (-1, 0)


class AudienceRow(NamedTuple):
    """One address, number or person of an audience."""

    profile: Profile
    contact: Contact

    @property
    def key(self) -> AudienceKey:
        """The key by which a stream that was cut after this row is continued."""
        return AudienceKey(self.profile.profile_id, self.contact.place or None)
