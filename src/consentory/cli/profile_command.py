"""`consentory profile`: show, change, deactivate or delete one person."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from consentory.cli.import_options import PriorOption, RefreshOption, read_refresh
from consentory.client.api_client import ApiProblem, ConsentoryClient, JsonObject
from consentory.terminal.connection import connected, exit_refused
from consentory.terminal.profile_view import (
    ConsentTexts,
    make_history_tree,
    make_profile_tree,
    read_consent_texts,
    read_history,
)
from consentory.terminal.setting_options import JsonOption
from consentory.terminal.terminal_output import make_console, notes, print_json
from consentory.terminal.visible_text import show_text

COMES_BACK = (
    "The next import of a file that holds this person stores the person again, without the opt-outs. To keep the"
    " person from being contacted, deactivate the person instead: consentory profile deactivate"
)
"""The warning of a deletion."""


def _read_profile_id(text: str) -> int:
    if not text.isdecimal():
        message = f"A ProfileId must be a whole number, not {text}. To name a person in another way, see --help."
        raise typer.BadParameter(message)
    return int(text)


IdArgument = Annotated[
    int | None, typer.Argument(metavar="ID", help="The ProfileId.", show_default=False, parser=_read_profile_id)
]
AlternateIdOption = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE:ID", help="The person with this alternate id, for example CRM:C-100-1.", show_default=False
    ),
]


@connected
def show_profile(
    client: ConsentoryClient,
    profile_id: IdArgument = None,
    *,
    alternate_id: AlternateIdOption = None,
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
    """Show a profile with its history: each choice with its time, its evidence, the text that was shown, its import.

    Example: consentory profile show --alternate-id CRM:C-100-1
    """
    profiles = find_profiles(client, profile_id, alternate_id, email, phone)
    found = [(profile, read_history(client, profile["ProfileId"])) for profile in profiles]
    if as_json:
        items = [{"Profile": profile, "History": history} for profile, history in found]
        return print_json({"Count": len(items), "Profiles": items})
    console = make_console()
    if not found:
        console.print("Nobody was found. A search by email or phone finds only active profiles.")
    texts = fetch_consent_texts(client) if any(history["Consents"] for _, history in found) else {}
    for profile, history in found:
        console.print(make_profile_tree(profile))
        console.print(make_history_tree(history, texts))


def find_profiles(
    client: ConsentoryClient,
    profile_id: int | None,
    alternate_id: str | None,
    email: str | None,
    phone: str | None,
) -> list[JsonObject]:
    """The profiles of the one given option. Ends the command if no option or several options are given."""
    if sum(value is not None for value in (profile_id, alternate_id, email, phone)) != 1:
        exit_refused("Give exactly one of ID, --alternate-id, --email and --phone.")
    if profile_id is not None:
        return [client.profile(profile_id)]
    if alternate_id is not None:
        id_type, colon, value = alternate_id.partition(":")
        if not (id_type and colon and value):
            exit_refused(f"--alternate-id must be TYPE:ID, such as CRM:C-100-1, not {alternate_id}.")
        return [client.profile_by_alternate_id(id_type, value)]
    answer = client.profiles_by_email(email) if email is not None else client.profiles_by_phone(str(phone))
    return list(answer["UserProfilePreferences"])


def fetch_consent_texts(client: ConsentoryClient) -> ConsentTexts | None:
    """The texts of the account's consents. None: the user may not read the configuration."""
    try:
        return read_consent_texts(client.configuration())
    except ApiProblem as problem:
        if problem.status != 403:
            raise
        return None


@connected
def edit_profile(
    client: ConsentoryClient,
    profile_id: IdArgument = None,
    *,
    alternate_id: AlternateIdOption = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A JSON file with a record of the changes.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="MEMBER=VALUE", help="A change, for example CustomerName.FirstName=Ana. VALUE may be JSON."
        ),
    ] = None,
    refresh: RefreshOption = None,
    allow_prior_consents: PriorOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change one person by a record, with the rules of an import. Members that the record does not name stay.

    Exit code 0: done; 1: something was not honored, because the stored choice takes precedence; 2: refused.

    Example: consentory profile edit 4711 --set CustomerName.FirstName=Ana

    Give a whole array, as JSON. An opt-out of today:

    consentory profile edit 4711 --set 'Emails=[{"EmailAddress": "ana@example.com",
    "EmailPreferences": [{"FilterId": "NEWS-EMAIL", "PreferenceType": "OptOut"}]}]'
    """
    record = read_record(file, settings or [])
    profile = find_profiles(client, profile_id, alternate_id, None, None)[0]
    flags = {**read_refresh(refresh), "AllowPriorConsents": allow_prior_consents}
    show_written(client.write_profile(profile["ProfileId"], record, **flags), as_json)


@connected
def deactivate_profile(
    client: ConsentoryClient,
    profile_id: IdArgument = None,
    *,
    alternate_id: AlternateIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deactivate a person: no choice of the person is in force, and later imports keep the person inactive.

    To activate the person again: consentory profile edit ID --set IsActive=true

    Example: consentory profile deactivate --alternate-id CRM:C-100-1
    """
    profile = find_profiles(client, profile_id, alternate_id, None, None)[0]
    found = profile["ProfileId"]
    written = client.write_profile(found, {"IsActive": False})
    if not as_json:
        notes.print(
            "The person is inactive: no choice is in force, and later imports keep the person inactive. "
            f"To activate the person again: consentory profile edit {found} --set IsActive=true"
        )
    show_written(written, as_json)


@connected
def delete_profile(
    client: ConsentoryClient,
    profile_id: IdArgument = None,
    *,
    alternate_id: AlternateIdOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a person with the history, for good. The command asks first.

    The next import of a file that holds this person stores the person again,
    without the opt-outs. To keep the person from being contacted, deactivate
    the person instead: consentory profile deactivate.

    Example: consentory profile delete --alternate-id CRM:C-100-1
    """
    profile = find_profiles(client, profile_id, alternate_id, None, None)[0]
    found = profile["ProfileId"]
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            exit_refused(f"Profile {found} was not deleted: nobody can be asked here. Add --yes. {COMES_BACK} {found}")
        notes.print(make_profile_tree(profile))
        notes.print(f"The profile and its history are deleted for good. {COMES_BACK} {found}")
        if not typer.confirm("Delete this person?", err=True):
            exit_refused("Nothing was deleted.")
    client.delete_profile(found)
    if as_json:
        print_json({"ProfileId": found, "Deleted": True})
    else:
        make_console(soft_wrap=True).print(f"Profile {found} is deleted. {COMES_BACK} ID")


def read_record(file: Path | None, settings: list[str]) -> JsonObject:
    """The record of a file and of the `--set` options, which win. Ends the command if there is no record."""
    record: Any = {}
    if file is not None:
        try:
            record = _read_json(file.read_bytes())
        except ValueError as error:
            exit_refused(f"{file} must be JSON: {error}.")
    if not isinstance(record, dict) or not (record or settings):
        exit_refused("Give the changes: a JSON object with --file, or --set MEMBER=VALUE.")
    for setting in settings:
        path, sign, text = setting.partition("=")
        if not (path and sign):
            exit_refused(f"--set {setting}: must be MEMBER=VALUE, such as CustomerName.FirstName=Ana.")
        *outer, last = path.split(".")
        target = record
        for name in outer:
            target = target.setdefault(name, {})
            if not isinstance(target, dict):
                exit_refused(f"--set {setting}: {name} is not an object. Give its whole value, as JSON.")
        target[last] = _read_value(text)
    return dict(record)


def _read_value(text: str) -> Any:
    """The JSON value of a text, or the text itself as a string."""
    try:
        return _read_json(text)
    except ValueError:
        return text


def _read_json(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError for a text that is not JSON, or is nested deeper than any record."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested deeper than any record") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def show_written(answer: JsonObject, as_json: bool) -> None:
    """Print the outcome of a write, and end the command with its exit code."""
    held = answer.get("NotHonored") or []
    if as_json:
        print_json(answer)
    else:
        console = make_console(soft_wrap=True)
        console.print(f"Profile {answer['ProfileId']}: {show_text(str(answer['Outcome']))}")
        for fault in held:
            console.print(show_text(f"Not honored: {fault.get('Path')} {fault.get('Code')}: {fault.get('Message')}"))
    raise typer.Exit(int(bool(held)))
