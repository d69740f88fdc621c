"""The screen "Who may be contacted": the number of people for each filter, over time, and the people as a file."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from markupsafe import Markup

from consentory.codec.answers.audience_answer import AudienceMember, render_audience_row
from consentory.console.audience_picture import AudiencePicture, draw_audience, name_day
from consentory.console.form_check import FORM_BODY, Form
from consentory.console.live_parts import answer_part, make_part
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.person_words import CHANNELS, name_program
from consentory.console.routes.imports_routes import PAGE_ITEMS, make_address
from consentory.console.routes.people_routes import READ
from consentory.domain.audience import AudienceCounts, CountedDay
from consentory.domain.configuration_index import FilterEntry
from consentory.http.bulk_answers import BulkRead, answer_bulk
from consentory.http.media_types import FORM
from consentory.http.parameters import FilterId
from consentory.services.data_out.audience_days import AudienceDays
from consentory.services.data_out.audience_service import AudienceService

Days = NamedDependency[SkipValidation[AudienceDays]]
Audiences = NamedDependency[SkipValidation[AudienceService]]

_PATH = "/console/audience"
_FILE_FORMATS = ("csv", "ndjson", "parquet")


class FilterRow(NamedTuple):
    """A filter with its newest count. `counts` None: not counted yet."""

    entry: FilterEntry
    program: str
    channel: str
    counts: AudienceCounts | None
    picture: AudiencePicture | None


@get("/audience", operation_id="consoleAudiences", sync_to_thread=True, opt=READ)
def show_audiences(request: ConsoleRequest, audience_days: Days) -> Page:
    """The number of people for each filter."""
    _, rows = _make_rows(request, audience_days)
    return render(request, "audiences.html", rows=rows)


@get("/audience/rows", operation_id="consoleAudienceRows", sync_to_thread=True, opt={**READ, "is_live": True})
def show_rows(request: ConsoleRequest, audience_days: Days) -> Page:
    """The numbers alone, for a page that keeps itself live."""
    return answer_part(request, _make_rows(request, audience_days))


@post(
    "/audience/count",
    operation_id="consoleCount",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={**READ, "takes": (FORM,), "largest_body": 20_000},
)
def count_again(request: ConsoleRequest, audience_days: Days, form: Form) -> Page:  # noqa: ARG001
    """Ask a worker to count now."""
    audience_days.want(request.user)
    return redirect(_PATH)


@get("/audience/of/{filterId:str}", operation_id="consoleAudience", sync_to_thread=True, opt=READ)
def show_audience(request: ConsoleRequest, audience_days: Days, filter_id: FilterId) -> Page:
    """One filter: the chart, the number of each day, 50 days on a page, and the download."""
    return _show_days(request, *audience_days.find(request.user, filter_id))


@get("/audience/of/{filterId:str}/file", operation_id="consoleAudienceFile", opt=READ)
async def download(request: ConsoleRequest, audiences: Audiences, filter_id: FilterId) -> Response[Any]:
    """Everyone who may be contacted now, or everyone who opted out, as a file: the Audience call of the API."""
    wanted = request.query_params.get("form", "")
    data_format = wanted if wanted in _FILE_FORMATS else "csv"
    is_out = request.query_params.get("who") == "out"
    read = BulkRead(
        lambda: audiences.open(request.user, filter_id, None, opted_out=is_out),
        render_audience_row,
        AudienceMember,
        lambda items, _: items,  # type: ignore[arg-type, return-value]
    )
    answer = await answer_bulk(request, read, data_format, PAGE_ITEMS)
    name = f"{'opted-out' if is_out else 'audience'}.{data_format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _show_days(request: ConsoleRequest, entry: FilterEntry, days: list[CountedDay]) -> Page:
    name, start = entry.filter.id, _read_start(request)
    counted = [(name_day(one.day), one.counts[name]) for one in days if name in one.counts]
    path = f"{_PATH}/of/{quote(name, safe='')}"
    return render(
        request,
        "audience.html",
        entry=entry,
        channel=CHANNELS[entry.filter.channel],
        picture=draw_audience(days, name),
        days=counted[start : start + PAGE_ITEMS],
        path=path,
        next_page=make_address(path, after=str(start + PAGE_ITEMS)) if counted[start + PAGE_ITEMS :] else "",
        is_first=start == 0,
    )


def _make_rows(request: ConsoleRequest, audience_days: AudienceDays) -> tuple[str, Markup]:
    counted = audience_days.read(request.user)
    newest = next((one for one in counted.days if one.counted_at is not None), None)
    rows = [
        FilterRow(
            entry,
            name_program(counted.configuration_index, entry.program_id),
            CHANNELS[entry.filter.channel],
            None if newest is None else newest.counts.get(entry.filter.id),
            draw_audience(counted.days, entry.filter.id),
        )
        for entry in counted.filters
    ]
    waits = _is_waiting(counted.days)
    values = {"rows": rows, "counted_at": newest.counted_at if newest else None, "waits": waits}
    return make_part(request, "audiences_rows", f"{_PATH}/rows", values, is_live=waits)


def _is_waiting(days: list[CountedDay]) -> bool:
    """True if a count is under way, or the account was never counted."""
    return not days or days[0].waits


def _read_start(request: ConsoleRequest) -> int:
    """The number of days before the page. The query was checked before (`check_query`)."""
    return min(int(request.query_params.get("after") or 0), 10_000)


AUDIENCE_ROUTES = Router("/", route_handlers=[show_audiences, show_rows, count_again, show_audience, download])
