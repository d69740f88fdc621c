"""Store the states of people before and after an import, for undo. Each function runs in its caller's transaction."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import zstandard

from consentory.store.database import Transaction

_LEVEL = -1
"""This level is twice as fast as level 1, and its output is a quarter larger."""


class _OfThread(threading.local):
    """Each thread has its own contexts of zstd. Threads cannot share a context, and making one is slow."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_of_thread = _OfThread()


class NewImage(NamedTuple):
    """The states of a person before and after a slice of an import, in JSON."""

    profile_id: int
    sequence_number: int
    """The SequenceNumber of the record that changed the person last."""
    before: str
    after: bytes
    named_keys: Collection[bytes]
    """The keys of the alternate ids that the person gained or lost."""


class StoredImage(NamedTuple):
    """The changes that an import made to a person."""

    states: list[tuple[str, str]]
    """The states before and after each slice that changed the person, in order, in JSON."""
    named_keys: Sequence[bytes]


def keep_images(tx: Transaction, import_id: UUID, images: Sequence[NewImage]) -> None:
    """Store images (worker). A line end follows each state, because JSON has no line end in it."""
    if not images:
        return
    pack = _of_thread.compressor.compress
    tx.run(
        "keep_before_images",
        {
            "import_id": import_id,
            "ids": [one.profile_id for one in images],
            "sequences": [one.sequence_number for one in images],
            "images": [pack(b"%b\n%b\n" % (one.before.encode(), one.after)) for one in images],
            "named": [",".join([key.hex() for key in one.named_keys]) for one in images],
        },
    )


def load_images(tx: Transaction, undo_of: UUID, ids: Collection[int]) -> dict[int, StoredImage]:
    """The images by person (worker). People without an image are left out."""
    return {
        profile_id: StoredImage(_unpack(bytes(image)), [bytes(key) for key in keys])
        for profile_id, image, keys in tx.rows("list_before_images", {"undo_of": undo_of, "ids": sorted(ids)})
    }


def _unpack(image: bytes) -> list[tuple[str, str]]:
    """The pairs of states in all zstd frames of an image."""
    states: list[str] = []
    while image:
        frame = _of_thread.decompressor.decompressobj()
        states += frame.decompress(image).decode().split("\n")[:-1]
        image = frame.unused_data
    return list(zip(states[::2], states[1::2], strict=True))


def load_created(tx: Transaction, undo_of: UUID, ids: Collection[int]) -> dict[int, bool]:
    """By person, for the people whom the import created: True if somebody else has changed the person since."""
    return dict(tx.rows("list_created_people", {"undo_of": undo_of, "ids": sorted(ids)}))


def stream_undoable(tx: Transaction, undo_of: UUID) -> Iterator[tuple[int, list[bytes]]]:
    """(Profile id, keys of the alternate ids that the import gave or took) of each person whom an import created or
    changed. The last person comes first."""
    for profile_id, keys in tx.stream("list_undoable_people", {"undo_of": undo_of}):
        yield profile_id, [bytes(key) for key in keys or ()]


def delete_images(tx: Transaction, ids: Sequence[int]) -> None:
    """Delete all images of people who are deleted."""
    if ids:
        tx.run("delete_before_images", {"ids": ids})


def judge_undo(tx: Transaction, import_id: UUID, days: int) -> tuple[bool, bool, UUID | None]:
    """(True if the images are kept, True if the last `days` include the completion, the undo of it that has not
    failed)."""
    row = tx.row("judge_undo", {"import_id": import_id, "days": days})
    assert row is not None
    return row[0], row[1], row[2]


def open_undo(tx: Transaction, import_id: UUID, undo_of: UUID, *, restore_yes: bool) -> None:
    """Initiated -> Staging. Raises StoreRefused, constraint import_undone_once, if the import has another undo."""
    tx.run("open_undo", {"import_id": import_id, "undo_of": undo_of, "restore_yes": restore_yes})


def find_to_purge(tx: Transaction) -> list[tuple[int, UUID]]:
    """(account id, import id) of imports whose images must be deleted now, across accounts."""
    return [(row[0], row[1]) for row in tx.rows("find_images_to_purge")]


def mark_going(tx: Transaction, import_id: UUID) -> bool:
    """Mark an import as no longer undoable. The caller must hold its lock. False: an undo needs the images."""
    return tx.row("mark_images_going", {"import_id": import_id}) is not None


def purge_some(tx: Transaction, import_id: UUID) -> int:
    """Delete some images of an import that is marked. Returns the number of deleted images. 0: none is left."""
    return tx.run("purge_before_images", {"import_id": import_id}).rowcount


def mark_gone(tx: Transaction, import_id: UUID) -> None:
    """If no image of the import is left, store this fact."""
    tx.run("mark_images_gone", {"import_id": import_id})
