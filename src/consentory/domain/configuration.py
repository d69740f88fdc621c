"""The account document (account.md, "Configuration") as frozen types; keys as on the wire, camelCase.

msgspec decodes these types from the stored JSON. A stored document is valid. The codec
(`codec/account/account_document.py`) validates a document that a person wrote, and reports all faults at once with line
numbers.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

Channel = Literal["Email", "Phone", "Text", "Fax", "Mail"]
FieldType = Literal["Text", "Numeric", "DateTime", "SelectList"]
UpdateRule = Literal["Always", "IfCurrentValueIsBlank", "IfNewValueIsNotBlank", "Never"]


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of every part of the document."""


class Account(Item, frozen=True):
    client_id: str
    name: str
    locales: tuple[str, ...]
    """The first locale is the default locale."""
    time_zone: str = "America/New_York"
    phone_region: str = "US"
    token_lifetime_hours: float = 12
    imports_per_day: int = 200
    undo_days: int = 10
    changes_days: int = 30
    max_stage_megabytes: float = 25
    require_dates: bool = False
    earliest_date: date = date(1990, 1, 1)
    """A choice with an earlier date is refused."""


class TypeName(Item, frozen=True):
    """A customer, alternate id, email, phone, address or group type."""

    name: str
    labels: dict[str, dict[str, str]] = {}
    default: bool = False
    active: bool = True
    pattern: str | None = None


class Picklist(Item, frozen=True):
    name: str
    values: tuple[str, ...]
    active: bool = True


class CustomField(Item, frozen=True):
    name: str
    type: FieldType
    required: bool = False
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min: float | None = None
    max: float | None = None
    picklist: str | None = None
    several: bool = False
    update_rule: UpdateRule = "Always"
    default: str | None = None
    active: bool = True
    labels: dict[str, dict[str, str]] = {}


class Filter(Item, frozen=True):
    id: str
    name: str
    channel: Channel | None = None
    """None: a preference of the person. Otherwise: a preference of a contact element."""
    frequencies: tuple[str, ...] = ()
    default_frequency: str | None = None
    duration_days: int | None = None
    required_consents: tuple[str, ...] = ()
    active: bool = True


class Program(Item, frozen=True):
    id: str
    name: str
    filters: tuple[Filter, ...] = ()
    active: bool = True


class ConsentVersion(Item, frozen=True):
    version: str
    texts: dict[str, str]
    """Maps the locale to the text that the person was shown."""
    expiration_days: int | None = None
    active: bool = True


class ConsentType(Item, frozen=True):
    name: str
    versions: tuple[ConsentVersion, ...]
    """The oldest version comes first. The order is evidence and never changes."""
    active: bool = True


class Permissions(Item, frozen=True):
    import_: bool = msgspec.field(name="import", default=False)
    profile: tuple[Literal["read", "write", "delete"], ...] = ()
    channels: Literal["all"] | tuple[Channel, ...] = ()
    programs: Literal["all"] | tuple[str, ...] = ()
    consent_types: Literal["all"] | tuple[str, ...] = ()
    configuration: tuple[Literal["read", "write"], ...] = ()
    audit: bool = False
    release: bool = False


class UserGroup(Item, frozen=True):
    name: str
    permissions: Permissions = Permissions()
    active: bool = True


class User(Item, frozen=True):
    id: str
    groups: tuple[str, ...] = ()
    source_group: str | None = None
    hmac: bool = False
    active: bool = True


SHARE = r"([0-9]{1,4}(?:\.[0-9]{1,6})?)%"
Limit = int | Annotated[str, msgspec.Meta(pattern=f"^{SHARE}$")]
"""A count, or a share such as "5%". `domain/guard.py` has the rules."""


class Limits(Item, frozen=True):
    """The largest permitted number of each kind of effect (`domain/effects.py`). None: no limit."""

    invalid: Limit | None = None
    """Of records that failed validation. A share is a share of the records received."""
    opt_ins_added: Limit | None = None
    opt_ins_ended: Limit | None = None
    opt_outs_added: Limit | None = None
    opt_outs_ended: Limit | None = None
    consents_granted: Limit | None = None
    consents_withdrawn: Limit | None = None
    consents_ended: Limit | None = None
    contact_elements_added: Limit | None = None
    contact_elements_deactivated: Limit | None = None
    alternate_ids_added: Limit | None = None
    alternate_ids_deactivated: Limit | None = None
    members_changed: Limit | None = None
    custom_fields_changed: Limit | None = None
    custom_fields_removed: Limit | None = None
    groups_added: Limit | None = None
    groups_deactivated: Limit | None = None
    tags_added: Limit | None = None
    tags_removed: Limit | None = None
    profiles_deactivated: Limit | None = None
    profiles_deleted: Limit | None = None


class Guard(Limits, frozen=True):
    """The limits of an account or of an import, and who may release an import that exceeds one."""

    release: Literal["anyone", "otherUser"] = "anyone"
    """otherUser: not the user who executed the import."""
    pass_held: bool = False
    """True: later imports of the account are executed while an import is held."""


class Configuration(Item, frozen=True):
    account: Account
    customer_types: tuple[TypeName, ...] = ()
    alternate_id_types: tuple[TypeName, ...] = ()
    email_types: tuple[TypeName, ...] = ()
    phone_types: tuple[TypeName, ...] = ()
    address_types: tuple[TypeName, ...] = ()
    group_types: tuple[TypeName, ...] = ()
    picklists: tuple[Picklist, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    programs: tuple[Program, ...] = ()
    consent_types: tuple[ConsentType, ...] = ()
    guard: Guard | None = None
    user_groups: tuple[UserGroup, ...] = ()
    users: tuple[User, ...] = ()


class AppliedDocument(msgspec.Struct, frozen=True):
    """An account document that was applied, with its changes line by line. `is_applied` is False after a dry run, and
    if the document changes nothing."""

    changes: list[str]
    is_applied: bool
