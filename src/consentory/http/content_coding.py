"""Compress an answer with gzip or zstd, as Accept-Encoding permits (RFC 9110, 12.5.3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import zstandard
from litestar import Request

from consentory.http.media_types import read_qualities

Coding = Literal["zstd", "gzip", "identity"]
CODINGS: tuple[Coding, ...] = ("zstd", "gzip", "identity")
"""The preferred coding first."""
_GZIP_LEVEL = 1
_ZSTD_LEVEL = 3
_GZIP_WINDOW = 31


def choose_coding(request: Request[Any, Any, Any]) -> Coding:
    """The coding with the highest quality in Accept-Encoding; among equals the first. Without the header, and if the
    header excludes all codings, the answer is not compressed."""
    liked = dict(read_qualities(",".join(request.headers.getall("accept-encoding", []))))
    found = {coding: liked.get(coding, liked.get("*", 0.0)) for coding in CODINGS[:-1]}
    best = max(found, key=lambda coding: found[coding])
    return best if found[best] > 0 and found[best] >= liked.get("identity", 0.0) else "identity"


def compress(chunks: Iterable[bytes], coding: Coding) -> Iterator[bytes]:
    """The chunks in a coding. An iterator that raises leaves the coding without its end."""
    if coding == "identity":
        yield from chunks
        return
    packer = (
        zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
        if coding == "gzip"
        else zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    )
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()
