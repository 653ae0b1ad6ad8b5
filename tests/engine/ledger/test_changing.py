"""Expiry by request: points expire earlier, later or now, each lot or all of them, and why is kept."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import as_date
from schemas.facts import ExpiryMoved, LotsMoved, MovedBy, PointsExpired, RecordRefused, Refusal, Taken
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    adjust,
    block,
    bought,
    day,
    expire_now,
    expire_on,
    extend,
    instant,
    program,
    redeem,
    release,
    reverse,
    spend,
    tick,
)

PROGRAM = program(rules=[spend()], points={"expiry": {"days": 10}}, currencies=[{"id": "COINS"}])
TWO_LOTS = (PROGRAM, bought("B1", 300, "2011-03-01"), bought("B2", 500, "2011-03-05"))
"""Three points until 11 March, five until 15 March."""


def until(story: Story) -> list[tuple[int, str | None]]:
    """The open lots with their last days."""
    return [
        (lot.lot_id, None if lot.expires_on is None else str(as_date(lot.expires_on))) for lot in story.account().lots
    ]


def refused(reason: Refusal, subject: str = "") -> RecordRefused:
    return RecordRefused(reason=reason, subject=subject)


def test_all_points_are_let_expire_later_and_why_is_kept() -> None:
    story = given(*TWO_LOTS).when(extend("2011-03-15", "2011-03-06", entered_by="Eve", reason="a storm"))
    story.then(
        ExpiryMoved(
            currency="POINTS",
            moved_by=MovedBy.EXTEND,
            moved=(
                LotsMoved(
                    remaining=3,
                    lots=(1,),
                    old_on=day("2011-03-11"),
                    new_on=day("2011-03-15"),
                    closes_at=instant("2011-03-16 00:00"),
                ),
                LotsMoved(
                    remaining=5,
                    lots=(2,),
                    old_on=day("2011-03-15"),
                    new_on=day("2011-03-15"),
                    closes_at=instant("2011-03-16 00:00"),
                ),
            ),
            reason="a storm",
            entered_by="Eve",
        ),
        ignoring=BOOKKEEPING,
    )
    story.when(tick("2011-03-15 23:59")).then_nothing()
    assert story.when(tick("2011-03-16 00:00")).decided[-1].decision.points == 8  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("step", "last_days"),
    [
        pytest.param(
            extend("2011-03-13", "2011-03-06"), [(1, "2011-03-13"), (2, "2011-03-15")], id="later-where-later"
        ),
        pytest.param(expire_on("2011-03-13", "2011-03-06"), [(1, "2011-03-11"), (2, "2011-03-13")], id="only-earlier"),
        pytest.param(expire_on("2011-03-06", "2011-03-06"), [(1, "2011-03-06"), (2, "2011-03-06")], id="today"),
        pytest.param(extend("2012-02-29", "2011-03-06", 2), [(1, "2011-03-11"), (2, "2012-02-29")], id="one-lot"),
        pytest.param(expire_on("2011-03-07", "2011-03-06", 2), [(2, "2011-03-07"), (1, "2011-03-11")], id="overtaking"),
        pytest.param(extend("2011-04-01", "2011-03-06", 1, 2), [(1, "2011-04-01"), (2, "2011-04-01")], id="both-lots"),
    ],
)
def test_points_expire_on_the_date_that_is_asked_for(step: Any, last_days: list[tuple[int, str]]) -> None:
    assert until(given(*TWO_LOTS).when(step)) == last_days


@pytest.mark.parametrize(
    ("step", "reason", "subject"),
    [
        pytest.param(extend("2011-03-11", "2011-03-06"), Refusal.NOTHING_CHANGES, "2011-03-11", id="not-later"),
        pytest.param(expire_on("2011-03-15", "2011-03-06"), Refusal.NOTHING_CHANGES, "2011-03-15", id="not-earlier"),
        pytest.param(extend("2011-03-05", "2011-03-06"), Refusal.EXPIRY_PASSED, "2011-03-05", id="yesterday"),
        pytest.param(expire_on("2011-03-05", "2011-03-06"), Refusal.EXPIRY_PASSED, "2011-03-05", id="over"),
        pytest.param(extend("2011-04-01", "2011-03-06", 1, 3), Refusal.LOT_UNKNOWN, "3", id="no-such-lot"),
        pytest.param(
            extend("2011-04-01", "2011-03-06", currency="STARS"), Refusal.CURRENCY_UNKNOWN, "STARS", id="money"
        ),
        pytest.param(extend("2011-04-01", "2011-03-06", program_id=2), Refusal.PROGRAM_UNKNOWN, "2", id="program"),
        pytest.param(
            extend("2011-04-01", "2011-03-06", currency="COINS"), Refusal.NOTHING_CHANGES, "2011-04-01", id="none"
        ),
        pytest.param(expire_now("2011-03-06", 3), Refusal.LOT_UNKNOWN, "3", id="no-such-lot-now"),
        pytest.param(expire_now("2011-03-06", currency="STARS"), Refusal.CURRENCY_UNKNOWN, "STARS", id="money-now"),
        pytest.param(expire_now("2011-03-06", currency="COINS"), Refusal.NOTHING_CHANGES, "", id="none-now"),
    ],
)
def test_request_that_cannot_be_done_is_refused_and_changes_nothing(step: Any, reason: Refusal, subject: str) -> None:
    story = given(*TWO_LOTS).when(step)
    assert story.decided[-1].decision == refused(reason, subject)
    assert until(story) == [(1, "2011-03-11"), (2, "2011-03-15")]


def test_date_is_over_when_the_clock_of_the_customer_has_passed_it() -> None:
    story = given(*TWO_LOTS).when(expire_on("2011-03-06", "2011-03-06"), as_of=instant("2011-03-07 00:00"))
    assert story.decided[-1].decision == refused(Refusal.EXPIRY_PASSED, "2011-03-06")


def test_another_program_of_the_org_is_left_alone() -> None:
    other = program(program_id=2, rules=[spend()], points={"expiry": {"days": 10}})
    story = given(other, *TWO_LOTS)
    story.play(extend("2011-04-01", "2011-03-06"))
    story.play(expire_now("2011-03-07", 1))
    assert [lot.expires_on for lot in story.account(program_id=2).lots] == [day("2011-03-11"), day("2011-03-15")]
    assert {envelope.program_id for envelope in story.envelopes(ExpiryMoved)} == {1}


def test_points_that_never_expire_can_only_expire_earlier() -> None:
    story = given(program(), adjust(5, "2011-03-01"))
    assert story.when(extend("2011-04-01", "2011-03-02")).decided[-1].decision == refused(
        Refusal.NOTHING_CHANGES, "2011-04-01"
    )
    assert until(story.when(expire_on("2011-04-01", "2011-03-03"))) == [(1, "2011-04-01")]
    assert [row.old_on for row in story.only(ExpiryMoved)[-1].moved] == [None]


def test_points_that_never_expire_are_left_out_of_what_is_moved() -> None:
    rules = [spend(), spend("kept", expiry={"never": True})]
    story = given(program(rules=rules, points={"expiry": {"days": 10}}), bought("B1", 300, "2011-03-01"))
    assert until(story.when(extend("2011-04-01", "2011-03-02"))) == [(1, "2011-04-01"), (2, None)]
    assert [row.lots for row in story.only(ExpiryMoved)[-1].moved] == [(1,)]


@pytest.mark.parametrize(
    ("zone", "asked", "last", "closes"),
    [
        pytest.param("Europe/London", "2011-03-27", "2011-03-27", "2011-03-28 00:00", id="23-hours"),
        pytest.param("Europe/London", "2011-10-30", "2011-10-30", "2011-10-31 00:00", id="25-hours"),
        pytest.param("Europe/London", "2012-02-29", "2012-02-29", "2012-03-01 00:00", id="leap-day"),
        pytest.param("America/Sao_Paulo", "2018-11-03", "2018-11-03", "2018-11-04 01:00", id="skipped-midnight"),
        pytest.param("Pacific/Apia", "2011-12-30", "2011-12-29", "2011-12-31 00:00", id="date-that-never-was"),
    ],
)
def test_points_close_when_the_asked_date_is_over_in_the_zone_of_the_program(
    zone: str, asked: str, last: str, closes: str
) -> None:
    story = given(program(zone=zone), adjust(5, "2011-01-01")).when(expire_on(asked, "2011-01-02"))
    (lot,) = story.account().lots
    assert (lot.expires_on, lot.closes_at) == (day(last), instant(closes, zone))


def test_points_that_are_put_aside_are_moved_and_do_not_expire_now() -> None:
    story = given(*TWO_LOTS, block(4, "2011-03-06", id="h"))
    story.play(extend("2011-03-20", "2011-03-07"))
    assert [(row.remaining, row.lots) for row in story.only(ExpiryMoved)[-1].moved] == [(5, (2,)), (3, (1,))]
    story.play(expire_now("2011-03-08"))
    assert [expired.points for expired in story.only(PointsExpired)] == [4]
    story.play(release("h", "2011-03-18"))
    assert until(story) == [(1, "2011-03-20"), (2, "2011-03-20")]


def test_points_that_are_put_aside_past_their_last_day_are_not_moved() -> None:
    story = given(*TWO_LOTS, block(3, "2011-03-06", id="h"))
    story.play(extend("2011-03-20", "2011-03-12"))
    assert [row.lots for row in story.only(ExpiryMoved)[-1].moved] == [(2,)]


def test_points_of_which_all_is_put_aside_do_not_expire_now() -> None:
    story = given(*TWO_LOTS, block(8, "2011-03-06", id="h")).when(expire_now("2011-03-07"))
    assert story.decided[-1].decision == refused(Refusal.NOTHING_CHANGES)


def test_points_expire_now_and_why_is_kept() -> None:
    story = given(*TWO_LOTS, redeem(1, "2011-03-06"))
    story.when(expire_now("2011-03-07 23:59", 1, entered_by="Eve", reason="fraud")).then(
        PointsExpired(
            currency="POINTS",
            points=2,
            balance=5,
            expired_on=day("2011-03-07"),
            taken=(Taken(lot_id=1, points=2),),
            reason="fraud",
            entered_by="Eve",
        ),
        ignoring=BOOKKEEPING,
    )
    assert until(story.when(expire_now("2011-03-08"))) == []
    assert story.balance() == 0
    story.when(tick("2011-04-01")).then_nothing()


def test_points_that_expire_now_expire_on_the_day_of_the_decision() -> None:
    story = given(*TWO_LOTS).when(expire_now("2011-03-07 23:59"), as_of=instant("2011-03-08 00:01"))
    assert [expired.expired_on for expired in story.only(PointsExpired)] == [day("2011-03-08")]


def test_request_that_comes_twice_is_done_once() -> None:
    story = given(*TWO_LOTS, expire_now("2011-03-07", 1))
    story.when(expire_now("2011-03-07", 1)).then_nothing()


@pytest.mark.parametrize(
    ("change", "back_on", "last"),
    [
        pytest.param(extend("2011-06-30", "2011-03-05"), "2011-03-06", "2011-06-30", id="later"),
        pytest.param(
            extend("2011-06-30", "2011-03-05"), "2011-03-25", "2011-06-30", id="later-and-after-the-day-it-was"
        ),
        pytest.param(expire_on("2011-03-08", "2011-03-05"), "2011-03-06", "2011-03-08", id="earlier"),
    ],
)
@pytest.mark.parametrize("held", [True, False])
def test_points_of_a_redemption_come_back_with_the_last_day_that_their_lot_has_by_then(
    change: Step, back_on: str, last: str, *, held: bool
) -> None:
    story = given(PROGRAM, bought("B1", 1_000, "2011-03-01"))
    for step in (*([block(6, "2011-03-02")] if held else []), redeem(4, "2011-03-03"), change):
        story.play(step)
    story.play(reverse("d-2011-03-03", back_on))
    if held:
        story.play(release("h-2011-03-02", f"{back_on} 13:00"))
    assert until(story) == [(1, last)]
    assert story.balance() == 10
