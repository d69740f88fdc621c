"""The words of the console: states, counts, times and durations, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from consentory.codec.hidden_characters import spell_hidden
from consentory.domain.imports import TRANSITIONS, Import


class StateWords(NamedTuple):
    """A state for people: its word, its shape and its tone. The shape makes the state readable without colours."""

    word: str
    shape: str
    tone: str
    hint: str


_STATES = {
    "Initiated": StateWords("Initiated", "ring", "calm", "No records yet"),
    "Staging": StateWords("Staging", "half", "calm", "Records are checked; nobody is changed yet"),
    "Queued": StateWords("Queued", "dots", "busy", "Waits for a worker"),
    "Processing": StateWords("Processing", "play", "busy", "People are being changed"),
    "Completed": StateWords("Completed", "tick", "good", "All records are accounted for"),
    "Failed": StateWords("Failed", "cross", "bad", "Nobody was changed"),
}
_HELD = StateWords("Held", "pause", "warn", "A limit of the guard is exceeded; nobody is changed yet")
_REASONS = {
    "Import.Cancelled": StateWords("Cancelled", "cross", "calm", "It was cancelled; nobody was changed"),
    "Import.Expired": StateWords("Expired", "cross", "calm", "It was not executed in time; nobody was changed"),
}
STATUS_CHOICES = tuple(TRANSITIONS)


def describe_state(item: Import) -> StateWords:
    """The words for the state of an import."""
    if item.held_reason is not None:
        return _HELD
    return _REASONS.get(item.failure_reason or "", _STATES[item.status])


def describe_action(action: str) -> str:
    """The words for an action of the audit trail: `Import executed`."""
    return action.replace(".", " ").replace("-", " ").capitalize()


def show_count(number: int) -> str:
    """A number with commas between its thousands."""
    return f"{number:,}"


def show_text(text: str | None) -> str:
    """A text that somebody sent. A character that hides or reorders text is shown as its code."""
    return spell_hidden(text or "", keep="\n\t")


def show_time(time: datetime, zone: str) -> str:
    """A time in the time zone of the account, to the minute."""
    local = time.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def show_day(time: datetime, zone: str) -> str:
    """The day of a time in the time zone of the account."""
    local = time.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y}"


def show_instant(time: datetime) -> str:
    """A time for programs, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show_duration(duration: timedelta) -> str:
    """A duration in its two largest units."""
    seconds = max(int(duration.total_seconds()), 0)
    if seconds < 1:
        return "less than 1 s"
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, unit in units:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 "))


def count_words(number: int, one: str, more: str | None = None) -> str:
    """A number and its noun: `1 record`, `2 records`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
