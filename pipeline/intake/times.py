"""Event times: an instant as a number, a time with an offset, or a local time with its zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.engine.calendar import as_day
from pipeline.intake.verdict import Defect
from schemas.messages import INSTANT_MAX
from schemas.zones import zone_names

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECONDS: Final = range(500_000_000, 10_000_000_000)
"""Instants that are early in 1970 as milliseconds, and between 1985 and 2286 as seconds, which is what was meant."""
SECONDS_END: Final = _SECONDS.stop
_DATE_LENGTH_MAX: Final = len("2011-03-09")
_UNITS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))
_EXAMPLE: Final = "2011-03-09T14:30:00+01:00"


def instant_of(event_time: int | str, zone: str | None) -> int | Defect:
    """The instant in milliseconds since the epoch, or what is wrong with the two fields.

    A local time that the clocks show twice is the first of the two; a skipped one is read with the offset from
    before the change.
    """
    if isinstance(event_time, int):
        return _number(event_time, zone)
    read = _read(event_time)
    if isinstance(read, Defect):
        return read
    if read.tzinfo is None:
        where = _zone_of(event_time, zone)
        if isinstance(where, Defect):
            return where
        read = read.replace(tzinfo=where)
    elif zone is not None:
        return _idle(zone, "a time with an offset")
    instant = (read - _EPOCH) // _MILLISECOND
    if not 0 <= instant <= INSTANT_MAX:
        return Defect("eventTime", f"is {event_time!r}, outside 1970 to 9999", "write the time at which it happened")
    return instant


def other_instant(field: str, value: int | str, zone: str | None) -> int | Defect:
    """The instant in another field than `eventTime`; the message's zone is for a local time there, too."""
    found = instant_of(value, None)
    if isinstance(found, Defect) and zone is not None:
        found = instant_of(value, zone)
    return Defect(field, found.problem, found.remedy) if isinstance(found, Defect) else found


def day_in(field: str, value: str) -> int | Defect:
    """The day of a date in a field, counted from 1970-01-01."""
    try:
        return as_day(date.fromisoformat(value))
    except ValueError:
        return Defect(field, f"is {value!r}, which no calendar has", "write a date such as 2027-03-31")


def _number(event_time: int, zone: str | None) -> int | Defect:
    if event_time in _SECONDS:
        return Defect("eventTime", f"is {event_time}, which looks like seconds", f"write milliseconds: {event_time}000")
    return event_time if zone is None else _idle(zone, "a number")


def _read(event_time: str) -> datetime | Defect:
    if len(event_time) <= _DATE_LENGTH_MAX:  # a date alone would mean midnight, which is hardly what was meant
        return Defect("eventTime", f"is {event_time!r}, without a time of day", f"write a time such as {_EXAMPLE}")
    try:
        return datetime.fromisoformat(event_time)
    except ValueError:
        return Defect("eventTime", f"is {event_time!r}, no ISO-8601 time", f"write a time such as {_EXAMPLE}")


def _zone_of(event_time: str, zone: str | None) -> ZoneInfo | Defect:
    if zone is None:
        remedy = "add an offset (Z for UTC), or name the local zone in the field zone, such as Europe/London"
        return Defect("eventTime", f"is {event_time!r}, a local time without an offset or a zone", remedy)
    if zone not in zone_names():
        return Defect("zone", f"is {zone!r}, not an IANA time zone", "write one such as Europe/London or UTC")
    return ZoneInfo(zone)


def _idle(zone: str, what: str) -> Defect:
    # Some systems encode local times as if they were UTC; a zone beside an instant is how one notices.
    remedy = f"leave zone out, or write eventTime as a local time without offset, such as {_EXAMPLE[:19]}"
    return Defect("zone", f"is {zone!r}, but eventTime is {what}, which needs no zone", remedy)


def duration(milliseconds: int) -> str:
    """Formats a duration in its largest whole unit: `3 days`, `1 hour`, `250 milliseconds`."""
    name, size = next((one for one in _UNITS if milliseconds >= one[1]), _UNITS[-1])
    count = milliseconds // size
    return f"{count:,} {name}{'' if count == 1 else 's'}"
