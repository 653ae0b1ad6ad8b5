"""Stretches: what the runs of a streak come to where missed periods are forgiven.

RULE: a stretch begins and ends with a period that counts, and every missed period in it is forgiven: it is excused, or
among the first `grace` of those missed in a row, or one of the `freezes` that the stretch has in that calendar period.
Its length is the number of its periods that count. A freeze is used by no event and at no instant: it follows from the
periods alone, so neither the order of records nor a clock that goes back uses any, and one more period that counts
never makes a stretch shorter.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.streaks.runs import Run
from pipeline.engine.streaks.terms import StreakTerms, missed
from schemas.facts import StreakStanding


class Stretch(NamedTuple):
    """The longest stretch that ends with one of the runs."""

    first: int
    """The place in which it begins."""
    last: int
    periods: int
    used: dict[int, int]
    """The freezes in it, by calendar period."""


class _Window:
    """A stretch that grows run by run, and loses its oldest runs where it would use too many freezes."""

    def __init__(self, terms: StreakTerms, excused: list[Run], periods: int = 0) -> None:
        self.periods = periods
        self.used: Counter[int] = Counter()
        self._terms = terms
        self._excused = excused
        self._parts: deque[tuple[Run, list[int]]] = deque()

    @property
    def first(self) -> int:
        return self._parts[0][0][0]

    def add(self, run: Run) -> None:
        """Grow by the next run."""
        charged = self._terms.charged(self._parts[-1][0][1] + 1, run[0] - 1, self._excused) if self._parts else []
        if charged is None:
            self.restart()
            charged = []
        self.used.update(charged)
        self._parts.append((run, charged))
        self.periods += run[1] - run[0] + 1
        while any(self.used[unit] > self._terms.freezes for unit in charged):
            (first, last), _ = self._parts.popleft()
            self.used.subtract(self._parts[0][1])
            self.periods -= last - first + 1

    def restart(self, *runs: Run) -> None:
        """Begin anew with these runs, one or none."""
        self.used.clear()
        self._parts = deque((run, []) for run in runs)
        self.periods = sum(last - first + 1 for first, last in runs)


def stretches(runs: Sequence[Run], terms: StreakTerms, excused: list[Run]) -> list[Stretch]:
    """For each run the longest stretch that ends with it."""
    window = _Window(terms, excused)
    found: list[Stretch] = []
    for run in runs:
        window.add(run)
        found.append(Stretch(first=window.first, last=run[1], periods=window.periods, used=dict(window.used)))
    return found


def standing_of(found: Sequence[Stretch], terms: StreakTerms, excused: list[Run], settled: int) -> StreakStanding:
    """What the last stretch comes to, and how long it stands if nothing more counts."""
    if not terms.continuous:
        return StreakStanding(run=settled + (found[-1].periods if found else 0), through=None)
    if not found:
        return StreakStanding(run=0, through=None)
    last = found[-1]
    used = Counter(last.used)
    frozen = used[terms.frozen_in(last.last)]
    for number, place in enumerate(missed(last.last + 1, NEVER, excused)):
        if number < terms.grace:
            continue
        unit = terms.frozen_in(place)
        used[unit] += 1
        if used[unit] > terms.freezes:
            return StreakStanding(run=last.periods, through=place, frozen=frozen)
    return StreakStanding(run=last.periods, through=None, frozen=frozen)


def times_of(level: int, runs: Sequence[Run], terms: StreakTerms, excused: list[Run], settled: int) -> int:
    """How many stretches of `level` periods lie one after the other in the runs, with no period in two of them.

    Where periods are only counted: how often they come to `level`, those that are `settled` included.
    """
    times = 0
    window = _Window(terms, excused, 0 if terms.continuous else settled)
    for run in runs:
        window.add(run)
        if window.periods >= level:
            times += window.periods // level
            rest = window.periods % level
            window.restart(*(((run[1] - rest + 1, run[1]),) if rest else ()))
    return times
