"""The guard: limits on the effects of an import, and the check of a preview against them (docs/effects.md, "Guard").

A limit is a count or a share. A share of `invalid` is a share of the received records. Every other share is a share of
the account's active profiles. If the account and the import both limit an effect, the lower limit decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from consentory.domain.configuration import SHARE, Configuration, Guard, Limit, Limits

INVALID = "invalid"
LEAST_PROFILES = 100
"""In an account with fewer active profiles, limits that are shares of the profiles do not apply."""

LIMIT_ADVICE = "write a count from 0, such as 100, or a share from 0% to 1000%, such as 5%"

LIMIT_NAMES: tuple[str, ...] = tuple(field.encode_name for field in msgspec.structs.fields(Limits))
"""`invalid`, then each kind of effect in the order of EFFECT_KINDS, in the spelling of the account document."""

_ATTRIBUTES = {field.encode_name: field.name for field in msgspec.structs.fields(Limits)}
_SHARE = re.compile(SHARE)
_MOST_PERCENT = 1000
_MOST_COUNT = 2**53 - 1


class LimitExceeded(msgspec.Struct, frozen=True):
    """A limit of the guard and the number that was found, as on the wire."""

    Code: str
    Limit: str
    Allowed: int
    Found: int


NOT_CHECKED = LimitExceeded("Guard.PreviewFailed", "", 0, 0)
"""The import is held because the preview of its start failed: no limit was checked."""


def describe_limits(exceeded: Sequence[LimitExceeded]) -> dict[str, str]:
    """The exceeded limits in the form of the audit trail."""
    return {one.Limit or one.Code: f"Found {one.Found}, Allowed {one.Allowed}" for one in exceeded}


def join_guards(configuration: Configuration, of_import: Guard | msgspec.UnsetType) -> tuple[Guard, ...]:
    """The guards of an import: the guard of the account document and the guard of Initiate, if they are set."""
    return tuple(guard for guard in (configuration.guard, of_import) if isinstance(guard, Guard))


def needs_other_user(configuration: Configuration, of_import: Guard | msgspec.UnsetType) -> bool:
    """True if the user who executed an import may not release it."""
    return any(guard.release == "otherUser" for guard in join_guards(configuration, of_import))


def list_limits(limits: Limits) -> list[tuple[str, Limit]]:
    """(name, limit) of each limit that is set."""
    given = ((name, getattr(limits, _ATTRIBUTES[name])) for name in LIMIT_NAMES)
    return [(name, limit) for name, limit in given if limit is not None]


def is_limit(limit: Limit) -> bool:
    """True for a valid count or a valid share."""
    if isinstance(limit, int):
        return 0 <= limit <= _MOST_COUNT
    share = _SHARE.fullmatch(limit)
    return share is not None and Fraction(share[1]) <= _MOST_PERCENT


def is_looser(limit: Limit, than: Limit) -> bool:
    """True if a limit permits more than another one. False for a count and a share: they cannot be compared."""
    if isinstance(limit, int) and isinstance(than, int):
        return limit > than
    if isinstance(limit, str) and isinstance(than, str):
        return _read_share(limit) > _read_share(than)
    return False


def has_profile_share(guards: Sequence[Limits]) -> bool:
    """True if a limit is a share of the account's active profiles."""
    return any(isinstance(limit, str) for guard in guards for name, limit in list_limits(guard) if name != INVALID)


def find_allowed(guards: Sequence[Limits], received: int, profiles: int) -> dict[str, int]:
    """The largest permitted number by limit. `received`: the records of the import. `profiles`: the active profiles.

    Empty: no limit applies.
    """
    allowed: dict[str, int] = {}
    for guard in guards:
        for name, limit in list_limits(guard):
            if isinstance(limit, str):
                base = received if name == INVALID else profiles
                if name != INVALID and profiles < LEAST_PROFILES:
                    continue
                count = int(_read_share(limit) * base / 100)  # rounded down
            else:
                count = limit
            allowed[name] = min(count, allowed.get(name, count))
    return allowed


def find_exceeded(allowed: Mapping[str, int], failed: int, effects: Mapping[str, int]) -> list[LimitExceeded]:
    """The limits that an import exceeds, in the order of LIMIT_NAMES. `effects`: counts by kind."""
    found = {INVALID: failed, **{_name_limit(kind): count for kind, count in effects.items()}}
    return [
        LimitExceeded("Guard.Exceeded", name, allowed[name], found[name])
        for name in LIMIT_NAMES
        if name in allowed and found[name] > allowed[name]
    ]


def _name_limit(kind: str) -> str:
    return kind[0].lower() + kind[1:]


def _read_share(limit: str) -> Fraction:
    return Fraction(limit.removesuffix("%"))
