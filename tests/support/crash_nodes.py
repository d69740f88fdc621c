"""Kills nodes, the coordinator and workers of a Citus cluster in mid-import: `scripts/crash --citus [ROUNDS]`.

Each round imports all people again, changed, through workers at the nodes. Afterwards the counts of the import must
balance, each person must have the keys of the body, each key must have its person, no transaction may be left prepared,
and each change must have its position. CONSENTORY_CITUS_BINARIES names the PostgreSQL in which Citus is installed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import typer
from citus_cluster import CitusCluster, find_citus, running_cluster
from waiting import let_pass
from workbench import Workbench, make_person, open_workbench

from consentory.domain.imports import Import
from consentory.errors import ConsentoryError
from consentory.store.tables.change_store import unpack_changes

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
BATCH = 2000
PATIENCE_S = 300.0
DATABASE = "crash"
ADDRESSES = 3


@dataclass
class Scene:
    """A cluster with a worker at each node."""

    cluster: CitusCluster
    log: Any
    rng: random.Random
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_workers(self) -> None:
        """Start the workers that are not running."""
        self.workers = [one for one in self.workers if one.poll() is None]
        for node in self.cluster.nodes[len(self.workers) :]:
            environment = {name: text for name, text in os.environ.items() if not name.startswith("CONSENTORY_")}
            environment |= {"CONSENTORY_DATABASE_URL": node.conninfo(DATABASE), "CONSENTORY_PARENT": str(os.getpid())}
            words = [sys.executable, "-m", "consentory", "worker"]
            self.workers.append(subprocess.Popen(words, env=environment, stdout=self.log, stderr=self.log))

    def kill_one(self) -> str:
        """kill -9 of a member or a worker at random. A member is down for a moment, and starts again."""
        target = self.rng.choice(("node", "node", "coordinator", "worker"))
        if target == "worker":
            victim = self.rng.choice(self.workers)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        else:
            member = self.cluster.coordinator if target == "coordinator" else self.rng.choice(self.cluster.nodes)
            member.kill()
            let_pass(self.rng.random(), because="a machine is away for a while")
            member.start()
        self.start_workers()
        return target

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(60)


def main() -> int:
    """Run the rounds, and print the differences; 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=100)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--people", type=int, default=20_000)
    options = parser.parse_args()
    if find_citus() is None:
        typer.echo("crash: CONSENTORY_CITUS_BINARIES names no PostgreSQL with Citus", err=True)
        return 3
    kills: Counter[str] = Counter()
    differences = 0
    with tempfile.TemporaryFile() as log, running_cluster() as cluster:
        url = cluster.create_database(DATABASE, is_migrated=True)
        scene = Scene(cluster, log, random.Random(options.seed))
        with open_workbench(url) as bench:
            scene.start_workers()
            try:
                for number in range(options.rounds):
                    found, killed = run_round(scene, bench, number, options.people)
                    kills.update(killed)
                    differences += len(found)
                    typer.echo("\n    ".join([f"round {number + 1}: killed {', '.join(killed) or 'nothing'}", *found]))
            finally:
                scene.stop()
    typer.echo(f"{kills.total()} kills ({kills}), {differences} differences")
    return 1 if differences else 0


def run_round(scene: Scene, bench: Workbench, number: int, people: int) -> tuple[list[str], list[str]]:
    """One import with kills in the midst of its execution: (differences, names of what was killed)."""
    item = bench.initiate(**MATCH)
    records = [make_record(n, number) for n in range(people)]
    for first in range(0, people, BATCH):
        bench.stage(item, records[first : first + BATCH])
    bench.execute(item)
    killed: list[str] = []
    for _ in range(scene.rng.choice((1, 2, 2, 3))):
        let_pass(scene.rng.random() * (4 if killed else 1.5), because="a kill comes at any instant")
        if is_ended(bench, item):
            break
        killed.append(scene.kill_one())
    deadline = time.monotonic() + PATIENCE_S
    while not is_ended(bench, item):
        if time.monotonic() > deadline:
            return [f"the import is not over after {PATIENCE_S:.0f} s: {find(bench, item)}"], killed
        let_pass(0.2, because="the next look whether the import is over")
    return check(scene, bench, item, number, people), killed


def make_record(number: int, turn: int) -> dict[str, Any]:
    """A person whose name changes in every round, and who gains an address in each of the first rounds."""
    address = f"{number}.{turn % ADDRESSES}@example.com"
    return make_person(number, CustomerName={"FirstName": f"T{turn}"}, Emails=[{"EmailAddress": address}])


def find(bench: Workbench, item: Import) -> Import | None:
    """The import as it is now. None: the database cannot be asked now."""
    with suppress(ConsentoryError, psycopg.Error):
        return bench.find(item)
    return None


def is_ended(bench: Workbench, item: Import) -> bool:
    found = find(bench, item)
    return found is not None and found.status in ("Completed", "Failed")


def check(scene: Scene, bench: Workbench, item: Import, number: int, people: int) -> list[str]:
    """The differences from what must be there."""
    found = []
    books = bench.find(item).books
    outcome = books.created if number == 0 else books.updated
    if (books.received, books.pending, outcome) != (people, 0, people):
        found.append(f"the counts do not balance: {books}")
    bodies = bench.owner("SELECT profile_id FROM profile ORDER BY profile_id")
    ids = [row[0] for row in bodies]
    if len(ids) != people:
        found.append(f"{len(ids)} people instead of {people}")
    turns = range(min(number + 1, ADDRESSES))
    alternate = bench.owner("SELECT profile_id FROM alternate_key ORDER BY profile_id")
    if [row[0] for row in alternate] != ids:
        found.append(f"{len(alternate)} alternate ids: one without a person, or a person without one")
    contact = bench.owner("SELECT profile_id FROM contact_key ORDER BY profile_id")
    if [row[0] for row in contact] != [one for one in ids for _ in turns]:
        found.append(f"{len(contact)} addresses: one without a person, or a person without one")
    if {row[0] for row in bench.owner("SELECT value FROM contact_key")} != {
        f"{n}.{turn}@example.com" for n in range(people) for turn in turns
    }:
        found.append("contact_key has other addresses than the bodies")
    names = bench.owner("SELECT count(*) FROM profile WHERE body::text NOT LIKE %s", f"%T{number}%")
    if names != [(0,)]:
        found.append(f"{names[0][0]} people have the state of an earlier round")
    return found + check_prepared(scene) + check_positions(bench, (number + 1) * people)


def check_positions(bench: Workbench, changes: int) -> list[str]:
    """Each change of each round must have a position, without a gap, and each person's changes must be in order."""
    deadline = time.monotonic() + 30
    while bench.owner("SELECT FROM change_block WHERE first_position IS NULL LIMIT 1") and time.monotonic() < deadline:
        let_pass(0.5, because="the workers number twice a second")
    rows = bench.owner(
        "SELECT first_position, change_count, import_id, changes FROM change_block ORDER BY first_position"
    )
    found, following, latest = [], 1, dict[int, int]()
    rounds: dict[Any, int] = {}
    for first, count, import_id, packed in rows:
        if first != following:
            return [f"position {first} comes where {following} must be"]
        following += count
        turn = rounds.setdefault(import_id, len(rounds))
        for change in unpack_changes(packed):
            if latest.get(change.profile_id, -1) != turn - 1:
                found.append(f"the change of person {change.profile_id} in round {turn + 1} is not in its place")
            latest[change.profile_id] = turn
    if following - 1 != changes:
        found.append(f"{following - 1} positions instead of {changes}")
    return found[:5]


def check_prepared(scene: Scene) -> list[str]:
    """Transactions that stay prepared on a member: the coordinator must have ended them."""
    deadline = time.monotonic() + 30
    while True:
        left = []
        for member in scene.cluster.members:
            with psycopg.connect(member.conninfo(DATABASE)) as connection:
                left += [row[0] for row in connection.execute("SELECT gid FROM pg_prepared_xacts")]
        if not left or time.monotonic() > deadline:
            return [f"{len(left)} transactions stay prepared"] if left else []
        let_pass(0.5, because="the recovery runs every two seconds")


if __name__ == "__main__":
    sys.exit(main())
