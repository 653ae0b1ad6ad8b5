"""Input messages as an upstream system sends them: in order of time, with clock messages between them."""

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
    """A clock message: no message from before `time` will follow."""
    return Input(None, _ENCODER.encode(AdvanceClock(time=time)), time)


def midnights(calendar: Calendar, after: int, through: int) -> Iterator[Input]:
    """A clock message for each local midnight of the days `after` + 1 to `through` (day numbers)."""
    for day in range(after + 1, through + 1):
        yield clock(calendar.start_of(day))


def last_clock(time: int) -> bytes:
    """The last clock message: the backfill is complete."""
    return _ENCODER.encode(AdvanceClock(time=time, last=True))
