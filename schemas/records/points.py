"""What is asked of the points ledger."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class RedeemPoints(ProgramCommand, frozen=True):
    """A customer asks to spend points; the record's id is the redemption id."""

    points: int
    currency: str = ""
    """The points of the program where it is empty."""
    bill_number: str = ""
    notes: str = ""
    hold: bool = False
    """Whether the points are put aside until the redemption is confirmed, or their time is up."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


class AdjustPoints(ProgramCommand, frozen=True):
    """Somebody asks to add points (goodwill) or to take points away (`points` below zero)."""

    points: int
    reason: str
    currency: str = ""
    """The points of the program where it is empty."""
    corrects: str = ""
    """The id of the adjustment that gave the points by mistake; empty for none."""
    entered_by: str = ""
    """Who asks; empty where nobody is named."""


class CancelPoints(ProgramCommand, frozen=True):
    """Somebody asks to cancel an award that was a mistake; it names its lot, or what gave it."""

    reason: str
    lot: int = 0
    """The number of the lot; 0 where it is named by what gave it."""
    bill_number: str = ""
    rule: str = ""
    """The rule that gave it, of the bill; empty for all of the bill's awards."""
    currency: str = ""
    """The points of the program where it is empty."""
    entered_by: str = ""
    event: str = ""
    """The id of the event."""
    milestone: str = ""
    """The milestone or unified target, with the name of the cycle."""
    cycle: str = ""
    streak: str = ""
    level: int = 0
    """The level of the streak, by its periods."""
    nth: int = 1
    """Which time the level was reached."""
