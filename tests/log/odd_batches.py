"""Batches that cannot be read, by what is odd about each."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from backports import zstd

from tests.log.raw_batches import PLAIN, ZSTD, Codec, RawRecord, batch

_TOO_MUCH: Final = 150_000_000
"""librdkafka takes no zstd batch of more than a hundred million bytes."""


def _of_unknown_length(plain: bytes) -> bytes:
    compressor = zstd.ZstdCompressor()
    return compressor.compress(plain) + compressor.flush()


def _in_two_members(plain: bytes) -> bytes:
    """Java reads both; librdkafka the first only."""
    return gzip.compress(plain[:7]) + gzip.compress(plain[7:])


GOOD: Final = (RawRecord(b"good"),)
ODD_NAME: Final = RawRecord(b"value", b"key", [(b"before", b"1"), (b"caf\xe9", b"2"), (b"after", b"3")])


class Case(NamedTuple):
    """A batch that cannot be read, or barely."""

    count: int
    """How many messages it holds."""
    make: Callable[[], Sequence[RawRecord]]
    codec: Codec = PLAIN
    right_checksum: bool = True

    def batch(self, timestamp: int) -> bytes:
        """The batch as it is sent."""
        return batch(self.make(), self.codec, timestamp=timestamp, right_checksum=self.right_checksum)


def bomb() -> tuple[RawRecord]:
    """A message that is far longer than what it is compressed to."""
    return (RawRecord(bytes(_TOO_MUCH)),)


def _one(record: RawRecord, codec: Codec = PLAIN) -> Case:
    return Case(1, lambda: (record,), codec)


CASES: Final[dict[str, Case]] = {
    "header name in Latin-1": _one(ODD_NAME),
    "header name cut within a character": _one(RawRecord(b"value", headers=[(b"caf\xc3", b"")])),
    "header name that is half of a pair": _one(RawRecord(b"value", headers=[(b"\xed\xa0\x80", b"")])),
    "header name that is too long a form": _one(RawRecord(b"value", headers=[(b"\xc0\xaf", b"")])),
    "several odd header names": _one(RawRecord(b"value", headers=[(b"\xff", b"1"), (b"\xfe", None), (b"ok", b"")])),
    "tombstone with an odd header name": _one(RawRecord(None, b"key", [(b"\x80", b"")])),
    "odd header name in a compressed batch": _one(ODD_NAME, ZSTD),
    "zstd that says its length": Case(1, bomb, ZSTD),
    "zstd that does not say its length": Case(1, bomb, Codec(4, _of_unknown_length)),
    "zstd with good messages around": Case(3, lambda: (*GOOD, *bomb(), *GOOD), ZSTD),
    "zstd with many messages": Case(301, lambda: GOOD * 300 + bomb(), ZSTD),
    "gzip in two members": Case(3, lambda: GOOD * 3, Codec(1, _in_two_members)),
}
"""What a Kafka takes from a producer."""
FORGED: Final[dict[str, Case]] = {
    "gzip that is none": Case(1, lambda: GOOD, Codec(1, lambda _: b"garbage")),
    "snappy that is none": Case(1, lambda: GOOD, Codec(2, lambda _: b"\xff\xff\xff\xff\xff")),
    "lz4 that is none": Case(1, lambda: GOOD, Codec(3, lambda _: b"garbage")),
    "zstd that is none": Case(1, lambda: GOOD, Codec(4, lambda _: b"garbage")),
    "a checksum that is wrong": Case(3, lambda: GOOD * 3, right_checksum=False),
    "a codec that nobody knows": Case(2, lambda: GOOD * 2, Codec(5, bytes)),
}
"""What a Kafka refuses, and a disk may make of what it took."""
