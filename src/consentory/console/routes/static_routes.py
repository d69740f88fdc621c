"""The style sheet and the scripts of the console."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import PathParameter

from consentory.console.static_files import load_files
from consentory.errors import RequestRefused


@get("/static/{digest:str}/{name:str}", operation_id="consoleStatic", sync_to_thread=False)
def get_static(
    digest: Annotated[str, PathParameter(name="digest")], name: Annotated[str, PathParameter(name="name")]
) -> Response[bytes]:
    """A file. Its address names its content, so it may be kept for a year."""
    found = load_files().get(name)
    if found is None or found.digest != digest:
        raise RequestRefused("not_found", "Console.NoSuchFile", "There is no such file. Load the page again.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, media_type=found.media_type, headers=headers)
