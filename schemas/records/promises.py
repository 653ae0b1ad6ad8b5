"""What is asked of promised points."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class ActivatePoints(ProgramCommand, frozen=True):
    """Somebody asks to let promised points be spent from now on."""

    reference: str
    """What they were promised for."""
    reason: str
    lots: tuple[int, ...] = ()
    """The numbers of the lots; empty for all of that reference."""
    entered_by: str = ""


class CancelPromise(ProgramCommand, frozen=True):
    """Somebody asks to cancel promised points."""

    reference: str
    """What they were promised for."""
    reason: str
    lots: tuple[int, ...] = ()
    """The numbers of the lots; empty for all of that reference."""
    entered_by: str = ""
