"""The arithmetic of cycles on local days: which cycle a day lies in, its days, and what it is called.

Cycles that have a first one are counted from 1 and called `Cycle_1`, `Cycle_2` and so on, as downstream systems know
them (S4 l.2664). Calendar periods are counted from 1970 and called by their date. A rolling window has no cycles: what
stands in for them are its days, counted from 1970, each called by the window that ends with it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from pipeline.engine.calendar import LAST_DAY, Days, add_months, as_date, as_day, days_of, period_name, period_of
from schemas.program import Cycle, FromDate, PerCustomer, PeriodUnit, Rolling, Windows

_NUMBERED: Final = re.compile(r"Cycle_(0|[1-9][0-9]{0,8})")
_DAYS: Final = {PeriodUnit.DAY: 1, PeriodUnit.WEEK: 7}
_MONTHS: Final = {PeriodUnit.MONTH: 1, PeriodUnit.QUARTER: 3, PeriodUnit.HALF_YEAR: 6, PeriodUnit.YEAR: 12}


class Arithmetic(Protocol):
    """What one kind of cycle computes."""

    @property
    def daily(self) -> bool:
        """Whether each cycle is one date, which a zone may have skipped."""

    def number_on(self, day: int) -> int:
        """The number of the cycle that a day lies in; on a day without one, of the cycle before it."""

    def days_of(self, number: int) -> Days:
        """The days of a cycle."""

    def name_of(self, number: int) -> str:
        """What a cycle is called."""

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        """The numbers from 0 to `last` of the cycles of that name, in order."""


class DatedCycle(Arithmetic, Protocol):
    """Cycles that not every day lies in."""

    def holds(self, day: int) -> bool:
        """Whether a day lies in a cycle."""

    def next_after(self, day: int) -> int | None:
        """The first day of the next cycle that begins after a day; None after the last one."""


class _CalendarPeriods(NamedTuple):
    """Calendar periods of one unit."""

    unit: PeriodUnit

    @property
    def daily(self) -> bool:
        return self.unit is PeriodUnit.DAY

    def number_on(self, day: int) -> int:
        return period_of(self.unit, day)

    def days_of(self, number: int) -> Days:
        return days_of(self.unit, number)

    def name_of(self, number: int) -> str:
        return period_name(self.unit, number)

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        return _named_in_order(self, name, last)


class Steps(NamedTuple):
    """Cycles of equal length from a day on: either of `days`, or of `months`."""

    first: int
    days: int
    months: int

    @property
    def daily(self) -> bool:
        """Whether each cycle is one date."""
        return self.days == 1

    def holds(self, day: int) -> bool:
        """Whether the first cycle has begun."""
        return day >= self.first

    def number_on(self, day: int) -> int:
        """Below 1 before the first cycle."""
        if self.days:
            return (day - self.first) // self.days + 1
        first, on = as_date(self.first), as_date(day)
        begun = ((on.year - first.year) * 12 + on.month - first.month) // self.months
        return begun + 1 if self._first_day(begun + 1) <= day else begun

    def days_of(self, number: int) -> Days:
        """Each begins on the day after the last one of the cycle before."""
        return Days(self._first_day(number), self._first_day(number + 1))

    def name_of(self, number: int) -> str:
        """`Cycle_2`."""
        return _numbered(number)

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        """The one that the name says."""
        return _number_in(name, last)

    def next_after(self, day: int) -> int | None:
        """The first one where none has begun."""
        return self.first if day < self.first else self.days_of(self.number_on(day)).end

    def _first_day(self, number: int) -> int:
        if self.days:
            return min(self.first + (number - 1) * self.days, LAST_DAY + 1)
        return add_months(self.first, (number - 1) * self.months)


def steps(first: int, unit: PeriodUnit, every: int) -> Steps:
    """Cycles of so many units from a day on."""
    return Steps(first=first, days=_DAYS.get(unit, 0) * every, months=_MONTHS.get(unit, 0) * every)


class _Listed(NamedTuple):
    """Cycles that are written out."""

    firsts: tuple[int, ...]
    ends: tuple[int, ...]
    names: tuple[str, ...]
    daily: bool = False

    def holds(self, day: int) -> bool:
        number = self.number_on(day)
        return number > 0 and day < self.ends[number - 1]

    def number_on(self, day: int) -> int:
        return bisect_right(self.firsts, day)

    def days_of(self, number: int) -> Days:
        return Days(self.firsts[number - 1], self.ends[number - 1]) if number else Days(0, self.firsts[0])

    def name_of(self, number: int) -> str:
        return self.names[number - 1] if 0 < number <= len(self.names) else _numbered(number)

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        return (number for number in range(last + 1) if self.name_of(number) == name)

    def next_after(self, day: int) -> int | None:
        return next((first for first in self.firsts if first > day), None)


class _RollingDays(NamedTuple):
    """The days that a rolling window is made of, each through the last day on which it counts."""

    length: int
    daily: bool = False

    def number_on(self, day: int) -> int:
        return day

    def days_of(self, number: int) -> Days:
        return Days(number, min(number + self.length, LAST_DAY + 1))

    def name_of(self, number: int) -> str:
        return f"{self.length} days to {as_date(number)}"

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        return _named_in_order(self, name, last)


class _Whole(NamedTuple):
    """One cycle that never ends."""

    daily: bool = False

    def number_on(self, _day: int) -> int:
        return 1

    def days_of(self, _number: int) -> Days:
        return Days(0, LAST_DAY + 1)

    def name_of(self, number: int) -> str:
        return _numbered(number)

    def numbers_named(self, name: str, last: int) -> Iterable[int]:
        return _number_in(name, last)


def arithmetic_of(cycles: PeriodUnit | Cycle) -> Arithmetic:
    """The arithmetic of what a program says; cycles of a customer's own are those of one who began on day 0."""
    if isinstance(cycles, PeriodUnit):
        return _CalendarPeriods(cycles)
    if isinstance(cycles, PerCustomer):
        return steps(0, cycles.unit, cycles.every)
    if isinstance(cycles, Rolling):
        return _RollingDays(cycles.days)
    return dated(cycles) or _Whole()


def dated(cycles: PeriodUnit | Cycle) -> DatedCycle | None:
    """The same of cycles that not every day lies in; None for others."""
    if isinstance(cycles, FromDate):
        return steps(as_day(cycles.first), cycles.unit, cycles.every)
    if isinstance(cycles, Windows):
        return _Listed(
            firsts=tuple(as_day(one.first) for one in cycles.windows),
            ends=tuple(as_day(one.last) + 1 for one in cycles.windows),
            names=tuple(one.name or _numbered(number) for number, one in enumerate(cycles.windows, 1)),
        )
    return None


def cycle_name(cycles: PeriodUnit | Cycle, number: int) -> str:
    """How people write a cycle: `2011-03`, `Cycle_2`, or the name of a window."""
    return arithmetic_of(cycles).name_of(number)


def cycle_named(cycles: PeriodUnit | Cycle, name: str, day: int) -> int | None:
    """The last cycle of that name that has begun by a day; None for none."""
    arithmetic = arithmetic_of(cycles)
    return max(arithmetic.numbers_named(name, arithmetic.number_on(day)), default=None)


def _named_in_order(arithmetic: Arithmetic, name: str, last: int) -> Iterable[int]:
    """Where names are in the order of numbers, as those of dates are."""
    number = bisect_left(range(last + 1), name, key=arithmetic.name_of)
    return [number] if number <= last and arithmetic.name_of(number) == name else []


def _number_in(name: str, last: int) -> Iterable[int]:
    found = _NUMBERED.fullmatch(name)
    return [] if found is None or int(found[1]) > last else [int(found[1])]


def _numbered(number: int) -> str:
    return f"Cycle_{number}"
