"""Pages of bulk reads (docs/data-out.md, "Formats"): where a page ends, and where the next one begins."""

from __future__ import annotations

from typing import Any, cast

import pytest

from consentory.api.routes.data_out_routes import make_audience_page, make_profile_page
from consentory.domain.profile import Profile, ProfileState
from consentory.domain.viewing import ViewedProfile
from consentory.services.data_out.snapshot_reading import PAGE_PEOPLE, STEP_PEOPLE, ItemPage, Reading, Step, Tally

STEPS = PAGE_PEOPLE // STEP_PEOPLE
"""The steps of which one page reads at most so many."""


def read_page(found: dict[int, int], steps: int, limit: int) -> tuple[ItemPage[Any], Tally]:
    """The first page over so many steps. `found`: the number of items of a step, by its number from 1."""

    def make_step(number: int) -> Step[Any]:
        first = (number - 1) * STEP_PEOPLE + 1
        people = [Profile(first + n, ProfileState("en_US"), 0, 0) for n in range(found.get(number, 0))]
        return Step([ViewedProfile(one, cast("Any", None)) for one in people], number * STEP_PEOPLE)

    tally = Tally()
    reading = Reading(cast("Any", None), tally, (make_step(number) for number in range(1, steps + 1)))
    return reading.read_page(limit), tally


@pytest.mark.parametrize(
    ("found", "steps", "limit", "count", "following"),
    [
        ({}, 0, 10, 0, None),
        ({}, STEPS - 1, 10, 0, None),
        ({1: 10}, 1, 10, 10, None),
        ({1: 11}, 1, 10, 10, 10),
        ({1: 10, 2: 1}, 2, 10, 10, 10),
        ({1: 10}, STEPS - 1, 10, 10, None),
        ({}, STEPS + 1, 10, 0, PAGE_PEOPLE),
        ({1: 3}, STEPS + 1, 10, 3, PAGE_PEOPLE),
        ({STEPS: 11}, STEPS + 1, 10, 10, PAGE_PEOPLE - STEP_PEOPLE + 10),
        ({1: 10}, STEPS + 1, 10, 10, PAGE_PEOPLE),
    ],
)
def test_a_page_ends_at_its_limit_or_after_many_people(
    found: dict[int, int], steps: int, limit: int, count: int, following: int | None
) -> None:
    page, tally = read_page(found, steps, limit)
    assert len(page.items) == count
    assert make_profile_page([], page).Next == following
    assert (tally.count, tally.is_complete) == (count, following is None)


def test_an_empty_page_of_an_audience_leads_to_the_next_people() -> None:
    page, _ = read_page({}, STEPS + 1, 10)
    assert make_audience_page([], page).Next == str(PAGE_PEOPLE)
