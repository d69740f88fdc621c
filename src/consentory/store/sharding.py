"""Which rows of a distributed table are on one shard. On one PostgreSQL all rows of a table count as one shard.

Statements that look up many rows name rows of one shard only, so that Citus sends each statement to one node.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from consentory.store.database import Transaction, join_keys

HalfT = TypeVar("HalfT")

DISTRIBUTED = {
    "profile": "profile_id",
    "ledger": "profile_id",
    "tombstone": "profile_id",
    "before_image": "profile_id",
    "contact_key": "profile_id",
    "alternate_key": "key_hash",
    "import_batch": "import_id",
    "import_block": "import_id",
    "import_fault": "import_id",
    "preview_change": "import_id",
}
"""The tables that a cluster distributes, each with its column. All other tables stay whole on the coordinator.

Tables with the same column are co-located: rows with the same value are on one node.
"""

COMMIT_SECONDS = 1.0
"""The longest wait for commits that have begun. After a crash they wait for the recovery, which may take a minute."""
_PREPARED = r"""
SELECT nodeid, success, result FROM run_command_on_all_nodes($command$
  SELECT string_agg(gid, ' ') FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE 'citus\_%'
$command$)"""

PEOPLE, KEYS = "profile", "alternate_key"
"""Tables whose shards stand for all tables that are distributed by the same column."""


def await_commits(tx: Transaction) -> bool:
    """On Citus: wait until each transaction whose changes one machine shows is committed on all machines.

    Citus commits in two phases, and one machine shows a change some milliseconds before another one. False: a commit
    takes longer, or a machine cannot be asked.
    """
    deadline = time.monotonic() + COMMIT_SECONDS
    waited_for = now = _list_prepared(tx)
    while waited_for and now is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(COMMIT_SECONDS / 50)
        now = _list_prepared(tx)
        waited_for = waited_for & (now or set())
    return now is not None


def _list_prepared(tx: Transaction) -> set[tuple[int, str]] | None:
    """Node and name of the transactions that a machine has prepared and not ended. None: a machine does not answer."""
    answers = tx.connection.execute(_PREPARED).fetchall()
    if not all(is_right for _, is_right, _ in answers):
        return None
    return {(node, name) for node, _, names in answers for name in (names or "").split()}


def split_ids(tx: Transaction, ids: Iterable[int]) -> Iterator[list[int]]:
    """Profile ids in groups of one shard, each in ascending order. The groups are in one order for everybody."""
    in_order = sorted(ids)
    bounds = tx.bounds.get(PEOPLE)
    if bounds is None:
        return iter([in_order] if in_order else ())
    placed = tx.rows("place_ids", {"ids": in_order, "bounds": bounds}) if in_order else []
    return _collect_groups(placed)


def split_keys(tx: Transaction, keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Keys of alternate ids in groups of one shard. The order of the keys stays within each group."""
    bounds = tx.bounds.get(KEYS)
    if bounds is None:
        return iter([list(keys)] if keys else ())
    shards = tx.rows("place_keys", {"keys": join_keys(keys), "bounds": bounds}) if keys else []
    return _collect_groups((key, shard) for key, (shard,) in zip(keys, shards, strict=True))


def _collect_groups(placed: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    groups: dict[int, list[Any]] = {}
    for item, shard in placed:
        groups.setdefault(shard, []).append(item)
    return (groups[shard] for shard in sorted(groups))


def name_ids(tx: Transaction, ids: Iterable[int]) -> list[dict[str, Any]]:
    """The parameters `ids` and `one` of a statement, for each shard of these profiles."""
    return [{"ids": group, "one": group[0] if PEOPLE in tx.bounds else None} for group in split_ids(tx, ids)]


def name_pairs(tx: Transaction, pairs: Iterable[tuple[int, HalfT]]) -> Iterator[tuple[dict[str, Any], list[HalfT]]]:
    """Pairs of a profile id and something of that profile, for each shard of these profiles, in ascending order of the
    ids. Gives the parameters `ids` (one for each pair) and `one`, and the other halves in the same order."""
    in_order = sorted(pairs, key=itemgetter(0))
    if PEOPLE not in tx.bounds:
        if in_order:
            yield {"ids": [one for one, _ in in_order], "one": None}, [half for _, half in in_order]
        return
    halves_of: dict[int, list[HalfT]] = {}
    for profile_id, half in in_order:
        halves_of.setdefault(profile_id, []).append(half)
    for group in split_ids(tx, halves_of):
        ids = [one for one in group for _ in halves_of[one]]
        yield {"ids": ids, "one": group[0]}, [half for one in group for half in halves_of[one]]


def name_keys(tx: Transaction, keys: Sequence[bytes]) -> list[dict[str, Any]]:
    """The parameters `keys` and `one` of a statement, for each shard of these alternate ids."""
    return [
        {"keys": join_keys(group), "one": UUID(bytes=group[0]) if KEYS in tx.bounds else None}
        for group in split_keys(tx, keys)
    ]
