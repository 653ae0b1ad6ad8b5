"""What is asked of points that are put aside."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class BlockPoints(ProgramCommand, frozen=True):
    """Somebody asks to put points aside; the record's id is the hold id."""

    points: int
    reason: str
    until: int | None = None
    """The instant at which they are released by themselves; None for never."""
    entered_by: str = ""
    currency: str = ""
    """The points of the program where it is empty."""


class ReleasePoints(ProgramCommand, frozen=True):
    """Somebody asks to give points back that were put aside."""

    hold_id: str
    reason: str
    entered_by: str = ""
