"""Bills, and what came back of them."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    awards: list[Award] = field(default_factory=list)
    tier: int = 1
    """That of the customer when it was paid."""
    counted: set[str] = field(default_factory=set)
    """The ids of the goals that it counts towards."""
    worth: dict[str, int] = field(default_factory=dict)
    """What it counts for now, by goal."""
    peak: dict[str, int] = field(default_factory=dict)
    """The most that it has counted for."""
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

    def counts_for(self, goal: Goal) -> int:
        """What is left of it for a goal."""
        if self.is_gone:
            return 0
        if goal.sku:
            return self._counts_for_lines(goal.sku)
        return self.pence - self.returned if goal.counts == "money" else 1

    def _counts_for_lines(self, sku: str) -> int:
        """What is left of the lines of an SKU: of all of them the share of the bill, where it is not known of each."""
        total = sum(line.pence for line in self.lines if line.sku == sku)
        if not self.keeps_lines:
            return total - (total * self.returned // self.pence if self.pence else 0)
        lines = zip(self.lines, self.line_returned, strict=True)
        return total - sum(returned for line, returned in lines if line.sku == sku)
