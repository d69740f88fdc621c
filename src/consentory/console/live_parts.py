"""The parts of a page that change by themselves.

The page asks for a part with the hash of the content that it shows. If the content is the same, the answer is 204, and
the page stays as it is: an opened element stays open, and the focus stays in its place.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from consentory.console.pages import ConsoleRequest, Page, fill_template, respond

_HASH_DIGITS = 16


def make_part(
    request: ConsoleRequest, name: str, path: str, values: dict[str, Any], *, is_live: bool, **parameters: str | None
) -> tuple[str, Markup]:
    """(hash of the content, the part in its frame). `name` is the template without `.html`, and the id of the part.

    The content is the output of a template that escaped each value. So the frame takes it as it is.
    """
    content = fill_template(request, f"{name}.html", values)
    digest = hashlib.sha256(content.encode()).hexdigest()[:_HASH_DIGITS]
    given = {key: value for key, value in parameters.items() if value}
    address = f"{path}?{urlencode({**given, 'seen': digest})}"
    frame = {"part_id": name.replace("_", "-"), "part_address": address, "part_is_live": is_live}
    return digest, Markup(fill_template(request, "live.html", {**frame, "part_content": Markup(content)}))  # noqa: S704


def answer_part(request: ConsoleRequest, part: tuple[str, Markup]) -> Page:
    """The part, or 204 if the page shows the same content already."""
    digest, frame = part
    if request.query_params.get("seen") == digest:
        return respond("", 204)
    return respond(frame)
