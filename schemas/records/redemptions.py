"""What is asked of redemptions."""

from __future__ import annotations

from schemas.records.record import CommandRecord


class ConfirmRedemption(CommandRecord, frozen=True):
    """A redemption that holds its points is to take them."""

    program_id: int
    redemption_id: str


class ReverseRedemption(CommandRecord, frozen=True):
    """Somebody asks to take a redemption back."""

    program_id: int
    redemption_id: str
    points: int | None = None
    """How many points; None for all that are left of it."""
    reason: str = ""
    entered_by: str = ""
