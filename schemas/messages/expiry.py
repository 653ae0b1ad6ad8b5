"""What is asked of the expiry of points."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import CalendarDate, LotNumbers, MaybePointsName, Program, Reason, Short


class ChangeExpiry(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to let points expire on another date."""

    program_id: Program
    change: Annotated[str, Meta(pattern="^(EARLY|EXTEND)$", max_length=6, description="EARLY or EXTEND")]
    """Whether points may only expire earlier, or only later."""
    expires_on: CalendarDate
    """The last day on which they can be spent, a date in the program's zone."""
    reason: Reason
    lots: LotNumbers = ()
    """The numbers of the lots; all of the currency where they are left out."""
    entered_by: Short = ""
    """Who asks."""
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""


class ExpirePoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to let points expire now."""

    program_id: Program
    reason: Reason
    lots: LotNumbers = ()
    """The numbers of the lots; all of the currency where they are left out."""
    entered_by: Short = ""
    """Who asks."""
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
