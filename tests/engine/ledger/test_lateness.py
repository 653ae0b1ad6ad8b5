"""Redemptions of before midnight that arrive after it: they spend what has expired meanwhile, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.ledger import lateness
from schemas.facts import (
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsRedeemed,
    PointsReleased,
    PointsRestored,
    RecordRefused,
    Refusal,
    Taken,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import adjust, bought, did, expire_now, instant, program, redeem, release, reverse, spend, tick

MIDNIGHT = instant("2011-03-12 00:00")
MINUTE = 60_000


def shop(**redemption: Any) -> ProgramDefinition:
    return program(rules=[spend()], points={"expiry": {"days": 10}}, redemption=redemption)


def at_midnight(definition: ProgramDefinition) -> Story:
    """Five points expire at midnight, and three stay."""
    return given(definition, bought("B1", 500, "2011-03-01"), bought("B2", 300, "2011-03-05"), tick(MIDNIGHT))


def test_points_that_expired_meanwhile_come_back_as_far_as_they_are_redeemed() -> None:
    story = at_midnight(shop()).when(redeem(4, MIDNIGHT - 1, id="d"), as_of=MIDNIGHT + 14 * MINUTE)
    story.then(
        PointsRestored(currency="POINTS", points=4, balance=7, restored=(Taken(lot_id=1, points=4),)),
        PointsRedeemed(
            currency="POINTS",
            points=4,
            redemption_id="d",
            taken=(Taken(lot_id=1, points=4),),
            balance=3,
            value_minor=4,
            reversible_until=story.only(PointsRedeemed)[0].reversible_until,
            forgotten_at=story.only(PointsRedeemed)[0].forgotten_at,
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.lots() == [(2, 3)]
    story.play(tick("2011-04-01"))
    assert [one.points for one in story.only(PointsExpired)] == [5, 3]


@pytest.mark.parametrize(
    ("made", "minutes", "tolerance", "comes_back"),
    [
        pytest.param(-1, 0, 15, True, id="a-millisecond-before-and-at-once"),
        pytest.param(-1, 14, 15, True, id="within"),
        pytest.param(-1, 15, 15, False, id="as-late-as-the-tolerance"),
        pytest.param(0, 1, 15, False, id="made-at-midnight"),
        pytest.param(-600 * MINUTE, 1, 15, True, id="made-hours-before"),
        pytest.param(-1, 0, 0, False, id="no-tolerance"),
        pytest.param(-1, 1_439, 1_440, True, id="a-day"),
    ],
)
def test_redemption_counts_as_made_before_within_the_tolerance(
    made: int,
    minutes: int,
    tolerance: int,
    comes_back: bool,  # noqa: FBT001
) -> None:
    story = at_midnight(shop(late_minutes=tolerance))
    story.play(redeem(5, MIDNIGHT + made), as_of=MIDNIGHT + minutes * MINUTE)
    assert [one.points for one in story.only(PointsRestored)] == ([5] if comes_back else [])
    refused = [one.reason for one in story.only(RecordRefused)]
    assert refused == ([] if comes_back else [Refusal.BALANCE_TOO_LOW])


def test_tolerance_is_fifteen_minutes_unless_the_program_says_otherwise() -> None:
    assert shop().redemption.late_minutes == 15


@pytest.mark.parametrize(
    ("zone", "bought_on", "midnight"),
    [
        pytest.param("Europe/London", "2011-03-17", "2011-03-28 00:00", id="after-23-hours"),
        pytest.param("Europe/London", "2011-10-20", "2011-10-31 00:00", id="after-25-hours"),
        pytest.param("Europe/London", "2012-02-19", "2012-03-01 00:00", id="after-leap-day"),
        pytest.param("America/Sao_Paulo", "2018-10-24", "2018-11-04 01:00", id="skipped-midnight"),
        pytest.param("Pacific/Apia", "2011-12-20", "2011-12-31 00:00", id="skipped-date"),
    ],
)
def test_last_millisecond_of_the_last_local_day_counts(zone: str, bought_on: str, midnight: str) -> None:
    definition = program(rules=[spend()], points={"expiry": {"days": 10}}, zone=zone)
    closes = instant(midnight, zone)
    story = given(definition, bought("B1", 500, instant(bought_on, zone)), tick(closes))
    assert story.balance() == 0
    story.play(redeem(5, closes - 1), as_of=closes + MINUTE)
    assert [one.points for one in story.only(PointsRedeemed)] == [5]


def test_points_that_expire_with_the_arrival_come_back_too() -> None:
    story = given(shop(), bought("B1", 500, "2011-03-01"))
    story.play(redeem(5, MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    kinds = [kind for kind in story.kinds() if kind not in BOOKKEEPING]
    assert kinds == [PointsExpired, PointsRestored, PointsRedeemed]


def test_redemption_takes_expired_points_first_and_then_those_that_are_open() -> None:
    story = at_midnight(shop())
    story.play(redeem(7, MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    assert [one.points for one in story.only(PointsRestored)] == [5]
    assert story.lots() == [(2, 1)]


def test_what_is_left_of_expired_points_can_be_redeemed_late_too() -> None:
    story = at_midnight(shop())
    story.play(redeem(2, MIDNIGHT - 1, id="one"), as_of=MIDNIGHT + MINUTE)
    story.play(redeem(3, MIDNIGHT - 1, id="two"), as_of=MIDNIGHT + MINUTE)
    story.play(redeem(2, MIDNIGHT - 1, id="three"), as_of=MIDNIGHT + MINUTE)
    assert [one.points for one in story.only(PointsRestored)] == [2, 3]
    assert (story.lots(), story.account().expired) == ([(2, 1)], [])


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        pytest.param(9, Refusal.BALANCE_TOO_LOW, id="more-than-there-was"),
        pytest.param(1, Refusal.BELOW_MINIMUM, id="below-the-minimum"),
    ],
)
def test_nothing_comes_back_for_a_redemption_that_is_refused(points: int, reason: Refusal) -> None:
    story = at_midnight(shop(minimum_points=2))
    story.play(redeem(points, MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    assert [one.reason for one in story.only(RecordRefused)] == [reason]
    assert (story.only(PointsRestored), story.balance()) == ([], 3)


def test_redemption_that_is_to_be_confirmed_holds_what_had_expired() -> None:
    story = at_midnight(shop())
    story.play(redeem(5, MIDNIGHT - 1, hold=True, id="h"), as_of=MIDNIGHT + MINUTE)
    assert [one.points for one in story.only(PointsRestored)] == [5]
    assert [(one.points, one.balance) for one in story.only(PointsHeld)] == [(5, 3)]
    story.play(tick("2011-03-13"))
    assert [one.points for one in story.only(PointsReleased)] == [5]
    assert [one.points for one in story.only(PointsExpired)] == [5, 5]


def test_points_of_another_currency_or_program_do_not_come_back() -> None:
    coins = {"id": "COINS", "expiry": {"days": 10}}
    rules = [spend(), spend("coins", currency="COINS")]
    one = program(rules=rules, points={"expiry": {"days": 10}}, currencies=[coins])
    two = program(program_id=2, rules=[spend()], points={"expiry": {"days": 10}})
    story = given(one, two, bought("B1", 500, "2011-03-01"), tick(MIDNIGHT))
    story.play(redeem(5, MIDNIGHT - 1, currency="COINS"), as_of=MIDNIGHT + MINUTE)
    story.play(redeem(5, MIDNIGHT - 1, currency="STARS", id="stars"), as_of=MIDNIGHT + MINUTE)
    assert [restored.currency for restored in story.only(PointsRestored)] == ["COINS"]
    assert (story.balance(), story.balance(program_id=2)) == (0, 0)


def test_points_that_were_let_expire_by_request_do_not_come_back() -> None:
    story = given(shop(), bought("B1", 500, "2011-03-01"), expire_now("2011-03-05 12:00"))
    story.play(redeem(5, "2011-03-05 11:59"), as_of=instant("2011-03-05 12:01"))
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.BALANCE_TOO_LOW]


def test_points_that_were_issued_after_the_redemption_was_made_do_not_come_back() -> None:
    definition = program(rules=[spend()], points={"expiry": {"days": 0}})
    story = given(definition, bought("B1", 500, "2011-03-11 23:59"), tick(MIDNIGHT))
    story.play(redeem(5, "2011-03-11 23:58"), as_of=MIDNIGHT + MINUTE)
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.BALANCE_TOO_LOW]


def test_points_taken_back_from_a_late_redemption_are_past_their_last_day() -> None:
    story = at_midnight(shop())
    story.play(redeem(5, MIDNIGHT - 1, id="d"), as_of=MIDNIGHT + MINUTE)
    story.play(reverse("d", "2011-03-13"))
    assert story.balance() == 3


def test_redemption_leaves_expired_points_where_it_takes_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lateness, "LATELY_MAX", 0)
    story = at_midnight(shop())
    story.play(redeem(2, MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    assert (story.only(PointsRestored), story.lots()) == ([], [(2, 1)])


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(adjust(1, "2011-03-13"), id="with-the-next-award"),
        pytest.param(tick("2011-03-17"), id="with-the-next-expiry"),
    ],
)
def test_what_has_expired_is_forgotten_when_no_redemption_takes_it_any_more(step: Any) -> None:
    story = at_midnight(shop())
    assert [one.lot.lot_id for one in story.account().expired] == [1]
    story.play(step)
    assert [one.lot.lot_id for one in story.account().expired if one.lot.lot_id == 1] == []


def test_points_of_a_late_bill_that_are_over_already_are_not_kept() -> None:
    story = given(shop(), adjust(1, "2011-04-01")).when(bought("B1", 500, "2011-03-01"), as_of=instant("2011-04-02"))
    assert [one.points for one in story.only(PointsExpired)] == [5]
    assert story.account().expired == []


def test_nothing_else_is_late() -> None:
    story = at_midnight(shop())
    story.play(did("visit", MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    story.play(release("h", MIDNIGHT - 1), as_of=MIDNIGHT + MINUTE)
    assert (story.only(PointsRestored), len(story.only(PointsIssued))) == ([], 2)
