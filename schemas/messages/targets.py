"""What is asked of milestones, which downstream systems call targets."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import Code, Program, Reason, Short


class EnrolTarget(CustomerMessage, frozen=True, kw_only=True):
    """A customer is to be in a milestone."""

    program_id: Program
    milestone: Code
    """Its id in the program's file."""
    reason: Reason
    entered_by: Short = ""
    """Who asks."""


class UnenrolTarget(CustomerMessage, frozen=True, kw_only=True):
    """A customer is to be in a milestone no longer; what was counted and given stays."""

    program_id: Program
    milestone: Code
    reason: Reason
    entered_by: Short = ""


class SetTarget(CustomerMessage, frozen=True, kw_only=True):
    """A milestone is to ask something else of one customer."""

    program_id: Program
    milestone: Code
    target: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    """In the unit of the program's `target`; left out, the customer has the program's target again."""
    reason: Reason
    entered_by: Short = ""
