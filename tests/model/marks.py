"""What bills and events count for goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from tests.model.purse import NEVER
from tests.model.words import Goal


@dataclass(eq=False)
class Mark:
    """What one bill, one event, or the reward of another goal counts for a goal."""

    goal: str
    day: date
    worth: int = 0
    things: frozenset[object] = frozenset()
    """The different things that it has, where they are counted."""
    room: int | None = None
    """The period of the goal's limit in which it is one of those that count."""
    said: int = 0
    """What it counted by what was said last of it, whatever came back."""
    most_worth: int = 0
    all_things: frozenset[object] = frozenset()
    """The most that it has counted for."""

    def becomes(self, worth: int, things: frozenset[object]) -> None:
        """It counts so much from now on."""
        self.worth, self.things = worth, things
        self.most_worth = max(self.most_worth, worth)
        self.all_things |= things


@dataclass
class Part:
    """A customer in a goal."""

    since: int | None = None
    """From when on what happens counts, once the customer is in it."""
    left: int | None = None
    """When the customer left."""
    before: list[tuple[int, int]] = field(default_factory=list)
    """From when to when the customer was in it, before the last time."""
    begins: date | None = None
    """The day on which cycles of the customer's own begin."""
    target: int | None = None
    """What the goal asks of this customer, if it is something else than of others."""
    given: set[int] = field(default_factory=set)
    """The cycles for which it added to another goal."""

    def is_in(self, goal: Goal) -> bool:
        """Whether the customer is in it."""
        return not goal.joins or (self.since is not None and self.left is None)

    def was_in(self, goal: Goal, at: int) -> bool:
        """Whether what happened at an instant counts."""
        if not goal.joins:
            return True
        last = [] if self.since is None else [(self.since, NEVER if self.left is None else self.left)]
        return any((goal.past or since <= at) and at < left for since, left in [*self.before, *last])

    def takes(self, goal: Goal, at: int) -> bool:
        """Whether the goal may be met by what happened at an instant."""
        return self.is_in(goal) or self.was_in(goal, at)

    def counts(self, goal: Goal, at: int) -> bool:
        """Whether it counts, now or once the customer is in it."""
        return goal.past or self.was_in(goal, at)


def event_counts(goal: Goal, mark: Mark, attributes: Mapping[str, str | int], earned: int) -> bool:
    """Whether an event counts for a goal, and for how much."""
    if goal.where is not None and str(attributes.get(goal.where[0], "")) not in goal.where[1]:
        return False
    worth = {"": 1, "sum": _thousandths(attributes.get(goal.attribute)), "points": earned}.get(goal.measure, 0)
    things = {"days": mark.day, "values": attributes.get(goal.attribute)}.get(goal.measure)
    mark.becomes(worth, frozenset() if things is None else frozenset([str(things)]))
    return bool(mark.worth or mark.things)


def _thousandths(value: str | int | None) -> int:
    """A number with three decimals at most; nothing where it is none, or below the least."""
    try:
        number = Decimal("nan" if value is None else value) * 1_000
    except InvalidOperation:
        return 0
    return int(number) if number.is_finite() and number == int(number) and 1 <= number <= 10**18 else 0
