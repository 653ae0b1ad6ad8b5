"""The calendar of one time zone: local days and fixed periods, as integers.

A day is counted from 1970-01-01, a period from the one that holds that day (weeks begin on Monday). Everything is
computed on local dates, so a day of 23 or 25 hours is still one day. Periods are half-open: `[first, next first)`.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.program import PeriodUnit, ProgramDefinition

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MEMORY_MAX: Final = 20_000
"""Cached conversions per zone: half a century of days, or half a year of quarter hours; then it starts over."""
NEVER: Final = 1 << 62
"""An instant after every other."""
LAST_DAY: Final = date.max.toordinal() - EPOCH_ORDINAL
"""9999-12-31."""
_LAST_MONTH: Final = (date.max.year - 1970) * 12 + date.max.month - 1
_YEARS: Final = range(1970, 2201)
_JUMP: Final = timedelta(hours=20)
"""A zone that skips a date moves its clocks on by more than this, and no other change is as large."""
_QUARTER_HOUR_MS: Final = 900_000
"""One quarter hour lies in one local day: offsets are multiples of it, and a day begins at the first midnight. (Where
clocks once fell back over midnight by rule, as in St John's until 2010, that hour counts to the day it begins in.)"""

_TWO_DAYS_QUARTERS: Final = 192
_EDGE_QUARTERS: Final = (LAST_DAY - 1) * 96
"""Of 9999-12-30 UTC: from about here on a local time may have no date, so the day is looked up two days earlier."""


class Days(NamedTuple):
    """A half-open range of local days."""

    first: int
    end: int


def as_date(day: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(day + EPOCH_ORDINAL)


def as_day(on: date) -> int:
    """The day number of a calendar date."""
    return on.toordinal() - EPOCH_ORDINAL


def on_date(year: int, month: int, of_month: int) -> int:
    """The day number of a date; of the last day of the month where that is shorter, and of 9999-12-31 after that."""
    if year > date.max.year:
        return LAST_DAY
    return as_day(date(year, month, min(of_month, monthrange(year, month)[1])))


def add_months(day: int, months: int) -> int:
    """The same date so many months later, as `on_date` has it."""
    on = as_date(day)
    month = on.year * 12 + on.month - 1 + months
    return on_date(month // 12, month % 12 + 1, on.day)


class Calendar:
    """Days and periods of one IANA time zone.

    RULE (start of the day): a day may begin some hours after midnight, by the clock. Where the clocks skip that time,
    it begins when they skip it; where they show it twice, at the first of the two.
    """

    def __init__(self, zone: str, starts: int = 0) -> None:
        """`starts`: when days begin, in minutes after midnight."""
        self._name = zone
        self._zone = ZoneInfo(zone)
        self._after_midnight = timedelta(minutes=starts)
        self._days: dict[int, int] = {}
        self._starts: dict[int, int] = {}

    def day_of(self, instant: int) -> int:
        """The local day that an instant (milliseconds since the epoch) lies in; no later one than 9999-12-31."""
        quarter = instant // _QUARTER_HOUR_MS
        day = self._days.get(quarter)
        if day is None:
            if len(self._days) >= _MEMORY_MAX:
                self._days.clear()
            early = quarter - _TWO_DAYS_QUARTERS if quarter >= _EDGE_QUARTERS else quarter
            clock = datetime.fromtimestamp(early * 900, self._zone) - self._after_midnight
            local = clock.toordinal() - EPOCH_ORDINAL
            if self._after_midnight and self.start_of(local + 1) <= early * _QUARTER_HOUR_MS:
                local += 1  # the clocks went back over the start of this day
            day = self._days[quarter] = local if early == quarter else min(local + 2, LAST_DAY)
        return day

    def start_of(self, day: int) -> int:
        """The instant at which a local day begins; the first instant after midnight where midnight is skipped.

        `NEVER` for 9999-12-31 and later days: their end, in some zone, has no date.
        """
        start = self._starts.get(day)
        if start is None:
            if day >= LAST_DAY:
                return NEVER
            if len(self._starts) >= _MEMORY_MAX:
                self._starts.clear()
            on = as_date(day)
            begins = datetime(on.year, on.month, on.day, tzinfo=self._zone) + self._after_midnight
            if begins.replace(fold=1).utcoffset() > begins.utcoffset():  # type: ignore[operator]  # of a zone
                begins = self._skipped_at(begins)
            start = self._starts[day] = (begins.astimezone(UTC) - _EPOCH) // _MILLISECOND
        return start

    def _skipped_at(self, clock: datetime) -> datetime:
        """The instant at which the clocks skipped this time of theirs."""
        after = clock.replace(fold=1)
        first, last = (int(one.timestamp()) // 60 for one in (after, clock))
        offset = after.utcoffset() or timedelta()
        minutes = range(first, last + 1)
        changed = bisect_left(
            minutes,
            offset,
            key=lambda minute: datetime.fromtimestamp(minute * 60, self._zone).utcoffset() or timedelta(),
        )
        return datetime.fromtimestamp(minutes[changed] * 60, UTC)

    def skipped_before(self, unit: PeriodUnit, period: int) -> int:
        """The number of earlier periods that the zone skipped: dates on which it crossed the date line."""
        return bisect_left(_skipped_days(self._name), period) if unit is PeriodUnit.DAY else 0

    def skips(self, day: int) -> bool:
        """Whether the zone never had that date."""
        return day in _skipped_days(self._name)


def calendar_of(definition: ProgramDefinition) -> Calendar:
    """The calendar of a program."""
    return Calendar(definition.zone, definition.days.minutes)


@cache
def _skipped_days(zone: str) -> tuple[int, ...]:
    """The local dates that were skipped in a zone, such as 2011-12-30 in Samoa."""
    calendar, where = Calendar(zone), ZoneInfo(zone)
    offsets = [datetime(year, 1, 1, tzinfo=where).utcoffset() or timedelta() for year in _YEARS]
    years = [year for year, before, after in zip(_YEARS, offsets, offsets[1:], strict=False) if after - before > _JUMP]
    days = [day for year in years for day in range(as_day(date(year, 1, 1)), as_day(date(year + 1, 1, 2)))]
    return tuple(day for day in days if calendar.start_of(day) == calendar.start_of(day + 1))


def period_of(unit: PeriodUnit, day: int) -> int:
    """The number of the period that a day lies in."""
    return _PERIOD_OF[unit](day)


def days_of(unit: PeriodUnit, period: int) -> Days:
    """The days of a period."""
    return Days(_FIRST_DAY[unit](period), _FIRST_DAY[unit](period + 1))


def period_name(unit: PeriodUnit, period: int) -> str:
    """How people write a period: `2011-03-09`, `2011-W10`, `2011-03`, `2011-Q1`, `2011-H1`, `2011`."""
    first = as_date(_FIRST_DAY[unit](period))
    if unit is PeriodUnit.DAY:
        return first.isoformat()
    if unit is PeriodUnit.WEEK:
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    if unit is PeriodUnit.MONTH:
        return f"{first.year}-{first.month:02}"
    if unit is PeriodUnit.QUARTER:
        return f"{first.year}-Q{(first.month + 2) // 3}"
    if unit is PeriodUnit.HALF_YEAR:
        return f"{first.year}-H{(first.month + 5) // 6}"
    return str(first.year)


def _month_of(day: int) -> int:
    on = as_date(day)
    return (on.year - 1970) * 12 + on.month - 1


def _first_day_of_month(month: int) -> int:
    if month > _LAST_MONTH:
        return LAST_DAY + 1
    return as_day(date(1970 + month // 12, month % 12 + 1, 1))


_PERIOD_OF: Final[dict[PeriodUnit, Callable[[int], int]]] = {
    PeriodUnit.DAY: lambda day: day,
    PeriodUnit.WEEK: lambda day: (day + 3) // 7,
    PeriodUnit.MONTH: _month_of,
    PeriodUnit.QUARTER: lambda day: _month_of(day) // 3,
    PeriodUnit.HALF_YEAR: lambda day: _month_of(day) // 6,
    PeriodUnit.YEAR: lambda day: _month_of(day) // 12,
}
_FIRST_DAY: Final[dict[PeriodUnit, Callable[[int], int]]] = {
    PeriodUnit.DAY: lambda period: period,
    PeriodUnit.WEEK: lambda period: period * 7 - 3,
    PeriodUnit.MONTH: _first_day_of_month,
    PeriodUnit.QUARTER: lambda period: _first_day_of_month(period * 3),
    PeriodUnit.HALF_YEAR: lambda period: _first_day_of_month(period * 6),
    PeriodUnit.YEAR: lambda period: _first_day_of_month(period * 12),
}
