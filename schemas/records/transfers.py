"""What is asked between customers."""

from __future__ import annotations

import msgspec

from schemas.records.record import ProgramCommand, Request


class TransferPoints(ProgramCommand, frozen=True):
    """A customer asks to give points to another customer of the org; the record's id is the transfer's id."""

    receiver_id: int
    points: int
    currency: str = ""
    """The points of the program where it is empty."""


class TransferredPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points of a transfer that have the same terms."""

    points: int
    expires_on: int | None
    """The last day on which they can be spent; None for never."""
    closes_at: int | None
    """The start of the day after, as an instant."""
    rolls: tuple[int, ...] | str | None = None
    """Months, days and months to round up to that they last from each activity on; or the id of a tier, as in
    `schemas.facts.LotOpened`; None where nothing moves their last day."""


class ReceiveTransfer(Request, frozen=True):
    """The sender's points, which are held there, are to be credited here."""

    transfer_id: str
    program_id: int
    currency: str
    parts: tuple[TransferredPart, ...]


class AnswerTransfer(Request, frozen=True):
    """The receiver of a transfer, who sends this, has the points, or cannot have them."""

    transfer_id: str
    program_id: int
    currency: str
    refusal: int = 0
    """The number of the reason (`schemas.facts.Refusal`); 0 where the points were credited."""
    subject: str = ""
    """What the reason is about, as in the refusal."""
