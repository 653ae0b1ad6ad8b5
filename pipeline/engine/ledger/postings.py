"""Postings: the double-entry ledger as a pure function of decisions, and the only place that knows a movement's sign.

Every movement of points has a source and a destination, so every entry sums to zero. An account is the sum of its
postings; what the customer can spend is the account `current`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    Decision,
    IssuedFor,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsMoved,
    PointsRedeemed,
    PointsReversed,
)

# Bound once: looking up a member of an enum costs as much as building a posting.
_ISSUED: Final = LedgerAccount.ISSUED
_CURRENT: Final = LedgerAccount.CURRENT


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


def _issued(decision: PointsIssued) -> list[Posting]:
    return [
        Posting(
            source=_ISSUED,
            destination=_CURRENT,
            points=award.points,
            currency=decision.currency,
            issued_for=award.issued_for,
            rule_id=award.rule_id,
        )
        for award in decision.awards
    ]


def _out(destination: LedgerAccount) -> Callable[[PointsMoved], list[Posting]]:
    def moves(decision: PointsMoved) -> list[Posting]:
        points = decision.points
        if not points:
            return []
        return [Posting(source=_CURRENT, destination=destination, points=points, currency=decision.currency)]

    return moves


POSTINGS: Final[dict[type[PointsMoved], Callable[[Any], list[Posting]]]] = {
    PointsIssued: _issued,
    PointsRedeemed: _out(LedgerAccount.REDEEMED),
    PointsExpired: _out(LedgerAccount.EXPIRED),
    PointsReversed: _out(LedgerAccount.REVERSED),
    PointsDebited: _out(LedgerAccount.ADJUSTED),
}
"""The decisions that move points."""


def postings(decision: Decision) -> list[Posting]:
    """The movements that a decision makes; none for a decision that moves no points."""
    return POSTINGS[type(decision)](decision) if isinstance(decision, PointsMoved) else []


def lifetime_change(decision: Decision) -> int:
    """What a decision posts to the memorandum `lifetime` of its currency.

    A correction by reference (a return) lowers it, a plain debit does not.
    """
    if isinstance(decision, PointsIssued):
        return decision.points
    if isinstance(decision, PointsReversed):
        return -decision.points
    return 0


def lots_moved(decision: PointsMoved) -> int:
    """The points that a decision puts into lots, less those that it takes out of them."""
    if isinstance(decision, PointsIssued):
        return sum(lot.points for lot in decision.lots)
    if isinstance(decision, PointsRedeemed | PointsExpired | PointsReversed | PointsDebited):
        return -sum(part.points for part in decision.taken)
    return 0
