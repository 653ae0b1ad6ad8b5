"""Ids beyond what a head holds: entries beside it, one for each bucket of hashes, looked up by id alone."""

from __future__ import annotations

from typing import Final

import msgspec

BUCKETS: Final = 64
"""Stored in entries: changes with the format of the state alone."""


class SpilledIds(msgspec.Struct, array_like=True, gc=False, tag=63):
    """Ids of one bucket that no longer fit the head: the entry `ids:<bucket>`, with what `Head` has of each."""

    forgotten_at: int
    """When the entry may be deleted: the longest window that a program may have is over for all its ids by then."""
    recent: dict[int, tuple[int, int]] = {}
    outcomes: dict[int, tuple[int, int]] = {}


def bucket_of(key: int) -> int:
    """The bucket of an id, by its hash."""
    return key % BUCKETS


def entry_of(bucket: int) -> str:
    """The name of the entry that keeps the ids of a bucket."""
    return f"ids:{bucket}"


def mark_of(bucket: int) -> int:
    """What stands in `Head.recent` for the ids of a bucket that spilled. Hashes of ids are never below 0."""
    return -1 - bucket
