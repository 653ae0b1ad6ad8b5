"""What is asked of redemptions."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import PointsAbove, Program, RecordId, Short


class ConfirmRedemption(CustomerMessage, frozen=True, kw_only=True):
    """A redemption that holds its points is to take them."""

    program_id: Program
    redemption_id: RecordId
    """The id of the `redeemPoints`."""


class ReverseRedemption(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to take a redemption back."""

    program_id: Program
    redemption_id: RecordId
    """The id of the `redeemPoints`."""
    points: PointsAbove | None = None
    """How many points; all that are left of it where it is left out."""
    reason: Short = ""
    entered_by: Short = ""
    """Who asks."""
