"""Lots and accounts: how long points last, which of them are spent first, and where they went."""

from __future__ import annotations

import pytest

from pipeline.engine.calendar import NEVER
from pipeline.engine.ledger.state import LedgerAccount, Lot
from schemas.facts import IssuedFor, PointsDebited, PointsExpired, PointsIssued, PointsRedeemed, Taken
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, given, issued, redeemed
from tests.steps import adjust, bought, day, instant, milestone, program, redeem, spend, tick


def expiring(days: int | None, version: int = 1, zone: str = "Europe/London") -> ProgramDefinition:
    expiry = None if days is None else {"days": days}
    return program(rules=[spend()], points={"expiry": expiry}, version=version, zone=zone)


@pytest.mark.parametrize(
    ("days", "bought_on", "last_day", "closes"),
    [
        pytest.param(90, "2011-03-01 23:59", "2011-05-30", "2011-05-31 00:00", id="ninety-days-into-summer-time"),
        pytest.param(0, "2011-03-01", "2011-03-01", "2011-03-02 00:00", id="same-day"),
        pytest.param(1, "2011-03-26 12:00", "2011-03-27", "2011-03-28 00:00", id="last-day-of-23-hours"),
        pytest.param(1, "2011-10-29 12:00", "2011-10-30", "2011-10-31 00:00", id="last-day-of-25-hours"),
        pytest.param(1, "2012-02-28", "2012-02-29", "2012-03-01 00:00", id="last-day-is-leap-day"),
        pytest.param(31, "2011-01-31", "2011-03-03", "2011-03-04 00:00", id="over-a-short-month"),
        pytest.param(365, "2012-02-29", "2013-02-28", "2013-03-01 00:00", id="from-leap-day"),
    ],
)
def test_points_last_through_the_local_date_so_many_days_later(
    days: int, bought_on: str, last_day: str, closes: str
) -> None:
    given(expiring(days)).when(bought("B1", 500, bought_on)).then(
        issued(("spend", 5), balance=5, bill_number="B1", expires=(last_day, closes)), ignoring=BOOKKEEPING
    )


def test_points_without_expiry_stay() -> None:
    given(expiring(None), bought("B1", 500, "2011-03-01")).when(tick("2099-12-31")).then_nothing()


def test_points_whose_last_day_has_no_next_day_never_expire() -> None:
    story = given(expiring(36_500), bought("B1", 500, "9950-01-01"))
    assert story.account().lots[0].closes_at == NEVER
    story.when(tick("9999-12-31")).then_nothing()


def test_redemption_in_the_last_millisecond_of_the_last_day_succeeds() -> None:
    last = redeem(5, instant("2011-03-12 00:00") - 1, id="d")
    given(expiring(10), bought("B1", 500, "2011-03-01")).when(last).then(
        redeemed(5, last.event_time, redemption_id="d", taken=(Taken(lot_id=1, points=5),), balance=0),
        ignoring=BOOKKEEPING,
    )


def test_points_are_gone_when_the_day_after_begins() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01")).when(tick("2011-03-12 00:00"))
    story.then(
        PointsExpired(
            currency="POINTS",
            points=5,
            expired_on=day("2011-03-11"),
            taken=(Taken(lot_id=1, points=5),),
            balance=0,
            restorable_until=instant("2011-03-12 00:15"),
        )
    )
    assert story.totals() == {LedgerAccount.ISSUED: -5, LedgerAccount.EXPIRED: 5, LedgerAccount.LIFETIME: 5}


def test_only_what_was_not_spent_expires() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01"), redeem(2, "2011-03-02")).when(tick("2011-03-12"))
    assert [expired.points for expired in story.only(PointsExpired)] == [3]


def test_lot_that_was_spent_does_not_expire() -> None:
    given(expiring(10), bought("B1", 500, "2011-03-01"), redeem(5, "2011-03-02")).when(
        tick("2011-03-12")
    ).then_nothing()


def test_lots_of_one_last_day_expire_together() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01 09:00"), bought("B2", 700, "2011-03-01 17:00"))
    story.when(tick("2011-03-12"))
    assert [(expired.points, expired.taken) for expired in story.only(PointsExpired)] == [
        (12, (Taken(lot_id=1, points=5), Taken(lot_id=2, points=7)))
    ]


def test_lots_that_expire_sooner_are_spent_first() -> None:
    given(expiring(90), bought("B1", 500, "2011-03-01"), expiring(10, version=2), bought("B2", 700, "2011-03-02")).when(
        redeem(8, "2011-03-03")
    ).then(
        redeemed(
            8,
            "2011-03-03",
            redemption_id="d-2011-03-03",
            taken=(Taken(lot_id=2, points=7), Taken(lot_id=1, points=1)),
            balance=4,
        ),
        ignoring=BOOKKEEPING,
    )


def test_lots_that_never_expire_are_spent_last() -> None:
    story = given(
        expiring(None), bought("B1", 500, "2011-03-01"), expiring(10, version=2), bought("B2", 700, "2011-03-02")
    )
    story.when(redeem(8, "2011-03-03"))
    assert story.lots() == [(1, 4)]


def test_of_lots_that_expire_together_the_older_is_spent_first_even_if_it_came_later() -> None:
    story = given(expiring(10), bought("NOON", 500, "2011-03-01 12:00"))
    story.play(bought("MORNING", 700, "2011-03-01 09:00"), as_of=instant("2011-03-01 13:00"))
    story.when(redeem(8, "2011-03-03"))
    assert story.lots() == [(1, 4)]


def test_of_lots_of_one_instant_the_first_issued_is_spent_first() -> None:
    goal = milestone("visit", points=10)
    story = given(program(rules=[spend()], milestones=[goal]), bought("B1", 500, "2011-03-01"))
    story.play(redeem(6, "2011-03-02"))
    assert story.only(PointsRedeemed)[0].taken == (Taken(lot_id=1, points=5), Taken(lot_id=2, points=1))


def test_late_lot_takes_its_place_among_the_others() -> None:
    story = given(expiring(10), bought("B2", 700, "2011-03-05"))
    story.play(bought("B1", 500, "2011-03-01"), as_of=instant("2011-03-05 13:00"))
    assert story.lots() == [(2, 5), (1, 7)]


def test_lots_keep_their_last_day_when_the_program_changes() -> None:
    story = given(
        expiring(10), bought("B1", 500, "2011-03-01"), expiring(90, version=2), bought("B2", 100, "2011-03-02")
    )
    assert story.account().lots == [
        Lot(
            lot_id=1,
            issued_at=instant("2011-03-01"),
            open_points=5,
            expires_on=day("2011-03-11"),
            closes_at=instant("2011-03-12 00:00"),
        ),
        Lot(
            lot_id=2,
            issued_at=instant("2011-03-02"),
            open_points=1,
            expires_on=day("2011-05-31"),
            closes_at=instant("2011-06-01 00:00"),
        ),
    ]


def test_lots_are_numbered_for_each_currency_of_each_program() -> None:
    beans = program(version=2, rules=[spend()], points={"name": "BEANS"})
    story = given(
        program(rules=[spend()]),
        program(program_id=2, rules=[spend()]),
        bought("B1", 500, "2011-03-01"),
        bought("B2", 500, "2011-03-02"),
        beans,
        bought("B3", 500, "2011-03-03"),
    )
    assert [story.lots(*of) for of in ((1, "POINTS"), (2, "POINTS"), (1, "BEANS"))] == [
        [(1, 5), (2, 5)],
        [(1, 5), (2, 5), (3, 5)],
        [(1, 5)],
    ]


def test_number_of_a_lot_is_not_used_again_when_the_lot_is_spent() -> None:
    story = given(program(rules=[spend()]))
    for number in (1, 2, 3):
        story.play(bought(f"B{number}", 500, f"2011-03-0{number} 09:00"))
        story.play(redeem(5, f"2011-03-0{number} 10:00"))
    assert [points.lots[0].lot_id for points in story.only(PointsIssued)] == [1, 2, 3]


def test_adjustment_gives_a_lot_of_its_own() -> None:
    given(expiring(10)).when(adjust(30, "2011-03-01", reason="sorry")).then(
        issued(
            ("sorry", 30),
            balance=30,
            issued_for=IssuedFor.ADJUSTMENT,
            expires=("2011-03-11", "2011-03-12 00:00"),
        ),
        ignoring=BOOKKEEPING,
    )


def test_adjustment_takes_from_the_lots_that_expire_soonest() -> None:
    given(expiring(10), bought("B1", 500, "2011-03-01"), bought("B2", 700, "2011-03-02")).when(
        adjust(-6, "2011-03-03", reason="mistake")
    ).then(
        PointsDebited(
            currency="POINTS",
            points=6,
            reason="mistake",
            taken=(Taken(lot_id=1, points=5), Taken(lot_id=2, points=1)),
            balance=6,
        ),
        ignoring=BOOKKEEPING,
    )


def test_account_says_where_its_points_went() -> None:
    story = given(
        expiring(10),
        bought("B1", 1_000, "2011-03-01"),
        redeem(3, "2011-03-02"),
        adjust(-2, "2011-03-03"),
        tick("2011-03-12"),
        adjust(4, "2011-03-13"),
    )
    assert story.totals() == {
        LedgerAccount.ISSUED: -14,
        LedgerAccount.CURRENT: 4,
        LedgerAccount.REDEEMED: 3,
        LedgerAccount.EXPIRED: 5,
        LedgerAccount.ADJUSTED: 2,
        LedgerAccount.LIFETIME: 14,
    }
    assert (story.lots(), len(story.only(PointsIssued)), story.account().issued) == ([(2, 4)], 2, 14)
