"""The ledger: what lots are, how long they last and which of them is spent first."""

from __future__ import annotations

import pytest

from pipeline.engine.state import Account, Lot
from schemas.facts import IssuedFor, PointsDebited, PointsExpired, PointsIssued, PointsRedeemed, Taken
from schemas.program import ProgramDefinition
from tests.dsl import adjust, bought, day, fact, given, instant, issued, program, redeem, spend, tick


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
        issued(5, "spend", balance=5, bill="B1", expires_on=day(last_day), closes_at=instant(closes))
    )


def test_points_without_expiry_stay() -> None:
    given(expiring(None), bought("B1", 500, "2011-03-01")).when(tick("2099-12-31")).then_nothing()


def test_redemption_in_the_last_millisecond_of_the_last_day_succeeds() -> None:
    last = redeem(5, "", event_time=instant("2011-03-12 00:00") - 1)
    given(expiring(10), bought("B1", 500, "2011-03-01")).when(last).then(
        fact(PointsRedeemed, points=5, redemption_id="d-", taken=(Taken(6, 5),), balance=0, value_minor=5)
    )


def test_points_are_gone_when_the_day_after_begins() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01")).when(tick("2011-03-12 00:00"))
    story.then(
        PointsExpired(
            seq=7,
            cause=f"expiry:1/POINTS/{day('2011-03-11')}/6:{instant('2011-03-12 00:00')}",
            at=instant("2011-03-12 00:00"),
            program_id=1,
            program_version=1,
            currency="POINTS",
            points=5,
            expired_on=day("2011-03-11"),
            taken=(Taken(6, 5),),
            balance=0,
        )
    )
    assert story.account() == Account(balance=0, lifetime=5, issued=5, expired=5)


def test_only_what_was_not_spent_expires() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01"), redeem(2, "2011-03-02")).when(tick("2011-03-12"))
    assert [one.points for one in story.only(PointsExpired)] == [3]


def test_lot_that_was_spent_does_not_expire() -> None:
    given(expiring(10), bought("B1", 500, "2011-03-01"), redeem(5, "2011-03-02")).when(
        tick("2011-03-12")
    ).then_nothing()


def test_lots_of_one_last_day_expire_together() -> None:
    story = given(expiring(10), bought("B1", 500, "2011-03-01 09:00"), bought("B2", 700, "2011-03-01 17:00"))
    story.when(tick("2011-03-12"))
    assert [(one.points, one.taken) for one in story.only(PointsExpired)] == [(12, (Taken(6, 5), Taken(10, 7)))]


def test_lots_that_expire_sooner_are_spent_first() -> None:
    story = given(
        expiring(90), bought("B1", 500, "2011-03-01"), expiring(10, version=2), bought("B2", 700, "2011-03-02")
    )
    story.when(redeem(8, "2011-03-03")).then(
        fact(
            PointsRedeemed,
            points=8,
            redemption_id="d-2011-03-03",
            taken=(Taken(11, 7), Taken(6, 1)),
            balance=4,
            value_minor=8,
            program_version=2,
        )
    )


def test_lots_that_never_expire_are_spent_last() -> None:
    story = given(
        expiring(None), bought("B1", 500, "2011-03-01"), expiring(10, version=2), bought("B2", 700, "2011-03-02")
    )
    story.when(redeem(8, "2011-03-03"))
    assert story.only(PointsRedeemed)[0].taken == (Taken(11, 7), Taken(6, 1))


def test_of_lots_that_expire_together_the_older_is_spent_first_even_if_it_came_later() -> None:
    story = given(expiring(10), bought("NOON", 500, "2011-03-01 12:00"))
    story.play(bought("MORNING", 700, "2011-03-01 09:00"), as_of=instant("2011-03-01 13:00"))
    story.when(redeem(8, "2011-03-03"))
    assert story.only(PointsRedeemed)[0].taken == (Taken(10, 7), Taken(6, 1))


def test_of_lots_of_one_instant_the_first_issued_is_spent_first() -> None:
    rules = [spend("one"), spend("two", points=2)]
    story = given(program(rules=rules), bought("B1", 500, "2011-03-01")).when(redeem(6, "2011-03-02"))
    assert story.only(PointsRedeemed)[0].taken == (Taken(6, 5), Taken(7, 1))


def test_late_lot_takes_its_place_among_the_others() -> None:
    story = given(expiring(10), bought("B2", 700, "2011-03-05"))
    story.play(bought("B1", 500, "2011-03-01"), as_of=instant("2011-03-05 13:00"))
    assert [(lot.lot_id, lot.open_points) for lot in story.account().lots] == [(10, 5), (6, 7)]


def test_lots_keep_their_last_day_when_the_program_changes() -> None:
    story = given(
        expiring(10), bought("B1", 500, "2011-03-01"), expiring(90, version=2), bought("B2", 100, "2011-03-02")
    )
    assert story.account().lots == [
        Lot(6, instant("2011-03-01"), 5, day("2011-03-11"), instant("2011-03-12 00:00")),
        Lot(11, instant("2011-03-02"), 1, day("2011-05-31"), instant("2011-06-01 00:00")),
    ]


def test_adjustment_gives_a_lot_of_its_own() -> None:
    given(expiring(10)).when(adjust(30, "2011-03-01", reason="sorry")).then(
        issued(
            30,
            "sorry",
            balance=30,
            issued_for=IssuedFor.ADJUSTMENT,
            expires_on=day("2011-03-11"),
            closes_at=instant("2011-03-12 00:00"),
        )
    )


def test_adjustment_takes_from_the_lots_that_expire_soonest() -> None:
    given(expiring(10), bought("B1", 500, "2011-03-01"), bought("B2", 700, "2011-03-02")).when(
        adjust(-6, "2011-03-03", reason="mistake")
    ).then(fact(PointsDebited, points=6, reason="mistake", taken=(Taken(6, 5), Taken(10, 1)), balance=6))


def test_account_tells_where_its_points_went() -> None:
    story = given(
        expiring(10),
        bought("B1", 1_000, "2011-03-01"),
        redeem(3, "2011-03-02"),
        adjust(-2, "2011-03-03"),
        tick("2011-03-12"),
        adjust(4, "2011-03-13"),
    )
    assert story.account() == Account(
        balance=4,
        lifetime=14,
        issued=14,
        redeemed=3,
        expired=5,
        debited=2,
        lots=[Lot(13, instant("2011-03-13"), 4, day("2011-03-23"), instant("2011-03-24 00:00"))],
    )
    assert len(story.only(PointsIssued)) == 2
