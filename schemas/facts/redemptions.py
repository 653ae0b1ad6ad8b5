"""Decisions about redemptions that are still to be confirmed, or are taken back."""

from __future__ import annotations

import msgspec

from schemas.facts.ledger import LotOpened, PointsMoved, Taken


class RedemptionTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a redemption will be, once it is confirmed."""

    value_minor: int
    bill_number: str = ""
    notes: str = ""


class RedemptionReversed(PointsMoved, frozen=True, tag=103):
    """A redemption was taken back, in whole or in part: `points` are those given back and those past their last day."""

    redemption_id: str
    restored: tuple[Taken, ...]
    """What was given back, by lot, the lots that were taken last coming first: each with its own last day."""
    expired: int
    """What is past its last day and is not given back."""
    past: tuple[Taken, ...]
    """What is past its last day, by lot; issued anew in `lots`, or expired."""
    lots: tuple[LotOpened, ...]
    """New lots for what is past its last day, where the program issues it anew."""
    reversed_of_redemption: int
    """Points taken back of this redemption so far, this reversal included."""
    value_minor: int
    """What the points were worth when they were redeemed."""
    of_bill: str = ""
    """The bill that was returned, where that took the redemption back."""
    reason: str = ""
    entered_by: str = ""
    """Who asked for it."""

    @property
    def current(self) -> int:
        """The points that can be spent again."""
        return self.points - self.expired
