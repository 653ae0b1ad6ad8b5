"""What is asked of tiers."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import CalendarDate, Code, Program, Reason, Short


class AssignTier(CustomerMessage, frozen=True, kw_only=True):
    """Somebody gives a customer a tier, below which the customer does not fall while it holds."""

    program_id: Program
    tier: Code
    """The id of the tier in the program's file; without one there, its name in small letters with hyphens."""
    reason: Reason
    last_day: CalendarDate | None = None
    """The last day on which it holds, in the program's zone; left out, it holds until it is released."""
    entered_by: Short = ""
    """Who gives it."""


class ReassessTier(CustomerMessage, frozen=True, kw_only=True):
    """The customer is to have the tier that their values give in the tiers in force, be it higher or lower."""

    program_id: Program
    reason: Reason
    entered_by: Short = ""
    """Who asks."""


class ReleaseTier(CustomerMessage, frozen=True, kw_only=True):
    """A tier that somebody gave is to hold no longer."""

    program_id: Program
    reason: Reason
    entered_by: Short = ""
    """Who asks."""
