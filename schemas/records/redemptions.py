"""What is asked of redemptions."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class ConfirmRedemption(ProgramCommand, frozen=True):
    """A redemption that holds its points is to take them."""

    redemption_id: str


class ReverseRedemption(ProgramCommand, frozen=True):
    """Somebody asks to take a redemption back."""

    redemption_id: str
    points: int | None = None
    """How many points; None for all that are left of it."""
    reason: str = ""
    entered_by: str = ""
