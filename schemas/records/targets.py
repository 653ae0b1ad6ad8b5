"""What is asked of milestones, which downstream systems call targets."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class EnrolTarget(ProgramCommand, frozen=True):
    """A customer is to be in a milestone."""

    milestone: str
    """Its id."""
    reason: str
    entered_by: str = ""


class UnenrolTarget(ProgramCommand, frozen=True):
    """A customer is to be in a milestone no longer; what was counted and given stays."""

    milestone: str
    reason: str
    entered_by: str = ""


class SetTarget(ProgramCommand, frozen=True):
    """A milestone is to ask something else of one customer."""

    milestone: str
    reason: str
    target: int | None = None
    """In the unit of the program's `target`; None for the program's own."""
    entered_by: str = ""
