"""A customer's part in a streak: the periods that count, what breaks no run, and how far that gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.model.dates import first_day, period_of
from tests.model.words import Cycle, Streak


@dataclass
class Row:
    """Periods are numbers; each stretch is looked at anew, from its first period to its last."""

    terms: Streak
    unit: str | Cycle
    """Of the periods."""
    periods: set[int] = field(default_factory=set)
    levels: list[int] = field(default_factory=list)
    """Those that are reached, each as often as it is."""
    frozen: list[tuple[int, int]] = field(default_factory=list)
    paused: int | None = None
    """The first period of a pause that has not ended."""
    since: int | None = None
    left: int | None = None
    """When the customer left."""

    def takes(self, period: int, at: int) -> bool:
        """Whether something of that instant, in that period, may count."""
        return (self.left is None or at < self.left) and (self.since is None or period >= self.since)

    def end_pause(self, last: int) -> None:
        """The pause, if there is one, goes to the end of a period."""
        if self.paused is not None:
            self.frozen += [(self.paused, last)] if self.paused <= last else []
            self.paused = None

    def through(self, period: int) -> int:
        """The periods of the longest stretch that this one is in."""
        return max(len(one) for one in self._stretches() if one[0] <= period <= one[-1])

    def longest(self) -> int:
        """The periods of the longest stretch of all."""
        return max((len(one) for one in self._stretches()), default=0)

    def times(self, level: int) -> int:
        """How many stretches of so many periods there are, with no period in two of them."""
        row = sorted(self.periods)
        most = [0]
        for end in range(1, len(row) + 1):
            begin = end - level
            fits = begin >= 0 and self._holds(row[begin:end])
            most.append(max(most[-1], most[begin] + 1 if fits else 0))
        return most[-1]

    def _stretches(self) -> list[list[int]]:
        row = sorted(self.periods)
        some = [row[first:end] for end in range(1, len(row) + 1) for first in range(end)]
        return [one for one in some if self._holds(one)]

    def _holds(self, row: Sequence[int]) -> bool:
        """Whether all that is missed between these periods is forgiven."""
        if not self.terms.continuous:
            return True
        used: Counter[int] = Counter()
        for one, following in pairwise(row):
            missed = [period for period in range(one + 1, following) if not self._excused(period)]
            for period in missed[self.terms.grace :]:
                if isinstance(self.unit, Cycle):
                    return False
                used[period_of(self.terms.freezes_per, first_day(self.unit, period))] += 1
        return all(count <= self.terms.freezes for count in used.values())

    def _excused(self, period: int) -> bool:
        is_paused = self.paused is not None and period >= self.paused
        return is_paused or any(first <= period <= last for first, last in self.frozen)
