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
    paid: int
    awards: list[Award] = field(default_factory=list)
    counted: list[Goal] = field(default_factory=list)
    """The goals that it counts towards."""
    lowered: dict[str, int] = field(default_factory=dict)
    """What returns have taken off each goal."""
    returned: int = 0
    unnamed: int = 0
    """What came back without saying which lines."""
    line_returned: list[int] = field(default_factory=list)
    cancelled: bool = False
    delivered: bool = False
