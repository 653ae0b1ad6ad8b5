"""Decisions that put points aside and give them back."""

from __future__ import annotations

from schemas.facts.decision import Reason
from schemas.facts.ledger import PointsMoved, Taken
from schemas.facts.redemptions import RedemptionTerms


class HoldFor(Reason):
    """What points are held for. The numbers stand on the wire."""

    BLOCK = 1
    """Somebody blocked them."""
    REDEMPTION = 2
    """A redemption that is to be confirmed."""
    TRANSFER = 3


class ReleasedBecause(Reason):
    """Why points are no longer held. The numbers stand on the wire."""

    REQUESTED = 1
    """Somebody released them."""
    ENDED = 2
    """The end of the hold has come."""
    USED = 3
    """What they were held for takes them next, in the same turn."""
    REFUSED = 4
    """The receiver of a transfer cannot have them."""


class PointsHeld(PointsMoved, frozen=True, tag=100):
    """Points were put aside: they cannot be spent, and do not expire."""

    hold_id: str
    kind: HoldFor
    taken: tuple[Taken, ...]
    """The points held, by lot."""
    ends_at: int | None
    """The instant at which they are released by themselves; None for never."""
    reason: str = ""
    entered_by: str = ""
    """Who blocked them."""
    redemption: RedemptionTerms | None = None
    """Of a redemption that is to be confirmed."""


class PointsReleased(PointsMoved, frozen=True, tag=101):
    """Points are no longer held; those past their last day expire in the same turn."""

    hold_id: str
    kind: HoldFor
    because: ReleasedBecause
    restored: tuple[Taken, ...]
    """The points given back, by lot: a lot that is closed opens again, with its own last day."""
    reason: str = ""
    entered_by: str = ""
    """Who released them."""
