"""Holds: points that are put aside, and come back with their own last day."""

from __future__ import annotations

import pytest

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    HoldFor,
    PointsExpired,
    PointsHeld,
    PointsRedeemed,
    PointsReleased,
    RecordRefused,
    Refusal,
    ReleasedBecause,
    Taken,
)
from schemas.records import AnyCustomerRecord
from tests.dsl import BOOKKEEPING, given
from tests.steps import adjust, block, bought, day, instant, program, redeem, release, spend, tick

TEN_DAYS = program(rules=[spend()], points={"expiry": {"days": 10}})
B1 = bought("B1", 1_000, "2011-03-01")
B2 = bought("B2", 700, "2011-03-02")


def test_block_puts_points_aside_that_would_be_spent_first() -> None:
    story = given(TEN_DAYS, B1, B2).when(
        block(12, "2011-03-03", id="h", until="2011-03-05 18:00", reason="stolen card", entered_by="desk 3")
    )
    story.then(
        PointsHeld(
            currency="POINTS",
            points=12,
            balance=5,
            hold_id="h",
            kind=HoldFor.BLOCK,
            taken=(Taken(lot_id=1, points=10), Taken(lot_id=2, points=2)),
            ends_at=instant("2011-03-05 18:00"),
            reason="stolen card",
            entered_by="desk 3",
        ),
        ignoring=BOOKKEEPING,
    )
    assert (story.lots(), story.holds()) == ([(2, 5)], [("h", 12)])


def test_blocked_points_cannot_be_spent_or_taken_away() -> None:
    story = given(TEN_DAYS, B1, block(8, "2011-03-02"))
    for record in (redeem(3, "2011-03-03"), adjust(-3, "2011-03-03"), block(3, "2011-03-03")):
        story.when(record).then(
            RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject=str(record.points)), ignoring=BOOKKEEPING
        )


def test_released_points_lie_in_their_lots_again() -> None:
    story = given(TEN_DAYS, B1, B2, block(12, "2011-03-03", id="h"))
    story.when(release("h", "2011-03-04", reason="found again", entered_by="desk 1")).then(
        PointsReleased(
            currency="POINTS",
            points=12,
            balance=17,
            hold_id="h",
            kind=HoldFor.BLOCK,
            because=ReleasedBecause.REQUESTED,
            restored=(Taken(lot_id=1, points=10), Taken(lot_id=2, points=2)),
            reason="found again",
            entered_by="desk 1",
        ),
        ignoring=BOOKKEEPING,
    )
    assert (story.lots(), story.holds()) == ([(1, 10), (2, 7)], [])
    assert story.totals() == {LedgerAccount.ISSUED: -17, LedgerAccount.CURRENT: 17, LedgerAccount.LIFETIME: 17}
    story.when(tick("2011-03-12"))
    assert [(expired.points, expired.expired_on) for expired in story.only(PointsExpired)] == [(10, day("2011-03-11"))]


def test_lot_of_the_same_instant_and_last_day_comes_back_to_its_place() -> None:
    twice = program(rules=[spend(), spend("more")])
    story = given(twice, B1, bought("B2", 500, instant("2011-03-01")), block(20, "2011-03-02", id="h"))
    story.play(release("h", "2011-03-03"))
    assert [lot for lot, _ in story.lots()] == [1, 2]


def test_hold_ends_by_itself_at_its_end() -> None:
    story = given(TEN_DAYS, B1, block(8, "2011-03-02", id="h", until="2011-03-05 18:00"))
    story.when(tick(instant("2011-03-05 18:00") - 1)).then_nothing()
    story.when(tick("2011-03-05 18:00")).then(
        PointsReleased(
            currency="POINTS",
            points=8,
            balance=10,
            hold_id="h",
            kind=HoldFor.BLOCK,
            because=ReleasedBecause.ENDED,
            restored=(Taken(lot_id=1, points=8),),
        )
    )
    assert story.envelopes(PointsReleased)[0].cause == f"holdEnd:1/h:{instant('2011-03-05 18:00')}"


def test_hold_without_an_end_waits_for_somebody() -> None:
    given(program(rules=[spend()]), B1, block(8, "2011-03-02")).when(tick("9999-12-31")).then_nothing()


def test_points_block_that_came_after_its_own_end_is_released_in_the_same_turn() -> None:
    story = given(TEN_DAYS, B1)
    late = block(8, "2011-03-02", until="2011-03-03")
    story.play(late, as_of=instant("2011-03-04"))
    assert (story.balance(), story.holds()) == (10, [])


@pytest.mark.parametrize(
    ("released_at", "left"),
    [
        pytest.param("2011-03-11 23:59", 8, id="on-the-last-day"),
        pytest.param("2011-03-12 00:00", 0, id="when-the-last-day-is-over"),
        pytest.param("2011-05-01 00:00", 0, id="long-after"),
    ],
)
def test_held_points_do_not_expire_until_they_are_released(released_at: str, left: int) -> None:
    story = given(TEN_DAYS, B1, block(8, "2011-03-02", id="h"), redeem(2, "2011-03-02 13:00"))
    story.play(tick(released_at))
    assert story.only(PointsExpired) == []
    story.play(release("h", released_at))
    assert story.balance() == left


def test_points_released_past_their_last_day_expire_in_that_turn() -> None:
    story = given(TEN_DAYS, B1, B2, block(12, "2011-03-03", id="h"), tick("2011-03-12"))
    story.when(release("h", "2011-03-12 09:00")).then(
        PointsReleased(
            currency="POINTS",
            points=12,
            balance=17,
            hold_id="h",
            kind=HoldFor.BLOCK,
            because=ReleasedBecause.REQUESTED,
            restored=(Taken(lot_id=1, points=10), Taken(lot_id=2, points=2)),
            reason="found again",
        ),
        PointsExpired(
            currency="POINTS",
            points=10,
            balance=7,
            expired_on=day("2011-03-11"),
            taken=(Taken(lot_id=1, points=10),),
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.lots() == [(2, 7)]


def test_points_of_several_last_days_expire_date_by_date() -> None:
    story = given(TEN_DAYS, B1, B2, block(17, "2011-03-03", id="h"))
    story.play(release("h", "2011-04-01"))
    assert [(expired.expired_on, expired.points, expired.balance) for expired in story.only(PointsExpired)] == [
        (day("2011-03-11"), 10, 7),
        (day("2011-03-12"), 7, 0),
    ]


def test_hold_that_ends_at_midnight_is_released_before_points_expire() -> None:
    story = given(TEN_DAYS, B1, block(8, "2011-03-02", until="2011-03-12 00:00")).when(tick("2011-03-12"))
    kinds = [(fact.envelope.cause.partition(":")[0], type(fact.decision)) for fact in story.decided]
    assert kinds == [("holdEnd", PointsReleased), ("holdEnd", PointsExpired), ("expiry", PointsExpired)]


def test_hold_id_is_free_again_after_the_release() -> None:
    story = given(program(rules=[spend()]), B1, block(8, "2011-03-02", id="h"), release("h", "2011-03-03"))
    story.play(block(8, "2011-05-02", id="h"))
    assert story.holds() == [("h", 8)]


@pytest.mark.parametrize(
    ("record", "reason", "subject"),
    [
        pytest.param(block(11, "2011-03-02"), Refusal.BALANCE_TOO_LOW, "11", id="more-than-the-balance"),
        pytest.param(block(1, "2011-03-02", currency="MILES"), Refusal.CURRENCY_UNKNOWN, "MILES", id="currency"),
        pytest.param(block(1, "2011-03-02", program_id=9), Refusal.PROGRAM_UNKNOWN, "9", id="program"),
        pytest.param(release("h", "2011-03-02", program_id=9), Refusal.PROGRAM_UNKNOWN, "9", id="release-elsewhere"),
        pytest.param(release("x", "2011-03-02"), Refusal.HOLD_UNKNOWN, "x", id="unknown-hold"),
    ],
)
def test_request_that_cannot_be_met_is_refused(record: AnyCustomerRecord, reason: Refusal, subject: str) -> None:
    given(TEN_DAYS, B1).when(record).then(RecordRefused(reason=reason, subject=subject), ignoring=BOOKKEEPING)


def test_hold_belongs_to_the_program_that_it_was_made_in() -> None:
    both = (TEN_DAYS, program(program_id=2, rules=[spend()]))
    story = given(*both, B1, block(8, "2011-03-02", id="h", program_id=2))
    assert (story.holds(1), story.holds(2), story.balance(1)) == ([], [("h", 8)], 10)
    story.when(release("h", "2011-03-03")).then(
        RecordRefused(reason=Refusal.HOLD_UNKNOWN, subject="h"), ignoring=BOOKKEEPING
    )
    story.play(release("h", "2011-03-04", program_id=2))
    assert story.balance(2) == 10


def test_holds_that_end_together_are_released_in_the_order_of_their_ids() -> None:
    story = given(TEN_DAYS, B1)
    for hold_id in ("b", "a"):
        story.play(block(3, "2011-03-02", id=hold_id, until="2011-03-05"))
    story.when(tick("2011-03-05"))
    assert [(one.hold_id, one.balance) for one in story.only(PointsReleased)] == [("a", 7), ("b", 10)]


def test_the_rest_of_a_lot_can_be_spent_while_a_part_is_held() -> None:
    story = given(TEN_DAYS, B1, block(8, "2011-03-02", id="h"), redeem(2, "2011-03-03"))
    story.play(release("h", "2011-03-04"))
    assert ([one.taken for one in story.only(PointsRedeemed)], story.lots()) == (
        [(Taken(lot_id=1, points=2),)],
        [(1, 8)],
    )
