"""The screen "People": find a person, and show the choices of the person, now and before."""

from __future__ import annotations

from typing import Any, NamedTuple

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.answers.profile_answer import ProfileAnswer, render_profile
from consentory.console.choice_form import list_choosable
from consentory.console.form_check import FORM_BODY, Form
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.person_words import list_current, list_past, list_unknown, name_person
from consentory.console.routes.imports_routes import PAGE_ITEMS, make_address
from consentory.console.timeline_picture import draw_timeline
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.instants import from_micros
from consentory.domain.permission import Scope, require_profile
from consentory.domain.viewing import ViewedPerson, ViewedProfile
from consentory.errors import RequestRefused
from consentory.http.media_types import FORM
from consentory.http.parameters import ProfileId, read_profile_id
from consentory.services.profiles.person_reading import NEWEST, PersonReading
from consentory.services.profiles.profile_service import ProfileService

People = NamedDependency[SkipValidation[PersonReading]]
Profiles = NamedDependency[SkipValidation[ProfileService]]

PEOPLE = "/console/people"


def require_reading(caller: Caller) -> None:
    """Raises RequestRefused, forbidden, if the user may not read people."""
    require_profile(caller, "read")


READ = {"needs": require_reading}
NOTES = {
    "recorded": "The choice was recorded.",
    "unchanged": "Nothing changed: this choice was stored already.",
    "deactivated": "The person was deactivated. No choice of the person is in force.",
    "deleted": "The person was deleted, with all choices and the whole history.",
}


class FoundPerson(NamedTuple):
    """A person in the list of those that were found."""

    profile_id: int
    name: str
    answer: ProfileAnswer


@get("/people", operation_id="consolePeople", sync_to_thread=True, opt=READ)
def show_search(request: ConsoleRequest, people: People) -> Page:
    """The form that finds a person."""
    return _show_search(request, people, {})


@post(
    "/people",
    operation_id="consoleFindPeople",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={**READ, "takes": (FORM,), "largest_body": 20_000},
)
def find(request: ConsoleRequest, people: People, profiles: Profiles, form: Form) -> Page:
    """Go to the person that was found, or list all of them.

    The form is sent with POST, so that no address and no number stands in the history of a browser or in the log of a
    proxy.
    """
    key, text = form.get("by", ""), form.get("text", "").strip()
    if key == "profile" and text.isascii() and text.isdecimal():
        return redirect(f"{PEOPLE}/{text}")
    found = _find(request.user, profiles, key, text) if text else []
    if len(found) == 1:
        return redirect(f"{PEOPLE}/{found[0].profile.profile_id}")
    return _show_search(request, people, form, found=[_describe(one) for one in found])


@get("/people/{profileId:str}", operation_id="consolePerson", sync_to_thread=True, opt=READ)
def show_person(request: ConsoleRequest, people: People, profile_id: ProfileId) -> Page:
    """The choices of the person now, and the history, 50 choices on a page."""
    before = request.query_params.get("before", "")
    number = min(int(before), NEWEST) if before.isascii() and before.isdecimal() else NEWEST
    person = people.read(request.user, read_profile_id(profile_id), number, PAGE_ITEMS)
    return _show_person(request, person, is_newest=number == NEWEST)


def _show_person(request: ConsoleRequest, person: ViewedPerson, *, is_newest: bool) -> Page:
    profile, view = person.viewed.profile, person.viewed.viewing
    current, past = list_current(person), list_past(person)
    in_force = {one.key for choices in current.values() for one in choices if one.in_force}
    zone, path = request.auth.account.time_zone, f"{PEOPLE}/{profile.profile_id}"
    following = make_address(path, before=str(past[-1].item.entry)) if person.has_more else ""
    permissions = request.user.permissions
    return render(
        request,
        "person.html",
        profile_id=profile.profile_id,
        name=name_person(profile.body, profile.profile_id),
        answer=render_profile(person.viewed),
        current=current,
        unknown=list_unknown(view, current) if profile.body.active else [],
        past=past,
        picture=draw_timeline(past, in_force, from_micros(view.now), zone) if is_newest and past else None,
        imports=person.imports,
        lines=person.lines,
        path=path,
        next_page=following,
        is_newest=is_newest,
        changeable={one.key for one in list_choosable(request.user, person)},
        may_import=permissions.import_,
        may_write="write" in permissions.profile,
        may_delete="delete" in permissions.profile,
        note=NOTES.get(request.query_params.get("done", ""), ""),
    )


def _describe(viewed: ViewedProfile) -> FoundPerson:
    profile = viewed.profile
    return FoundPerson(profile.profile_id, name_person(profile.body, profile.profile_id), render_profile(viewed))


def _find(caller: Caller, profiles: ProfileService, key: str, text: str) -> list[ViewedProfile]:
    try:
        if key == "email":
            return profiles.find_by_email(caller, text)
        if key == "phone":
            return profiles.find_by_phone(caller, text)
        if key.startswith("id:"):
            return [profiles.find_by_alternate_id(caller, key.removeprefix("id:"), text)]
    except RequestRefused as refusal:
        if refusal.kind != "not_found":
            raise
    return []


def _show_search(
    request: ConsoleRequest, people: PersonReading, form: dict[str, str], found: list[FoundPerson] | None = None
) -> Page:
    """The form. `found` None: nobody was looked for."""
    values: dict[str, Any] = {"found": found, "given": form, "keys": _list_keys(request.user, people)}
    note = NOTES.get(request.query_params.get("done", ""), "")
    return render(request, "people.html", note=note, **values)


def _list_keys(caller: Caller, people: PersonReading) -> list[tuple[str, str]]:
    """The values by which the user may find people: (name, label)."""
    configuration_index: ConfigurationIndex = people.configuration_index(caller)
    scope = Scope(caller.permissions)
    keys = [("email", "Email address")] if scope.permits_kind("Email") else []
    keys += [("phone", "Phone number")] if scope.permits_kind("Phone") else []
    keys += [(f"id:{name}", f"{name} id") for name in configuration_index.alternate_id_types.by_name]
    return [*keys, ("profile", "ProfileId")]


PEOPLE_ROUTES = Router("/", route_handlers=[show_search, find, show_person])
