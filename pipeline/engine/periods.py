"""Cycles and spans of days, looked up by local day."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.engine.calendar import NEVER, Calendar, as_day
from pipeline.engine.cycles import DatedCycle, Steps, arithmetic_of, dated, steps
from schemas.program import Cycle, PerCustomer, PeriodUnit, Validity

_PERIODS_MAX: Final = 10_000
"""Cached periods per program: 27 years of days; then the cache starts over."""


_ANCHORS_MAX: Final = 4_096
"""Cached first days of customers: eleven years of days."""


class Span(NamedTuple):
    """Local days on which something holds, inclusive; None is open. What always holds has no span at all."""

    first: int | None
    last: int | None

    def holds(self, day: int) -> bool:
        """Whether `day` lies in the span."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def next_after(self, day: int) -> int | None:
        """The next day, of one outside, on which it holds; None for none."""
        return self.first if self.first is not None and day < self.first else None


def span_of(validity: Validity) -> Span | None:
    """The span of a validity; None for one without limits."""
    if validity.first is None and validity.last is None:
        return None
    return Span(
        first=None if validity.first is None else as_day(validity.first),
        last=None if validity.last is None else as_day(validity.last),
    )


class Within(NamedTuple):
    """The days of a span on which there is a cycle, too."""

    span: Span | None
    cycle: DatedCycle

    def holds(self, day: int) -> bool:
        """Whether `day` lies in both."""
        return (self.span is None or self.span.holds(day)) and self.cycle.holds(day)

    def next_after(self, day: int) -> int | None:
        """The next day, of one outside, that lies in both; None for none."""
        begins = None if self.span is None else self.span.next_after(day)
        if begins is not None and self.cycle.holds(begins):
            return begins
        first = self.cycle.next_after(day if begins is None else begins)
        return first if first is not None and self.holds(first) else None


def counting_days(validity: Validity, cycles: PeriodUnit | Cycle) -> Span | Within | None:
    """The days on which something with this validity and these cycles counts; None for all."""
    span, cycle = span_of(validity), dated(cycles)
    return span if cycle is None else Within(span=span, cycle=cycle)


class Period(NamedTuple):
    """A cycle with its instants."""

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
    """The cycles of one kind in one zone, cached by day (hashing the kind each time costs more)."""

    def __init__(self, cycles: PeriodUnit | Cycle | Steps, calendar: Calendar) -> None:
        self._cycles = cycles if isinstance(cycles, Steps) else arithmetic_of(cycles)
        self._dated = None if isinstance(cycles, Steps) else dated(cycles)
        self._calendar = calendar
        self._by_day: dict[int, Period] = {}

    def around(self, day: int) -> Period:
        """The cycle that `day` lies in; on a day without one, the cycle before it or a number below 1."""
        period = self._by_day.get(day)
        if period is None:
            if len(self._by_day) >= _PERIODS_MAX:
                self._by_day.clear()
            number = self._cycles.number_on(day)
            first, end = self._cycles.days_of(number)
            skipped = self._calendar.skipped_before(PeriodUnit.DAY, first) if self._cycles.daily else 0
            period = self._by_day[day] = Period(
                number=number,
                begins_at=self._calendar.start_of(first),
                ends_at=self._calendar.start_of(end),
                skipped=skipped,
            )
        return period

    def numbered(self, number: int) -> Period:
        """The cycle of that number."""
        return self.around(self._cycles.days_of(number).first)

    def running(self, day: int) -> Period:
        """The cycle that runs on `day`; else the next one; after the last one what comes then, which never ends."""
        if self._dated is None or self._dated.holds(day):
            return self.around(day)
        first = self._dated.next_after(day)
        if first is not None:
            return self.around(first)
        over = self.around(day)
        return Period(number=over.number + 1, begins_at=over.ends_at, ends_at=NEVER, skipped=over.skipped)


class OwnPeriods:
    """Cycles that begin on a day of each customer's own; those of some days are cached."""

    def __init__(self, cycles: PerCustomer, calendar: Calendar) -> None:
        self.cycles = cycles
        self._calendar = calendar
        self._by_anchor: dict[int, Periods] = {}

    def of(self, anchor: int) -> Periods:
        """The cycles of a customer whose first one begins on that day."""
        periods = self._by_anchor.get(anchor)
        if periods is None:
            if len(self._by_anchor) >= _ANCHORS_MAX:
                self._by_anchor.clear()
            own = steps(anchor, self.cycles.unit, self.cycles.every)
            periods = self._by_anchor[anchor] = Periods(own, self._calendar)
        return periods
