"""What is asked of promised points."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import LotNumbers, Program, Reason, RecordId, Short


class ActivatePoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to let promised points be spent from now on."""

    program_id: Program
    reference: RecordId
    """What they were promised for: the number of a bill, the reference or id of an event, the activity of a reward."""
    reason: Reason
    lots: LotNumbers = ()
    """The numbers of the lots; all of that reference where they are left out."""
    entered_by: Short = ""
    """Who asks."""


class CancelPromise(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to cancel promised points."""

    program_id: Program
    reference: RecordId
    """What they were promised for."""
    reason: Reason
    lots: LotNumbers = ()
    """The numbers of the lots; all of that reference where they are left out."""
    entered_by: Short = ""
    """Who asks."""
