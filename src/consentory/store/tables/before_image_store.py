"""Store the states of people before and after an import, for undo. Each function runs in its caller's transaction."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import zstandard

from consentory.store.database import Transaction
from consentory.store.sharding import name_ids

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


def keep_images(tx: Transaction, import_id: UUID, images: Sequence[NewImage], *, appends: bool) -> None:
    """Store images (worker).

    `appends`: False if no earlier slice of the import changed any of these people. That is faster. Raises StoreRefused
    with the constraint before_image_pkey if it is wrong.
    """
    if not images:
        return
    packed = [_pack(one) for one in images]
    if appends:
        tx.run(
            "append_before_images",
            {
                "import_id": import_id,
                "ids": [one.profile_id for one in images],
                "sequences": [one.sequence_number for one in images],
                "images": packed,
                "named": [",".join([key.hex() for key in one.named_keys]) for one in images],
            },
        )
        return
    rows = [
        (import_id, one.profile_id, one.sequence_number, image, [UUID(bytes=key) for key in one.named_keys])
        for one, image in zip(images, packed, strict=True)
    ]
    tx.copy("copy_before_images", ["uuid", "int8", "int4", "bytea", "uuid[]"], rows)


def _pack(image: NewImage) -> bytes:
    """Both states in a zstd frame. A line end follows each state, because JSON has no line end in it."""
    return _of_thread.compressor.compress(b"%b\n%b\n" % (image.before.encode(), image.after))


def load_images(tx: Transaction, undo_of: UUID, ids: Collection[int]) -> dict[int, StoredImage]:
    """The images by person (worker). People without an image are left out."""
    many = [{**named, "undo_of": undo_of} for named in name_ids(tx, ids)]
    return {
        profile_id: StoredImage(_unpack(bytes(image)), [bytes(key) for key in keys])
        for profile_id, image, keys in tx.rows_of_each("list_before_images", many)
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
    many = [{**named, "undo_of": undo_of} for named in name_ids(tx, ids)]
    return dict(tx.rows_of_each("list_created_people", many))


def stream_undoable(tx: Transaction, undo_of: UUID) -> Iterator[tuple[int, list[bytes]]]:
    """(Profile id, keys of the alternate ids that the import gave or took) of each person whom an import created or
    changed. The created people come first. In each group the last person comes first."""
    row = tx.row("find_own_ids", {"undo_of": undo_of})
    assert row is not None
    for (profile_id,) in tx.stream("list_people_created_by", {"undo_of": undo_of, "first": row[0], "count": row[1]}):
        yield profile_id, []
    for profile_id, keys in tx.stream("list_people_changed_by", {"undo_of": undo_of}):
        yield profile_id, [key.bytes for key in keys]


def delete_images(tx: Transaction, ids: Sequence[int]) -> None:
    """Delete all images of people who are deleted."""
    imports = [row[0] for row in tx.rows("list_imports_with_images")] if ids else []
    if imports:
        tx.run("delete_before_images", {"ids": ids, "import_ids": imports})


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
    if tx.row("are_images_going", {"import_id": import_id}) != (True,):
        return 0
    ids = [row[0] for row in tx.rows("list_images_to_purge", {"import_id": import_id})]
    if ids:
        tx.run("delete_before_images", {"ids": ids, "import_ids": [import_id]})
    return len(ids)


def mark_gone(tx: Transaction, import_id: UUID) -> None:
    """Store that no image of the import is left. The caller has seen that `purge_some` deleted nothing."""
    tx.run("mark_images_gone", {"import_id": import_id})
