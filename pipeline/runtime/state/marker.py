"""The `$partition` record: the state of one journal partition, written last in every transaction that touches it."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.clock import PartitionClock
from pipeline.failure import Failure
from pipeline.log.port import Committed
from schemas.records import UnknownVersion

MARKER_VERSION: Final = 2
MARKER_KEY: Final = b"$partition"
PROGRAM_PREFIX: Final = b"$program:"


class Mark(NamedTuple):
    """Identifies a state of a partition: equal marks mean equal state."""

    next_offset: int
    """The journal offset that is to be decided next."""
    round: int
    """How many transactions have touched the partition."""


class Marker(msgspec.Struct, array_like=True, frozen=True):
    """What is in force in one journal partition; of fixed size for a given set of programs and sources."""

    next_offset: int
    round: int
    clock: PartitionClock
    programs: tuple[tuple[int, int, int, int], ...] = ()
    """(org, program, version, start) of every program version that a decision may need."""
    engine_version: int = ENGINE_VERSION

    @property
    def mark(self) -> Mark:
        """Identifies this state."""
        return Mark(self.next_offset, self.round)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Marker)
_VERSION: Final = bytes([MARKER_VERSION])


def encode_marker(marker: Marker) -> bytes:
    """The marker, encoded for the changelog and the local store."""
    return _VERSION + _ENCODER.encode(marker)


def decode_marker(raw: bytes) -> Marker:
    """The marker in `raw`; raises `UnknownVersion` or `msgspec.DecodeError`."""
    if raw[:1] != _VERSION:
        message = f"partition marker version {raw[:1].hex() or 'missing'}; this build reads {MARKER_VERSION}"
        raise UnknownVersion(message)
    return _DECODER.decode(memoryview(raw)[1:])


class UnknownCommit(Failure):
    """The committed offset was not written by this role, so no state belongs to it."""


def committed_with(mark: Mark) -> Committed:
    """What a transaction commits for the partition: the offset, and the round as metadata."""
    return Committed(mark.next_offset, f"round={mark.round}")


def mark_of(committed: Committed) -> Mark | None:
    """The state that a committed offset belongs to; None where nothing was committed yet."""
    if committed.offset is None:
        return None
    name, _, number = committed.metadata.partition("=")
    if name != "round" or not number.isdecimal():
        message = (
            f"offset {committed.offset} is committed with metadata {committed.metadata!r} where 'round=<number>' was "
            "expected; was the group's offset reset by hand? State and offset must move together"
        )
        raise UnknownCommit(message)
    return Mark(committed.offset, int(number))


def program_key(org_id: int, program_id: int, version: int) -> bytes:
    """The state key of a program's definition."""
    return PROGRAM_PREFIX + b"%d:%d:%d" % (org_id, program_id, version)
