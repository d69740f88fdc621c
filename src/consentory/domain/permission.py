"""Permission rules: the calls a caller may make and the data a caller may see (account.md, "Who may call"; record.md,
"Permissions").

Each rule is written once, in this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from consentory.domain.caller import Caller
from consentory.domain.configuration import Permissions
from consentory.domain.configuration_index import ConfigurationIndex, FilterEntry
from consentory.domain.imports import Action, ImportSettings
from consentory.domain.profile import find_kind
from consentory.domain.record import KIND_MEMBERS, Kind
from consentory.domain.text import fold
from consentory.errors import RequestRefused


def require_import(caller: Caller) -> None:
    """Raises RequestRefused, forbidden, if the caller's groups do not permit imports."""
    if not caller.permissions.import_:
        raise RequestRefused(
            "forbidden", "Permission.Import", "Your user groups do not permit imports; ask for the permission `import`."
        )


def require_profile(caller: Caller, action: Literal["read", "write", "delete"]) -> None:
    """Raises RequestRefused, forbidden, if the caller's groups do not permit the action on profiles."""
    if action not in caller.permissions.profile:
        raise _refuse("Permission.Profile", f"profile: {action}")


def require_profile_write(caller: Caller) -> None:
    """Like `require_profile` with the action "write"."""
    require_profile(caller, "write")


def require_configuration(caller: Caller, action: Literal["read", "write"]) -> None:
    """Raises RequestRefused, forbidden, if the caller's groups do not permit the action on the configuration."""
    if action not in caller.permissions.configuration:
        raise _refuse("Permission.Configuration", f"configuration: {action}")


def require_configuration_write(caller: Caller) -> None:
    """Like `require_configuration` with the action "write"."""
    require_configuration(caller, "write")


def require_audit(caller: Caller) -> None:
    """Raises RequestRefused, forbidden, if the caller's groups do not permit reading the audit trail."""
    if not caller.permissions.audit:
        raise _refuse("Permission.Audit", "audit")


def require_release(caller: Caller) -> None:
    """Raises RequestRefused, forbidden, if the caller's groups do not permit to release a held import, or to undo an
    import together with its noes."""
    if not caller.permissions.release:
        raise _refuse("Permission.Release", "release")


def require_settings(settings: ImportSettings, permissions: Permissions) -> None:
    """Raises RequestRefused, forbidden, if an import of these settings can do more than the permissions allow."""
    if settings.action == "Delete" and "delete" not in permissions.profile:
        raise RequestRefused(
            "forbidden", "Permission.Delete", "Your user groups do not permit Delete; ask for `profile: [delete]`."
        )
    if settings.action == "Undo":
        require_undo(permissions)
    if settings.refresh_contacts and not may_refresh_contacts(permissions):
        raise RequestRefused(
            "forbidden",
            "Permission.RefreshContacts",
            "RefreshContacts can take every contact element away; it needs `channels: all` and `programs: all`.",
        )


def require_undo(permissions: Permissions) -> None:
    """Raises RequestRefused, forbidden, if the caller may not touch every part of a profile, and delete it. The records
    of an undo can do both."""
    if not {"write", "delete"} <= set(permissions.profile) or not _has_all_scopes(permissions):
        raise RequestRefused(
            "forbidden",
            "Permission.Undo",
            "An undo can change every part of a profile, and delete profiles; it needs `profile: [write, delete]`,"
            " `channels: all`, `programs: all` and `consentTypes: all`.",
        )


def may_refresh_contacts(permissions: Permissions) -> bool:
    """True if the caller may touch every contact element, because RefreshContacts can remove every contact element."""
    return permissions.channels == "all" and permissions.programs == "all"


def may_configure(permissions: Permissions) -> bool:
    """True if the permissions allow changing the configuration. A user of the shared key must not have such
    permissions."""
    return "write" in permissions.configuration


def may_read_all(permissions: Permissions) -> bool:
    """True if the caller may see every part of a profile (import-api.md, "Exceptions")."""
    return "read" in permissions.profile and _has_all_scopes(permissions)


def _has_all_scopes(permissions: Permissions) -> bool:
    return all(scope == "all" for scope in (permissions.channels, permissions.programs, permissions.consent_types))


def has_sent(caller: Caller, staged_by: str, action: Action) -> bool:
    """True if the caller sent the record that `staged_by` staged, and knows what is in it. The records of an undo are
    made by the server from stored values: nobody has sent them."""
    return action != "Undo" and staged_by == caller.user_id


class Scope:
    """The channels, programs and consent types that a caller may touch (record.md, "Permissions"). None in place of a
    set permits all."""

    __slots__ = ("_channels", "_consent_types", "_permissions", "_programs", "is_unlimited", "may_delete", "may_write")

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self.may_write = "write" in permissions.profile
        self.may_delete = "delete" in permissions.profile
        self.is_unlimited = _has_all_scopes(permissions)
        """True if the scope permits every channel, program and consent type."""
        self._channels = _fold_all(permissions.channels)
        self._programs = _fold_all(permissions.programs)
        self._consent_types = _fold_all(permissions.consent_types)

    def list_refused_refresh(self, settings: ImportSettings) -> list[str]:
        """The reasons why no record may be staged under the import's Refresh flags. These flags can remove data that a
        record leaves out."""
        reasons = []
        if settings.refresh_contacts and not may_refresh_contacts(self._permissions):
            text = "RefreshContacts can take every contact element away: it needs all channels and all programs,"
            reasons.append(f"{text} which your user groups do not permit. Stage with another user.")
        refreshes = (
            settings.refresh_alternate_ids,
            settings.refresh_contacts,
            settings.refresh_custom_fields,
            settings.refresh_groups,
            settings.refresh_tags,
        )
        if any(refreshes) and not self.may_write:
            text = "A Refresh flag can take data of the profile away: it needs the permission `profile: write`."
            reasons.append(f"{text} Stage with another user.")
        return reasons

    def permits_channel(self, *channels: str) -> bool:
        """True if at least one of the channels is permitted."""
        return self._channels is None or any(fold(channel) in self._channels for channel in channels)

    def permits_kind(self, kind: Kind) -> bool:
        """True if at least one channel of this kind of contact element is permitted. One permitted channel permits the
        kind."""
        return self.permits_channel(*KIND_MEMBERS[kind].channels)

    def permits_program(self, folded: str) -> bool:
        return self._programs is None or folded in self._programs

    def permits_filter(self, entry: FilterEntry) -> bool:
        """True if the program and the channel of the filter are both permitted."""
        if self.is_unlimited:
            return True
        channel = entry.filter.channel
        return self.permits_program(fold(entry.program_id)) and (channel is None or self.permits_channel(channel))

    def permits_consent_type(self, folded: str) -> bool:
        return self._consent_types is None or folded in self._consent_types

    def permits_choice(self, place: str, value: Mapping[str, Any], configuration_index: ConfigurationIndex) -> bool:
        """True if the scope permits a choice of the ledger: its value, and the contact element that it is bound to."""
        kind = find_kind(place)
        if kind is not None and not self.permits_kind(kind):
            return False
        if "ConsentType" in value:
            return self.permits_consent_type(fold(value["ConsentType"]))
        return self.permits_filter(configuration_index.filters[fold(value["FilterId"])])


def _refuse(code: str, permission: str) -> RequestRefused:
    return RequestRefused(
        "forbidden", code, f"Your user groups do not permit this; ask for the permission `{permission}`."
    )


def _fold_all(scope: str | tuple[str, ...]) -> frozenset[str] | None:
    return None if isinstance(scope, str) else frozenset(fold(name) for name in scope)
