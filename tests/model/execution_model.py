"""The model: records are applied one at a time, in the order of SequenceNumber. Start reading here.

Every import and every single write takes the next `number`, from 1. A profile is identified by its model id, or by
(number, SequenceNumber) of the record that created the profile.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .account_model import Account, fold
from .merge_model import Merge, merge_record
from .person_model import Profile
from .profile_model import render_profile
from .record_model import Said, Wire, alternate_ids, parse_record, render_time
from .stage_model import REFRESH, Fault, match_ids, prior_version_faults, stage_faults
from .undo_model import KEPT_NEWER, Image, Undone, remember_reversals, undo_person

PROCESSED = ("Created", "Updated", "Unchanged", "Deleted")
# Codes that the contract does not name: the model's own words.
NOT_FOUND = "Profile.NotFound"
ID_DIFFERS = "Profile.IdDiffers"


@dataclass
class ImportResult:
    """By SequenceNumber: the outcome of the record. `faults` has the faults of a refused record. `not_honored` has the
    parts that were not honored."""

    number: int
    status: str = "Completed"
    outcomes: dict[int, str] = field(default_factory=dict)
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    not_honored: dict[int, list[Fault]] = field(default_factory=dict)
    # Of an undo: the profile that each record means.
    people: dict[int, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """The counts as in the status object."""
        found = Counter(self.outcomes.values())
        failed = found["ValidationFailed"]
        return {
            "TotalRecordsReceived": len(self.outcomes),
            "ValidationSuccessful": len(self.outcomes) - failed,
            "ValidationFailed": failed,
            "Pending": found["Pending"],
            "Processed": sum(found[name] for name in PROCESSED),
            "Exceptions": found["Exception"],
            "NotHonored": found["NotHonored"],
            **{name: found[name] for name in PROCESSED},
        }


@dataclass
class WriteOutcome:
    number: int
    outcome: str
    faults: list[Fault]
    not_honored: list[Fault]
    profile_id: int | None


@dataclass
class PastImport:
    """The facts of an import for an undo: `images` by profile id, without the people who were deleted since."""

    action: str
    status: str
    ended: datetime
    keeps_images: bool
    images: dict[int, Image] = field(default_factory=dict)
    is_undone: bool = False


@dataclass(frozen=True)
class Undo:
    """An undo that is made and not executed yet, with one record for each of these people."""

    of: int
    people: list[int]
    restore_yes: bool
    caller: str


class Ambiguous(Exception):
    """A ProfileId is given and not found, and there are several active ids of the match type."""


class Model:
    def __init__(self, account: dict[str, Any]) -> None:
        self.account = Account(account)
        self.profiles: dict[int, Profile] = {}
        self.histories: dict[int, list[dict[str, Any]]] = {}
        self.tombstones: list[dict[str, Any]] = []
        self.created: dict[tuple[int, int], int] = {}
        self.imports: dict[int, PastImport] = {}
        self._numbers = 0
        self._now = datetime(1970, 1, 1, tzinfo=UTC)

    def configure(self, account: dict[str, Any]) -> None:
        """Use another configuration from now on."""
        self.account = Account(account, self.account)

    def run_import(
        self,
        *,
        settings: dict[str, Any],
        batches: Sequence[tuple[str, list[Wire]] | tuple[str, list[Wire], str]],
        started_at: datetime,
        applied_at: datetime | None = None,
        configured: dict[str, Any] | None = None,
    ) -> ImportResult:
        """`batches`: (Stage time, records), and the user who staged them if not `nightly`. `configured`: an account
        document that is applied between staging and execution."""
        self._numbers += 1
        self._now = max(self._now, applied_at or started_at)
        result = ImportResult(self._numbers)
        staging = self.account
        if configured:
            self.configure(configured)
        match = settings.get("MatchValue")
        # Failed means that no record was applied: resolving finds that the match type was switched off.
        runs = match is None or self.account.is_active("alternateIdTypes", match)
        result.status = "Completed" if runs else "Failed"
        action = settings.get("ImportAction", "Add")
        self._open_past(action, result.status, applied_at or started_at)
        # A ProfileId counts as found only if it existed when execution started.
        existed = frozenset(self.profiles)
        sequence = 0
        for stage_time, records, *who in batches:
            caller = who[0] if who else "nightly"
            staged_at = datetime.fromisoformat(stage_time.replace("Z", "+00:00"))
            for record in records:
                sequence += 1
                faults = stage_faults(record, settings, staging, staged_at, caller)
                if faults or not runs:
                    outcome, not_honored = "ValidationFailed" if faults else "Pending", []
                else:
                    merge = self._merge(settings, sequence, caller, started_at, applied_at or started_at)
                    # "What staging accepted stands": the record is read with the configuration at staging.
                    outcome = self._work_off(record, settings, parse_record(record, staging, staged_at), existed, merge)
                    faults, not_honored = merge.faults, merge.not_honored
                result.outcomes[sequence] = outcome
                if faults:
                    result.faults[sequence] = sorted(set(faults))
                elif not_honored:
                    result.not_honored[sequence] = sorted(set(not_honored))
        return result

    def _merge(
        self, settings: dict[str, Any], sequence: int, caller: str, started_at: datetime, applied_at: datetime
    ) -> Merge:
        return Merge(
            account=self.account,
            number=self._numbers,
            sequence=sequence,
            caller=caller,
            started_at=started_at,
            applied_at=applied_at,
            refresh=frozenset(name for name in REFRESH if settings.get(name)),
            allow_prior=bool(settings.get("AllowPriorConsents")),
            holder=self._holder,
        )

    def _open_past(self, action: str, status: str, ended: datetime) -> None:
        """Before-images are kept "for the window `undoDays` [...]; 0 switches undo off"."""
        self.imports[self._numbers] = PastImport(action, status, ended, keeps_images=self.account.undo_days > 0)

    def start_undo(self, number: int, *, restore_yes: bool, at: datetime, caller: str = "nightly") -> Undo | str:
        """The undo of an import, or the code of its refusal. `number` must be that of an import."""
        past = self.imports[number]
        if past.action == "Delete":
            return "Undo.Erased"
        if past.status != "Completed":
            return "Undo.NotCompleted"
        if past.is_undone:
            return "Undo.Done"
        if not past.keeps_images or at >= past.ended + timedelta(days=self.account.undo_days):
            return "Undo.TooLate"
        past.is_undone = True
        return Undo(number, sorted(past.images), restore_yes, caller)

    def cancel_undo(self, undo: Undo) -> None:
        """An undo that was cancelled changed nothing, so the import was not undone."""
        self.imports[undo.of].is_undone = False

    def run_undo(self, undo: Undo, *, started_at: datetime) -> ImportResult:
        """ "Runs when it is executed, like any other." """
        self._numbers += 1
        self._now = max(self._now, started_at)
        self._open_past("Undo", "Completed", started_at)
        result = ImportResult(self._numbers)
        images = self.imports[undo.of].images
        undone = self._undo_people(undo, lambda key, profile_id: False)

        def is_taken(key: tuple[str, str], profile_id: int) -> bool:
            """The people of one undo give back their ids at once. The order of their records makes no difference."""
            after = {**self.profiles, **{one: done.profile for one, done in undone.items()}}
            held = [(other, one.alternate_ids.get(key)) for other, one in after.items() if one and other != profile_id]
            return any(found is not None and found.active for _, found in held)

        final = self._undo_people(undo, is_taken)
        for sequence, profile_id in enumerate(undo.people, 1):
            result.people[sequence] = profile_id
            if profile_id not in images:
                # Somebody deleted the person after the undo was made: "what anybody changed since stays".
                result.not_honored[sequence] = [Fault(KEPT_NEWER, "$")]
                result.outcomes[sequence] = "NotHonored"
                continue
            merge = self._merge({}, sequence, undo.caller, started_at, started_at)
            result.outcomes[sequence] = self._apply_undone(profile_id, final[profile_id], undo, merge)
            if final[profile_id].kept:
                faults = [Fault(code, "$", str(key)) for code, key in final[profile_id].kept]
                result.not_honored[sequence] = sorted(faults)
        return result

    def _undo_people(self, undo: Undo, is_taken: Callable[[tuple[str, str], int], bool]) -> dict[int, Undone]:
        images = self.imports[undo.of].images
        return {
            one: undo_person(
                images[one],
                self.profiles[one],
                self.account,
                restore_yes=undo.restore_yes,
                is_taken=lambda key, one=one: is_taken(key, one),  # type: ignore[misc]
            )
            for one in undo.people
            if one in images
        }

    def _apply_undone(self, profile_id: int, undone: Undone, undo: Undo, merge: Merge) -> str:
        if undone.profile is None:
            self._forget(profile_id, merge.applied_at, merge.caller, merge.number)
            return "Deleted"
        if undone.profile == self.profiles[profile_id]:
            return "NotHonored" if undone.kept else "Unchanged"
        # "The history is never changed: a reversal is appended, with UndoOf."
        remember_reversals(undone, undo.of, merge)
        self._store(undone.profile, merge, is_new=False)
        return "Updated"

    def single_write(
        self,
        record: Wire,
        *,
        profile_id: int | None,
        refresh: Collection[str],
        at: datetime,
        caller: str = "nightly",
        allow_prior: bool = False,
    ) -> WriteOutcome:
        """Write one person at once, by exactly the same rules as an import of one record without MatchCriteria."""
        self._numbers += 1
        self._now = max(self._now, at)
        number = self._numbers
        if profile_id is not None:
            if profile_id not in self.profiles:
                return WriteOutcome(number, "NotFound", [Fault(NOT_FOUND, "$")], [], None)
            if record.get("ProfileId", profile_id) != profile_id:
                return WriteOutcome(number, "ValidationFailed", [Fault(ID_DIFFERS, "$.ProfileId")], [], None)
            record = {**record, "ProfileId": profile_id}
        settings = {**dict.fromkeys(refresh, True), "AllowPriorConsents": allow_prior}
        faults = stage_faults(record, settings, self.account, at, caller)
        if faults:
            return WriteOutcome(number, "ValidationFailed", sorted(set(faults)), [], None)
        merge = self._merge(settings, 1, caller, at, at)
        existing = record.get("ProfileId")
        said = parse_record(record, self.account, at)
        outcome = self._work_off(record, settings, said, frozenset(self.profiles), merge)
        written = existing if existing in self.profiles else self.created.get((number, 1))
        not_honored = [] if merge.faults else sorted(set(merge.not_honored))
        return WriteOutcome(number, outcome, sorted(set(merge.faults)), not_honored, written)

    def delete_profile(self, profile_id: int, at: datetime | None = None, caller: str = "nightly") -> bool:
        if profile_id not in self.profiles:
            return False
        self._numbers += 1
        self._forget(profile_id, at or self._now, caller, None)
        return True

    def id_of(self, number: int, sequence: int) -> int | None:
        """The model id of the profile that this record (a single write: 1) created. The profile may be deleted
        since."""
        return self.created.get((number, sequence))

    def get_profile(self, key: int | tuple[str, str], now: datetime | None = None) -> Wire | None:
        """By ProfileId, or (alternateIdType, alternateId): active ids only, also an inactive profile."""
        profile = self._find(key)
        return None if profile is None else render_profile(profile, self.account, now or self._now)

    def all_profiles(self, now: datetime | None = None) -> list[Wire]:
        return [render_profile(profile, self.account, now or self._now) for _, profile in sorted(self.profiles.items())]

    def history(self, key: int | tuple[str, str]) -> list[dict[str, Any]]:
        """The history in the order of application; empty if the profile was deleted, because its history is deleted
        with it."""
        profile = self._find(key)
        return [] if profile is None else list(self.histories[profile.id])

    def _find(self, key: int | tuple[str, str]) -> Profile | None:
        if not isinstance(key, int):
            held_by = self._holder((self.account.name_in("alternateIdTypes", key[0]), fold(key[1])))
            return None if held_by is None else self.profiles[held_by]
        return self.profiles.get(key)

    def _holder(self, key: tuple[str, str]) -> int | None:
        """The profile that holds this alternate id actively. An inactive profile still holds its ids."""
        for profile in self.profiles.values():
            if key in profile.alternate_ids and profile.alternate_ids[key].active:
                return profile.id
        return None

    def _work_off(
        self,
        record: Wire,
        settings: dict[str, Any],
        said: Said,
        existed: frozenset[int],
        merge: Merge,
    ) -> str:
        """The outcome. The faults and the parts that were not honored are in `merge`."""
        if settings.get("ImportAction", "Add") == "Delete":
            return self._delete(record, settings.get("MatchValue"), existed, merge)
        merge.faults += prior_version_faults(said, self.account, allowed=merge.allow_prior)
        try:
            found = self._match(said, settings.get("MatchValue"), existed)
        except Ambiguous:
            # The profile is not known, so no check that depends on the profile is possible.
            merge.faults.append(Fault("Match.Ambiguous", "$.AlternateIds"))
            return "Exception"
        profile = found or self._new_profile(merge)
        merged = merge_record(profile, said, merge, is_new=found is None)
        if merge.faults:
            return "Exception"  # no part of the record was applied
        changed = found is None or merged != profile
        if not changed:
            # Unchanged: the record changes nothing and all its parts are honored. With either outcome no data is
            # written.
            return "NotHonored" if merge.not_honored else "Unchanged"
        self._store(merged, merge, is_new=found is None)
        return "Updated" if found else "Created"

    def _match(self, said: Said, match_type: str | None, existed: frozenset[int]) -> Profile | None:
        """The profile that a record means; None: a new profile."""
        # 1. ProfileId given and found: that profile.
        if said.profile_id in existed and said.profile_id in self.profiles:
            return self.profiles[said.profile_id]
        # 2. Else, with MatchCriteria: the profile that holds the alternate id of the match type, actively.
        if match_type is not None:
            ids = match_ids(said.alternate_ids, match_type, self.account)
            if len(ids) > 1:
                raise Ambiguous
            if ids:
                holder = self._holder(ids[0].key)
                return None if holder is None else self.profiles[holder]
        # 3. Else a new profile. A given ProfileId that was not found is not used for it.
        return None

    def _new_profile(self, merge: Merge) -> Profile:
        """All profiles that one import creates carry one creation time, its StartedAt. Id 0 until stored."""
        return Profile(
            0,
            (merge.number, merge.sequence),
            merge.started_at,
            merge.applied_at,
            self.account.default_locale,
            self.account.default_name("customerTypes"),
        )

    def _store(self, merged: Profile, merge: Merge, *, is_new: bool) -> None:
        if is_new:
            merged.id = 1 + len(self.created)
            self.created[(merge.number, merge.sequence)] = merged.id
            self.histories[merged.id] = []
        merged.modified = merge.applied_at
        if merge.number in self.imports and self.imports[merge.number].keeps_images:
            # The images of an import; a single write has no number there.
            images = self.imports[merge.number].images
            first = images[merged.id].before if merged.id in images else self.profiles.get(merged.id)
            images[merged.id] = Image(first, merged)
        self.profiles[merged.id] = merged
        self.histories[merged.id] += merge.history

    def _delete(self, record: Wire, match_type: str | None, existed: frozenset[int], merge: Merge) -> str:
        ids = match_ids(list(alternate_ids(record, self.account)), match_type, self.account)
        given = record.get("ProfileId")
        if given is None:
            target = self._holder(ids[0].key)
        else:
            # If a ProfileId is given, only the ProfileId decides. If the ProfileId is not found, the record is
            # NotHonored.
            target = given if given in existed and given in self.profiles else None
            for one in ids if target is not None else []:
                holder = self._holder(one.key)
                if holder is not None and holder != target:
                    # Another profile holds the given match id, and the profile of the ProfileId does not.
                    merge.faults.append(Fault("Match.Conflict", one.path, str(holder)))
        if merge.faults:
            return "Exception"
        if target is None:
            merge.not_honored.append(Fault(NOT_FOUND, "$"))
            return "NotHonored"
        self._forget(target, merge.applied_at, merge.caller, merge.number)
        return "Deleted"

    def _forget(self, profile_id: int, when: datetime, caller: str, number: int | None) -> None:
        """Delete the profile and all its data for good. A tombstone without personal data stays."""
        del self.profiles[profile_id]
        del self.histories[profile_id]
        for past in self.imports.values():
            past.images.pop(profile_id, None)  # "Deleting a person deletes that person's before-images."
        self.tombstones.append({"ProfileId": profile_id, "When": render_time(when), "Who": caller, "Import": number})


__all__ = ["REFRESH", "Fault", "ImportResult", "Model", "Undo", "WriteOutcome"]
