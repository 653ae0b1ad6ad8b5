"""Record batches made by hand and sent past every client's checks: what an odd producer may write to a topic."""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import lz4.frame
from backports import zstd

_PRODUCE: Final = 0
_PRODUCE_VERSION: Final = 7
_MAGIC: Final = 2
_SECONDS: Final = 60.0
_POLYNOMIAL: Final = 0x82F63B78
"""Of CRC-32C, reversed."""
_SNAPPY_COPY_MAX: Final = 64

Compress = Callable[[bytes], bytes]


class RawRecord(NamedTuple):
    """One record; header names are bytes."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[bytes, bytes | None]] = ()


class Codec(NamedTuple):
    """How a batch is compressed, and the number that says so."""

    number: int
    compress: Compress


def _snappy(plain: bytes) -> bytes:
    """Snappy's own format: bytes as they are, and copies where one repeats for long."""
    out = bytearray(_length_of(len(plain)))
    start = 0
    while start < len(plain):
        out += b"\x00" + plain[start : start + 1]
        end = start + 1
        run = _run_from(plain, start)
        while run >= _SNAPPY_COPY_MAX:
            out += bytes(((_SNAPPY_COPY_MAX - 1) << 2 | 2, 1, 0))
            run -= _SNAPPY_COPY_MAX
            end += _SNAPPY_COPY_MAX
        start = end
    return bytes(out)


def _run_from(plain: bytes, start: int) -> int:
    """How often the byte at `start` comes again at once."""
    return len(plain) - start - 1 - len(plain[start + 1 :].lstrip(plain[start : start + 1]))


def _length_of(number: int) -> bytes:
    """An unsigned varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varint(number: int) -> bytes:
    return _length_of((number << 1) ^ (number >> 63))


PLAIN: Final = Codec(0, bytes)
GZIP: Final = Codec(1, gzip.compress)
SNAPPY: Final = Codec(2, _snappy)
LZ4: Final = Codec(3, partial(lz4.frame.compress, block_linked=False, store_size=False))
ZSTD: Final = Codec(4, zstd.compress)


def batch(records: Sequence[RawRecord], codec: Codec = PLAIN, *, timestamp: int, right_checksum: bool = True) -> bytes:
    """A record batch of format 2."""
    plain = b"".join(_record(record, number) for number, record in enumerate(records))
    count = len(records)
    checked = struct.pack(">hiqqqhii", codec.number, count - 1, timestamp, timestamp, -1, -1, -1, count)
    checked += codec.compress(plain)
    checksum = _crc32c(checked) ^ (not right_checksum)
    rest = struct.pack(">ibI", -1, _MAGIC, checksum) + checked
    return struct.pack(">qi", 0, len(rest)) + rest


def produce(bootstrap: str, topic: str, partition: int, records: bytes) -> int:
    """Write a batch; its first offset. Raises `AssertionError` when the broker refuses it."""
    name = topic.encode()
    body = struct.pack(">hhi", -1, -1, int(_SECONDS * 1_000))
    body += struct.pack(f">ih{len(name)}siii", 1, len(name), name, 1, partition, len(records)) + records
    request = struct.pack(">hhih", _PRODUCE, _PRODUCE_VERSION, 1, -1) + body
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), _SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answers:
            (length,) = struct.unpack(">i", answers.read(4))
            answer = answers.read(length)
    at = 4 + 4 + 2 + len(name) + 4 + 4
    error, offset = struct.unpack_from(">hq", answer, at)
    assert error == 0, f"the broker answers {error} to a batch for {topic}"
    return int(offset)


def _record(record: RawRecord, number: int) -> bytes:
    body = b"\x00" + _varint(0) + _varint(number) + _bytes(record.key) + _bytes(record.value)
    body += _varint(len(record.headers))
    body += b"".join(_bytes(name) + _bytes(value) for name, value in record.headers)
    return _varint(len(body)) + body


def _bytes(value: bytes | None) -> bytes:
    return _varint(-1) if value is None else _varint(len(value)) + value


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (_POLYNOMIAL if remainder & 1 else 0)
        entries.append(remainder)
    return tuple(entries)


_TABLE: Final = _table()


def _crc32c(checked: bytes) -> int:
    remainder = 0xFFFFFFFF
    for byte in checked:
        remainder = remainder >> 8 ^ _TABLE[(remainder ^ byte) & 0xFF]
    return remainder ^ 0xFFFFFFFF
