"""Single profiles: read, find, write and delete them (account.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

import msgspec

from consentory.codec.contact_values import ContactFault, compare_email, compare_phone
from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.initiate_request import check_json
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.instants import from_micros
from consentory.domain.permission import Scope, require_profile, require_settings
from consentory.domain.profile import Profile, TagCounts
from consentory.domain.record import Fault, Kind, Record
from consentory.domain.spelling import find_spelling, spell_body, spell_choice
from consentory.domain.text import fold, hash_key, trim
from consentory.domain.viewing import (
    HistoryItem,
    HistoryKind,
    ViewedHistory,
    ViewedProfile,
    Viewing,
    WrittenProfile,
    list_current_entries,
)
from consentory.errors import ErrorDetail, RequestRefused, StoreContended, StoreRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.changes.change_plan import ApplyContext, PendingRecord, plan_records
from consentory.services.changes.change_writing import write_changes
from consentory.store.database import Database, Transaction
from consentory.store.tables import account_store, profile_store
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.profile_store import Source

SEARCH_LIMIT = 50
"""A search by address or number is refused if it finds more profiles than this."""

REFRESH_NAMES = {
    "RefreshAlternateIds": "refresh_alternate_ids",
    "RefreshContacts": "refresh_contacts",
    "RefreshCustomFields": "refresh_custom_fields",
    "RefreshGroups": "refresh_groups",
    "RefreshTags": "refresh_tags",
    "AllowPriorConsents": "allow_prior_consents",
}

HISTORY_STEP = 1000
"""The number of entries of a history that are read at a time."""

KEY_RACE_TRIES = 5


_NULL = msgspec.Raw(b"null")


class _OwnId(msgspec.Struct):
    """The ProfileId in a record, as JSON."""

    ProfileId: msgspec.Raw = msgspec.Raw(b"")


_OWN_ID = msgspec.json.Decoder(_OwnId)


class ProfileService:
    """Reads and writes single profiles. Reading needs `profile: read`, and so on."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def get(self, caller: Caller, profile_id: int) -> ViewedProfile:
        """The profile as the caller may see it. Raises RequestRefused, not_found."""
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            viewed = self._view(tx, caller, profile_id)
            note_event(tx, caller, "profile.read", profile_ids=[profile_id])
            return viewed

    def find_by_alternate_id(self, caller: Caller, type_name: str, value: str) -> ViewedProfile:
        """The profile, active or not, that actively holds an alternate id. Raises RequestRefused, not_found."""
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            key = hash_key(caller.account_id, "AlternateId", fold(trim(type_name)), fold(trim(value)))
            holder = profile_store.find_holders(tx, [key]).get(key)
            if holder is None:
                raise _make_not_found()
            viewed = self._view(tx, caller, holder)
            note_event(tx, caller, "profile.found", profile_ids=[holder], details={"By": "AlternateId"})
            return viewed

    def find_by_email(self, caller: Caller, address: str) -> list[ViewedProfile]:
        """The active profiles with this active email address. A text that is not an address finds none.

        Raises RequestRefused: forbidden, also if more than SEARCH_LIMIT profiles have the address.
        """
        return self._find_by_contact(caller, "Email", lambda _: _compare(compare_email, trim(address)))

    def find_by_phone(self, caller: Caller, number: str) -> list[ViewedProfile]:
        """The active profiles with this active phone number. Raises like `find_by_email`."""

        def compare(configuration_index: ConfigurationIndex) -> str | None:
            return _compare(compare_phone, trim(number), configuration_index.account.phone_region)

        return self._find_by_contact(caller, "Phone", compare)

    def _find_by_contact(
        self, caller: Caller, kind: Kind, compare: Callable[[ConfigurationIndex], str | None]
    ) -> list[ViewedProfile]:
        require_profile(caller, "read")
        if not Scope(caller.permissions).permits_kind(kind):
            raise RequestRefused(
                "forbidden",
                "Permission.Channel",
                f"Your user groups permit no channel of {kind.lower()} contacts. Ask by ProfileId or alternate id.",
            )
        with self._database.transaction(caller.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            compared = compare(configuration_index)
            key = None if compared is None else hash_key(caller.account_id, kind[0], compared)
            found = [] if key is None else profile_store.find_contact_profiles(tx, key, SEARCH_LIMIT + 1)
            if len(found) > SEARCH_LIMIT:
                raise RequestRefused(
                    "forbidden",
                    "Profile.TooManyFound",
                    f"More than {SEARCH_LIMIT} profiles have this value. Ask by ProfileId or alternate id.",
                )
            profile_ids = [profile.profile_id for profile in found]
            note_event(tx, caller, "profile.found", profile_ids=profile_ids, details={"By": kind})
            return view_all(tx, caller, configuration_index, found)

    def history(self, caller: Caller, profile_id: int, of: HistoryKind, limit: int, offset: int) -> ViewedHistory:
        """The applied choices in the order of application, from number `offset` (from 1) on.

        The result has no choice that the caller may not see. Raises RequestRefused, not_found.
        """
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            profile = load(tx, profile_id)
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            # A hidden choice does not count, and takes no place of a page.
            found = list(
                islice(_list_visible(tx, caller, configuration_index, profile_id, of), offset - 1, offset + limit)
            )
            note_event(tx, caller, "history.read", profile_ids=[profile_id], details={"Of": of})
        names = find_spelling(configuration_index)
        spell_body(profile.body, names)
        items = [msgspec.structs.replace(item, value=spell_choice(item.value, names)) for item in found[:limit]]
        return ViewedHistory(of, items, len(found) > limit, profile.body)

    def list_tags(self, caller: Caller) -> TagCounts:
        """Each tag with the current number of profiles that have it."""
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            return TagCounts(profile_store.read_clock(tx), profile_store.list_tags(tx))

    def write(self, caller: Caller, profile_id: int | None, body: bytes, refresh: dict[str, bool]) -> WrittenProfile:
        """Create or change a profile by one record. `profile_id` None: create a profile.

        `refresh`: the Refresh flags and AllowPriorConsents, by their wire names.

        Raises RequestRefused: invalid (staging faults), conflict (execution faults), not_found, forbidden.
        """
        require_profile(caller, "write")
        flags = {REFRESH_NAMES[name]: flag for name, flag in refresh.items()}
        settings = msgspec.structs.replace(ImportSettings(name="single write"), **flags)
        require_settings(settings, caller.permissions)
        for attempt in range(KEY_RACE_TRIES):
            try:
                with self._database.transaction(caller.account_id) as tx:
                    return self._write(tx, caller, profile_id, body, settings)
            except StoreRefused as error:
                # Another write took one of the alternate ids just now. The next try sees its profile.
                if error.constraint != "alternate_key_pkey" or attempt == KEY_RACE_TRIES - 1:
                    raise
            except StoreContended:
                if attempt == KEY_RACE_TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    def _write(
        self, tx: Transaction, caller: Caller, profile_id: int | None, body: bytes, settings: ImportSettings
    ) -> WrittenProfile:
        configuration_index = self._configurations.current_in(tx, caller.account_id)
        if profile_id is not None and not profile_store.lock_states(tx, [profile_id]):
            raise _make_not_found()
        now = profile_store.read_clock(tx)
        record = _read_record(configuration_index, settings, caller, from_micros(now), profile_id, body)
        # An update needs no new id, so it does not lock the account's row, which gives the ids.
        new_id = account_store.reserve_profile_ids(tx, 1) if profile_id is None else profile_id
        # A profile that only the body names is not locked yet. For such a record, the clock is read after the lock.
        moment = now if profile_id is not None or record.profile_id is None else None
        found_below = new_id if profile_id is None else profile_id + 1
        context = ApplyContext(configuration_index, settings, now, found_below, moment)
        done = _apply(tx, context, PendingRecord(record, Source(caller.user_id), new_id))
        if done.outcome == "Exception":
            raise RequestRefused(
                "conflict",
                done.faults[0].Code,
                "The record could not be applied, and nothing of it was applied. See errors.",
                errors=_list_details(done.faults),
            )
        touched = new_id if done.outcome == "Created" else record.profile_id
        assert touched is not None
        details = {"Outcome": done.outcome, "NotHonored": len(done.faults)}
        note_event(tx, caller, "profile.written", profile_ids=[touched], details=details)
        viewed = None
        if "read" in caller.permissions.profile:
            (viewed,) = view_all(tx, caller, configuration_index, [load(tx, touched)])
        return WrittenProfile(touched, done.outcome, done.faults, viewed)

    def delete(self, caller: Caller, profile_id: int) -> None:
        """Delete a profile and all its data, for good. Raises RequestRefused, not_found."""
        require_profile(caller, "delete")
        with self._database.transaction(caller.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            now = profile_store.read_clock(tx)
            settings = ImportSettings(name="single delete", action="Delete")
            context = ApplyContext(configuration_index, settings, now, found_below=profile_id + 1)
            pending = PendingRecord(Record(profile_id=profile_id), Source(caller.user_id), 0)
            done = _apply(tx, context, pending)
            if done.outcome != "Deleted":
                raise _make_not_found()
            note_event(tx, caller, "profile.deleted", profile_ids=[profile_id])

    def _view(self, tx: Transaction, caller: Caller, profile_id: int) -> ViewedProfile:
        configuration_index = self._configurations.current_in(tx, caller.account_id)
        return view_all(tx, caller, configuration_index, [load(tx, profile_id)])[0]


def load(tx: Transaction, profile_id: int) -> Profile:
    """A stored profile. Raises RequestRefused, not_found."""
    profile = profile_store.load_profiles(tx, [profile_id]).get(profile_id)
    if profile is None:
        raise _make_not_found()
    return profile


def view_all(
    tx: Transaction, caller: Caller, configuration_index: ConfigurationIndex, profiles: Sequence[Profile]
) -> list[ViewedProfile]:
    """The profiles as the caller may see them. The number of statements does not depend on the number of profiles."""
    spelling = find_spelling(configuration_index)
    for profile in profiles:
        spell_body(profile.body, spelling)
    wanted = [(one.profile_id, entry) for one in profiles for entry in list_current_entries(one.body)]
    recorded = profile_store.list_entries(tx, wanted)
    scope, now = Scope(caller.permissions), profile_store.read_clock(tx)
    return [
        ViewedProfile(one, Viewing(configuration_index, scope, now, recorded.get(one.profile_id, {})))
        for one in profiles
    ]


def _apply(tx: Transaction, context: ApplyContext, pending: PendingRecord) -> ProcessedRecord:
    changes = plan_records(tx, context, [pending])
    write_changes(tx, changes)
    return changes.outcomes[0]


def _compare(compare: Callable[..., str], *given: str) -> str | None:
    """The compared form of an address or number. None: the text is neither."""
    try:
        return compare(*given)
    except ContactFault:
        return None


def _make_not_found() -> RequestRefused:
    return RequestRefused("not_found", "Profile.NotFound", "This account has no such profile.")


def _read_record(
    configuration_index: ConfigurationIndex,
    settings: ImportSettings,
    caller: Caller,
    at: datetime,
    profile_id: int | None,
    body: bytes,
) -> Record:
    """The validated record of a single write. The ProfileId of the path counts as a member of the record."""
    if not check_json(body).lstrip().startswith(b"{"):
        raise RequestRefused("invalid", "Request.WrongType", "The body must be one record, as a JSON object.")
    if profile_id is not None:
        body = _say_id(profile_id, body)
    result = RecordValidator(configuration_index, settings, caller.permissions, at).validate(body)
    if not isinstance(result, Record):
        raise RequestRefused(
            "invalid",
            result[0].Code,
            f"The record has {len(result)} fault{'s' if len(result) > 1 else ''}, and nothing of it was applied.",
            errors=_list_details(result),
        )
    if profile_id is not None and result.profile_id != profile_id:
        raise RequestRefused(
            "invalid",
            "Profile.IdMismatch",
            f"The body names profile {result.profile_id}, and the path names profile {profile_id}. Send the same id.",
        )
    return result


def _say_id(profile_id: int, body: bytes) -> bytes:
    """Add the ProfileId of the path to the record. A ProfileId in the record counts instead, but null does not.

    If a member is repeated, the last one counts.
    """
    inside = body.strip()[1:-1].strip()
    member, comma = b'"ProfileId":%d' % profile_id, b"," if inside else b""
    try:
        is_null = _OWN_ID.decode(body).ProfileId == _NULL
    except (msgspec.MsgspecError, RecursionError):
        is_null = False  # The record has a fault, and validation names it.
    return b"{%s%s%s}" % ((inside, comma, member) if is_null else (member, comma, inside))


def _list_details(faults: list[Fault]) -> list[ErrorDetail]:
    return [ErrorDetail(fault.Code, fault.Path, fault.Message) for fault in faults]


def _list_visible(
    tx: Transaction,
    caller: Caller,
    configuration_index: ConfigurationIndex,
    profile_id: int,
    of: Literal["Preferences", "Consents"],
) -> Iterator[HistoryItem]:
    """The history that the caller may see, in order of application."""
    scope = Scope(caller.permissions)
    after, items = 0, None
    while items is None or len(items) == HISTORY_STEP:
        items = profile_store.list_history(tx, profile_id, of[0], HISTORY_STEP, after)
        after = items[-1].entry if items else after
        yield from (item for item in items if scope.permits_choice(item.place, item.value, configuration_index))
