"""Returns: what a bill earned goes back in proportion, never more than it earned and never from other lots."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.amounts import AWARD_MAX, points_for, reversal_due
from schemas.facts import (
    MilestoneAchieved,
    PointsReversed,
    RecordRefused,
    Refusal,
    ReturnCounted,
    ReturnRecorded,
    Reversal,
    TierUpgraded,
)
from schemas.records import Line
from tests.dsl import Story, bought, brought_back, fact, given, instant, program, redeem, spend, tick

SHOP = program(rules=[spend()])


def test_return_takes_back_the_part_that_the_goods_were_of_the_bill() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 450, "2011-03-05")).then(
        fact(ReturnRecorded, of_bill="B1", amount_minor=450, basis_minor=1_000, returned_before_minor=0),
        fact(ReturnCounted, of_bill="B1", amount_minor=450, purchases_minor=1_000, returned_minor=450),
        fact(
            PointsReversed,
            points=4,
            of_bill="B1",
            reversals=(Reversal("spend", 6, 4, 4, 0),),
            reversed_of_bill=4,
            balance=6,
            lifetime=6,
        ),
    )


def reversed_by(story: Story) -> list[int]:
    return [one.points for one in story.only(PointsReversed)]


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
    for number, part in enumerate(parts, 2):
        story.play(brought_back("B1", part, f"2011-03-0{number}"))
    assert reversed_by(story) == points


def test_return_beyond_the_bill_says_how_much_had_no_effect() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 600, "2011-03-02")).when(
        brought_back("B1", 700, "2011-03-03")
    ).then(
        fact(
            ReturnRecorded,
            of_bill="B1",
            amount_minor=400,
            basis_minor=1_000,
            returned_before_minor=600,
            over_minor=300,
        ),
        fact(ReturnCounted, of_bill="B1", amount_minor=400, purchases_minor=1_000, returned_minor=1_000),
        fact(
            PointsReversed,
            points=4,
            of_bill="B1",
            reversals=(Reversal("spend", 6, 4, 4, 0),),
            reversed_of_bill=10,
            balance=0,
            lifetime=0,
        ),
    )


def test_points_already_spent_are_forgiven_and_no_other_lot_pays() -> None:
    story = given(
        SHOP, bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-03-02"), redeem(7, "2011-03-03")
    ).when(brought_back("B1", 500, "2011-03-04"))
    story.then(
        fact(
            PointsReversed,
            points=3,
            of_bill="B1",
            reversals=(Reversal("spend", 6, 5, 3, 2),),
            reversed_of_bill=3,
            balance=10,
            lifetime=17,
        )
    )
    story.when(brought_back("B1", 500, "2011-03-05")).then(
        fact(
            PointsReversed,
            points=0,
            of_bill="B1",
            reversals=(Reversal("spend", 6, 5, 0, 5),),
            reversed_of_bill=3,
            balance=10,
            lifetime=17,
        )
    )


def test_points_that_expired_are_forgiven() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"days": 10}}), bought("B1", 1_000, "2011-03-01"))
    story.when(brought_back("B1", 1_000, "2011-03-12 00:00"))
    assert [one.reversals for one in story.only(PointsReversed)] == [(Reversal("spend", 6, 10, 0, 10),)]


def test_return_that_asks_for_less_than_a_point_takes_nothing() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 99, "2011-03-05")).then()


def test_bill_that_earned_nothing_gives_nothing_back() -> None:
    given(SHOP, bought("B1", 99, "2011-03-01")).when(brought_back("B1", 99, "2011-03-05")).then()


def test_every_award_of_the_bill_gives_back_its_own_part() -> None:
    rules = [spend("base"), spend("more", points=2)]
    given(program(rules=rules), bought("B1", 1_050, "2011-03-01")).when(brought_back("B1", 525, "2011-03-05")).then(
        fact(
            PointsReversed,
            points=15,
            of_bill="B1",
            reversals=(Reversal("base", 6, 5, 5, 0), Reversal("more", 7, 10, 10, 0)),
            reversed_of_bill=15,
            balance=16,
            lifetime=16,
        )
    )


def test_each_program_takes_back_its_own_points() -> None:
    second = program(program_id=2, rules=[spend("base", points=3)])
    story = given(SHOP, second, bought("B1", 1_000, "2011-03-01")).when(brought_back("B1", 500, "2011-03-05"))
    assert [(one.program_id, one.points, one.reversed_of_bill) for one in story.only(PointsReversed)] == [
        (1, 5, 5),
        (2, 15, 15),
    ]


def test_program_that_began_after_the_bill_takes_nothing_back() -> None:
    second = program(program_id=2, rules=[spend()])
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), second).when(brought_back("B1", 1_000, "2011-03-05"))
    assert [one.program_id for one in story.only(ReturnCounted)] == [1]
    assert [one.program_id for one in story.only(PointsReversed)] == [1]


def test_points_go_back_in_the_currency_they_were_issued_in() -> None:
    renamed = program(version=2, rules=[spend()], points={"name": "BEANS"})
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), renamed, bought("B2", 1_000, "2011-03-02"))
    story.play(brought_back("B1", 1_000, "2011-03-05"))
    assert (story.account(currency="POINTS").balance, story.account(currency="BEANS").balance) == (0, 10)


def test_rewards_of_milestones_and_tiers_stay() -> None:
    milestone: dict[str, Any] = {
        "id": "big",
        "target_id": 1,
        "name": "Big",
        "period": "month",
        "target": 1,
        "points": 5,
    }
    loyal = program(
        rules=[spend()],
        milestones=[{**milestone, "counts": {"of": "transactions"}}],
        tiers={"basis": "net_purchases", "levels": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 1_000}]},
    )
    story = given(loyal, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-05"))
    assert (story.account().balance, story.state.head.sections[1].tier) == (5, 2)
    story.play(bought("B2", 1_000, "2011-03-06"))
    assert (len(story.only(MilestoneAchieved)), len(story.only(TierUpgraded))) == (1, 1)


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        pytest.param("2011-03-10 11:59", None, id="in-the-window"),
        pytest.param("2011-03-11 12:00", Refusal.BILL_UNKNOWN, id="window-over"),
    ],
)
def test_bill_can_be_returned_within_its_window(on: str, reason: Refusal | None) -> None:
    story = given(
        program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5), bought("B1", 1_000, "2011-03-01")
    )
    story.when(brought_back("B1", 1_000, on))
    assert [one.reason for one in story.only(RecordRefused)] == ([reason] if reason else [])
    assert reversed_by(story) == ([] if reason else [10])


def test_window_is_the_longest_of_the_org_and_judged_by_event_time() -> None:
    story = given(
        program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5),
        program(program_id=2, returns={"window_days": 20}, repeat_window_days=5),
        bought("B1", 1_000, "2011-03-01"),
    )
    story.play(brought_back("B1", 1_000, "2011-03-20"), as_of=instant("2011-03-24"))
    assert reversed_by(story) == [10]


def test_timers_that_fell_due_before_the_return_fire_first() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"days": 10}}), bought("B1", 1_000, "2011-03-01"))
    story.play(tick("2011-03-11 23:59"))
    story.play(brought_back("B1", 500, "2011-03-11 23:59"))
    assert reversed_by(story) == [5]


@pytest.mark.parametrize("award", [1, 7, 10, 999])
@pytest.mark.parametrize("basis", [1, 3, 1_000])
def test_reversal_never_falls_and_ends_at_the_award(award: int, basis: int) -> None:
    dues = [reversal_due(award, basis, returned) for returned in range(basis + 2)]
    assert dues == sorted(dues)
    assert (dues[0], dues[-2:]) == (0, [award, award])


@pytest.mark.parametrize("factor", [pytest.param(1, id="whole"), pytest.param("3/2", id="ratio")])
def test_award_of_a_mistyped_rate_is_cut_at_what_can_be_stored(factor: int | str) -> None:
    double = {"id": "double", "kind": "multiplier", "factor": factor, "skus": ["A"]}
    wrong = program(rules=[spend(points=10**12, per_minor=1), double], points={"value_minor": 10**6})
    story = given(wrong, bought("B1", None, "2011-03-01", lines=(Line("A", 10**12),)), redeem(10**12, "2011-03-02"))
    assert (story.account().issued, story.account().balance) == (AWARD_MAX, 0)


def test_nothing_is_earned_on_less_than_nothing() -> None:
    assert (points_for(-1, 5, 1), points_for(0, 5, 1)) == (0, 0)
