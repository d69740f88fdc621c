"""The body of an Undo call (docs/effects.md, "Undo")."""

from __future__ import annotations

import msgspec

from consentory.codec.staging.initiate_request import check_json
from consentory.errors import ErrorDetail, RequestRefused


class UndoRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to take an import back. RestoreYes: also its noes, so that a yes from before is in force again."""

    RestoreYes: bool = False


def read_undo(body: bytes) -> UndoRequest:
    """The request; an empty body says nothing. Raises RequestRefused, invalid."""
    try:
        return msgspec.json.decode(check_json(body or b"{}"), type=UndoRequest)
    except msgspec.ValidationError as error:
        text = f"The body may have RestoreYes, true or false, and nothing else: {error}."
        fault = ErrorDetail("Undo.Invalid", "$", text)
        raise RequestRefused("invalid", "Undo.Invalid", text, errors=[fault]) from None
