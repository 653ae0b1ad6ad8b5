"""What is kept of events that are unique for ever."""

from __future__ import annotations

from typing import Final

import msgspec

UNIQUE: Final = "unique"
"""The name of a customer's first entry; further ones are for a bucket of hashes each, as `engine.spilled` has them."""


class UniqueIds(msgspec.Struct, array_like=True, gc=False, tag=65):
    """The ids of a customer's unique events, as hashes of type and id, in the order in which they came."""

    forgotten_at: int
    """Never."""
    keys: list[int]


def entry_of(bucket: int | None) -> str:
    """The name of the entry that keeps the ids of a bucket, or of the first one."""
    return UNIQUE if bucket is None else f"{UNIQUE}:{bucket}"
