"""Ids of records as the head remembers them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=4)  # one record asks for it up to three times
def key_of(cause: str) -> int:
    """A 63-bit hash of a record's type and id (`recordType:id`): its size in a head does not depend on the id's."""
    return int.from_bytes(blake2b(cause.encode(), digest_size=8).digest(), "big") >> 1
