"""The trackers of one program version, compiled: what a bill counts, and which days are in the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.program import Tracker, TrackerMeasure
from schemas.records import Line


class Amounts(NamedTuple):
    """A bill's amounts."""

    net: int
    gross: int
    discount: int


class Counted(NamedTuple):
    """What a bill counts in a tracker."""

    total: int
    lines: tuple[int, ...] = ()
    """By line, where the tracker is made of lines or selects some."""


class TrackerRule(NamedTuple):
    """A tracker, compiled."""

    tracker: Tracker
    skus: frozenset[str]
    categories: frozenset[str]

    @property
    def by_store(self) -> bool:
        """Whether bills of one store and day are one visit."""
        return self.tracker.of is TrackerMeasure.VISITS and not self.tracker.per_transaction

    def forgets_before(self, today: int) -> int:
        """The first day that can count today, or later."""
        return today - self.tracker.window.days + 1

    def begins(self, first_day: int, today: int) -> int:
        """The first day of the window, for a customer who began on `first_day`."""
        days = self.tracker.window.days
        if not self.tracker.window.cyclic or today < first_day:
            return today - days + 1
        return today - (today - first_day) % days

    def counted(self, amounts: Amounts, lines: Sequence[Line]) -> Counted:
        """What a bill counts that is not cancelled."""
        measure = self.tracker.of
        if measure is TrackerMeasure.VISITS:
            return Counted(1 if not self.tracker.filters or any(map(self._selects, lines)) else 0)
        if measure.of_lines or self.tracker.filters:
            each = tuple(_of_line(measure, line) if self._selects(line) else 0 for line in lines)
            return Counted(sum(each), each)
        if measure is TrackerMeasure.AMOUNT:
            return Counted(amounts.net)
        return Counted(amounts.gross if measure is TrackerMeasure.GROSS else amounts.discount)

    def _selects(self, line: Line) -> bool:
        return not self.tracker.filters or line.sku in self.skus or line.category in self.categories


def _of_line(measure: TrackerMeasure, line: Line) -> int:
    if measure is TrackerMeasure.QUANTITY:
        return line.quantity
    return 1 if measure is TrackerMeasure.LINES else line.amount_minor


def tracker_rules(trackers: Sequence[Tracker]) -> tuple[TrackerRule, ...]:
    """Compile the trackers of a program, retired ones, too."""
    return tuple(
        TrackerRule(tracker=one, skus=frozenset(one.skus), categories=frozenset(one.categories)) for one in trackers
    )
