"""What an upstream system sends: ready messages in the order of time, and the passing of time between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from pipeline.engine.calendar import Calendar
from schemas.messages import AdvanceClock

_ENCODER: Final = msgspec.json.Encoder()


class Input(NamedTuple):
    """One message in the native dialect, ready to be produced."""

    key: bytes | None
    """`orgId:customerId`; None for a clock message, which goes to every partition."""
    value: bytes
    time: int
    """Its event time, or the instant that the clock reaches; milliseconds since the epoch."""


def clock(time: int) -> Input:
    """The announcement that nothing of before `time` will follow."""
    return Input(None, _ENCODER.encode(AdvanceClock(time=time)), time)


def midnights(calendar: Calendar, after: int, through: int) -> Iterator[Input]:
    """A clock message for each local midnight of the days `after` + 1 to `through` (day numbers)."""
    for day in range(after + 1, through + 1):
        yield clock(calendar.start_of(day))


def last_clock(time: int) -> bytes:
    """The announcement that nothing of a backfill follows at all, as a message."""
    return _ENCODER.encode(AdvanceClock(time=time, last=True))
