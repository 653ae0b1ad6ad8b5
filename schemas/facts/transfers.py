"""Decisions about points that one customer gives to another."""

from __future__ import annotations

from schemas.facts.decision import Decision, Refusal
from schemas.facts.ledger import LotOpened, PointsMoved, Taken
from schemas.records import TransferredPart


class TransferInitiated(Decision, frozen=True, tag=150):
    """The points that were just put aside are offered to the receiver."""

    transfer_id: str
    """The id of the hold, too."""
    receiver_id: int
    currency: str
    parts: tuple[TransferredPart, ...]
    """The points by their terms."""


class PointsTransferred(PointsMoved, frozen=True, tag=151):
    """The receiver has the points."""

    transfer_id: str
    receiver_id: int
    taken: tuple[Taken, ...]


class PointsReceived(PointsMoved, frozen=True, tag=152):
    """Another customer's points were credited."""

    transfer_id: str
    sender_id: int
    lots: tuple[LotOpened, ...]
    lifetime: int | None = None
    """Lifetime points after it, where the program counts what is received; None where it does not count."""

    @property
    def counted(self) -> int:
        """The points that count towards lifetime points."""
        return 0 if self.lifetime is None else self.points


class TransferRefused(Decision, frozen=True, tag=153):
    """Another customer's points cannot be credited here; the sender has them again."""

    transfer_id: str
    sender_id: int
    program_id: int
    currency: str
    reason: Refusal
    subject: str = ""
