"""Postings: the double-entry ledger as a pure function of decisions, and the only place that knows a movement's sign.

Every movement of points has a source and a destination, so every entry sums to zero. An account is the sum of its
postings; what the customer can spend is the account `current`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    Decision,
    IssuedFor,
    PointsCancelled,
    PointsConverted,
    PointsDebited,
    PointsExpired,
    PointsHandedOver,
    PointsHeld,
    PointsIssued,
    PointsMoved,
    PointsReceived,
    PointsReclaimed,
    PointsRedeemed,
    PointsReleased,
    PointsRestored,
    PointsReversed,
    PointsSettled,
    PointsTakenOver,
    PointsTransferred,
    PromiseCancelled,
    RedemptionReversed,
    movements_in,
)


class Movement(NamedTuple):
    """Where points of a kind of decision go."""

    source: LedgerAccount
    destination: LedgerAccount
    lifetime: int = 0
    """What one point does to the memorandum `lifetime`: a correction by reference lowers it, a plain debit does not."""
    points: Callable[[Any], int] = attrgetter("points")
    """How many of the decision's points."""


_ISSUED: Final = LedgerAccount.ISSUED
_CURRENT: Final = LedgerAccount.CURRENT
_PROMISED: Final = LedgerAccount.PROMISED
_BLOCKED: Final = LedgerAccount.BLOCKED
_REDEEMED: Final = LedgerAccount.REDEEMED
_EXPIRED: Final = LedgerAccount.EXPIRED
_REVERSED: Final = LedgerAccount.REVERSED
_TRANSFERRED: Final = LedgerAccount.TRANSFERRED
_DEFICIT: Final = LedgerAccount.DEFICIT
_OF_CURRENT: Final = attrgetter("current")
_OF_PROMISED: Final = attrgetter("promised")
_OWED: Final = attrgetter("owed")
_COUNTED: Final = attrgetter("counted")
_TAKEN_BACK: Final = (
    Movement(source=_CURRENT, destination=_REVERSED, lifetime=-1, points=_OF_CURRENT),
    Movement(source=_PROMISED, destination=_REVERSED, points=_OF_PROMISED),
    Movement(source=_DEFICIT, destination=_REVERSED, lifetime=-1, points=attrgetter("owed")),
)
MOVEMENTS: Final[dict[type[PointsMoved], tuple[Movement, ...]]] = {
    PointsIssued: (
        Movement(source=_ISSUED, destination=_CURRENT, lifetime=1, points=_OF_CURRENT),
        Movement(source=_ISSUED, destination=_PROMISED, points=_OF_PROMISED),
    ),
    PointsConverted: (Movement(source=_PROMISED, destination=_CURRENT, lifetime=1),),
    PromiseCancelled: (Movement(source=_PROMISED, destination=_REVERSED),),
    PointsRedeemed: (Movement(source=_CURRENT, destination=_REDEEMED),),
    PointsExpired: (Movement(source=_CURRENT, destination=_EXPIRED),),
    PointsRestored: (Movement(source=_EXPIRED, destination=_CURRENT),),
    PointsReversed: _TAKEN_BACK,
    PointsCancelled: _TAKEN_BACK,
    PointsReclaimed: _TAKEN_BACK,
    PointsDebited: (Movement(source=_CURRENT, destination=LedgerAccount.ADJUSTED),),
    PointsHeld: (Movement(source=_CURRENT, destination=_BLOCKED),),
    PointsReleased: (Movement(source=_BLOCKED, destination=_CURRENT),),
    RedemptionReversed: (
        Movement(source=_REDEEMED, destination=_CURRENT, points=_OF_CURRENT),
        Movement(source=_REDEEMED, destination=_EXPIRED, points=attrgetter("expired")),
    ),
    PointsTransferred: (Movement(source=_CURRENT, destination=_TRANSFERRED),),
    PointsReceived: (
        Movement(source=_TRANSFERRED, destination=_CURRENT, points=lambda one: one.points - one.counted),
        Movement(source=_TRANSFERRED, destination=_CURRENT, lifetime=1, points=attrgetter("counted")),
    ),
    PointsSettled: (Movement(source=_CURRENT, destination=_DEFICIT),),
    PointsHandedOver: (
        Movement(source=_CURRENT, destination=_TRANSFERRED, points=_OF_CURRENT),
        Movement(source=_PROMISED, destination=_TRANSFERRED, points=_OF_PROMISED),
        Movement(source=_TRANSFERRED, destination=_DEFICIT, points=_OWED),
        Movement(source=_TRANSFERRED, destination=_TRANSFERRED, lifetime=-1, points=_COUNTED),
    ),
    PointsTakenOver: (
        Movement(source=_TRANSFERRED, destination=_CURRENT, points=_OF_CURRENT),
        Movement(source=_TRANSFERRED, destination=_PROMISED, points=_OF_PROMISED),
        Movement(source=_DEFICIT, destination=_TRANSFERRED, points=_OWED),
        Movement(source=_TRANSFERRED, destination=_TRANSFERRED, lifetime=1, points=_COUNTED),
    ),
}
"""The decisions that move points, each with all its movements."""


_TAKING: Final = PointsRedeemed | PointsExpired | PointsDebited | PointsHeld | PointsSettled | PointsTransferred


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
    """The movements that a decision makes, by award and by source; none for a decision that moves no points."""
    if not isinstance(decision, PointsMoved):
        return [posting for one in movements_in(decision) for posting in postings(one)]
        return []
    movements = MOVEMENTS[type(decision)]
    if isinstance(decision, PointsIssued):
        current, promised = movements
        later = {lot.lot_id for lot in decision.promised_lots}
        return [
            Posting(
                source=current.source,
                destination=(promised if award.lot_id in later else current).destination,
                points=award.points,
                currency=decision.currency,
                issued_for=award.issued_for,
                rule_id=award.rule_id,
            )
            for award in decision.awards
        ]
    return [
        Posting(source=one.source, destination=one.destination, points=points, currency=decision.currency)
        for one in movements
        if one.source is not one.destination and (points := one.points(decision))
    ]


def lifetime_change(decision: PointsMoved) -> int:
    """What a decision does to the memorandum `lifetime`."""
    return sum(one.lifetime * one.points(decision) for one in MOVEMENTS[type(decision)])


def lots_moved(decision: PointsMoved) -> int:
    """The points that a decision puts into lots of current points, less those that it takes out of them."""
    if isinstance(decision, PointsIssued | PointsConverted | PointsReceived | PointsTakenOver):
        return sum(lot.points for lot in decision.lots)
    if isinstance(decision, PointsReversed | PointsHandedOver):
        return -decision.current
    if isinstance(decision, _TAKING):
        return -sum(part.points for part in decision.taken)
    if isinstance(decision, RedemptionReversed):
        return decision.current
    if isinstance(decision, PointsReleased | PointsRestored):
        return sum(part.points for part in decision.restored)
    return 0
