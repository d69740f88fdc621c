"""Measure one import of the greatest size, from the generator to Completed: time, memory, disk, and speed over time."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import psycopg
from run import check, read_peak, read_size
from subject import STAGING_CLIENTS, Account, Subject
from workload import write_lines

BATCH_PEOPLE = 6_500
PARTS = 10
"""How finely the speed is told over the import."""
_clients: list[Account] = []


def measure_long(people: int) -> dict[str, float]:
    """Run one import of this number of new people. Clients on the same machine make and stage the people."""
    with Subject() as subject:
        account = subject.create_account()
        before, free = read_size(subject.conninfo), shutil.disk_usage(subject.folder).free
        where, _ = account.initiate("long")
        staged = list(tell("staged", people, stage_people(account, where, people)))
        report("staging", staged)
        used = [free - shutil.disk_usage(subject.folder).free]
        account = Account(account.url, account.name, account.credential)  # a token lasts an hour
        account.client.post(f"{where}/Execute").raise_for_status()
        executed = []
        for moment in tell("processed", people, watch(account, where)):
            executed.append(moment)
            used.append(free - shutil.disk_usage(subject.folder).free)
        report("execution", executed)
        check(account.client.get(f"{where}/Status").raise_for_status().json(), people, "Created")
        sent = sum(len(line) + 1 for line in write_lines(10_000)) / 10_000 * people
        return {
            "people": people,
            "staging, s": staged[-1][0] - staged[0][0],
            "execution, s": executed[-1][0] - executed[0][0],
            "of that until the first people, s": find_start(executed)[0][0] - executed[0][0],
            "staging, last tenth against the first": compare_ends(staged),
            "execution, last tenth against the first": compare_ends(executed),
            "server process, MB": read_peak(subject, "serve"),
            "worker, MB": read_peak(subject, "worker"),
            "people on disk, GB": (read_size(subject.conninfo) - before) / 1e9,
            "bytes on disk a byte sent": (read_size(subject.conninfo) - before) / sent,
            "most disk used meanwhile, GB": max(used) / 1e9,
            "profiles by count": count_profiles(subject.conninfo),
        }


def stage_people(account: Account, where: str, people: int) -> Iterator[tuple[float, int]]:
    """Stage the people from client processes. Yield (seconds, people staged so far) after each batch."""
    yield time.perf_counter(), 0
    firsts = range(0, people, BATCH_PEOPLE)
    counts = [min(BATCH_PEOPLE, people - first) for first in firsts]
    keys = (account.url, account.name, account.credential)
    done = 0
    with ProcessPoolExecutor(STAGING_CLIENTS, initializer=open_client, initargs=keys) as clients:
        for count in clients.map(stage_part, [where] * len(counts), firsts, counts):
            done += count
            yield time.perf_counter(), done


def open_client(url: str, name: str, credential: tuple[str, str]) -> None:
    """Make the client of this process."""
    _clients.append(Account(url, name, credential))


def stage_part(where: str, first: int, count: int) -> int:
    """Make this number of people, and stage them as one batch."""
    _clients[0].stage(where, b"\n".join(write_lines(count, first=first)))
    return count


def watch(account: Account, where: str) -> Iterator[tuple[float, int]]:
    """(Seconds, people processed so far), twice a second until the import has ended."""
    ended = False
    while not ended:
        status = account.client.get(f"{where}/Status").raise_for_status().json()
        ended = status["Status"] in ("Completed", "Failed")
        yield time.perf_counter(), status["Processed"]
        time.sleep(0.5)


def tell(what: str, people: int, moments: Iterator[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """Print the progress at each tenth, because so long a measurement can be cut off."""
    told, begun = 0, time.perf_counter()
    for seconds, count in moments:
        if count * PARTS // people > told:
            told = count * PARTS // people
            print(f"  {count:,} {what} after {seconds - begun:,.0f} s", file=sys.stderr, flush=True)
        yield seconds, count


def find_start(moments: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The measured moments, from the last one without any person."""
    return moments[max(place for place, (_, count) in enumerate(moments) if count == 0) :]


def split_rates(moments: list[tuple[float, int]]) -> list[float]:
    """People a second in each part of the import, from its first person on."""
    moments = find_start(moments)
    most = moments[-1][1]
    edges = [next(moment for moment in moments if moment[1] >= most * part / PARTS) for part in range(PARTS + 1)]
    return [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(edges) if after > before]


def compare_ends(moments: list[tuple[float, int]]) -> float:
    """The speed of the last part against that of the first."""
    rates = split_rates(moments)
    return rates[-1] / rates[0]


def report(name: str, moments: list[tuple[float, int]]) -> None:
    """Print the speed over time."""
    rates = split_rates(moments)
    print(f"  {name}, records/s by tenth: {', '.join(f'{rate:,.0f}' for rate in rates)}", flush=True)
    print(f"  {name}, median of the tenths: {statistics.median(rates):,.0f}", flush=True)


def count_profiles(conninfo: str) -> int:
    """The number of profiles in the database."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM profile").fetchone()
    assert row is not None
    return int(row[0])
