"""The bench on a Citus cluster: the same files on one PostgreSQL and on a coordinator with two nodes, in turn.

All three servers of the cluster share this machine, so the rates show the cost of the cluster and not its gain. The
seconds of processor time for each record, on the coordinator and on the nodes, are what docs/scale-out.md calculates
with. CONSENTORY_CITUS_BINARIES names the PostgreSQL in which Citus is installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from citus_cluster import CitusCluster, ClusterMember, find_citus, find_free_port
from psycopg import sql
from subject import Account, create_account
from workload import write_lines

from consentory.bootstrap.composition import open_services
from consentory.services.access.secret_box import SecretBox
from consentory.store.migration import migrate

KEY = "c2VjcmV0IGtleSBvZiB0aGUgYmVuY2ggLi4="
Figures = dict[str, list[float]]


def main() -> int:
    """Run the rounds that the arguments ask for, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--at", choices=("nodes", "coordinator"), default="nodes", help="where the workers are")
    parser.add_argument("--only", choices=("plain", "citus"), help="leave out the other one")
    arguments = parser.parse_args()
    binaries = find_citus()
    if binaries is None:
        print("bench: CONSENTORY_CITUS_BINARIES names no PostgreSQL with Citus", file=sys.stderr)
        return 3
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder, running(binaries) as (plain, cluster):
        files = {name: Path(folder) / f"{name}.ndjson" for name in ("new", "changed")}
        for name, path in files.items():
            with path.open("wb") as out:
                out.writelines(line + b"\n" for line in write_lines(arguments.people, changed=name == "changed"))
        for number in range(arguments.rounds):
            name = f"bench{number}"
            if arguments.only != "citus":
                url = make_plain_database(plain, name)
                measure("plain", [plain], url, [url, url], files=files, people=arguments.people, figures=figures)
            if arguments.only != "plain":
                url = cluster.create_database(name, is_migrated=True, shards=arguments.shards)
                workers = [node.conninfo(name) for node in cluster.nodes] if arguments.at == "nodes" else [url, url]
                measure("citus", cluster.members, url, workers, files=files, people=arguments.people, figures=figures)
                cluster.drop_database(name)
    report(figures)
    return 0


@contextmanager
def running(binaries: Path) -> Iterator[tuple[ClusterMember, CitusCluster]]:
    """One PostgreSQL without Citus, and a cluster. The idle one of the two costs nothing."""
    cluster = CitusCluster(binaries)
    plain = cluster.make_member("plain")
    try:
        plain.create()
        plain.start(shared_preload_libraries="")
        cluster.start(fsync="on")
        yield plain, cluster
    finally:
        plain.stop()
        cluster.erase()


def make_plain_database(plain: ClusterMember, name: str) -> str:
    """A migrated database of the PostgreSQL without Citus."""
    plain.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(plain.conninfo(name))
    return plain.conninfo(name)


def measure(
    kind: str,
    members: list[ClusterMember],
    url: str,
    workers: list[str],
    *,
    files: dict[str, Path],
    people: int,
    figures: Figures,
) -> None:
    """Import file 1 and file 2 through a server and workers, and note rates and processor time."""
    with serving(url, workers) as account:
        for name, path in files.items():
            before = [member.read_processor_seconds() for member in members]
            timing = account.import_file(path)
            outcome = "Created" if name == "new" else "Updated"
            if timing.status["Status"] != "Completed" or not timing.status[outcome]:
                raise SystemExit(f"the import did not end as it should: {timing.status}")
            spent = [member.read_processor_seconds() - had for member, had in zip(members, before, strict=True)]
            figures.setdefault(f"{kind}, {name}: records/s end to end", []).append(people / timing.total)
            figures.setdefault(f"{kind}, {name}: records/s execution", []).append(people / timing.execute)
            figures.setdefault(f"{kind}, {name}: us of the first server a record", []).append(spent[0] / people * 1e6)
            if len(spent) > 1:
                figures.setdefault(f"{kind}, {name}: us of all nodes a record", []).append(
                    sum(spent[1:]) / people * 1e6
                )


@contextmanager
def serving(url: str, workers: list[str]) -> Iterator[Account]:
    """`consentory serve` at one database URL and a worker at each of the others, with a fresh account."""
    port = find_free_port()
    environment = {name: text for name, text in os.environ.items() if not name.startswith("CONSENTORY_")}
    environment["CONSENTORY_SECRET_KEY"] = KEY
    words = [["serve", "--port", str(port), "--processes", "2", "--database-url", url]]
    words += [["worker", "--database-url", where] for where in workers]
    with tempfile.TemporaryFile() as log:  # the programs' own events
        processes = [
            subprocess.Popen([sys.executable, "-m", "consentory", *one], env=environment, stdout=log, stderr=log)
            for one in words
        ]
    services = open_services(url, SecretBox([KEY]))
    try:
        address = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(f"{address}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield create_account(address, services)
    finally:
        services.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)


def report(figures: Figures) -> None:
    """Medians, and the ratios of the cluster to one PostgreSQL."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    for name, value in medians.items():
        print(f"{name}: {value:,.0f}  ({', '.join(f'{one:,.0f}' for one in figures[name])})")
    for name in ("new", "changed"):
        ends = [medians.get(f"{kind}, {name}: records/s end to end") for kind in ("citus", "plain")]
        if ends[0] and ends[1]:
            print(f"{name}: {ends[0] / ends[1]:.2f} of one PostgreSQL, end to end")
        share = medians.get(f"citus, {name}: us of the first server a record")
        if share:
            whole = share + medians[f"citus, {name}: us of all nodes a record"]
            print(f"{name}: the coordinator has {share / whole:.0%} of the processor time of the databases")


if __name__ == "__main__":
    sys.exit(main())
