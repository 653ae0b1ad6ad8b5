"""What is asked of points that are put aside."""

from __future__ import annotations

from schemas.records.record import CommandRecord


class BlockPoints(CommandRecord, frozen=True):
    """Somebody asks to put points aside; the record's id is the hold id."""

    program_id: int
    points: int
    reason: str
    until: int | None = None
    """The instant at which they are released by themselves; None for never."""
    entered_by: str = ""
    currency: str = ""
    """The points of the program where it is empty."""


class ReleasePoints(CommandRecord, frozen=True):
    """Somebody asks to give points back that were put aside."""

    program_id: int
    hold_id: str
    reason: str
    entered_by: str = ""
