"""Reading people in bulk over HTTP (docs/data-out.md): decode, call the service, render."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from consentory.codec.answers.audience_answer import AudienceMember, AudiencePage, render_audience_row
from consentory.codec.answers.profile_answer import ProfileAnswer, ProfilePage, render_profile
from consentory.domain.data_out import AudienceKey, AudienceRow
from consentory.domain.viewing import ViewedProfile
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.bulk_answers import FORMATS, HEADERS, BulkRead, answer_bulk
from consentory.http.parameters import (
    ActiveFilter,
    AfterKey,
    AfterProfile,
    CustomerTypeFilter,
    DataFormat,
    FilterId,
    GroupFilter,
    Limit,
    MadeByFilter,
    ModifiedSince,
    OptedOut,
    TagFilter,
    refuse_parameters,
)
from consentory.services.data_out.audience_service import AudienceService
from consentory.services.data_out.export_service import ExportQuery, ExportService
from consentory.services.data_out.snapshot_reading import ItemPage

Exports = NamedDependency[SkipValidation[ExportService]]
Audiences = NamedDependency[SkipValidation[AudienceService]]
Selected = NamedDependency[SkipValidation[ExportQuery]]

_FORMATS = tuple(FORMATS.values())
_EXPORT = (
    "format", "after", "limit", "customerType", "tag", "group", "importId", "modifiedSince", "active",
)  # fmt: skip
"""The parameters of the call. It refuses others."""


def read_query(
    customer_type: CustomerTypeFilter = None,
    tag: TagFilter = None,
    group: GroupFilter = None,
    import_id: MadeByFilter = None,
    modified_since: ModifiedSince = None,
    active: ActiveFilter = None,
) -> ExportQuery:
    """The filters of an export."""
    return ExportQuery(customer_type, tag, group, import_id, modified_since, active)


@get(
    "/{clientId:str}/Export",
    operation_id="exportProfiles",
    dependencies={"selected": Provide(read_query, sync_to_thread=False)},
    opt={"answers": _FORMATS, "answer": ProfilePage, "parameters": _EXPORT, "headers": HEADERS},
)
async def export_profiles(
    request: ApiRequest,
    exports: Exports,
    selected: Selected,
    data_format: DataFormat = None,
    after: AfterProfile = 0,
    limit: Limit = 1000,
) -> Response[Any]:
    """All profiles as getProfile gives them, in order of ProfileId. `limit` is for pages of JSON; a file has all."""
    read = BulkRead(
        lambda: exports.open(request.user, selected, after), render_profile, ProfileAnswer, make_profile_page
    )
    return await answer_bulk(request, read, data_format, limit)


@get(
    "/{clientId:str}/Audience/{filterId:str}",
    operation_id="getAudience",
    opt={
        "answers": _FORMATS,
        "answer": AudiencePage,
        "headers": HEADERS,
        "texts": ("after",),
        "parameters": ("format", "after", "optedOut", "limit"),
    },
)
async def get_audience(
    request: ApiRequest,
    audiences: Audiences,
    filter_id: FilterId,
    *,
    data_format: DataFormat = None,
    after: AfterKey = None,
    opted_out: OptedOut = False,
    limit: Limit = 1000,
) -> Response[Any]:
    """Everyone who may be contacted now for a filter. `limit` is for pages of JSON; a file has all rows."""
    key = read_key(after)
    read = BulkRead(
        lambda: audiences.open(request.user, filter_id, key, opted_out=opted_out),
        render_audience_row,
        AudienceMember,
        make_audience_page,
    )
    return await answer_bulk(request, read, data_format, limit)


def read_key(after: str | None) -> AudienceKey | None:
    """The key in the query. Raises RequestRefused, invalid, if the text is not a key."""
    key = None if after is None else AudienceKey.read(after)
    if after is not None and key is None:
        raise refuse_parameters(
            [("after", f"{after[:50]!r} is not a Key of this call; send the last Key you received")]
        )
    return key


def make_profile_page(items: list[Any], page: ItemPage[ViewedProfile]) -> ProfilePage:
    """The answer for a page of an export."""
    last = page.items[-1].profile.profile_id if page.items else None
    return ProfilePage(items, (page.looked_at or last) if page.has_more else None)


def make_audience_page(items: list[Any], page: ItemPage[AudienceRow]) -> AudiencePage:
    """The answer for a page of an audience."""
    if not page.has_more:
        return AudiencePage(items, None)
    return AudiencePage(items, page.items[-1].key.render() if page.looked_at is None else str(page.looked_at))


DATA_OUT_ROUTES = Router("/", route_handlers=[export_profiles, get_audience], tags=["Data out"])
