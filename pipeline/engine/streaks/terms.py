"""The terms of a streak: what it counts, and which missed periods break no run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.engine.calendar import LAST_DAY, Calendar, days_of, period_of
from pipeline.engine.streaks.runs import Run
from schemas.program import Cycle, PeriodUnit, Streak

_PLACES_MAX: Final = 4_096
"""Cached periods of a streak: eleven years of days."""


class StreakTerms(NamedTuple):
    """What a streak counts and forgives, compiled. Periods are places: numbers without those that the zone skipped."""

    continuous: bool
    repeats: bool
    grace: int
    """So many missed periods in a row break no run."""
    freezes: int
    """How many more a run survives in each calendar period."""
    frozen_in: Callable[[int], int]
    """The calendar period whose freezes a missed period uses."""

    @property
    def plain(self) -> bool:
        """Whether every missed period breaks a run, and each level is reached once."""
        return self.continuous and not (self.repeats or self.grace or self.freezes)

    def charged(self, first: int, last: int, excused: list[Run]) -> list[int] | None:
        """The calendar periods of the freezes that missing `first` to `last` uses; None where no run survives that."""
        if not self.continuous:
            return []
        used: list[int] = []
        for number, place in enumerate(missed(first, last, excused)):
            if number < self.grace:
                continue
            unit = self.frozen_in(place)
            if used.count(unit) >= self.freezes:
                return None
            used.append(unit)
        return used


def missed(first: int, last: int, excused: list[Run]) -> Iterator[int]:
    """The places from `first` to `last` that nothing excuses, in order."""
    place = first
    for begin, end in excused:
        yield from range(place, min(begin, last + 1))
        place = max(place, end + 1)
    yield from range(place, last + 1)


def streak_terms(streak: Streak, unit: PeriodUnit | Cycle, calendar: Calendar) -> StreakTerms:
    """The terms of a streak on a milestone with these cycles."""
    freezes = streak.freezes

    @lru_cache(maxsize=_PLACES_MAX)
    def frozen_in(place: int) -> int:
        if freezes is None or not isinstance(unit, PeriodUnit):
            return 0
        number = place
        while number - calendar.skipped_before(unit, number) < place:
            number += 1
        return period_of(freezes.per, min(days_of(unit, number).first, LAST_DAY))

    return StreakTerms(
        continuous=streak.continuous,
        repeats=streak.repeats,
        grace=streak.grace,
        freezes=0 if freezes is None else freezes.max,
        frozen_in=frozen_in,
    )
