"""Postings: the double-entry ledger as a pure function of decisions, and the only place that knows a movement's sign.

Every movement of points has a source and a destination, so every entry sums to zero. An account is the sum of its
postings; what the customer can spend is the account `current`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    Decision,
    IssuedFor,
    PointsDebited,
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsMoved,
    PointsReceived,
    PointsRedeemed,
    PointsReleased,
    PointsRestored,
    PointsReversed,
    PointsTransferred,
    RedemptionReversed,
    movements_in,
)


class Movement(NamedTuple):
    """Where the points of a kind of decision go."""

    source: LedgerAccount
    destination: LedgerAccount
    lifetime: int = 0
    """What one point does to the memorandum `lifetime`: a correction by reference lowers it, a plain debit does not."""


_CURRENT: Final = LedgerAccount.CURRENT
MOVEMENTS: Final[dict[type[PointsMoved], Movement]] = {
    PointsIssued: Movement(source=LedgerAccount.ISSUED, destination=_CURRENT, lifetime=1),
    PointsRedeemed: Movement(source=_CURRENT, destination=LedgerAccount.REDEEMED),
    PointsExpired: Movement(source=_CURRENT, destination=LedgerAccount.EXPIRED),
    PointsReversed: Movement(source=_CURRENT, destination=LedgerAccount.REVERSED, lifetime=-1),
    PointsDebited: Movement(source=_CURRENT, destination=LedgerAccount.ADJUSTED),
    PointsHeld: Movement(source=_CURRENT, destination=LedgerAccount.BLOCKED),
    RedemptionReversed: Movement(source=LedgerAccount.REDEEMED, destination=_CURRENT),
    PointsRestored: Movement(source=LedgerAccount.EXPIRED, destination=_CURRENT),
    PointsReleased: Movement(source=LedgerAccount.BLOCKED, destination=_CURRENT),
    PointsTransferred: Movement(source=_CURRENT, destination=LedgerAccount.TRANSFERRED),
    PointsReceived: Movement(source=LedgerAccount.TRANSFERRED, destination=_CURRENT),
}
"""The decisions that move points."""


class Posting(NamedTuple):
    """Points that move from one account to another."""

    source: LedgerAccount
    destination: LedgerAccount
    points: int
    currency: str
    issued_for: IssuedFor | None = None
    """Why they were issued; None for other movements."""
    rule_id: str = ""
    """What issued them."""


def postings(decision: Decision) -> list[Posting]:
    """The movements that a decision makes, one for each award; none for a decision that moves no points."""
    if not isinstance(decision, PointsMoved):
        return [posting for one in movements_in(decision) for posting in postings(one)]
    if not decision.points:
        return []
    source, destination, _ = MOVEMENTS[type(decision)]
    if isinstance(decision, PointsIssued):
        return [
            Posting(
                source=source,
                destination=destination,
                points=award.points,
                currency=decision.currency,
                issued_for=award.issued_for,
                rule_id=award.rule_id,
            )
            for award in decision.awards
        ]
    if isinstance(decision, RedemptionReversed):
        moved = ((destination, decision.points - decision.expired), (LedgerAccount.EXPIRED, decision.expired))
        return [
            Posting(source=source, destination=place, points=points, currency=decision.currency)
            for place, points in moved
            if points
        ]
    return [Posting(source=source, destination=destination, points=decision.points, currency=decision.currency)]


def lots_moved(decision: PointsMoved) -> int:
    """The points that a decision puts into lots, less those that it takes out of them."""
    if isinstance(decision, PointsIssued | PointsReceived):
        return sum(lot.points for lot in decision.lots)
    if isinstance(
        decision, PointsTransferred | PointsRedeemed | PointsExpired | PointsReversed | PointsDebited | PointsHeld
    ):
        return -sum(part.points for part in decision.taken)
    if isinstance(decision, RedemptionReversed):
        return decision.points - decision.expired
    if isinstance(decision, PointsReleased | PointsRestored):
        return sum(part.points for part in decision.restored)
    return 0
