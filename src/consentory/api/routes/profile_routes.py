"""Reading and writing one person (account.md, "Reading profiles back")."""

from __future__ import annotations

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from consentory.codec.answers.history_answer import ConsentHistory, PreferenceHistory, render_history
from consentory.codec.answers.profile_answer import (
    FoundProfiles,
    ProfileAnswer,
    WriteReceipt,
    WrittenProfileAnswer,
    render_found,
    render_profile,
    render_written,
)
from consentory.codec.answers.tags_answer import TagList, render_tags
from consentory.codec.record.wire_record import WireRecord
from consentory.domain.permission import require_profile_write
from consentory.domain.text import trim
from consentory.domain.viewing import WrittenProfile
from consentory.errors import RequestRefused
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.media_types import JSON
from consentory.http.parameters import (
    AlternateId,
    AlternateIdType,
    EmailAddress,
    HistoryKind,
    Limit,
    Offset,
    PhoneNumber,
    ProfileId,
    read_flags,
    read_profile_id,
)
from consentory.http.request_body import BODY, Content
from consentory.services.profiles.profile_service import ProfileService

Profiles = NamedDependency[SkipValidation[ProfileService]]
Flags = NamedDependency[SkipValidation[dict[str, bool]]]

WrittenAnswer = WrittenProfileAnswer | WriteReceipt

_WRITE = {
    "takes": (JSON,),
    "body": WireRecord,
    "statuses": (200, 201),
    "refuses": (409,),
    "needs": require_profile_write,
    "largest_body": 5_000_000,
}


@get("/{clientId:str}/Profile/{profileId:str}", operation_id="getProfile", sync_to_thread=True)
def get_profile(request: ApiRequest, profiles: Profiles, profile_id: ProfileId) -> ProfileAnswer:
    """The whole profile, inactive elements included, limited to the parts that the caller may see."""
    return render_profile(profiles.get(request.user, read_profile_id(profile_id)))


@get("/{clientId:str}/Profile", operation_id="findProfiles", sync_to_thread=True)
def find_profiles(
    request: ApiRequest,
    profiles: Profiles,
    alternate_id_type: AlternateIdType = None,
    alternate_id: AlternateId = None,
    email_address: EmailAddress = None,
    phone_number: PhoneNumber = None,
) -> ProfileAnswer | FoundProfiles:
    """The profile that has an alternate id, or the profiles that an email address or a phone number belongs to."""
    match alternate_id_type, alternate_id, email_address, phone_number:
        case str(type_name), str(value), None, None:
            return render_profile(
                profiles.find_by_alternate_id(request.user, require_text(type_name), require_text(value))
            )
        case None, None, str(address), None:
            return render_found(profiles.find_by_email(request.user, require_text(address)))
        case None, None, None, str(number):
            return render_found(profiles.find_by_phone(request.user, require_text(number)))
    detail = "Send alternateIdType with alternateId, or emailAddress, or phoneNumber: one of the three."
    raise RequestRefused("invalid", "Request.InvalidParameter", detail)


@get(
    "/{clientId:str}/Profile/{profileId:str}/History",
    operation_id="getHistory",
    sync_to_thread=True,
    opt={"is_costly": True},
)
def get_history(
    request: ApiRequest,
    profiles: Profiles,
    profile_id: ProfileId,
    of: HistoryKind,
    limit: Limit = 1000,
    offset: Offset = 1,
) -> PreferenceHistory | ConsentHistory:
    """Every preference or consent that was ever applied, in the order of application."""
    return render_history(profiles.history(request.user, read_profile_id(profile_id), of, limit, offset))


@post(
    "/{clientId:str}/Profile",
    operation_id="createProfile",
    sync_to_thread=True,
    opt=_WRITE,
    dependencies={**BODY, "flags": Provide(read_flags, sync_to_thread=False)},
)
def create_profile(request: ApiRequest, profiles: Profiles, content: Content, flags: Flags) -> Response[WrittenAnswer]:
    """Create one person at once, by exactly the same rules as an import."""
    return answer_write(profiles.write(request.user, None, content, flags))


@post(
    "/{clientId:str}/Profile/{profileId:str}",
    operation_id="updateProfile",
    sync_to_thread=True,
    opt=_WRITE,
    dependencies={**BODY, "flags": Provide(read_flags, sync_to_thread=False)},
)
def update_profile(
    request: ApiRequest, profiles: Profiles, profile_id: ProfileId, content: Content, flags: Flags
) -> Response[WrittenAnswer]:
    """Update one known person, by exactly the same rules as an import."""
    return answer_write(profiles.write(request.user, read_profile_id(profile_id), content, flags))


@delete(
    "/{clientId:str}/Profile/{profileId:str}",
    operation_id="deleteProfile",
    status_code=204,
    sync_to_thread=True,
    opt={"answers": ()},
)
def delete_profile(request: ApiRequest, profiles: Profiles, profile_id: ProfileId) -> None:
    """Delete one person with the person's history, for good.

    The next import of a file that contains this person creates the person again, without the person's opt-outs. If the
    person must not be contacted, send `IsActive: false` to updateProfile instead.
    """
    profiles.delete(request.user, read_profile_id(profile_id))


@get("/{clientId:str}/Tags", operation_id="listTags", sync_to_thread=True, opt={"is_costly": True})
def list_tags(request: ApiRequest, profiles: Profiles) -> TagList:
    """The tags of the account, with the number of people that have each tag."""
    return render_tags(profiles.list_tags(request.user))


def answer_write(written: WrittenProfile) -> Response[WrittenAnswer]:
    """The answer to a write. The status is 201 if the profile is new."""
    return Response(render_written(written), status_code=201 if written.outcome == "Created" else 200)


def require_text(value: str) -> str:
    """A parameter of a search. Raises RequestRefused, invalid, if the parameter is blank."""
    if trim(value):
        return value
    detail = "A search parameter is blank; send the text to find."
    raise RequestRefused("invalid", "Request.InvalidParameter", detail)


PROFILE_ROUTES = Router(
    "/",
    route_handlers=[
        get_profile,
        find_profiles,
        get_history,
        create_profile,
        update_profile,
        delete_profile,
        list_tags,
    ],
    tags=["Profile"],
)
