"""What a call takes and what it can answer, against the headers Content-Type and Accept.

A route says it in its `opt`: `takes` and `answers` are tuples of media types, in the order of our preference.
"""

from __future__ import annotations

from typing import Any

from litestar import Request

from consentory.errors import RequestRefused
from consentory.http.problems import NotAcceptable

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
EVENTS = "text/event-stream"
FORM = "application/x-www-form-urlencoded"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")


def check_media(request: Request[Any, Any, Any]) -> None:
    """Refuse a body of a type that the route does not take (415), or an Accept that fits none of its answers (406)."""
    opt = request.route_handler.opt
    if opt.get("answers"):
        choose_answer(request, opt["answers"])
    if "takes" in opt:
        read_content_type(request, opt["takes"])


def choose_answer(request: Request[Any, Any, Any], offers: tuple[str, ...]) -> str:
    """The offer that Accept likes best; the first of equals. Raises NotAcceptable when it excludes them all."""
    ranges = _read_accept(",".join(request.headers.getall("accept", [])))
    if not ranges:
        return offers[0]
    liked = {offer: _find_quality(ranges, offer) for offer in offers}
    best = max(offers, key=lambda offer: liked[offer])
    if liked[best] <= 0:
        raise NotAcceptable(detail=f"This call answers {', '.join(offers)}; name one of them in the header Accept.")
    return best


def _read_accept(header: str) -> list[tuple[str, float]]:
    """(media range, quality) of each element; one that cannot be read counts as not wanted."""
    ranges = []
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if name:
            ranges.append((name, float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0))
    return ranges


def _find_quality(ranges: list[tuple[str, float]], offer: str) -> float:
    """How much an offer is wanted: the most specific range that fits it decides (RFC 9110, 12.5.1)."""
    for fitting in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == fitting]
        if found:
            return max(found)
    return 0.0


def read_content_type(request: Request[Any, Any, Any], takes: tuple[str, ...]) -> str:
    """The media type of the body; the first that the call takes where the client says nothing.

    Raises RequestRefused, unsupported, for another type and for a charset other than UTF-8.
    """
    name, *parameters = (part.strip() for part in request.headers.get("content-type", "").lower().split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if (name and name not in takes) or charset not in ("utf-8", "utf8", "us-ascii"):
        raise RequestRefused(
            "unsupported",
            "Request.UnsupportedMediaType",
            f"This call takes {', '.join(takes)} in UTF-8; send the body so, and say it in Content-Type.",
            headers={"Accept-Post": ", ".join(takes)},
        )
    return name or takes[0]
