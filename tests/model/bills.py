"""Bills, and what came back of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tests.model.marks import Mark
from tests.model.purse import Lot
from tests.model.words import Goal, Line, Spend


@dataclass
class Award:
    """What one rule gave for a bill."""

    rule: Spend
    points: int
    lots: list[Lot]
    claimed: int = 0
    """What returns have asked back."""
    forgiven: int = 0
    """What corrections asked back and did not get."""
    cancelled: bool = False


@dataclass
class Bill:
    """A bill that was paid."""

    pence: int
    lines: tuple[Line, ...]
    said_lines: tuple[Line, ...]
    """As they were last told: of a cancelled bill, what came back is left of each."""
    paid: int
    store: str = ""
    gross: int = 0
    awards: list[Award] = field(default_factory=list)
    tier: int = 1
    """That of the customer when it was paid."""
    marks: dict[str, Mark] = field(default_factory=dict)
    """What it counts in each goal in which it does."""
    basis: int = 0
    """The most that it has come to since a redemption was to pay for it."""
    returned: int = 0
    came_back: bool = False
    """Whether something of it did, be it nothing."""
    unnamed: int = 0
    """What came back without saying which lines."""
    line_returned: list[int] = field(default_factory=list)
    keeps_lines: bool = False
    """Whether it is known of each line what came back of it."""
    cancelled: bool = False
    delivered: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of it."""
        return self.cancelled or self.is_back

    @property
    def is_back(self) -> bool:
        """Whether all of it came back; of a bill of nothing, whether it ever did."""
        return self.pence <= self.returned if self.pence or self.cancelled else self.came_back

    def fits(self, goal: Goal) -> bool:
        """Whether it is such a bill as counts for a goal."""
        some = not (_selects(goal) or goal.things == "skus") or any(takes(goal, line) for line in self.said_lines)
        of_store = not goal.stores or self.store in goal.stores
        return some and of_store and self.pence >= goal.minimum and (goal.counts != "stores" or bool(self.store))

    def counts_for(self, goal: Goal) -> int:
        """What is left of it for a goal."""
        if self.is_gone or not self.fits(goal):
            return 0
        if goal.counts == "quantity":
            return self._left([line.quantity * takes(goal, line) for line in self.lines])
        if goal.counts == "money" and _selects(goal):
            return self._left([line.pence * takes(goal, line) for line in self.lines])
        wholes = {"money": self.pence, "gross": self.gross, "points": self.earned}
        return self._share(wholes[goal.counts]) if goal.counts in wholes else int(not goal.things)

    def said_for(self, goal: Goal) -> int:
        """What it counts by what was said of it, whatever came back."""
        return self.pence if self.is_plain_for(goal) else self._as_said().counts_for(goal)

    def things_said_for(self, goal: Goal, day: date) -> frozenset[object]:
        """The different things that it has by what was said of it."""
        return self._as_said().things_for(goal, day)

    def is_plain_for(self, goal: Goal) -> bool:
        """Whether it counts with what it comes to, be it nothing."""
        some = _selects(goal) or goal.stores or goal.minimum or goal.most
        return goal.counts == "money" and not some

    def _as_said(self) -> Bill:
        return replace(self, returned=0, came_back=False, line_returned=[0] * len(self.lines))

    def things_for(self, goal: Goal, day: date) -> frozenset[object]:
        """The different things that it has."""
        if not goal.things or self.is_gone or not self.fits(goal):
            return frozenset()
        if goal.things == "skus":
            return frozenset(line.sku for line in self.said_lines if takes(goal, line))
        return frozenset([day if goal.things == "days" else self.store])

    @property
    def earned(self) -> int:
        """The points that it earns, whatever came back."""
        return sum(award.points for award in self.awards)

    def _left(self, parts: Sequence[int]) -> int:
        """What is left of what lines come to: of all of them the share of the bill, where it is not known of each."""
        if not self.keeps_lines:
            return self._share(sum(parts))
        each = zip(parts, self.lines, self.line_returned, strict=True)
        return sum(part - (part * back // line.pence if line.pence else 0) for part, line, back in each)

    def _share(self, whole: int) -> int:
        return whole - (whole * self.returned // self.pence if self.pence else 0)


def _selects(goal: Goal) -> bool:
    return bool(goal.sku or goal.category or goal.without)


def takes(goal: Goal, line: Line) -> bool:
    """Whether a line of a bill counts for a goal."""
    names = {goal.sku, goal.category} - {""}
    return (not names or bool(names & {line.sku, line.category})) and line.sku != goal.without
