"""Postings: which accounts a decision moves points between."""

from __future__ import annotations

import pytest

from pipeline.engine.ledger.postings import MOVEMENTS, Posting, lots_moved, postings
from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    Award,
    Decision,
    HoldFor,
    IssuedFor,
    LotOpened,
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
    PointsReversed,
    PointsTakenOver,
    ReleasedBecause,
    Reversal,
    Taken,
    TierUpgraded,
)

TAKEN = (Taken(lot_id=1, points=5),)
AWARDS = tuple(
    Award(issued_for=issued_for, rule_id=rule, points=points, lot_id=1)
    for issued_for, rule, points in ((IssuedFor.SPEND, "base", 2), (IssuedFor.EVENT, "more", 3))
)
ISSUED = PointsIssued(
    currency="POINTS",
    points=5,
    activity="",
    awards=AWARDS,
    lots=(LotOpened(lot_id=1, points=5, expires_on=None, closes_at=None),),
    balance=5,
    lifetime=5,
)


def returned(points: int) -> PointsReversed:
    """A return that claims 5 points and takes so many."""
    reversal = Reversal(rule_id="base", lot_id=1, claimed=5, points=points, forgiven=5 - points)
    return PointsReversed(
        currency="POINTS",
        points=points,
        of_bill="B1",
        reversals=(reversal,),
        reversed_of_bill=points,
        balance=5 - points,
        lifetime=5 - points,
    )


REVERSED = returned(5)
FORGIVEN = returned(0)
SPENT = {
    LedgerAccount.REDEEMED: PointsRedeemed(
        currency="POINTS", points=5, redemption_id="r", taken=TAKEN, balance=0, value_minor=5
    ),
    LedgerAccount.EXPIRED: PointsExpired(currency="POINTS", points=5, expired_on=0, taken=TAKEN, balance=0),
    LedgerAccount.ADJUSTED: PointsDebited(currency="POINTS", points=5, reason="why", taken=TAKEN, balance=0),
    LedgerAccount.REVERSED: REVERSED,
    LedgerAccount.BLOCKED: PointsHeld(
        currency="POINTS", points=5, balance=0, hold_id="h", kind=HoldFor.BLOCK, taken=TAKEN, ends_at=None
    ),
}
RELEASED = PointsReleased(
    currency="POINTS",
    points=5,
    balance=5,
    hold_id="h",
    kind=HoldFor.BLOCK,
    because=ReleasedBecause.ENDED,
    restored=TAKEN,
)


def test_every_award_is_a_posting_with_its_reason() -> None:
    assert postings(ISSUED) == [
        Posting(
            source=LedgerAccount.ISSUED,
            destination=LedgerAccount.CURRENT,
            points=award.points,
            currency="POINTS",
            issued_for=award.issued_for,
            rule_id=award.rule_id,
        )
        for award in AWARDS
    ]


@pytest.mark.parametrize("account", list(SPENT), ids=lambda account: account.text)
def test_points_that_leave_go_from_current_to_the_account_of_their_reason(account: LedgerAccount) -> None:
    assert postings(SPENT[account]) == [
        Posting(source=LedgerAccount.CURRENT, destination=account, points=5, currency="POINTS")
    ]


def test_released_points_come_back_from_blocked_to_current() -> None:
    assert postings(RELEASED) == [
        Posting(source=LedgerAccount.BLOCKED, destination=LedgerAccount.CURRENT, points=5, currency="POINTS")
    ]


@pytest.mark.parametrize(
    "decision",
    [
        pytest.param(FORGIVEN, id="all-forgiven"),
        pytest.param(TierUpgraded(previous=1, reached=2, basis_value=5), id="not-about-points"),
    ],
)
def test_decision_that_moves_no_points_has_no_postings(decision: Decision) -> None:
    assert postings(decision) == []


@pytest.mark.parametrize(
    ("decision", "moved"),
    [
        pytest.param(ISSUED, 5, id="issued"),
        pytest.param(REVERSED, -5, id="taken-back-by-a-return"),
        pytest.param(FORGIVEN, 0, id="all-forgiven"),
        pytest.param(SPENT[LedgerAccount.REDEEMED], -5, id="redeemed"),
        pytest.param(SPENT[LedgerAccount.BLOCKED], -5, id="held"),
        pytest.param(RELEASED, 5, id="released"),
    ],
)
def test_lots_hold_what_the_postings_bring_to_current(decision: PointsMoved, moved: int) -> None:
    assert lots_moved(decision) == moved


def test_lifetime_points_count_what_becomes_current_and_what_returns_take_of_it() -> None:
    changes = {
        (kind, movement.source, movement.destination): movement.lifetime
        for kind, movements in MOVEMENTS.items()
        for movement in movements
        if movement.lifetime
    }
    assert changes == {
        (PointsIssued, LedgerAccount.ISSUED, LedgerAccount.CURRENT): 1,
        (PointsConverted, LedgerAccount.PROMISED, LedgerAccount.CURRENT): 1,
        (PointsReversed, LedgerAccount.CURRENT, LedgerAccount.REVERSED): -1,
        (PointsReversed, LedgerAccount.DEFICIT, LedgerAccount.REVERSED): -1,
        (PointsCancelled, LedgerAccount.CURRENT, LedgerAccount.REVERSED): -1,
        (PointsCancelled, LedgerAccount.DEFICIT, LedgerAccount.REVERSED): -1,
        (PointsReclaimed, LedgerAccount.CURRENT, LedgerAccount.REVERSED): -1,
        (PointsReclaimed, LedgerAccount.DEFICIT, LedgerAccount.REVERSED): -1,
        (PointsReceived, LedgerAccount.TRANSFERRED, LedgerAccount.CURRENT): 1,
        (PointsHandedOver, LedgerAccount.TRANSFERRED, LedgerAccount.TRANSFERRED): -1,
        (PointsTakenOver, LedgerAccount.TRANSFERRED, LedgerAccount.TRANSFERRED): 1,
    }


def test_accounts_stand_at_their_places_in_stored_totals() -> None:
    """Given once: a number of an account is never used for another."""
    assert {account.value: account.text for account in LedgerAccount} == {
        0: "issued",
        1: "promised",
        2: "current",
        3: "blocked",
        4: "redeemed",
        5: "expired",
        6: "reversed",
        7: "transferred",
        8: "adjusted",
        9: "deficit",
        10: "lifetime",
    }
