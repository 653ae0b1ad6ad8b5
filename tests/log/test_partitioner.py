"""The partitioner against the vectors of Kafka's own tests."""

from __future__ import annotations

import pytest

from pipeline.log.partitioner import murmur2, partition_for


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_agrees_with_java(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF


def test_the_sign_bit_is_dropped_before_the_remainder() -> None:
    assert partition_for(b"21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000
