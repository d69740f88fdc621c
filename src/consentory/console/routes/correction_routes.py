"""The form that corrects one refused record, and stages it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, NamedTuple

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from consentory.codec.answers.record_leaves import list_leaves, replace_leaves
from consentory.codec.hidden_characters import escape_hidden
from consentory.console.form_check import FORM_BODY, Form
from consentory.console.pages import ConsoleRequest, Page, render
from consentory.console.routes.imports_routes import Imports
from consentory.console.routes.refused_routes import Places
from consentory.domain.imports import ExceptionRow, Import
from consentory.domain.permission import require_import
from consentory.errors import RequestRefused
from consentory.http.access_log import note_import
from consentory.http.media_types import FORM
from consentory.http.parameters import ImportId
from consentory.services.imports.correction_service import CorrectionService
from consentory.services.uploads.record_places import RecordPlaces

Corrections = NamedDependency[SkipValidation[CorrectionService]]
Number = Annotated[str, PathParameter(name="number")]

_PATH = "/imports/{importId:str}/records/{number:str}"
_MOST_FIELDS = 300
"""A record with more values is corrected as a text."""
_LARGEST_BODY = 4_000_000
_FIELD = "value-"


class RecordValue(NamedTuple):
    """A value of the record in the form. `column`: the columns of the file that it came from; "": not known."""

    place: int
    path: str
    text: str
    column: str
    faults: list[str]


@get(_PATH, operation_id="consoleRecord", sync_to_thread=True, opt={"needs": require_import})
def show_record(
    request: ConsoleRequest,
    imports: Imports,
    corrections: Corrections,
    places: Places,
    *,
    import_id: ImportId,
    number: Number,
) -> Page:
    """A refused record with its faults, as a form."""
    item = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    return _show_form(request, places, item, corrections.find(request.user, item, _read_number(number)), {})


@post(
    _PATH,
    operation_id="consoleCorrectRecord",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={"takes": (FORM,), "largest_body": _LARGEST_BODY, "needs": require_import},
)
def correct_record(
    request: ConsoleRequest,
    imports: Imports,
    corrections: Corrections,
    places: Places,
    *,
    form: Form,
    import_id: ImportId,
    number: Number,
) -> Page:
    """Stage the corrected record, or show the faults that it still has."""
    item = imports.find_by_id(request.user, import_id)
    row = corrections.find(request.user, item, _read_number(number))
    try:
        done = corrections.stage(request.user, item, row, _read_record(row.raw, form))
    except RequestRefused as refusal:
        return _show_form(request, places, item, row, form, refusal.detail)
    if done.target is None:
        return _show_form(request, places, item, msgspec.structs.replace(row, faults=done.faults), form)
    return render(request, "corrected.html", item=item, row=row, target=done.target, back=_name_list(item, row))


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 9):
        raise RequestRefused("not_found", "Request.UnknownAddress", "A record has a number from 1 on.")
    return int(text)


def _read_record(raw: bytes, form: Mapping[str, str]) -> bytes:
    """The record after the change: from the fields, or from the text if its button was pressed."""
    if "as_text" in form:
        return form.get("record", "").strip().encode()
    return replace_leaves(raw, dict(_read_values(form)))


def _read_values(form: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The texts of the fields, by the place of their value in the record."""
    for name, text in form.items():
        place = name.removeprefix(_FIELD)
        if place != name and place.isascii() and place.isdecimal():
            yield int(place), text.replace("\r\n", "\n")


def _show_form(
    request: ConsoleRequest,
    places: RecordPlaces,
    item: Import,
    row: ExceptionRow,
    form: Mapping[str, str],
    refusal: str = "",
) -> Page:
    """The form. Its fields are the values of the stored record, those with a fault first."""
    [found] = places.find(request.user, item, [row])
    columns, leaves, texts = places.find_columns(request.user, item), list_leaves(row.raw), dict(_read_values(form))
    values = [
        RecordValue(
            place,
            leaf.path.removeprefix("$."),
            texts.get(place, leaf.text),
            columns.find_value(row.raw, leaf.path),
            [fault.Message for fault in row.faults if fault.Path == leaf.path],
        )
        for place, leaf in enumerate(leaves[: _MOST_FIELDS + 1])
    ]
    return render(
        request,
        "correct_record.html",
        item=item,
        row=row,
        place=found.place,
        faults=list(zip(row.faults, found.columns, strict=True)),
        values=sorted(values, key=lambda one: not one.faults) if len(values) <= _MOST_FIELDS else [],
        text=form["record"] if "as_text" in form else _format(row.raw),
        is_text="as_text" in form,
        refusal=refusal,
        back=_name_list(item, row),
    )


def _format(raw: bytes) -> str:
    with suppress(msgspec.MsgspecError, ValueError):  # half a character, which this writer refuses
        raw = msgspec.json.format(raw, indent=2)
    return escape_hidden(raw.decode("utf-8", "replace"))


def _name_list(item: Import, row: ExceptionRow) -> str:
    """The address of the records with the same fault."""
    path = f"/console/imports/{item.import_id}/refused"
    return f"{path}/{row.phase}/{row.faults[0].Code}" if row.faults else path


CORRECTION_ROUTES = Router("/", route_handlers=[show_record, correct_record])
