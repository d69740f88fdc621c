"""The page of one upload: each state has its step, and a recognized file has its mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from consentory.codec.sources.recognition import Recognition
from consentory.codec.tabular.mapping_presets import list_presets
from consentory.console.console_words import count_words
from consentory.console.live_parts import make_part
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.upload_view import REFRESH, read_settings, show_row, suggest_name
from consentory.domain.permission import may_refresh_contacts
from consentory.domain.upload import Upload
from consentory.services.uploads.mapping_service import MappingService

LIVE = ("Recognizing", "Staging")
"""The states in which a worker works on the file, and the page keeps itself live."""
_COMMAND_ADVICE = "give the right encoding: --encoding NAME."
_ADVICE = "read the file again with the right encoding."
"""The readers speak to people at a command line."""


def show_upload_page(
    request: ConsoleRequest,
    mappings: MappingService,
    item: Upload,
    *,
    text: str | None = None,
    form: Mapping[str, str] | None = None,
    saved: str = "",
    refusal: str = "",
) -> Page:
    """The page for the state of an upload. `text` and `form`: what a person has entered so far."""
    if item.state == "Staged" and item.import_id is not None and not _list_left_out(item):
        return redirect(f"/console/imports/{item.import_id}")
    values: dict[str, Any] = {"item": item, "left_out": _list_left_out(item), "recognition": None, "view": None}
    if item.state in LIVE:
        values["progress"] = make_progress(request, item)[1]
    if item.state == "Recognized":
        recognition = mappings.recognition(request.user, str(item.upload_id))
        values |= {"doubt": recognition.doubt.replace(_COMMAND_ADVICE, _ADVICE)}
        values |= {"recognition": recognition, "form": _fill_form(item, form), "saved": saved, "refusal": refusal}
        values |= {"refresh": _list_refresh(request), "may_delete": "delete" in request.user.permissions.profile}
        values |= {"targets": [], "sources": [], "rows": []}
        if recognition.table is not None:
            values |= describe_mapping(request, mappings, item, recognition, text, form)
    return render(request, "upload.html", **values)


def make_progress(request: ConsoleRequest, item: Upload) -> tuple[str, Markup]:
    """The progress as a live part."""
    path = f"/console/uploads/{item.upload_id}/progress"
    return make_part(request, "upload_progress", path, {"item": item}, is_live=item.state in LIVE)


def describe_mapping(
    request: ConsoleRequest,
    mappings: MappingService,
    item: Upload,
    recognition: Recognition,
    text: str | None,
    form: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The mapping on the first rows, and what can be chosen in its place."""
    assert recognition.table is not None
    text = recognition.suggestion if text is None else text
    view = mappings.show(request.user, str(item.upload_id), text, read_settings(form or {}))
    sources = [("suggested:", "Suggested for this file")]
    sources += [(f"saved:{one.name}", f"Saved: {one.name}") for one in mappings.list_saved(request.user)]
    sources += [(f"preset:{name}", f"Preset: {name}") for name in list_presets()]
    return {
        "view": view,
        "rows": [show_row(recognition.table, row) for row in view.rows],
        "targets": mappings.list_targets(request.user),
        "sources": sources,
    }


def _fill_form(item: Upload, form: Mapping[str, str] | None) -> Mapping[str, str]:
    return {"name": suggest_name(item)} if form is None else form


def _list_refresh(request: ConsoleRequest) -> dict[str, str]:
    """The Refresh flags that the caller may use."""
    may = may_refresh_contacts(request.user.permissions)
    return {name: told for name, told in REFRESH.items() if may or name != "RefreshContacts"}


def _list_left_out(item: Upload) -> list[str]:
    """The things of the file that are in no record, each kind with its number."""
    counts, see = item.counts, "the screen of the import says why, and has the rows as a file"
    told = (
        (counts.refused_rows, f"row could not become a record: {see}", f"rows could not become a record: {see}"),
        (
            counts.broken,
            "piece of the file is not JSON, and was left out",
            "pieces of the file are not JSON, and were left out",
        ),
        (counts.broken_opt_outs, "of these pieces holds an opt-out", "of these pieces hold an opt-out"),
        (
            counts.left_out,
            "address was left out, because the row has only a part of it",
            "addresses were left out, because the rows have only a part of each",
        ),
        (
            counts.opt_outs_left_out,
            "opt-out was left out, because the row has no address or number for it",
            "opt-outs were left out, because the rows have no address or number for them",
        ),
    )
    return [count_words(number, one, more) for number, one, more in told if number]
