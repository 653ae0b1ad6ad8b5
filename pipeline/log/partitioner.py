"""The partitioner every producer of the log agrees on: Kafka's murmur2 over the key, as Java computes it."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF

# A hash costs microseconds in Python and the same customers come back, so the latest results are cached.
_REMEMBERED_MAX: Final = 65_536


@lru_cache(maxsize=_REMEMBERED_MAX)
def partition_for(key: bytes, count: int) -> int:
    """The partition, of `count`, that a message with this key belongs to."""
    return (murmur2(key) & _POSITIVE) % count


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as an unsigned 32-bit integer."""
    length = len(data)
    words = _words(length >> 2)
    result = _SEED ^ length
    for word in words.unpack_from(data):
        mixed = word * _FACTOR & _WORD
        result = (result * _FACTOR ^ (mixed ^ mixed >> 24) * _FACTOR) & _WORD
    if rest := data[words.size :]:
        result = (result ^ int.from_bytes(rest, "little")) * _FACTOR & _WORD
    result = (result ^ result >> 13) * _FACTOR & _WORD
    return result ^ result >> 15


@lru_cache(maxsize=1_024)
def _words(count: int) -> Struct:
    return Struct(f"<{count}I")
