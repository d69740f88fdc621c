"""Change a person: record a choice, deactivate, delete. Each is one write of the profile service."""

from __future__ import annotations

import json

from litestar import Router, get, post

from consentory.console.choice_form import Choosable, find_choosable, list_choosable, make_record
from consentory.console.form_check import FORM_BODY, Fields, Form
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.person_words import list_current, name_person
from consentory.console.routes.people_routes import PEOPLE, People, Profiles, require_reading
from consentory.domain.caller import Caller
from consentory.domain.permission import require_profile, require_profile_write
from consentory.domain.viewing import ViewedPerson
from consentory.errors import RequestRefused
from consentory.http.media_types import FORM
from consentory.http.parameters import ProfileId, read_profile_id
from consentory.services.profiles.person_reading import NEWEST

_PATH = "/people/{profileId:str}"


def _require_delete(caller: Caller) -> None:
    require_profile(caller, "delete")


def _require_change(caller: Caller) -> None:
    require_reading(caller)
    require_profile_write(caller)


_WRITE = {"takes": (FORM,), "largest_body": 20_000, "needs": _require_change}


@get(f"{_PATH}/choice", operation_id="consoleChoice", sync_to_thread=True, opt={"needs": _require_change})
def show_choice(request: ConsoleRequest, people: People, profile_id: ProfileId) -> Page:
    """The form for the choice that the query names; without a name, the list of the choices."""
    person = people.read(request.user, read_profile_id(profile_id), NEWEST, 1)
    key = request.query_params.get("of", "")
    if not key:
        return _render(request, "choices.html", person, choosable=list_choosable(request.user, person))
    return _show_form(request, person, find_choosable(request.user, person, key), {})


@post(f"{_PATH}/choice", operation_id="consoleRecord", sync_to_thread=True, dependencies=FORM_BODY, opt=_WRITE)
def record_choice(
    request: ConsoleRequest, people: People, profiles: Profiles, form: Form, profile_id: ProfileId
) -> Page:
    """Record a choice under the rules of an import. A choice that is not honored is shown with the reason."""
    number = read_profile_id(profile_id)
    person = people.read(request.user, number, NEWEST, 1)
    chosen = find_choosable(request.user, person, form.get("of", ""))
    try:
        written = profiles.write(request.user, number, json.dumps(make_record(chosen, form)).encode(), {})
        reasons = [one.Message for one in written.not_honored]
    except RequestRefused as refusal:
        reasons = _list_reasons(refusal)
    if reasons:
        return _show_form(request, person, chosen, form, reasons)
    return redirect(f"{PEOPLE}/{number}?done={'unchanged' if written.outcome == 'Unchanged' else 'recorded'}")


@post(f"{_PATH}/deactivate", operation_id="consoleDeactivate", sync_to_thread=True, dependencies=FORM_BODY, opt=_WRITE)
def deactivate(request: ConsoleRequest, profiles: Profiles, form: Form, profile_id: ProfileId) -> Page:  # noqa: ARG001
    """Take all choices of a person out of force."""
    number = read_profile_id(profile_id)
    profiles.write(request.user, number, b'{"IsActive": false}', {})
    return redirect(f"{PEOPLE}/{number}?done=deactivated")


@post(
    f"{_PATH}/delete",
    operation_id="consoleErase",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={**_WRITE, "needs": _require_delete},
)
def erase(request: ConsoleRequest, profiles: Profiles, form: Form, profile_id: ProfileId) -> Page:  # noqa: ARG001
    """Delete a person and the whole history, for good."""
    profiles.delete(request.user, read_profile_id(profile_id))
    return redirect(f"{PEOPLE}?done=deleted")


def _list_reasons(refusal: RequestRefused) -> list[str]:
    """The reasons of a refusal that the form can show. Raises the refusal, if it is not about the form."""
    if refusal.kind not in ("invalid", "conflict"):
        raise refusal
    return [error.message for error in refusal.errors] or [refusal.detail]


def _show_form(
    request: ConsoleRequest, person: ViewedPerson, chosen: Choosable, form: Fields, reasons: list[str] | None = None
) -> Page:
    now = [one for choices in list_current(person).values() for one in choices if one.key == chosen.key]
    account = person.viewed.viewing.configuration_index.account
    locale = person.viewed.profile.body.locale
    values = {"chosen": chosen, "given": form, "reasons": reasons or [], "now": now, "locale": locale}
    return _render(request, "choice.html", person, 422 if reasons else 200, needs_day=account.require_dates, **values)


def _render(request: ConsoleRequest, template: str, person: ViewedPerson, status: int = 200, **values: object) -> Page:
    profile = person.viewed.profile
    name = name_person(profile.body, profile.profile_id)
    return render(request, template, status, name=name, path=f"{PEOPLE}/{profile.profile_id}", **values)


PERSON_CHANGE_ROUTES = Router("/", route_handlers=[show_choice, record_choice, deactivate, erase])
