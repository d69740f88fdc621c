"""A preview over HTTP: start it, wait for its end, and fetch examples of the changes that can do harm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.domain.effects import DANGEROUS
from consentory.errors import ConsentoryError

EXAMPLES = 3
"""The number of examples of each kind of change that can do harm."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a running preview


class PreviewFailed(ConsentoryError):
    """The server could not finish the preview. Nothing was executed."""


@dataclass(frozen=True, slots=True)
class PreviewFindings:
    """The effects of an import: the preview object, and some changes of each kind that can do harm."""

    preview: JsonObject
    examples: dict[str, list[JsonObject]]
    """The examples by kind, in the order of DANGEROUS, without the kinds that have no change."""


def preview_import(
    client: ConsentoryClient, import_id: str, *, report: Callable[[int, int], None] = lambda _done, _total: None
) -> PreviewFindings:
    """Preview a staged import. `report` gets the number of processed records, and the number of all records.

    Raises PreviewFailed, and ApiProblem if the server refuses.
    """
    preview, pause = client.start_preview(import_id), _FIRST_PAUSE
    while preview["State"] == "Running":
        report(preview["RecordsDone"], preview["Records"])
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        preview = client.preview(import_id)
    if preview["State"] != "Done":
        raise PreviewFailed(f"The preview of import {import_id} failed. The log of the worker has the reason.")
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
