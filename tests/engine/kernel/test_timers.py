"""Timers: what falls due, in which order, and that ticks only find it."""

from __future__ import annotations

import pytest

from pipeline.engine.calendar import NEVER
from schemas.facts import (
    PointsExpired,
    PointsIssued,
    RecordAccepted,
    RecordRefused,
    Refusal,
    StreakEnded,
    StreakStarted,
    Taken,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import bought, day, instant, milestone, program, redeem, spend, starting, tick

STREAK = {
    "id": "loyal",
    "streak_id": 1,
    "name": "Loyal",
    "milestone": "visit",
    "levels": [{"name": "Two", "periods": 2}],
    "validity": {"last": "2011-03-31"},
}


def expiring(days: int, program_id: int = 1) -> ProgramDefinition:
    return program(program_id=program_id, rules=[spend()], points={"expiry": {"days": days}})


def with_streak(program_id: int = 1) -> ProgramDefinition:
    return program(
        program_id=program_id,
        rules=[spend()],
        points={"expiry": {"days": 30}},
        milestones=[milestone("visit")],
        streaks=[STREAK],
    )


def test_timers_due_fire_before_the_record_of_the_same_instant() -> None:
    story = given(expiring(10), bought("B1", 1_000, "2011-03-01")).when(redeem(1, "2011-03-12 00:00"))
    assert story.kinds() == [PointsExpired, RecordAccepted, RecordRefused]
    assert story.only(RecordRefused)[0].reason is Refusal.BALANCE_TOO_LOW


def test_timer_takes_effect_when_it_was_due_not_when_it_was_found() -> None:
    early, late = (given(expiring(10), bought("B1", 1_000, "2011-03-01")) for _ in range(2))
    early.play(tick("2011-03-12 00:00"))
    late.play(tick("2011-12-31"))
    assert early.facts == late.facts
    due = instant("2011-03-12 00:00")
    (envelope,) = late.envelopes(PointsExpired)
    assert (envelope.at, envelope.as_of, late.state.head.clock) == (due, due, due)


def test_tick_before_the_due_instant_finds_nothing() -> None:
    given(expiring(10), bought("B1", 1_000, "2011-03-01")).when(tick("2011-03-11 23:59")).then_nothing()


def test_dates_that_are_due_together_expire_one_after_the_other() -> None:
    story = given(expiring(10), bought("B2", 200, "2011-03-02"), bought("B1", 100, "2011-03-03"))
    story.play(tick("2011-04-01"))
    assert [(expired.expired_on, expired.points, expired.balance) for expired in story.only(PointsExpired)] == [
        (day("2011-03-12"), 2, 1),
        (day("2011-03-13"), 1, 0),
    ]


def test_at_one_instant_streaks_end_before_points_expire_and_programs_follow_by_id() -> None:
    story = given(with_streak(2), with_streak(1), bought("B1", 1_000, "2011-03-01")).when(tick("2011-04-01 00:00"))
    assert [(type(fact.decision), fact.envelope.program_id) for fact in story.decided] == [
        (StreakEnded, 1),
        (StreakEnded, 2),
        (PointsExpired, 1),
        (PointsExpired, 2),
    ]


def test_each_timer_is_a_cause_of_its_own() -> None:
    story = given(with_streak(), bought("B1", 1_000, "2011-03-01")).when(tick("2011-04-01 00:00"))
    due = instant("2011-04-01 00:00")
    assert [fact.envelope.cause for fact in story.decided] == [
        f"streakEnd:1/loyal:{due}",
        f"expiry:1/POINTS/{day('2011-03-31')}/1:{due}",
    ]


def test_streak_that_ended_leaves_the_points_timer() -> None:
    story = given(with_streak(), bought("B1", 1_000, "2011-03-30"))
    assert story.state.head.due == instant("2011-04-01 00:00")
    story.play(tick("2011-04-01 00:00"))
    assert story.state.head.due == instant("2011-04-30 00:00")
    story.play(tick("2011-04-30 00:00"))
    assert (story.state.head.due, story.state.head.timer) == (NEVER, None)


def test_points_of_a_late_bill_may_expire_as_soon_as_they_are_issued() -> None:
    story = given(expiring(3), bought("B1", 1_000, "2011-03-20"))
    story.when(bought("B2", 500, "2011-03-01"), as_of=instant("2011-03-20")).then(
        issued(
            ("spend", 5),
            balance=15,
            lot=2,
            bill_number="B2",
            expires=("2011-03-04", "2011-03-05 00:00"),
        ),
        PointsExpired(
            currency="POINTS",
            points=5,
            expired_on=day("2011-03-04"),
            taken=(Taken(lot_id=2, points=5),),
            balance=10,
        ),
        ignoring=BOOKKEEPING,
    )


def test_two_late_bills_of_one_day_expire_for_causes_of_their_own() -> None:
    story = given(expiring(3), bought("B1", 1_000, "2011-03-20"))
    for bill in ("B2", "B3"):
        story.play(bought(bill, 500, "2011-03-01"), as_of=instant("2011-03-20"))
    causes = [envelope.cause for envelope in story.envelopes(PointsExpired)]
    assert len(causes) == len(set(causes)) == 2


def test_timer_of_a_late_bill_is_decided_at_the_customers_clock_and_not_by_a_version_of_the_past() -> None:
    def tiered(version: int, threshold: int) -> ProgramDefinition:
        levels = [{"name": "A", "threshold": 0}, {"name": "B", "threshold": threshold}]
        tiers = {"basis": "lifetime_points", "levels": levels}
        return program(version=version, rules=[spend()], points={"expiry": {"days": 3}}, tiers=tiers)

    story = given(tiered(1, 5), starting("2011-03-10", tiered(2, 500)))
    story.play(bought("B1", 1_000, "2011-03-01"), as_of=instant("2011-03-20"))
    (envelope,) = story.envelopes(PointsExpired)
    assert (envelope.at, envelope.as_of, envelope.version) == (
        instant("2011-03-05 00:00"),
        instant("2011-03-20"),
        2,
    )
    assert (story.tier(), story.section().version) == (1, 2)


def test_late_enrolment_in_a_streak_that_is_over_ends_at_once() -> None:
    story = given(with_streak())
    story.play(bought("B1", 1_000, "2011-03-30"), as_of=instant("2011-04-10"))
    shown = [kind for kind in story.kinds() if kind in {PointsIssued, StreakStarted, StreakEnded}]
    assert shown == [PointsIssued, StreakStarted, StreakEnded]


def test_timers_fire_even_for_a_record_that_is_refused() -> None:
    story = given(expiring(10), bought("B1", 1_000, "2011-03-01"))
    story.when(bought("B2", 1_000, "2010-01-01"), as_of=instant("2011-05-01"))
    assert story.kinds() == [PointsExpired, RecordRefused]


@pytest.mark.parametrize("ticks", [[], ["2011-03-12 00:00"], ["2011-03-05", "2011-03-11 23:59", "2011-03-15"]])
def test_number_of_ticks_changes_nothing(ticks: list[str]) -> None:
    def play(*found: str) -> Story:
        return given(
            expiring(10),
            bought("B1", 1_000, "2011-03-01"),
            *(tick(on) for on in found),
            bought("B2", 500, "2011-03-16"),
            tick("2011-12-31"),
        )

    assert play(*ticks).facts == play().facts
