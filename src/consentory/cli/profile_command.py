"""`consentory profile show`: what is known of a person, and since when."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.tree import Tree

from consentory.cli.connection import JsonOption, connected, exit_refused
from consentory.cli.terminal import make_console, print_json
from consentory.cli.visible_text import show_text
from consentory.client.api_client import ConsentoryClient, HistoryKind, JsonObject

_PREFERENCES = {1: "Opt-In", 2: "Opt-Out"}
_CONSENTS = {1: "Granted", 2: "Denied", 3: "Revoked", 4: "NotSet"}
_CONTACTS = {
    "Emails": ("EmailAddressType", ("EmailAddress",), "EmailPreferences"),
    "PhoneNumbers": ("PhoneType", ("PhoneNumber",), "PhoneNumberPreferences"),
    "Addresses": (
        "AddressType",
        ("Address1", "Address2", "PostalCode", "City", "StateProvince"),
        "AddressPreferences",
    ),
}


@connected
def show_profile(
    client: ConsentoryClient,
    profile_id: Annotated[int | None, typer.Argument(metavar="ID", help="The ProfileId.", show_default=False)] = None,
    *,
    alternate_id: Annotated[
        str | None,
        typer.Option(metavar="TYPE:ID", help="By alternate id, as CRM:C-100-1.", show_default=False),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Everyone with this email address.", show_default=False),
    ] = None,
    phone: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Everyone with this phone number.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a profile with its history: who set what, when, and from which import.

    Example: consentory profile show --alternate-id CRM:C-100-1
    """
    profiles = find_profiles(client, profile_id, alternate_id, email, phone)
    found = [(profile, read_history(client, profile["ProfileId"])) for profile in profiles]
    if as_json:
        items = [{"Profile": profile, "History": history} for profile, history in found]
        return print_json({"Count": len(items), "Profiles": items})
    console = make_console()
    if not found:
        console.print("Nobody was found; only active profiles are found by email or phone.")
    for profile, history in found:
        console.print(make_profile_tree(profile))
        console.print(make_history_table(history))


def find_profiles(
    client: ConsentoryClient,
    profile_id: int | None,
    alternate_id: str | None,
    email: str | None,
    phone: str | None,
) -> list[JsonObject]:
    """The profiles that exactly one of the four names; ends the command where none or several are given."""
    if sum(value is not None for value in (profile_id, alternate_id, email, phone)) != 1:
        exit_refused("Give exactly one of ID, --alternate-id, --email and --phone.")
    if profile_id is not None:
        return [client.profile(profile_id)]
    if alternate_id is not None:
        id_type, colon, value = alternate_id.partition(":")
        if not (id_type and colon and value):
            exit_refused(f"--alternate-id {alternate_id}: give the type and the id, as CRM:C-100-1.")
        return [client.profile_by_alternate_id(id_type, value)]
    answer = client.profiles_by_email(email) if email is not None else client.profiles_by_phone(str(phone))
    return list(answer["UserProfilePreferences"])


def read_history(client: ConsentoryClient, profile_id: int) -> dict[HistoryKind, list[JsonObject]]:
    """All of a profile's history, by kind, in order of application."""
    history: dict[HistoryKind, list[JsonObject]] = {"Preferences": [], "Consents": []}
    for kind, items in history.items():
        while True:
            page = client.history(profile_id, kind, offset=len(items) + 1)
            items += page["Items"]
            if not page["HasMore"] or not page["Items"]:
                break
    return history


def make_profile_tree(profile: JsonObject) -> Tree:
    """The profile as a tree: each contact element with the choices that are bound to it."""
    name = profile.get("CustomerName") or {}
    parts = (name.get(part) for part in ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix"))
    title = " ".join(part for part in parts if part) or "(no name)"
    state = "" if profile.get("IsActive", True) else " [red]inactive[/red]"
    tree = Tree(f"[bold]{show_text(title)}[/bold] · profile {profile['ProfileId']}{state}")
    for held in profile.get("AlternateIds") or ():
        tree.add(f"{show_text(held['AlternateIdType'])}: {show_text(held['AlternateId'])}{_mark(held)}")
    for collection, (type_member, value_members, preferences) in _CONTACTS.items():
        for element in profile.get(collection) or ():
            value = ", ".join(element[member] for member in value_members if element.get(member))
            branch = tree.add(f"{show_text(element[type_member])}: [cyan]{show_text(value)}[/cyan]{_mark(element)}")
            _add_choices(branch, element.get(preferences), element.get("Consents"))
    _add_choices(tree, profile.get("ProfilePreferences"), profile.get("Consents"))
    for group in profile.get("Groups") or ():
        tree.add(f"{show_text(group['GroupType'])}: {show_text(group['GroupName'])}{_mark(group)}")
    for custom in profile.get("CustomFields") or ():
        tree.add(f"{show_text(custom['Name'])} = {show_text(str(custom.get('Value')))}")
    if tags := [tag["Name"] for tag in profile.get("ProfileTags") or ()]:
        tree.add(f"Tags: {show_text(', '.join(tags))}")
    return tree


def _mark(element: JsonObject) -> str:
    default = " (default)" if element.get("IsDefault") else ""
    return default if element.get("IsActive", True) else f"{default} [red]inactive[/red]"


def _add_choices(branch: Tree, preferences: Any, consents: Any) -> None:
    for choice in preferences or ():
        status = choice.get("PreferenceStatus")
        branch.add(
            f"{show_text(choice['FilterId'])}: {_PREFERENCES.get(choice['PreferenceType'], '?')}"
            f" since {choice.get('CustomerDate')}" + (f" ({show_text(str(status))})" if status else "")
        )
    for consent in consents or ():
        branch.add(
            f"{show_text(consent['ConsentType'])} {show_text(consent['ConsentVersion'])}: "
            f"{_CONSENTS.get(consent['ConsentStatus'], '?')} since {consent.get('ConsentDate')}"
            + (" [red]expired[/red]" if consent.get("Expired") else "")
        )


def make_history_table(history: dict[HistoryKind, list[JsonObject]]) -> Table:
    """Every applied choice in order of application, preferences first, with where it came from."""
    table = Table(
        "Choice",
        "Said",
        "Chosen",
        "Recorded",
        "By",
        "Import",
        "Record",
        title="History",
        title_justify="left",
    )
    for column in table.columns:
        column.overflow = "fold"  # an id that is cut is of no use
    for item in history["Preferences"]:
        said = _PREFERENCES.get(item["PreferenceType"], "?")
        _add_history_row(table, str(item["FilterId"]), said, item.get("CustomerDate"), item)
    for item in history["Consents"]:
        said = _CONSENTS.get(item["ConsentStatus"], "?")
        consent = f"{item['ConsentType']} {item['ConsentVersion']}"
        _add_history_row(table, consent, said, item.get("ConsentDate"), item)
    return table


def _add_history_row(table: Table, choice: str, said: str, chosen: Any, item: JsonObject) -> None:
    origin = (item.get(member) for member in ("RecordedDate", "Caller", "ImportId", "SequenceNumber"))
    cells = [choice, said, *("" if value is None else str(value) for value in (chosen, *origin))]
    table.add_row(*map(show_text, cells))
