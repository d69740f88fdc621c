"""The parameters of calls: names on the wire, bounds and meaning."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, get_type_hints
from uuid import UUID

from litestar.params import HeaderParameter, PathParameter, QueryParameter

from consentory.domain.audit_event import Action
from consentory.domain.effects import ChangeKind
from consentory.domain.imports import REFUSED, Phase
from consentory.errors import ErrorDetail, RequestRefused

_AS_AT_INITIATE = "The same meaning as at Initiate."

_LARGEST_ID = 2**63 - 1

AccessToken = Annotated[str, PathParameter(name="accessToken", description="The AccessToken of the import.")]
ImportId = Annotated[str, PathParameter(name="importId", description="The ImportId of the status object.")]
ProfileId = Annotated[str, PathParameter(name="profileId", description="A positive integer.")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="A key for this request. A second request with the same key and the same body changes nothing.",
        min_length=1,
        max_length=255,
    ),
]
Limit = Annotated[int, QueryParameter(name="limit", description="Largest number of items to return.", ge=1, le=10_000)]
Offset = Annotated[
    int,
    QueryParameter(name="offset", description="First item to return, counted from 1.", ge=1, le=2**31 - 1),
]
Phases = Annotated[
    list[Phase] | None,
    QueryParameter(
        name="phase", description="Only records of this phase; may be repeated. Default: Stage and Execute."
    ),
]
StatusFilter = Annotated[
    Literal["Initiated", "Staging", "Queued", "Processing", "Completed", "Failed"] | None,
    QueryParameter(name="status", description="Only imports in this state."),
]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="NextCursor of the previous page.")]
HistoryKind = Annotated[
    Literal["Preferences", "Consents"], QueryParameter(name="of", description="The kind of choices to return.")
]
AfterNumber = Annotated[
    int, QueryParameter(name="after", description="Only events with a higher Number.", ge=0, le=2**53 - 1)
]
AfterPosition = Annotated[
    int | None,
    QueryParameter(
        name="after",
        description="Only changes after this position. Default: from the oldest change that is kept.",
        ge=0,
        le=2**53 - 1,
    ),
]
Wait = Annotated[
    int,
    QueryParameter(name="wait", description="Seconds to wait for a change if there is none.", ge=0, le=30),
]
ActionFilter = Annotated[Action | None, QueryParameter(name="action", description="Only events of this Action.")]
ImportFilter = Annotated[UUID | None, QueryParameter(name="importId", description="Only events of this import.")]
PreviewIdFilter = Annotated[
    UUID | None,
    QueryParameter(name="previewId", description="Only if this preview is done and not stale; else 409 Preview.Stale."),
]
ChangeKindFilter = Annotated[ChangeKind | None, QueryParameter(name="kind", description="Only changes of this kind.")]
DryRun = Annotated[bool, QueryParameter(name="dryRun", description="Only report the changes, and apply none.")]

AlternateIdType = Annotated[str | None, QueryParameter(name="alternateIdType", description="With alternateId.")]
AlternateId = Annotated[str | None, QueryParameter(name="alternateId", description="With alternateIdType.")]
EmailAddress = Annotated[str | None, QueryParameter(name="emailAddress", description="An email address.")]
PhoneNumber = Annotated[str | None, QueryParameter(name="phoneNumber", description="A phone number.")]
DataFormat = Annotated[
    Literal["json", "ndjson", "csv", "parquet"] | None,
    QueryParameter(name="format", description="json gives a page, the others a file. Default: by the header Accept."),
]
AfterProfile = Annotated[
    int, QueryParameter(name="after", description="Only profiles with a higher ProfileId.", ge=0, le=2**63 - 1)
]
AfterKey = Annotated[str | None, QueryParameter(name="after", description="Only the rows after the row of this Key.")]
OptedOut = Annotated[bool, QueryParameter(name="optedOut", description="List the opt-outs in force instead.")]
FilterId = Annotated[str, PathParameter(name="filterId", description="The id of a filter of the account document.")]
CustomerTypeFilter = Annotated[
    str | None, QueryParameter(name="customerType", description="Only profiles of this customer type.")
]
TagFilter = Annotated[str | None, QueryParameter(name="tag", description="Only profiles with this tag.")]
GroupFilter = Annotated[
    str | None, QueryParameter(name="group", description="Only profiles in this group, written Type:Name.")
]
MadeByFilter = Annotated[
    UUID | None, QueryParameter(name="importId", description="Only profiles that this import created.")
]
ModifiedSince = Annotated[
    str | None, QueryParameter(name="modifiedSince", description="Only profiles that changed at this time or later.")
]
ActiveFilter = Annotated[
    bool | None, QueryParameter(name="active", description="Only active profiles, or only inactive ones.")
]


@dataclass(frozen=True, slots=True)
class ExceptionWindow:
    """The requested exception records: their phases, and the range in them."""

    phases: frozenset[Phase]
    limit: int
    offset: int


def read_window(phase: Phases = None, limit: Limit = 1000, offset: Offset = 1) -> ExceptionWindow:
    """The parameters that both calls for exceptions share. Without a phase, the refused records are requested."""
    return ExceptionWindow(frozenset(phase) if phase else REFUSED, limit, offset)


def read_flags(
    refresh_alternate_ids: Annotated[
        bool, QueryParameter(name="RefreshAlternateIds", description=_AS_AT_INITIATE)
    ] = False,
    refresh_contacts: Annotated[bool, QueryParameter(name="RefreshContacts", description=_AS_AT_INITIATE)] = False,
    refresh_custom_fields: Annotated[
        bool, QueryParameter(name="RefreshCustomFields", description=_AS_AT_INITIATE)
    ] = False,
    refresh_groups: Annotated[bool, QueryParameter(name="RefreshGroups", description=_AS_AT_INITIATE)] = False,
    refresh_tags: Annotated[bool, QueryParameter(name="RefreshTags", description=_AS_AT_INITIATE)] = False,
    allow_prior_consents: Annotated[
        bool, QueryParameter(name="AllowPriorConsents", description=_AS_AT_INITIATE)
    ] = False,
) -> dict[str, bool]:
    """The flags of a single write, by their names on the wire. Each flag has the same meaning as at Initiate."""
    return {
        "RefreshAlternateIds": refresh_alternate_ids,
        "RefreshContacts": refresh_contacts,
        "RefreshCustomFields": refresh_custom_fields,
        "RefreshGroups": refresh_groups,
        "RefreshTags": refresh_tags,
        "AllowPriorConsents": allow_prior_consents,
    }


_NUMBERS = frozenset(("limit", "offset", "after", "wait"))
_REPEATED = frozenset(("phase",))
_CHOICES = frozenset(("status", "action", "importId", "phase", "previewId", "kind", "format", "active", "optedOut"))
"""Parameters for which Litestar treats the word null as a missing parameter."""
_NAMES = frozenset(
    (*_NUMBERS, *_CHOICES, "cursor", "of", "dryRun", "alternateIdType", "alternateId", "emailAddress", "phoneNumber")
) | {
    "RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags",
    "AllowPriorConsents", "customerType", "tag", "group", "modifiedSince",
}  # fmt: skip
_NAMES_BY_FOLD = {name.casefold(): name for name in _NAMES}
_DIGITS = re.compile("[0-9]{1,16}")


def read_profile_id(text: str) -> int:
    """The ProfileId in a path. Raises RequestRefused, not_found, if the text cannot be a ProfileId."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= _LARGEST_ID:
        return int(text)
    raise RequestRefused(
        "not_found", "Profile.NotFound", "This account has no such profile: a ProfileId is an integer."
    )


def check_query(
    items: Iterable[tuple[str, str]], texts: Container[str] = (), only: Container[str] | None = None
) -> None:
    """Refuse parameters that would be read with another meaning. Raises RequestRefused, invalid, with every fault.

    Refused are: a number with other characters than digits; null, if null is not a value of the parameter; a parameter
    that is sent twice; and the name of a parameter in another letter case (dryrun), because Litestar would ignore it.
    `texts`: the parameters of this call that are texts, although other calls have a number of this name. `only`: the
    parameters of a call that refuses all others, because an answer without a filter has people whom nobody asked for.
    """
    faults: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in items:
        known = _NAMES_BY_FOLD.get(name.casefold())
        if only is not None and (known or name) not in only:
            faults[name] = "this call has no such parameter"
        if known is None:
            continue
        if known != name:
            faults[name] = f"this parameter is written {known}"
        elif name in seen and name not in _REPEATED:
            faults[name] = "it is sent twice; send it once"
        elif name in _NUMBERS and name not in texts and _DIGITS.fullmatch(value) is None:
            faults[name] = f"a whole number is written with digits alone, not {value[:50]!r}"
        elif name in _CHOICES and value.casefold() == "null":
            faults[name] = f"{value!r} is not a value of this parameter; leave the parameter out to ask for all"
        seen.add(name)
    if faults:
        raise refuse_parameters(list(faults.items()))


def refuse_parameters(faults: list[tuple[str, str]]) -> RequestRefused:
    """The refusal of parameters. Each fault has the parameter's name on the wire and the reason."""
    code = "Request.InvalidParameter"
    errors = [ErrorDetail(code, name, f"{name}: {reason}.") for name, reason in faults]
    detail = " ".join(["A parameter does not fit.", *(error.message for error in errors)])
    return RequestRefused("invalid", code, detail, errors=errors)


_HINTS = {
    "idempotency_key": IdempotencyKey,
    "dry_run": DryRun,
    "import_id": ImportFilter,
    "preview_id": PreviewIdFilter,
    "data_format": DataFormat,
    "opted_out": OptedOut,
    **get_type_hints(read_flags, include_extras=True),
}
_WIRE_NAMES: dict[str, str] = {
    argument: hint.__metadata__[0].name for argument, hint in _HINTS.items() if hasattr(hint, "__metadata__")
}


def name_on_wire(argument: str) -> str:
    """The name of a parameter on the wire. Litestar names a parameter by the function's argument."""
    return _WIRE_NAMES.get(argument, argument)
