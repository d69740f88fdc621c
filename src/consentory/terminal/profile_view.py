"""Show a person in a terminal: the profile, and the history with the evidence and the text that was shown."""

from hashlib import sha256
from typing import Any

from rich.tree import Tree

from consentory.client.api_client import ConsentoryClient, HistoryKind, JsonObject
from consentory.domain.record import KIND_MEMBERS, Kind
from consentory.terminal.visible_text import show_text

_PREFERENCES = {1: "Opt-In", 2: "Opt-Out"}
_CONSENTS = {1: "Granted", 2: "Denied", 3: "Revoked", 4: "NotSet"}
_VALUES: dict[Kind, tuple[str, ...]] = {
    "Email": ("EmailAddress",),
    "Phone": ("PhoneNumber",),
    "Address": ("Address1", "Address2", "PostalCode", "City", "StateProvince"),
}
"""The members that show the value of a contact element, in the order in which they are shown."""

ConsentTexts = dict[tuple[str, str, str], str]
"""The texts of the account's consents, by type, version and locale."""


def read_consent_texts(configuration: JsonObject) -> ConsentTexts:
    """The texts in a configuration document."""
    return {
        (kind["name"], version["version"], locale): text
        for kind in configuration.get("consentTypes") or ()
        for version in kind.get("versions") or ()
        for locale, text in (version.get("texts") or {}).items()
    }


def make_profile_tree(profile: JsonObject) -> Tree:
    """The profile as a tree: each contact element with the choices that are bound to it."""
    name = profile.get("CustomerName") or {}
    parts = (name.get(part) for part in ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix"))
    title = " ".join(part for part in parts if part) or "(no name)"
    state = "" if profile.get("IsActive", True) else " [red]inactive[/red]"
    tree = Tree(f"[bold]{show_text(title)}[/bold] · profile {profile['ProfileId']}{state}")
    for alternate_id in profile.get("AlternateIds") or ():
        shown = f"{show_text(alternate_id['AlternateIdType'])}: {show_text(alternate_id['AlternateId'])}"
        tree.add(shown + _mark(alternate_id))
    for kind, members in KIND_MEMBERS.items():
        for element in profile.get(members.array) or ():
            value = ", ".join(element[member] for member in _VALUES[kind] if element.get(member))
            branch = tree.add(f"{show_text(element[members.type])}: [cyan]{show_text(value)}[/cyan]{_mark(element)}")
            _add_choices(branch, element.get(members.preferences), element.get("Consents"))
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


def make_history_tree(history: dict[HistoryKind, list[JsonObject]], texts: ConsentTexts | None = None) -> Tree:
    """Each applied choice with its evidence, in the order of application, preferences first.

    `texts` None: the account's texts are not known.
    """
    tree = Tree("[bold]History[/bold]")
    for item in history["Preferences"]:
        said = _PREFERENCES.get(item["PreferenceType"], "?")
        branch = _add_choice(tree, item["FilterId"], said, item.get("CustomerDate"), item)
        _add_details(
            branch, "attribute", {pair["Key"]: pair["Value"] for pair in item.get("PreferenceAttributes") or ()}
        )
        _add_origin(branch, item)
    for item in history["Consents"]:
        said = _CONSENTS.get(item["ConsentStatus"], "?")
        name = f"{item['ConsentType']} {item['ConsentVersion']}"
        branch = _add_choice(tree, name, said, item.get("ConsentDate"), item)
        _add_details(branch, "evidence", item.get("Evidence") or {})
        _add_text(branch, item, texts)
        _add_origin(branch, item)
    return tree


def _add_choice(tree: Tree, name: str, said: str, chosen: Any, item: JsonObject) -> Tree:
    place = item.get("Place") or {}
    values = [str(value) for member, value in place.items() if member != "Kind"]
    where = f" ({', '.join(values)})" if values else ""
    return tree.add(f"{show_text(name)}: {said}, chosen {show_text(str(chosen))}{show_text(where)}")


def _add_details(branch: Tree, title: str, members: dict[str, Any]) -> None:
    for name, value in members.items():
        branch.add(f"{title} {show_text(name)}: {show_text(str(value))}")


def _add_text(branch: Tree, item: JsonObject, texts: ConsentTexts | None) -> None:
    """The text that the person was shown: the text of a version never changes once it is applied."""
    locale = str(item.get("Locale"))
    branch.add(f"language: {show_text(locale)}")
    if texts is None:
        branch.add("text: this user may not read it (permission configuration: read)")
    elif text := texts.get((item["ConsentType"], item["ConsentVersion"], locale)):
        branch.add(f"text: {show_text(text)}")
        branch.add(f"SHA-256 {sha256(text.encode()).hexdigest()}")


def _add_origin(branch: Tree, item: JsonObject) -> None:
    branch.add(f"recorded {show_text(str(item.get('RecordedDate')))} by {show_text(str(item.get('Caller')))}")
    if item.get("ImportId"):
        branch.add(f"import {show_text(str(item['ImportId']))}, record {item.get('SequenceNumber')}")
    if item.get("UndoOf"):
        went = "taken back" if item.get("TakenBack") else "came back"
        branch.add(f"{went}: undo of import {show_text(str(item['UndoOf']))}")


def read_history(client: ConsentoryClient, profile_id: int) -> dict[HistoryKind, list[JsonObject]]:
    """The whole history of a profile, by kind, in the order of application."""
    history: dict[HistoryKind, list[JsonObject]] = {"Preferences": [], "Consents": []}
    for kind, items in history.items():
        while True:
            page = client.history(profile_id, kind, offset=len(items) + 1)
            items += page["Items"]
            if not page["HasMore"] or not page["Items"]:
                break
    return history
