"""What is asked of points that are put aside."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import MaybePointsName, PointsAbove, Program, Reason, RecordId, Short, When


class BlockPoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to put points aside: they cannot be spent, and do not expire; the id is the hold id."""

    program_id: Program
    points: PointsAbove
    reason: Reason
    until: When | None = None
    """When they are released by themselves; left out, they are held until somebody releases them."""
    entered_by: Short = ""
    """Who asks."""
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""


class ReleasePoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to give points back that were put aside."""

    program_id: Program
    hold_id: RecordId
    """The id of the `blockPoints`, or of the `redeemPoints`, that put them aside."""
    reason: Reason
    entered_by: Short = ""
    """Who asks."""
