"""A preview over HTTP: start it, wait for its end, and fetch examples of the changes that can do harm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.domain.effects import DANGEROUS
from consentory.errors import ConsentoryError

EXAMPLES = 3
"""Of each kind of change that can do harm."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a running preview


class PreviewFailed(ConsentoryError):
    """The server could not finish the preview. Nothing was executed."""


@dataclass(frozen=True, slots=True)
class PreviewFindings:
    """The effects that an import would have: the preview object, and some changes of each kind that can do harm."""

    preview: JsonObject
    examples: dict[str, list[JsonObject]]
    """By kind, in the order of DANGEROUS; a kind without a change is left out."""


def preview_import(
    client: ConsentoryClient, import_id: str, *, report: Callable[[int, int], None] = lambda _done, _total: None
) -> PreviewFindings:
    """Preview a staged import. `report` gets the records that are done, and all of them.

    Raises PreviewFailed, and ApiProblem when the server refuses.
    """
    preview, pause = client.start_preview(import_id), _FIRST_PAUSE
    while preview["State"] == "Running":
        report(preview["RecordsDone"], preview["Records"])
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        preview = client.preview(import_id)
    if preview["State"] != "Done":
        raise PreviewFailed(f"The preview of import {import_id} failed, and the log of the worker says why.")
    report(preview["RecordsDone"], preview["Records"])
    return find_examples(client, import_id, preview)


def find_examples(client: ConsentoryClient, import_id: str, preview: JsonObject) -> PreviewFindings:
    """A preview that is there, with examples of its changes."""
    counts = {**preview["Effects"], "Exceptions": preview["Exceptions"], "NotHonored": preview["NotHonored"]}
    examples: dict[str, list[JsonObject]] = {
        kind: client.preview_changes(import_id, kind=kind, limit=EXAMPLES)["Changes"]
        for kind in DANGEROUS
        if counts[kind]
    }
    return PreviewFindings(preview, examples)
