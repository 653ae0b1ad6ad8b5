"""Rolling: a bill, a redemption or an event moves the expiry of rolling points, later and never earlier."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import as_date
from schemas.facts import ExpiryMoved, LotsMoved, MovedBy, PointsExpired
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.steps import adjust, block, bought, brought_back, day, did, instant, program, redeem, release, spend, tick

ROLLING = {"expiry": {"days": 10, "rolling": True}}
CURRENCIES = ("POINTS", "COINS", "STARS")
VISIT = {"id": "visit", "kind": "event", "event": "visit", "points": 2, "expiry": {"never": True}}


def rolling(version: int = 1, **points: Any) -> ProgramDefinition:
    return program(rules=[spend(), VISIT], points={**ROLLING, **points}, version=version)


def until(story: Story) -> list[tuple[int, str]]:
    """The open lots with their last days."""
    return [(lot.lot_id, str(as_date(lot.expires_on))) for lot in story.account().lots if lot.expires_on is not None]


def test_bill_moves_the_expiry_of_all_points_that_roll_and_tells_those_that_stay() -> None:
    story = given(
        rolling(), bought("B1", 300, "2011-03-01"), bought("B2", 200, "2011-03-01 13:00"), adjust(4, "2011-03-05")
    )
    story.when(bought("B3", 100, "2011-03-05 13:00"))
    assert story.decided[-1].decision == ExpiryMoved(
        currency="POINTS",
        moved_by=MovedBy.ACTIVITY,
        moved=(
            LotsMoved(
                remaining=5,
                lots=(1, 2),
                old_on=day("2011-03-11"),
                new_on=day("2011-03-15"),
                closes_at=instant("2011-03-16 00:00"),
            ),
            LotsMoved(
                remaining=5,
                lots=(3, 4),
                old_on=day("2011-03-15"),
                new_on=day("2011-03-15"),
                closes_at=instant("2011-03-16 00:00"),
            ),
        ),
    )
    assert until(story) == [(1, "2011-03-15"), (2, "2011-03-15"), (3, "2011-03-15"), (4, "2011-03-15")]
    story.when(tick("2011-03-15 23:59")).then_nothing()
    story.when(tick("2011-03-16 00:00"))
    assert [expired.points for expired in story.only(PointsExpired)] == [10]


def test_second_activity_of_a_day_moves_nothing() -> None:
    story = given(rolling(), bought("B1", 300, "2011-03-01")).when(bought("B2", 300, "2011-03-01 18:00"))
    assert story.only(ExpiryMoved) == []


@pytest.mark.parametrize(
    ("activity", "step", "moves"),
    [
        pytest.param({}, bought("B2", 0, "2011-03-05"), True, id="bill-that-earns-nothing"),
        pytest.param({"transactions": False}, bought("B2", 0, "2011-03-05"), False, id="bill-that-does-not-count"),
        pytest.param({}, bought("B2", 0, "2011-03-05", currency="EUR"), False, id="bill-in-other-money"),
        pytest.param({}, redeem(1, "2011-03-05"), True, id="redemption"),
        pytest.param({}, redeem(1_000, "2011-03-05"), False, id="refused-redemption"),
        pytest.param({}, redeem(1, "2011-03-05", program_id=2), False, id="redemption-in-another-program"),
        pytest.param({"redemptions": False}, redeem(1, "2011-03-05"), False, id="redemption-that-does-not-count"),
        pytest.param({}, did("visit", "2011-03-05"), False, id="event-that-is-not-named"),
        pytest.param({"events": ["visit"]}, did("visit", "2011-03-05"), True, id="event"),
        pytest.param({"events": ["visit"]}, did("other", "2011-03-05"), False, id="another-event"),
        pytest.param({}, adjust(5, "2011-03-05"), False, id="adjustment"),
        pytest.param({}, brought_back("B1", 100, "2011-03-05"), False, id="return"),
    ],
)
def test_what_counts_as_activity_is_what_the_program_says(activity: dict[str, Any], step: Any, moves: bool) -> None:  # noqa: FBT001
    story = given(rolling(activity=activity), program(program_id=2), bought("B1", 300, "2011-03-01")).when(step)
    assert ("2011-03-15" if moves else "2011-03-11", 1) in [(last, lot) for lot, last in until(story)]
    assert len(story.only(ExpiryMoved)) == moves


def test_late_activity_counts_by_its_own_date_and_moves_nothing_back() -> None:
    story = given(rolling(), bought("B1", 300, "2011-03-01"), bought("B2", 300, "2011-03-08"))
    assert until(story) == [(1, "2011-03-18"), (2, "2011-03-18")]
    story.when(bought("B3", 300, "2011-03-04"), as_of=instant("2011-03-09"))
    assert until(story) == [(3, "2011-03-14"), (1, "2011-03-18"), (2, "2011-03-18")]
    assert len(story.only(ExpiryMoved)) == 1


def test_points_that_have_expired_do_not_come_back() -> None:
    story = given(rolling(), bought("B1", 300, "2011-03-01"))
    story.when(bought("B2", 300, "2011-03-10"), as_of=instant("2011-03-12"))
    assert until(story) == [(2, "2011-03-20")]
    assert [expired.points for expired in story.only(PointsExpired)] == [3]


def test_points_of_a_late_bill_that_are_over_already_are_not_told_of() -> None:
    rules = [spend(), spend("long", expiry={"days": 100, "rolling": True})]
    story = given(program(rules=rules, points=ROLLING), bought("B1", 300, "2011-03-01"))
    story.when(bought("B2", 200, "2011-03-15"), as_of=instant("2011-04-02"))
    (moved,) = story.only(ExpiryMoved)
    assert [lot for row in moved.moved for lot in row.lots] == [2, 4]
    assert [expired.points for expired in story.only(PointsExpired)] == [3, 2]


def test_each_lot_rolls_by_the_terms_that_it_was_issued_with() -> None:
    rules = [spend(), spend("short", expiry={"days": 3, "rolling": True}), spend("fixed", expiry={"days": 9})]
    points = {"expiry": {"months": 1, "round_up": "month", "rolling": True}}
    story = given(program(rules=rules, points=points), bought("B1", 300, "2011-03-31"))
    assert until(story) == [(2, "2011-04-03"), (3, "2011-04-09"), (1, "2011-04-30")]
    story.play(redeem(1, "2011-04-02"))
    assert until(story) == [(2, "2011-04-05"), (3, "2011-04-09"), (1, "2011-05-31")]
    story.play(redeem(1, "2011-04-05"))
    story.play(redeem(1, "2011-04-07", id="last"))
    assert story.lots() == [(3, 3), (1, 3)]
    assert until(story.when(bought("B2", 100, "2011-04-08"))) == [
        (3, "2011-04-09"),
        (5, "2011-04-11"),
        (6, "2011-04-17"),
        (1, "2011-05-31"),
        (4, "2011-05-31"),
    ]


def test_lot_that_overtakes_another_one_is_spent_after_it() -> None:
    rules = [spend(), spend("fixed", expiry={"days": 12})]
    story = given(program(rules=rules, points=ROLLING), bought("B1", 300, "2011-03-01"))
    assert story.lots() == [(1, 3), (2, 3)]
    story.play(redeem(1, "2011-03-05"))
    assert story.lots() == [(2, 3), (1, 2)]


def test_points_that_are_put_aside_roll_as_others_do() -> None:
    story = given(rolling(), bought("B1", 300, "2011-03-01"), bought("B2", 200, "2011-03-02"))
    story.play(block(4, "2011-03-03", id="h"))
    assert story.lots() == [(2, 1)]
    story.play(bought("B3", 100, "2011-03-05"))
    assert [(row.remaining, row.lots) for row in story.only(ExpiryMoved)[-1].moved] == [(5, (2, 1)), (1, (3,))]
    story.play(release("h", "2011-03-14"))
    assert until(story) == [(1, "2011-03-15"), (2, "2011-03-15"), (3, "2011-03-15")]


def test_points_that_are_put_aside_past_their_last_day_do_not_roll() -> None:
    story = given(rolling(), bought("B1", 300, "2011-03-01"), block(3, "2011-03-03", id="h"))
    story.play(bought("B2", 100, "2011-03-12"))
    assert story.only(ExpiryMoved) == []


def test_each_currency_has_its_own_activity() -> None:
    coins = {"id": "COINS", "expiry": {"days": 5, "rolling": True}, "activity": {"transactions": False}}
    stars = {"id": "STARS", "expiry": {"days": 6, "rolling": True}, "activity": {"events": ["visit"]}}
    rules = [spend(), spend("coins", currency="COINS"), spend("stars", currency="STARS")]
    definition = program(rules=rules, points=ROLLING, currencies=[coins, stars])

    def days(story: Story) -> list[str]:
        return [str(as_date(story.account(currency=one).lots[0].expires_on or 0)) for one in CURRENCIES]

    story = given(definition, bought("B1", 300, "2011-03-01"))
    assert days(story) == ["2011-03-11", "2011-03-06", "2011-03-07"]
    assert days(story.when(bought("B2", 100, "2011-03-02"))) == ["2011-03-12", "2011-03-06", "2011-03-08"]
    assert [moved.currency for moved in story.only(ExpiryMoved)] == ["POINTS", "STARS"]
    assert days(story.when(redeem(1, "2011-03-03", currency="COINS"))) == ["2011-03-12", "2011-03-08", "2011-03-08"]
    assert days(story.when(did("visit", "2011-03-04"))) == ["2011-03-12", "2011-03-08", "2011-03-10"]


def test_points_keep_their_terms_when_a_version_changes_them() -> None:
    changed = rolling(version=2, expiry={"months": 1, "rolling": True})
    story = given(rolling(), bought("B1", 300, "2011-03-01"), changed, bought("B2", 300, "2011-03-05"))
    assert until(story) == [(1, "2011-03-15"), (2, "2011-04-05")]


def test_nothing_rolls_while_no_points_of_the_version_do() -> None:
    fixed = rolling(version=2, expiry={"days": 20})
    story = given(rolling(), bought("B1", 300, "2011-03-01"), fixed, bought("B2", 300, "2011-03-05"))
    assert until(story) == [(1, "2011-03-11"), (2, "2011-03-25")]


def test_points_expire_so_many_days_after_the_last_activity() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"inactive_days": 30}}), bought("B1", 300, "2011-03-01"))
    story.play(adjust(5, "2011-03-20"))
    story.play(redeem(1, "2011-03-25"))
    assert until(story) == [(1, "2011-04-24"), (2, "2011-04-24")]
    story.when(tick("2011-04-25 00:00"))
    assert [expired.points for expired in story.only(PointsExpired)] == [7]


@pytest.mark.parametrize(
    ("first", "next_day", "zone", "last"),
    [
        pytest.param("2011-01-31 23:59", "2011-02-28 23:59", "Europe/London", "2011-03-28", id="month-end"),
        pytest.param("2012-01-31 12:00", "2012-02-29 00:00", "Europe/London", "2012-03-29", id="leap-day"),
        pytest.param("2011-03-26 12:00", "2011-03-27 23:59", "Europe/London", "2011-04-27", id="23-hours"),
        pytest.param("2011-10-29 12:00", "2011-10-30 01:30", "Europe/London", "2011-11-30", id="25-hours"),
        pytest.param("2011-11-29 12:00", "2011-11-30 12:00", "Pacific/Apia", "2011-12-29", id="to-a-skipped-date"),
        pytest.param("2011-12-29 12:00", "2011-12-31 00:00", "Pacific/Apia", "2012-01-31", id="over-a-skipped-date"),
    ],
)
def test_activity_counts_by_its_local_date(first: str, next_day: str, zone: str, last: str) -> None:
    definition = program(rules=[spend()], points={"expiry": {"months": 1, "rolling": True}}, zone=zone)
    story = given(definition, bought("B1", 300, instant(first, zone)), redeem(1, instant(next_day, zone)))
    assert until(story) == [(1, last)]
