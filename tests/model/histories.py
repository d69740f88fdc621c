"""Hypothesis strategies for the model: one account, and histories of imports, single writes and deletes on the account.

The pools of values are small, so people, addresses, dates and versions collide often. A ProfileId is not known when a
history is drawn, so records have a `Pick` instead. `resolve_record` turns a `Pick` into an id of the tested store. It
needs the ids of all profiles ever created there, in the order of their creation.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from .execution_model import REFRESH, ImportResult, Model, WriteOutcome
from .guard_model import find_exceeded
from .model_account import Knobs, build_changed
from .model_account import build_account as build_account

Wire = dict[str, Any]

UNKNOWN_ID = 987_654_321_012


# In New York, the second is the first instant of the bare date (a yes), and the third is the last second of the bare
# date (a no). The sixth exists twice.
DATES = [
    "2024-03-01",
    "2024-03-01T05:00:00Z",
    "2024-03-02T04:59:59Z",
    "2024-03-01T23:59:59-05:00",
    "2020-06-01T12:00",
    "2024-11-03T01:30:00",
    "2025-09-15T08:00:00.123456789Z",
    "2025-09-15T08:00:00.123456Z",
]
PEOPLE = {"CRM": ["C-1", "c-1", "C-1", "C-2", "C-3"], "Loyalty": ["L-1", "l-1", "L-2"]}
# The person's addresses: compared value -> given forms of the address.
EMAILS = {1: ["ann@example.com", "Ann@EXAMPLE.com"], 2: ["bob@example.com"]}
PHONES = {1: ["(212) 555-0143", "+12125550143"], 2: ["202-555-0199"]}
ADDRESSES = {1: ["12 Elm St", "12  ELM st"], 2: ["7 Oak Rd"]}
FIELD_VALUES: dict[str, list[str | None]] = {
    "Region": ["N", "S"],
    "Grade": ["A", "C", None],
    "Tier": ["gold", "silver", "", None],
    "Plain": ["x", "y", "", None],
    "Once": ["x", "y", "", None],
    "Nickname": ["x", "y", "", None],
    "Segment": ["x", "y", "", None],
}
VERSIONS = [("Privacy", v) for v in ("1.0", "2.0", "3.0", "3.0", "3.0")]
VERSIONS += [("Texting", v) for v in ("2023", "2024", "2024")]


@dataclass(frozen=True)
class Pick:
    """The profile that was created as number `index` (modulo the number of profiles); None: an id that no profile
    has."""

    index: int | None

    def resolve(self, ids: list[int]) -> int:
        return ids[self.index % len(ids)] if ids and self.index is not None else UNKNOWN_ID


PICKS = st.sampled_from([*(Pick(n) for n in range(6)), Pick(None)])


@dataclass(frozen=True)
class ImportStep:
    """`callers`: the user who stages each batch (`nightly` by default). `knobs`: the changes of the account document
    between staging and execution."""

    settings: Wire
    batches: list[list[Wire]]
    callers: tuple[str, ...] = ()
    knobs: Knobs | None = None

    def caller_of(self, batch: int) -> str:
        return self.callers[batch] if batch < len(self.callers) else "nightly"


@dataclass(frozen=True)
class WriteStep:
    record: Wire
    target: Pick | None
    refresh: frozenset[str]


@dataclass(frozen=True)
class DeleteStep:
    target: Pick


@dataclass(frozen=True)
class ConfigureStep:
    """Another account document. The changes of earlier documents stay."""

    knobs: Knobs


@dataclass(frozen=True)
class UndoStep:
    """The undo of an import. `back`: 1 is the last of all imports and undos so far, 2 is the one before it. `between`:
    a step between the making and the execution of the undo. `cancels`: an undo is made and cancelled before."""

    back: int
    restore_yes: bool = False
    between: WriteStep | DeleteStep | ConfigureStep | None = None
    cancels: bool = False


@dataclass(frozen=True)
class HeldStep:
    """An import with a guard. If the guard holds the import, `between` happens, then `later` is executed, then the
    import is released or cancelled."""

    step: ImportStep
    limits: dict[str, int]
    between: WriteStep | DeleteStep | None
    later: ImportStep
    releases: bool
    pass_held: bool


Step = ImportStep | WriteStep | DeleteStep | ConfigureStep | UndoStep | HeldStep


@dataclass(frozen=True)
class History:
    """`chunk_size` None: the default. `maintainers`: the number of workers whose retention runs at the same time."""

    steps: list[Step]
    chunk_size: int | None
    workers: int
    maintainers: int = 0


def resolve_record(record: Wire, ids: list[int]) -> Wire:
    """The wire record. `ids` are the ids of all profiles ever created, in the order of their creation, including
    deleted profiles."""
    pick = record.get("ProfileId")
    return {**record, "ProfileId": pick.resolve(ids)} if isinstance(pick, Pick) else dict(record)


def _rarely(strategy: st.SearchStrategy[Any], times: int = 4) -> st.SearchStrategy[Any]:
    """None, except for one draw in `times`."""
    return _once_in(times).flatmap(lambda yes: strategy if yes else st.none())


def _mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([True, True, True, False]).flatmap(lambda yes: strategy if yes else st.none())


def _once_in(times: int) -> st.SearchStrategy[bool]:
    return st.sampled_from([*[False] * (times - 1), True])


def _without_none(record: Wire) -> Wire:
    return {name: value for name, value in record.items() if value is not None}


FLAG = st.sampled_from([None, None, None, True, False])


@st.composite
def preferences(draw: st.DrawFn, filters: list[str]) -> list[Wire]:
    found = []
    for one in draw(st.lists(st.sampled_from(filters), unique=True, min_size=1, max_size=2)):
        choice = {
            "FilterId": one,
            "PreferenceType": draw(st.sampled_from([1, 2, 1, "OptIn", "OptOut"])),
            "CustomerDate": draw(st.sampled_from([None, *DATES])),
            "PreferenceAttributes": draw(st.sampled_from([None, None, [{"Key": "form", "Value": "f1"}]])),
        }
        if one == "NEWS-EMAIL":
            choice["FrequencyId"] = draw(st.sampled_from([None, None, "Daily", "monthly"]))
        found.append(_without_none(choice))
    return found


@st.composite
def consents(draw: st.DrawFn) -> list[Wire]:
    versions = draw(st.lists(st.sampled_from(VERSIONS), unique=True, min_size=1, max_size=2))
    return [
        _without_none(
            {
                "ConsentType": kind,
                "ConsentVersion": version,
                "Locale": draw(st.sampled_from(["en_US", "es_US"] if version == "2.0" else ["en_US"])),
                "ConsentStatus": draw(st.sampled_from([1, 1, 1, 2, 3, 4, "Granted", "Revoked"])),
                "ConsentDate": draw(st.sampled_from([None, *DATES])),
                "Evidence": draw(st.sampled_from([None, None, {"Method": "web form"}, {"Reference": "R-1"}])),
            }
        )
        for kind, version in versions
    ]


@st.composite
def elements(
    draw: st.DrawFn, pool: dict[int, list[str]], member: str, type_member: str, types: list[str]
) -> list[Wire]:
    """Contact elements with only their value: no element twice, at most one default."""
    keys = st.tuples(st.sampled_from([types[0], types[0], types[1]]), st.sampled_from([1, 1, 2]))
    found: list[Wire] = []
    for kind, value in draw(st.lists(keys, unique=True, min_size=1, max_size=3)):
        one: Wire = {type_member: kind, member: draw(st.sampled_from(pool[value]))}
        if kind == types[0] and draw(st.booleans()):
            del one[type_member]  # absent means the default type
        flag = draw(FLAG)
        one["IsDefault"] = None if flag and any(other.get("IsDefault") for other in found) else flag
        one["IsActive"] = draw(st.sampled_from([None, None, None, None, True, False]))
        one["Consents"] = draw(_rarely(consents(), 3))
        found.append(_without_none(one))
    return found


@st.composite
def emails(draw: st.DrawFn) -> list[Wire]:
    found = draw(elements(EMAILS, "EmailAddress", "EmailAddressType", ["Home", "Work"]))
    filters = ["NEWS-EMAIL", "NEWS-EMAIL", "EVENTS-EMAIL", "EVENTS-EMAIL", "OFFERS-EMAIL"]
    return [_without_none({**one, "EmailPreferences": draw(_mostly(preferences(filters)))}) for one in found]


@st.composite
def phones(draw: st.DrawFn) -> list[Wire]:
    found = []
    for one in draw(elements(PHONES, "PhoneNumber", "PhoneType", ["Mobile", "Home"])):
        mobile = draw(FLAG)
        filters = ["OFFERS-PHONE"] if mobile is False else ["NEWS-TEXT", "OFFERS-PHONE", "OFFERS-PHONE"]
        said = {"IsMobile": mobile, "PhoneNumberPreferences": draw(_mostly(preferences(filters)))}
        found.append(_without_none({**one, **said}))
    return found


@st.composite
def addresses(draw: st.DrawFn) -> list[Wire]:
    fixed = {"City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
    found = []
    for one in draw(elements(ADDRESSES, "Address1", "AddressType", ["Home", "Billing"])):
        said = {
            "Address2": draw(st.sampled_from([None, None, "Apt 1", ""])),
            "CountryCode_Alpha2": draw(st.sampled_from([None, "US", "CA"])),
            "AddressPreferences": draw(_mostly(preferences(["OFFERS-MAIL"]))),
        }
        found.append(_without_none({**one, **fixed, **said}))
    return found


@st.composite
def alternate_ids(draw: st.DrawFn, match: str | None, *, exact: bool) -> list[Wire]:
    """With a match type: exactly one active id of this type, except in one record of sixteen, or if `exact` is
    false."""
    every = [(kind, value) for kind, values in PEOPLE.items() for value in values]
    chosen = draw(st.lists(st.sampled_from(every), unique_by=lambda one: (one[0], one[1].casefold()), max_size=2))
    if match and not draw(_once_in(16 if exact else 2)):
        chosen = [one for one in chosen if one[0] != match]
        chosen.append((match, draw(st.sampled_from(PEOPLE[match]))))
    return [
        _without_none(
            {
                "AlternateIdType": kind,
                "AlternateId": value,
                "IsActive": None if kind == match else draw(st.sampled_from([None, None, True, False])),
            }
        )
        for kind, value in chosen
    ]


@st.composite
def custom_fields(draw: st.DrawFn) -> list[Wire]:
    names = draw(st.lists(st.sampled_from(list(FIELD_VALUES)[1:]), unique=True, max_size=3))
    if not draw(_once_in(12)):
        names.append("Region")  # no profile can be created without the required field Region
    return [{"Name": name, "Value": draw(st.sampled_from(FIELD_VALUES[name]))} for name in names]


@st.composite
def records(draw: st.DrawFn, match: str | None = None, *, with_id: bool = True) -> Wire:
    group: st.SearchStrategy[Wire] = st.fixed_dictionaries(
        {
            "GroupType": st.sampled_from(["Household", "Club"]),
            "GroupName": st.sampled_from(["Okubo", "OKUBO", "Diaz"]),
        },
        optional={"IsPrimary": st.booleans()},
    )
    groups = st.lists(group, unique_by=lambda one: (one["GroupType"], one["GroupName"].casefold()), max_size=2)
    tags = st.lists(st.sampled_from(["loyal", "Loyal", "new"]), unique_by=str.casefold, max_size=2)
    picked = {"ProfileId": draw(PICKS)} if with_id and draw(_once_in(4)) else {}
    record: Wire = {
        **picked,
        "IsActive": draw(st.sampled_from([None, None, None, None, True, False, 1, 0])),
        "DefaultLocale": draw(_rarely(st.sampled_from(["en_US", "es_us"]))),
        "RegistrationConfirmed": draw(_rarely(st.booleans())),
        "CustomerType": draw(_rarely(st.sampled_from(["Customer", "Prospect"]))),
        "PreservePreferences": draw(st.sampled_from([None, None, True, False])),
        "PreserveConsents": draw(st.sampled_from([None, None, True, False])),
        "AlternateIds": draw(alternate_ids(match, exact="ProfileId" not in picked)) or None,
        "Emails": draw(_rarely(emails(), 2)),
        "PhoneNumbers": draw(_rarely(phones(), 3)),
        "Addresses": draw(_rarely(addresses(), 4)),
        "ProfilePreferences": draw(_rarely(preferences(["DATA-SHARING", "DATA-SHARING", "DATA-PROFILING"]), 2)),
        "Consents": draw(_rarely(consents(), 2)),
        "Groups": draw(_rarely(groups, 3)),
        "ProfileTags": draw(_rarely(tags.map(lambda names: [{"Name": n} for n in names]), 3)),
        "CustomFields": draw(custom_fields()),
    }
    name = st.fixed_dictionaries(
        {"FirstName": st.sampled_from(["Ann", "Bea", "ann"])},
        optional={"LastName": st.sampled_from(["Diaz", "", None])},
    )
    # a record must have some data
    record["CustomerName"] = draw(name if not record["AlternateIds"] else _rarely(name, 2))
    return _without_none(record)


NUMBERS = {"OptIn": 1, "OptOut": 2, "Granted": 1, "Revoked": 3}
TYPES = {
    "EmailAddress": ("EmailAddressType", "Home"),
    "PhoneNumber": ("PhoneType", "Mobile"),
    "Address1": ("AddressType", "Home"),
}
AS_CONFIGURED = {"es_us": "es_US", "monthly": "Monthly"}


def spell_out(record: Wire) -> Wire:
    """The record as most systems write records: types given, codes as numbers, names as configured."""
    said = dict(record)
    for name, value in record.items():
        if isinstance(value, list) and name != "PreferenceAttributes":
            said[name] = [spell_out(one) for one in value]
        elif name in ("PreferenceType", "ConsentStatus"):
            said[name] = NUMBERS.get(value, value)
        elif name in ("DefaultLocale", "FrequencyId"):
            said[name] = AS_CONFIGURED.get(value, value)
        elif name in TYPES:
            said.setdefault(*TYPES[name])
    if "IsActive" in said:
        said["IsActive"] = bool(said["IsActive"])
    return said


@st.composite
def delete_records(draw: st.DrawFn, match: str | None) -> Wire:
    by_id = draw(st.booleans()) or match is None
    record: Wire = {"CustomerName": {"FirstName": "ignored"}}
    if by_id:
        record["ProfileId"] = draw(PICKS)
    if match and (not by_id or draw(st.booleans())):
        record["AlternateIds"] = [{"AlternateIdType": match, "AlternateId": draw(st.sampled_from(PEOPLE[match]))}]
    return record


@st.composite
def imports(draw: st.DrawFn, *, deletes: bool = True) -> ImportStep:
    match = draw(st.sampled_from(["CRM", "CRM", "CRM", "Loyalty", None]))
    settings: Wire = {"MatchCriteria": "AlternateIdType", "MatchValue": match} if match else {}
    batches = st.lists(st.integers(1, 4), min_size=1, max_size=3)
    if deletes and draw(_once_in(8)):
        settings["ImportAction"] = "Delete"
        one = delete_records(match)
    else:
        settings |= dict.fromkeys(draw(_refresh()), True)
        settings["AllowPriorConsents"] = not draw(_once_in(5))
        one = records(match).map(spell_out) if draw(st.booleans()) else records(match)
    return ImportStep(settings, [[draw(one) for _ in range(size)] for size in draw(batches)])


def _refresh() -> st.SearchStrategy[frozenset[str]]:
    return st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(REFRESH)))


@st.composite
def writes(draw: st.DrawFn) -> WriteStep:
    target = draw(st.sampled_from([None, *(Pick(n) for n in range(4))]))
    return WriteStep(draw(records(with_id=False)), target, draw(_refresh()))


@st.composite
def histories(draw: st.DrawFn, max_steps: int = 6) -> History:
    """The first step is an import of people. One step in six repeats an earlier step exactly."""
    deletes = st.integers(0, 5).map(lambda n: DeleteStep(Pick(n)))
    step = st.one_of(imports(), imports(), imports(), imports(), writes(), writes(), deletes)
    steps: list[Step] = [draw(imports(deletes=False))]
    for _ in range(draw(st.integers(1, max_steps - 1))):
        steps.append(draw(st.sampled_from(steps) if draw(_once_in(6)) else step))
    return History(steps, draw(st.sampled_from([1, 2, 7, None])), draw(st.integers(1, 4)))


FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
"""Of the tests of the model itself."""

Result = ImportResult | WriteOutcome | bool | str | None
"""Of a step: the code of a refused undo is a string."""


@dataclass
class Replay:
    """A history on the model: the result of each step, and every id that was ever created."""

    model: Model
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    results: list[Result] = field(default_factory=list)
    knobs: Knobs = field(default_factory=dict)
    # The model's number of each import and undo that ran.
    numbers: list[int] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        return list(self.model.created.values())

    def change(self, knobs: Knobs) -> Wire:
        """The account document after these changes, too."""
        self.knobs = {**self.knobs, **knobs}
        return build_changed("JUDGE", self.knobs)

    def play(self, step: Step) -> Result:
        """Run one step with the model's own clock. A driver of a real store gives the times of that store."""
        self.now += timedelta(hours=1)
        result: Result = None
        if isinstance(step, ImportStep):
            stamp = self.now.isoformat().replace("+00:00", "Z")
            batches = [
                (stamp, [resolve_record(r, self.ids) for r in batch], step.caller_of(number))
                for number, batch in enumerate(step.batches)
            ]
            result = self.model.run_import(
                settings=step.settings,
                batches=batches,
                started_at=self.now + timedelta(minutes=5),
                configured=self.change(step.knobs) if step.knobs else None,
            )
            self.numbers.append(result.number)
        elif isinstance(step, UndoStep):
            result = self._play_undo(step)
        elif isinstance(step, HeldStep):
            result = self._play_held(step)
        elif isinstance(step, WriteStep):
            target = step.target.resolve(self.ids) if step.target else None
            result = self.model.single_write(
                step.record, profile_id=target, refresh=step.refresh, at=self.now + timedelta(minutes=5)
            )
        elif isinstance(step, DeleteStep):
            result = self.model.delete_profile(step.target.resolve(self.ids))
        else:
            self.model.configure(self.change(step.knobs))
        self.results.append(result)
        return result

    def _play_held(self, step: HeldStep) -> Result:
        """The result of the guarded import. None: the import was cancelled, and nothing of it was applied."""
        trial = deepcopy(self)
        result = trial.play(step.step)
        assert isinstance(result, ImportResult)
        before, after = self.model.profiles, trial.model.profiles
        if not find_exceeded(step.limits, before, after, result, self.model.account, trial.now):
            return self.play(step.step)
        if step.between is not None:
            self.play(step.between)
        if step.pass_held:
            self.play(step.later)
        released = self.play(step.step) if step.releases else None
        if not step.pass_held:
            self.play(step.later)
        return released

    def _play_undo(self, step: UndoStep) -> Result:
        number = pick_import(self.numbers, step.back)
        made = self.model.start_undo(number, restore_yes=step.restore_yes, at=self.now)
        if isinstance(made, str):
            return made
        if step.cancels:
            self.model.cancel_undo(made)
            made = self.model.start_undo(number, restore_yes=step.restore_yes, at=self.now)
            assert not isinstance(made, str)
        if step.between is not None:
            self.play(step.between)
        result = self.model.run_undo(made, started_at=self.now + timedelta(minutes=5))
        self.numbers.append(result.number)
        return result


def pick_import(numbers: list[int], back: int) -> int:
    """The number of the import that an UndoStep takes back."""
    return numbers[-1 - (back - 1) % len(numbers)]


def replay(history: History) -> Replay:
    """A history on a new account of the model."""
    run = Replay(Model(build_account()))
    for step in history.steps:
        run.play(step)
    return run
