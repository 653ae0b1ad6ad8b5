"""What is asked of the expiry of points."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class ChangeExpiry(ProgramCommand, frozen=True):
    """Somebody asks to let points expire on another date."""

    later: bool
    """Whether points may only expire later; else only earlier."""
    expires_on: int
    """The last day on which they can be spent, counted from 1970-01-01 in the program's zone."""
    reason: str
    lots: tuple[int, ...] = ()
    """The numbers of the lots; empty for all of the currency."""
    entered_by: str = ""
    currency: str = ""
    """The points of the program where it is empty."""


class ExpirePoints(ProgramCommand, frozen=True):
    """Somebody asks to let points expire now."""

    reason: str
    lots: tuple[int, ...] = ()
    """The numbers of the lots; empty for all of the currency."""
    entered_by: str = ""
    currency: str = ""
    """The points of the program where it is empty."""
