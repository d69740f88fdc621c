"""Workers count the people who may be contacted, once a day and on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from wire_client import choice, mail
from workbench import Workbench, make_person, open_workbench

from consentory.domain.audience import AudienceCounts, CountedDay
from consentory.services.data_out import audience_counting

MINUTES = "UPDATE audience_count SET {} WHERE day = (now() AT TIME ZONE 'UTC')::date"


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def count(bench: Workbench) -> int:
    """Let the worker count; the number of its steps."""
    return sum(1 for _ in bench.worker.counting.count_in_steps())


def read(bench: Workbench) -> list[CountedDay]:
    return bench.services.audience_days.read(bench.caller).days


def make_older(bench: Workbench, minutes: int, *, took: int = 0) -> None:
    """Let the count of today have begun these minutes ago."""
    began = f"now() - interval '{minutes} minutes'"
    ended = f"now() - interval '{minutes - took} minutes'"
    bench.owner(MINUTES.format(f"wanted_at = {began}, began_at = {began}, counted_at = {began}, ended_at = {ended}"))


def add(bench: Workbench, number: int, *emails: dict[str, Any], **more: Any) -> int:
    body = json.dumps(make_person(number, Emails=list(emails), **more)).encode()
    return bench.services.profiles.write(bench.caller, None, body, {}).profile_id


def yes(address: str, at: str = "2026-05-01T00:00:00Z", filter_id: str = "OFFERS-EMAIL") -> dict[str, Any]:
    return mail(address, choice(filter_id, 1, at))[0]


def no(address: str, **more: Any) -> dict[str, Any]:
    return mail(address, choice("OFFERS-EMAIL", 2, "2026-06-01T00:00:00Z"), **more)[0]


def test_each_person_is_counted_once_for_each_filter_in_force(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(bench, 1, yes("a@example.com"), yes("b@example.com"))
    add(bench, 2, yes("c@example.com"), no("d@example.com"))
    add(bench, 3, no("e@example.com"))
    add(bench, 4, yes("f@example.com"), IsActive=False)
    add(bench, 5, yes("g@example.com", "2020-01-01T00:00:00Z", "NEWS-EMAIL"))  # it lasted two years
    monkeypatch.setattr(audience_counting, "STEP_PEOPLE", 2)
    assert count(bench) == 4
    [day] = read(bench)
    assert day.counts["OFFERS-EMAIL"] == AudienceCounts(2, 2)
    assert day.counts["NEWS-EMAIL"] == AudienceCounts(0, 0)
    reached = bench.services.audiences.page(bench.caller, "OFFERS-EMAIL", None, 100, opted_out=False)
    assert len({row.profile.profile_id for row in reached.items}) == 2, "as in the audience"
    assert not day.waits


def test_an_account_is_counted_once_a_day_and_when_somebody_asks(bench: Workbench) -> None:
    assert read(bench) == []
    assert count(bench) == 1
    add(bench, 1, yes("a@example.com"))
    assert count(bench) == 0
    bench.services.audience_days.want(bench.caller)
    assert not read(bench)[0].waits, "it was counted less than a minute ago"
    make_older(bench, 2)
    assert count(bench) == 0
    bench.services.audience_days.want(bench.caller)
    assert read(bench)[0].waits
    assert count(bench) == 2
    assert read(bench)[0].counts["OFFERS-EMAIL"].opted_in == 1
    assert not read(bench)[0].waits
    bench.owner("UPDATE audience_count SET day = day - 1")
    assert count(bench) == 2
    assert len(read(bench)) == 2


def test_an_account_is_counted_again_after_an_import_unless_counting_takes_long(bench: Workbench) -> None:
    count(bench)
    bench.complete([make_person(1)])
    assert count(bench) == 0, "it was counted less than a minute ago"
    make_older(bench, 2)
    assert count(bench) == 2
    bench.complete([make_person(2)])
    make_older(bench, 10, took=1)
    assert count(bench) == 0, "a count took a minute, and the last one ended nine minutes ago"
    make_older(bench, 30, took=1)
    assert count(bench) == 2


def test_an_account_is_not_counted_while_an_import_runs_unless_somebody_asks(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1)])
    bench.execute(item)
    while bench.worker.execution.resolve_next() is None:
        pass
    assert bench.find(item).status == "Processing"
    assert count(bench) == 0, "the day begins with a running import"
    bench.owner("UPDATE import SET started_at = started_at - interval '7 hours'")
    assert count(bench) == 1, "an import that runs for so long delays the count no more"
    bench.owner("UPDATE import SET started_at = started_at + interval '7 hours'")
    make_older(bench, 2)
    bench.services.audience_days.want(bench.caller)
    assert count(bench) == 1, "somebody asks"
    bench.work_off()
    make_older(bench, 2)
    assert count(bench) == 2, "after the import"


def test_a_count_that_was_broken_off_begins_anew_later(bench: Workbench) -> None:
    steps = bench.worker.counting.count_in_steps()
    next(steps)
    steps.close()
    assert count(bench) == 0, "another worker may still count"
    bench.owner(MINUTES.format("began_at = now() - interval '16 minutes', wanted_at = now() - interval '16 minutes'"))
    assert count(bench) == 1
    assert read(bench)[0].counted_at is not None
