"""Postings: the double-entry ledger as a pure function of facts.

Every movement of points has a source and a destination, so every entry sums to zero. `member` is the customer's own
account: what the member's postings come to is the balance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from schemas import facts
from schemas.facts import Fact


class Posting(NamedTuple):
    """Points that move from one account to another."""

    source: str
    destination: str
    points: int
    currency: str


MEMBER: Final = "member"


def postings(fact: Fact) -> list[Posting]:
    """The movements that a fact makes; none for a fact that moves no points."""
    move = MOVES.get(type(fact))
    return [] if move is None else move(fact)


def _issued(fact: facts.PointsIssued) -> list[Posting]:
    return [Posting(f"issued:{fact.issued_for}", MEMBER, fact.points, fact.currency)]


def _redeemed(fact: facts.PointsRedeemed) -> list[Posting]:
    return [Posting(MEMBER, "redeemed", fact.points, fact.currency)]


def _expired(fact: facts.PointsExpired) -> list[Posting]:
    return [Posting(MEMBER, "expired", fact.points, fact.currency)]


def _reversed(fact: facts.PointsReversed) -> list[Posting]:
    return [Posting(MEMBER, "reversed", fact.points, fact.currency)] if fact.points else []


def _debited(fact: facts.PointsDebited) -> list[Posting]:
    return [Posting(MEMBER, "debited", fact.points, fact.currency)]


MOVES: Final[dict[type[Fact], Callable[[Any], list[Posting]]]] = {
    facts.PointsIssued: _issued,
    facts.PointsRedeemed: _redeemed,
    facts.PointsExpired: _expired,
    facts.PointsReversed: _reversed,
    facts.PointsDebited: _debited,
}
