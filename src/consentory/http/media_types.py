"""The media types that a call accepts and answers, compared with the headers Content-Type and Accept.

A route names them in its `opt`: `takes` and `answers` are tuples of media types, the preferred type first.
"""

from __future__ import annotations

from typing import Any

from litestar import Request

from consentory.errors import RequestRefused
from consentory.http.problems import NotAcceptable

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
EVENTS = "text/event-stream"
FORM = "application/x-www-form-urlencoded"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")


def check_media(request: Request[Any, Any, Any]) -> None:
    """Refuse a body of a type that the route does not accept (415), or an Accept header that fits none of its answers
    (406). A format in the query decides in place of Accept."""
    opt = request.route_handler.opt
    if opt.get("answers") and not ("format" in opt.get("parameters", ()) and "format" in request.query_params):
        choose_answer(request, opt["answers"])
    if "takes" in opt:
        read_content_type(request, opt["takes"])


def choose_answer(request: Request[Any, Any, Any], offers: tuple[str, ...]) -> str:
    """The offer with the highest quality in Accept; among equals the first. Raises NotAcceptable if Accept excludes all
    offers."""
    ranges = read_qualities(",".join(request.headers.getall("accept", [])))
    if not ranges:
        return offers[0]
    liked = {offer: _find_quality(ranges, offer) for offer in offers}
    best = max(offers, key=lambda offer: liked[offer])
    if liked[best] <= 0:
        raise NotAcceptable(detail=f"This call answers {', '.join(offers)}; name one of them in the header Accept.")
    return best


def read_qualities(header: str) -> list[tuple[str, float]]:
    """(name, quality) of each element of Accept or Accept-Encoding. An element that cannot be read gets quality 0."""
    ranges = []
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if name:
            ranges.append((name, float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0))
    return ranges


def _find_quality(ranges: list[tuple[str, float]], offer: str) -> float:
    """The quality of an offer. The most specific range that fits the offer decides (RFC 9110, 12.5.1)."""
    for fitting in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == fitting]
        if found:
            return max(found)
    return 0.0


def read_content_type(request: Request[Any, Any, Any], takes: tuple[str, ...]) -> str:
    """The media type of the body; if the client sends no Content-Type, the first type that the call accepts.

    Raises RequestRefused, unsupported, for another type and for a charset other than UTF-8.
    """
    name, *parameters = (part.strip() for part in request.headers.get("content-type", "").lower().split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if (name and name not in takes) or charset not in ("utf-8", "utf8", "us-ascii"):
        raise RequestRefused(
            "unsupported",
            "Request.UnsupportedMediaType",
            f"This call accepts {', '.join(takes)} in UTF-8; send such a body and name its type in Content-Type.",
            headers={"Accept-Post": ", ".join(takes)},
        )
    return name or takes[0]
