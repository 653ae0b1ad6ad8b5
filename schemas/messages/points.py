"""What is asked of the points ledger."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import (
    LotNumber,
    MaybeCode,
    MaybePointsName,
    MaybeRecordId,
    Points,
    Program,
    Reason,
    Short,
    Text,
)


class RedeemPoints(CustomerMessage, frozen=True, kw_only=True):
    """A customer asks to spend points; the id is the redemption id."""

    program_id: Program
    points: Points
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
    bill_number: MaybeCode = ""
    notes: Text = ""
    hold: bool = False
    """Whether the points are put aside until `confirmRedemption` takes them, or their time is up."""
    entered_by: Short = ""
    """Who entered it."""


class AdjustPoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to add points (goodwill) or to take points away (`points` below zero)."""

    program_id: Program
    points: Points
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
    corrects: MaybeRecordId = ""
    """With `points` below zero: the id of an earlier `adjustPoints` that gave them by mistake."""
    entered_by: Short = ""
    """Who asks."""


class CancelPoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to cancel an award that was a mistake; it names its lot or what gave it."""

    program_id: Program
    reason: Reason
    lot: LotNumber | None = None
    """The number of the lot that the award lies in."""
    bill_number: MaybeCode = ""
    """The bill that earned it."""
    rule: MaybeCode = ""
    """The rule that gave it, of the bill; all awards of the bill where it is left out."""
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
    entered_by: Short = ""
    """Who asks."""
    event: MaybeRecordId = ""
    """The id of the custom event that earned it."""
    milestone: MaybeCode = ""
    """The id of the milestone or unified target that gave it, with `cycle`."""
    cycle: Short = ""
    """The name of the cycle, as in notifications: `2026-03`, `Cycle_2`, or the name of a window."""
    streak: MaybeCode = ""
    """The id of the streak that gave it, with `level`."""
    level: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    """The level of the streak, by its `periods`."""
    nth: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """Which time the level was reached, where it can be reached again; the first one where it is left out."""
