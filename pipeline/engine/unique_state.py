"""What is kept of events that are unique for ever."""

from __future__ import annotations

from typing import Final

import msgspec

UNIQUE: Final = "unique"
"""The name of a customer's first entry."""
BUCKETS: Final = 64
"""Stored in entries: changes with the format of the state alone."""


class UniqueIds(msgspec.Struct, array_like=True, gc=False, tag=65):
    """The ids of a customer's unique events, as hashes of type and id, in the order in which they came."""

    forgotten_at: int
    """Never."""
    keys: list[int]


def bucket_of(key: int) -> int:
    """The bucket of an id that the first entry has no room for, by its hash."""
    return key % BUCKETS


def entry_of(bucket: int | None) -> str:
    """The name of the entry that keeps the ids of a bucket, or of the first one."""
    return UNIQUE if bucket is None else f"{UNIQUE}:{bucket}"
