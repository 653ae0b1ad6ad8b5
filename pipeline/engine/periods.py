"""Calendar periods and spans of days, looked up by local day."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.engine.calendar import Calendar, as_day, days_of, period_of
from schemas.program import PeriodUnit, Validity

_PERIODS_MAX: Final = 10_000
"""Cached periods per program: 27 years of days; then the cache starts over."""


class Span(NamedTuple):
    """Local days on which something holds, inclusive; None is open. What always holds has no span at all."""

    first: int | None
    last: int | None

    def holds(self, day: int) -> bool:
        """Whether `day` lies in the span."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def span_of(validity: Validity) -> Span | None:
    """The span of a validity; None for one without limits."""
    if validity.first is None and validity.last is None:
        return None
    return Span(
        first=None if validity.first is None else as_day(validity.first),
        last=None if validity.last is None else as_day(validity.last),
    )


class Period(NamedTuple):
    """A calendar period."""

    number: int
    begins_at: int
    ends_at: int
    skipped: int
    """Periods before it that the zone never had: consecutive ones differ by one in `place`."""

    @property
    def place(self) -> int:
        """The number without skipped periods."""
        return self.number - self.skipped


class Periods:
    """The calendar periods of one unit in one zone, cached by day (hashing the unit each time costs more)."""

    def __init__(self, unit: PeriodUnit, calendar: Calendar) -> None:
        self._unit = unit
        self._calendar = calendar
        self._by_day: dict[int, Period] = {}

    def around(self, day: int) -> Period:
        """The period that `day` lies in."""
        period = self._by_day.get(day)
        if period is None:
            if len(self._by_day) >= _PERIODS_MAX:
                self._by_day.clear()
            number = period_of(self._unit, day)
            first, end = days_of(self._unit, number)
            period = self._by_day[day] = Period(
                number=number,
                begins_at=self._calendar.start_of(first),
                ends_at=self._calendar.start_of(end),
                skipped=self._calendar.skipped_before(self._unit, number),
            )
        return period
