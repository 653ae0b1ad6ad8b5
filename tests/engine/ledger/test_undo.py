"""Undoing awards: a return takes back its part of what the bill earned, never more and never from other lots."""

from __future__ import annotations

import pytest

from pipeline.engine.bills.records import document_of
from schemas.facts import (
    MilestoneAchieved,
    PointsReversed,
    ReturnCounted,
    ReturnRecorded,
    Reversal,
    TierUpgraded,
)
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import bought, brought_back, instant, milestone, program, redeem, spend, tick

SHOP = program(rules=[spend()])
TWO_RULES = program(rules=[spend("base"), spend("more", points=2)])
RETURNS = {ReturnRecorded, ReturnCounted}


def taken_back(*reversals: Reversal, so_far: int, balance: int, lifetime: int | None = None) -> PointsReversed:
    return PointsReversed(
        currency="POINTS",
        points=sum(reversal.points for reversal in reversals),
        of_bill="B1",
        reversals=reversals,
        reversed_of_bill=so_far,
        balance=balance,
        lifetime=balance if lifetime is None else lifetime,
        paid_at=instant("2011-03-01"),
    )


def part(claimed: int, points: int, rule: str = "spend") -> Reversal:
    return Reversal(rule_id=rule, lot_id=1, claimed=claimed, points=points, forgiven=claimed - points)


def reversed_by(story: Story) -> list[int]:
    return [reversed_.points for reversed_ in story.only(PointsReversed)]


def test_return_takes_back_the_part_that_the_goods_were_of_the_bill() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 450, "2011-03-05", bill_number="R1")).then(
        ReturnRecorded(
            of_bill="B1",
            amount_minor=450,
            basis_minor=1_000,
            returned_before_minor=0,
            document=document_of("R1"),
            bill_number="R1",
            currency="GBP",
        ),
        ReturnCounted(
            of_bill="B1", amount_minor=450, purchases_minor=1_000, returned_minor=450, paid_at=instant("2011-03-01")
        ),
        taken_back(part(4, 4), so_far=4, balance=6),
        ignoring=BOOKKEEPING - RETURNS,
    )


@pytest.mark.parametrize(
    ("parts", "points"),
    [
        pytest.param([999], [9], id="nearly-all"),
        pytest.param([1_000], [10], id="all"),
        pytest.param([333, 333, 333, 1], [3, 3, 3, 1], id="thirds-and-a-penny"),
        pytest.param([50, 50, 900], [1, 9], id="half-points-add-up"),
        pytest.param([1_500], [10], id="more-than-the-bill"),
        pytest.param([600, 600], [6, 4], id="more-than-was-left"),
    ],
)
def test_any_split_of_returns_follows_the_cumulative_formula(parts: list[int], points: list[int]) -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    for number, amount in enumerate(parts, 2):
        story.play(brought_back("B1", amount, f"2011-03-0{number}"))
    assert reversed_by(story) == points


def test_return_beyond_the_bill_says_how_much_had_no_effect() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 600, "2011-03-02")).when(
        brought_back("B1", 700, "2011-03-03", bill_number="R2")
    ).then(
        ReturnRecorded(
            of_bill="B1",
            amount_minor=400,
            basis_minor=1_000,
            returned_before_minor=600,
            over_minor=300,
            document=document_of("R2"),
            bill_number="R2",
            currency="GBP",
        ),
        ReturnCounted(
            of_bill="B1",
            amount_minor=400,
            purchases_minor=1_000,
            returned_minor=1_000,
            paid_at=instant("2011-03-01"),
        ),
        taken_back(part(4, 4), so_far=10, balance=0),
        ignoring=BOOKKEEPING - RETURNS,
    )


def test_points_already_spent_are_forgiven_and_no_other_lot_pays() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-03-02"), redeem(7, "2011-03-03"))
    story.when(brought_back("B1", 500, "2011-03-04")).then(
        taken_back(part(5, 3), so_far=3, balance=10, lifetime=17), ignoring=BOOKKEEPING
    )
    story.when(brought_back("B1", 500, "2011-03-05")).then(
        taken_back(part(5, 0), so_far=3, balance=10, lifetime=17), ignoring=BOOKKEEPING
    )


def test_points_that_expired_are_forgiven() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"days": 10}}), bought("B1", 1_000, "2011-03-01"))
    story.when(brought_back("B1", 1_000, "2011-03-12 00:00"))
    assert story.only(PointsReversed) == [taken_back(part(10, 0), so_far=0, balance=0, lifetime=10)]


def test_return_that_asks_for_less_than_a_point_takes_nothing() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 99, "2011-03-05")).then(ignoring=BOOKKEEPING)


def test_bill_that_earned_nothing_gives_nothing_back() -> None:
    given(SHOP, bought("B1", 99, "2011-03-01")).when(brought_back("B1", 99, "2011-03-05")).then(ignoring=BOOKKEEPING)


def test_every_award_of_the_bill_gives_back_its_own_part() -> None:
    given(TWO_RULES, bought("B1", 1_050, "2011-03-01")).when(brought_back("B1", 525, "2011-03-05")).then(
        taken_back(part(5, 5, "base"), part(10, 10, "more"), so_far=15, balance=16), ignoring=BOOKKEEPING
    )


def test_awards_of_one_lot_share_what_is_left_of_it_in_their_order() -> None:
    story = given(TWO_RULES, bought("B1", 1_000, "2011-03-01"), redeem(22, "2011-03-02"))
    story.when(brought_back("B1", 500, "2011-03-03")).then(
        taken_back(part(5, 5, "base"), part(10, 3, "more"), so_far=8, balance=0, lifetime=22), ignoring=BOOKKEEPING
    )
    story.when(brought_back("B1", 500, "2011-03-04")).then(
        taken_back(part(5, 0, "base"), part(10, 0, "more"), so_far=8, balance=0, lifetime=22), ignoring=BOOKKEEPING
    )


def test_award_may_be_taken_back_from_points_of_its_lot_that_another_award_brought() -> None:
    story = given(TWO_RULES, bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    story.when(brought_back("B1", 1_000, "2011-03-03")).then(
        taken_back(part(10, 10, "base"), part(20, 10, "more"), so_far=20, balance=0, lifetime=10),
        ignoring=BOOKKEEPING,
    )


def test_each_program_takes_back_its_own_points() -> None:
    second = program(program_id=2, rules=[spend("base", points=3)])
    story = given(SHOP, second, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 500, "2011-03-05"))
    assert reversed_by(story) == [5, 15]
    assert (story.balance(1), story.balance(2)) == (5, 15)


def test_program_that_began_after_the_bill_takes_nothing_back() -> None:
    second = program(program_id=2, rules=[spend()])
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), second).when(brought_back("B1", 1_000, "2011-03-05"))
    assert [envelope.program_id for envelope in story.envelopes(ReturnCounted)] == [1]
    assert [envelope.program_id for envelope in story.envelopes(PointsReversed)] == [1]


def test_points_go_back_in_the_currency_they_were_issued_in() -> None:
    renamed = program(version=2, rules=[spend()], points={"name": "BEANS"})
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), renamed, bought("B2", 1_000, "2011-03-02"))
    story.play(brought_back("B1", 1_000, "2011-03-05"))
    assert (story.balance(currency="POINTS"), story.balance(currency="BEANS")) == (0, 10)


def test_rewards_of_milestones_and_tiers_stay() -> None:
    loyal = program(
        rules=[spend()],
        milestones=[milestone("big", points=5)],
        tiers={"basis": "net_purchases", "levels": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 1_000}]},
        returns={"milestones": "keep"},
    )
    story = given(loyal, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-05"))
    assert (story.balance(), story.tier()) == (5, 2)
    story.play(bought("B2", 1_000, "2011-03-06"))
    assert (len(story.only(MilestoneAchieved)), len(story.only(TierUpgraded))) == (1, 1)


@pytest.mark.parametrize(
    ("on", "taken"),
    [
        pytest.param("2011-03-10 11:59", [10], id="in-the-window"),
        pytest.param("2011-03-11 12:00", [], id="window-over"),
    ],
)
def test_bill_can_be_returned_within_its_window(on: str, taken: list[int]) -> None:
    story = given(
        program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5), bought("B1", 1_000, "2011-03-01")
    )
    story.when(brought_back("B1", 1_000, on))
    assert reversed_by(story) == taken
    assert story.waiting() == ([] if taken else ["B1"])


TEN_DAYS = program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5)
TWENTY_DAYS = program(program_id=2, rules=[spend()], returns={"window_days": 20}, repeat_window_days=5)


@pytest.mark.parametrize(
    ("on", "programs"),
    [
        pytest.param("2011-03-11 11:59", [1, 2], id="in-both-windows"),
        pytest.param("2011-03-11 12:00", [2], id="the-short-one-is-over"),
        pytest.param("2011-03-21 11:59", [2], id="in-the-long-one"),
        pytest.param("2011-03-21 12:00", [], id="both-are-over"),
    ],
)
def test_each_program_judges_a_return_by_its_own_window_and_the_event_time(on: str, programs: list[int]) -> None:
    story = given(TEN_DAYS, TWENTY_DAYS, bought("B1", 1_000, "2011-03-01"))
    story.play(brought_back("B1", 1_000, on), as_of=instant(on) + 1)
    assert [envelope.program_id for envelope in story.envelopes(ReturnCounted)] == programs
    assert [envelope.program_id for envelope in story.envelopes(PointsReversed)] == programs
    assert story.waiting() == ([] if programs else ["B1"])


def test_late_return_takes_nothing_for_what_came_back_after_the_window_of_its_program() -> None:
    story = given(TEN_DAYS, TWENTY_DAYS, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 600, "2011-03-12"))
    story.play(brought_back("B1", 400, "2011-03-09"), as_of=instant("2011-03-12"))
    assert (story.balance(1), story.balance(2)) == (6, 0)
    assert [story.section(one).returned_minor for one in (1, 2)] == [400, 1_000]


def test_window_is_that_of_the_version_in_force_when_the_bill_was_paid() -> None:
    shorter = program(version=2, rules=[spend()], returns={"window_days": 1}, repeat_window_days=1)
    story = given(TEN_DAYS, bought("B1", 1_000, "2011-03-01"), shorter)
    story.play(brought_back("B1", 1_000, "2011-03-08"))
    assert reversed_by(story) == [10]


def test_program_without_returns_is_left_alone_by_a_return_that_another_program_takes() -> None:
    by_purchases = {"basis": "net_purchases", "levels": [{"name": "A", "threshold": 0}]}
    story = given(program(rules=[spend()], returns=None, tiers=by_purchases), TWENTY_DAYS)
    story.play(bought("B1", 1_000, "2011-03-01"))
    story.when(brought_back("B1", 1_000, "2011-03-02"))
    assert {fact.envelope.program_id for fact in story.decided} == {0, 2}
    assert (story.balance(1), story.section(1).returned_minor, list(story.bill("B1").parts)) == (10, 0, [2])


def test_timers_that_fell_due_before_the_return_fire_first() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"days": 10}}), bought("B1", 1_000, "2011-03-01"))
    story.play(tick("2011-03-11 23:59"))
    story.play(brought_back("B1", 500, "2011-03-11 23:59"))
    assert reversed_by(story) == [5]
