"""What is asked of tiers."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class AssignTier(ProgramCommand, frozen=True):
    """Somebody gives a customer a tier, below which the customer does not fall while it holds."""

    tier: str
    """Its id."""
    reason: str
    last_day: int | None = None
    """The last local day on which it holds; None until it is released."""
    entered_by: str = ""


class ReassessTier(ProgramCommand, frozen=True):
    """The customer is to have the tier that their values give in the tiers in force, be it higher or lower."""

    reason: str
    entered_by: str = ""


class ReleaseTier(ProgramCommand, frozen=True):
    """A tier that somebody gave is to hold no longer."""

    reason: str
    entered_by: str = ""
