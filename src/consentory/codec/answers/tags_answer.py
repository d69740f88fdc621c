"""The tags of an account as an answer (account.md, "Reading profiles back")."""

from __future__ import annotations

import msgspec

from consentory.codec.answers.answer_types import Instant, Natural
from consentory.domain.instants import from_micros
from consentory.domain.profile import TagCounts


class TagAnswer(msgspec.Struct, frozen=True):
    """A tag and the number of profiles that have it."""

    Name: str
    Count: Natural


class TagList(msgspec.Struct, frozen=True):
    """The tags of the account."""

    AsOf: Instant
    Count: Natural
    Tags: list[TagAnswer]


def render_tags(tags: TagCounts) -> TagList:
    """The tags in the order in which they were counted."""
    return TagList(from_micros(tags.at), len(tags.counts), [TagAnswer(name, count) for name, count in tags.counts])
