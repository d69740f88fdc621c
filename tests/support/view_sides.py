"""People on both sides: as GET Profile gives them, and as the views for SQL give them, at one instant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import msgspec
import psycopg
from model_check import to_wire
from reader_login import reader_of

from consentory.codec.answers.profile_answer import render_profile
from consentory.domain.configuration import Permissions
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.instants import to_micros
from consentory.domain.permission import Scope
from consentory.domain.profile import Profile
from consentory.domain.spelling import find_spelling, spell_body
from consentory.domain.viewing import ViewedProfile, Viewing, list_current_entries
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.store.database import Database
from consentory.store.tables import profile_store

Wire = dict[str, Any]
Row = tuple[Any, ...]

ARRAYS = {
    "Emails": ("Email", "EmailAddressType", "EmailAddress", "EmailPreferences"),
    "PhoneNumbers": ("Phone", "PhoneType", "PhoneNumber", "PhoneNumberPreferences"),
    "Addresses": ("Address", "AddressType", None, "AddressPreferences"),
}
_ALL = Permissions(channels="all", programs="all", consent_types="all")


@dataclass
class ViewSides:
    """`profiles`: the stored states, with names as configured. `shown`: GET Profile. `now`: in microseconds."""

    profiles: dict[int, Profile]
    shown: dict[int, Wire]
    index: ConfigurationIndex
    now: int
    reader: psycopg.Connection

    def select(self, query: str) -> list[Row]:
        return self.reader.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def list_choices(self, kind: str) -> Iterator[tuple[int, str, str | None, str | None, Wire]]:
        """(ProfileId, kind of place, type, value, choice) of each choice in GET Profile."""
        for number, profile in self.shown.items():
            for one in profile["ProfilePreferences" if kind == "Preferences" else "Consents"]:
                yield number, "Profile", None, None, one
            for array, (place, type_name, value_name, preferences) in ARRAYS.items():
                for element in profile.get(array, []):
                    value = element[value_name] if value_name else None
                    for one in element[preferences if kind == "Preferences" else "Consents"]:
                        yield number, place, element[type_name], value, one

    def check_preferences(self) -> int:
        """The views give each preference of GET Profile with the same members. Returns the number of preferences."""
        members = ("FilterId", "ProgramId", "ChannelId", "PreferenceType", "FrequencyId", "PreferenceStatus", "UserId")
        times = ("CustomerDate", "ExpirationDate", "LastModifiedDate")
        expected = Counter((*place, *pick(one, members, times)) for *place, one in self.list_choices("Preferences"))
        rows = self.select(
            "SELECT profile_id, kind, contact_type, value, filter_id, program_id, channel_id, preference_type,"
            " frequency_id, preference_status, user_id, customer_date, expiration_date, last_modified_date"
            " FROM v_preference WHERE preference_status NOT IN ('Archived', 'Inactive')"
        )
        assert Counter((*row[:11], *map(wire_time, row[11:])) for row in rows) == expected
        return len(rows)

    def check_consents(self) -> int:
        """Like check_preferences, of consents."""
        members = ("ConsentType", "ConsentVersion", "Locale", "ConsentStatus", "Expired")
        times = ("ConsentDate", "ExpirationDate", "Edited")
        expected = Counter((*place, *pick(one, members, times)) for *place, one in self.list_choices("Consents"))
        rows = self.select(
            "SELECT c.profile_id, c.kind, c.contact_type, c.value, consent_type, consent_version, locale,"
            " consent_status, expired, consent_date, expiration_date, c.edited"
            " FROM v_consent AS c JOIN v_profile AS p USING (profile_id) LEFT JOIN v_contact AS e"
            " USING (profile_id, place) WHERE NOT is_archived AND p.is_active AND coalesce(e.is_active, true)"
        )
        assert Counter((*row[:9], *map(wire_time, row[9:])) for row in rows) == expected
        return len(rows)


def pick(choice: Wire, members: tuple[str, ...], times: tuple[str, ...]) -> Iterator[Any]:
    return (choice.get(name) for name in members + times)


def wire_time(time: Any) -> str | None:
    return None if time is None else str(json.loads(msgspec.json.encode(time.astimezone(UTC))))


@contextmanager
def view_sides(database_url: str, owner: Database, account_id: int) -> Iterator[ViewSides]:
    """Both sides of an account, to a new reader of the account."""
    with reader_of(database_url, account_id) as url, psycopg.connect(url) as reader:
        reader.execute("SET idle_in_transaction_session_timeout = 0")
        row = reader.execute("SELECT now()").fetchone()
        assert row is not None
        now = to_micros(row[0])
        index = ConfigurationCache(owner).current(account_id)
        profiles, recorded = _read_profiles(owner, account_id)
        for one in profiles.values():
            spell_body(one.body, find_spelling(index))
        shown = {
            number: to_wire(render_profile(ViewedProfile(one, Viewing(index, Scope(_ALL), now, recorded[number]))))
            for number, one in profiles.items()
        }
        yield ViewSides(profiles, shown, index, now, reader)


def _read_profiles(owner: Database, account_id: int) -> tuple[dict[int, Profile], dict[int, Any]]:
    """The profiles, and for each (recorded, caller) of the current entries of its ledger."""
    profiles: dict[int, Profile] = {}
    recorded: dict[int, Any] = {}
    with owner.transaction(account_id) as tx:
        rows = tx.connection.execute("SELECT profile_id FROM profile WHERE account_id = %s", [account_id]).fetchall()
        ids = sorted(row[0] for row in rows)
        for first in range(0, len(ids), 1000):
            some = profile_store.load_profiles(tx, ids[first : first + 1000])
            profiles |= some
            wanted = [(number, entry) for number, one in some.items() for entry in list_current_entries(one.body)]
            found = profile_store.list_entries(tx, wanted)
            recorded |= {number: found.get(number, {}) for number in some}
    return profiles, recorded
