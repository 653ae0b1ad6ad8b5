"""What is kept of events that are unique for ever."""

from __future__ import annotations

from typing import Final

import msgspec

UNIQUE: Final = "unique"
"""The name of the entry."""


class UniqueIds(msgspec.Struct, array_like=True, gc=False, tag=65):
    """The ids of a customer's unique events, as hashes of type and id, in the order in which they came."""

    forgotten_at: int
    """Never."""
    keys: list[int]
