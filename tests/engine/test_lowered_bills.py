"""Bills of which an update leaves less: what they brought about is undone as by a return, and comes again with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.milestones import concern
from schemas.facts import (
    BillUpdated,
    MilestoneLowered,
    MilestoneUnachieved,
    PointsReversed,
    RedemptionReversed,
    StreakBroken,
    StreakLevelUnachieved,
)
from schemas.records import Line
from tests.dsl import BOOKKEEPING, Story, given
from tests.engine.test_returns import DAILY, REWARDS, SPENT, STREAK, VISITS, loyal, more, run_of
from tests.steps import bought, brought_back, day, milestone, program, redeem, spend, updated


def test_amount_that_an_update_takes_off_no_longer_counts_and_a_target_that_is_missed_is_no_longer_met() -> None:
    story = given(loyal(SPENT), bought("B1", 700, "2011-03-01"), bought("B2", 400, "2011-03-02"))
    story.when(updated("B1", 500, "2011-03-03")).then(
        MilestoneLowered(milestone_id="spent", period=494, removed=200, value=900, target=1_000, of_bill="B1"),
        MilestoneUnachieved(milestone_id="spent", period=494, value=900, target=1_000),
        ignoring=BOOKKEEPING | {BillUpdated},
    )


@pytest.mark.parametrize(("rewards", "left"), [*zip(REWARDS, (50, 0, 0), strict=True)])
def test_reward_goes_as_the_program_says_and_is_told_once_for_the_update(rewards: str, left: int) -> None:
    story = given(loyal(SPENT, rewards=rewards), bought("B1", 1_000, "2011-03-01"), updated("B1", 999, "2011-03-03"))
    assert story.balance() == left
    assert [one.rewards for one in story.only(PointsReversed)] == [True] * (not left)
    more(story, updated("B1", 1_000, "2011-03-04"))
    assert story.balance() == 50


def test_cancelled_bill_leaves_the_streak_and_a_reinstated_one_joins_it_again() -> None:
    story = given(run_of("clawback"), *(bought(f"B{n}", 100, f"2011-03-0{n}") for n in (1, 2, 3)))
    assert story.balance() == 40
    more(story, updated("B2", 0, "2011-03-04"))
    assert [one.level for one in story.only(StreakLevelUnachieved)] == [3, 2]
    assert (len(story.only(StreakBroken)), story.values("daily")["2011-03-02"], story.balance()) == (1, 0, 0)
    more(story, updated("B2", 100, "2011-03-05"))
    assert (story.runs("s"), story.balance()) == ([(day("2011-03-01"), day("2011-03-03"))], 40)


@pytest.mark.parametrize(
    ("steps", "visits"),
    [
        pytest.param([updated("B1", 0, "2011-03-02")], 0, id="cancelled"),
        pytest.param([updated("B1", 0, "2011-03-02"), updated("B1", 5, "2011-03-03")], 1, id="reinstated"),
        pytest.param([brought_back("B1", 400, "2011-03-02"), updated("B1", 400, "2011-03-03")], 0, id="all-is-back"),
        pytest.param([brought_back("B1", 400, "2011-03-02"), updated("B1", 401, "2011-03-03")], 1, id="some-is-left"),
        pytest.param(
            [brought_back("B1", 1_000, "2011-03-02"), updated("B1", 1_001, "2011-03-03")], 1, id="more-is-left"
        ),
        pytest.param(
            [updated("B1", 600, "2011-03-02"), brought_back("B1", 600, "2011-03-03")], 0, id="what-is-left-comes-back"
        ),
    ],
)
def test_bill_counts_as_one_as_long_as_something_of_it_is_left(steps: list[Any], visits: int) -> None:
    story = given(loyal(VISITS, SPENT), bought("B1", 1_000, "2011-03-01"), *steps)
    assert story.values("visits") == {"2011-03": visits}
    bill = story.bill("B1")
    left = 0 if bill.cancelled else bill.amount_minor - bill.returned_minor
    assert story.values("spent") == {"2011-03": left}


def test_bill_that_came_to_nothing_counts_with_what_an_update_adds() -> None:
    story = given(loyal(SPENT, VISITS), bought("B1", 0, "2011-03-01"), updated("B1", 500, "2011-03-02"))
    assert (story.values("spent"), story.values("visits")) == ({"2011-03": 500}, {"2011-03": 1})
    more(story, brought_back("B1", 500, "2011-03-03"))
    assert (story.values("spent"), story.values("visits")) == ({"2011-03": 0}, {"2011-03": 0})


def test_program_that_keeps_milestones_keeps_what_was_achieved() -> None:
    story = given(loyal(SPENT, VISITS, returns={"milestones": "keep"}), bought("B1", 1_000, "2011-03-01"))
    more(story, updated("B1", 400, "2011-03-02"))
    assert (story.only(MilestoneUnachieved), story.values("spent"), story.balance()) == ([], {"2011-03": 400}, 50)
    more(story, updated("B1", 0, "2011-03-03"))
    assert (story.values("visits"), story.balance()) == ({"2011-03": 0}, 50)


def test_bill_that_was_too_much_for_a_milestone_does_not_count_with_an_update_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = given(loyal(SPENT))
    monkeypatch.setattr(concern, "TOTAL_MAX", 900)
    more(story, bought("B1", 901, "2011-03-01"), updated("B1", 800, "2011-03-02"), updated("B1", 900, "2011-03-03"))
    assert story.values("spent") == {}


def test_bill_of_a_version_that_kept_milestones_moves_by_the_difference() -> None:
    story = given(loyal(SPENT, returns={"milestones": "keep"}), bought("B1", 600, "2011-03-01"))
    more(story, loyal(SPENT, version=2), updated("B1", 700, "2011-03-02"), updated("B1", 300, "2011-03-03"))
    assert story.values("spent") == {"2011-03": 300}


def test_period_that_is_final_falls_and_rises_to_what_it_was_and_no_further() -> None:
    story = given(loyal(SPENT), bought("B1", 1_000, "2011-03-01"), bought("B2", 1, "2011-05-20"))
    more(story, updated("B1", 0, "2011-05-21"), updated("B1", 600, "2011-05-22"), updated("B1", 1_500, "2011-05-23"))
    assert story.values("spent")["2011-03"] == 1_000


class TestRedeemed:
    SHOP = program(rules=[spend()], points={"expiry": {"days": 10}}, returns={"method": "none"})

    def shop(self, redeemed: int = 10) -> Story:
        """Ten points were redeemed for a bill of £10."""
        story = given(self.SHOP, bought("B0", 2_000, "2011-03-01"), redeem(redeemed, "2011-03-02", bill_number="B1"))
        return more(story, bought("B1", 1_000, "2011-03-02 13:00"))

    @staticmethod
    def back(story: Story) -> list[int]:
        return [one.points for one in story.only(RedemptionReversed)]

    def test_points_redeemed_for_a_bill_come_back_with_what_an_update_takes_off(self) -> None:
        story = more(self.shop(), updated("B1", 600, "2011-03-03"))
        assert (self.back(story), story.only(RedemptionReversed)[0].of_bill) == ([4], "B1")
        more(story, updated("B1", 0, "2011-03-04"))
        assert self.back(story) == [4, 6]

    def test_returns_after_it_go_on_from_there(self) -> None:
        story = more(self.shop(), updated("B1", 600, "2011-03-03"), brought_back("B1", 300, "2011-03-04"))
        assert self.back(story) == [4, 3]
        more(story, brought_back("B1", 300, "2011-03-05"))
        assert self.back(story) == [4, 3, 3]

    def test_bill_that_is_more_again_redeems_nothing_again(self) -> None:
        story = more(self.shop(), updated("B1", 0, "2011-03-03"), updated("B1", 1_000, "2011-03-04"))
        assert self.back(story) == [10]

    def test_bill_that_was_more_counts_from_there(self) -> None:
        story = more(self.shop(), updated("B1", 2_000, "2011-03-03"), updated("B1", 1_000, "2011-03-04"))
        assert self.back(story) == [5]

    def test_bill_that_was_paid_with_points_alone_gives_them_back_once_it_is_cancelled(self) -> None:
        story = given(self.SHOP, bought("B0", 2_000, "2011-03-01"), redeem(10, "2011-03-02", bill_number="B1"))
        more(story, bought("B1", 0, "2011-03-02 13:00"), updated("B1", 0, "2011-03-03"))
        assert self.back(story) == [10]

    def test_update_that_waits_for_its_bill_gives_them_back_in_the_turn_of_the_bill(self) -> None:
        story = given(self.SHOP, bought("B0", 2_000, "2011-03-01"), redeem(10, "2011-03-02", bill_number="B1"))
        story.play(updated("B1", 600, "2011-03-03"))
        story.play(bought("B1", 1_000, "2011-03-02 13:00"))
        assert self.back(story) == [4]

    def test_delivery_alone_gives_nothing_back(self) -> None:
        story = more(self.shop(), updated("B1", None, "2011-03-03", delivery_status="SHIPPED"))
        assert self.back(story) == []

    def test_program_that_keeps_them_redeemed_gives_nothing_back(self) -> None:
        keeps = program(rules=[spend()], returns={"redeemed": "keep"})
        story = given(keeps, bought("B0", 2_000, "2011-03-01"), redeem(10, "2011-03-02", bill_number="B1"))
        more(story, bought("B1", 1_000, "2011-03-02 13:00"), updated("B1", 0, "2011-03-03"))
        assert self.back(story) == []


def outcome(story: Story) -> tuple[Any, ...]:
    """Where the customer stands, but for lots and what was on the way."""
    section = story.section()
    account = story.account()
    values = {
        (name, period): (progress.value, progress.achieved)
        for name, periods in section.milestones.items()
        for period, progress in periods.items()
        if progress.value
    }
    streak = section.streaks.get("s")
    runs = ([], 0, []) if streak is None else (streak.runs, streak.longest, sorted(streak.levels))
    net = section.purchases_minor - section.returned_minor
    return (account.balance, account.deficit, account.lifetime, values, runs, section.transactions, net)


@settings(max_examples=80)
@forall(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 900), st.lists(st.integers(0, 900), max_size=3)),
        min_size=1,
        max_size=5,
    ),
    st.randoms(use_true_random=False),
)
def test_updates_lead_where_right_bills_would_have_led(bills: list[tuple[int, int, list[int]]], order: Any) -> None:
    parts: dict[str, Any] = {"streaks": [STREAK], "rules": [spend()], "returns": {"shortfall": "deficit"}}
    definition = loyal(DAILY, SPENT, VISITS, rewards="clawback", **parts)
    corrected, right = given(definition), given(definition)
    waiting = []
    for number, (on, amount, changes) in enumerate(bills):
        paid = f"2011-03-{on + 1:02} 12:{number:02}"
        more(corrected, bought(f"B{number}", amount, paid))
        last = ([amount, *changes])[-1]
        if last:
            more(right, bought(f"B{number}", last, paid))
        waiting.append([f"B{number}", list(changes)])
    minute = 0
    while waiting := [one for one in waiting if one[1]]:
        bill, changes = order.choice(waiting)
        more(corrected, updated(bill, changes.pop(0), f"2011-03-20 12:{minute:02}"))
        minute += 1
    assert outcome(corrected) == outcome(right)


UNITS = milestone("units", 3, counts={"of": "transactions", "measure": "quantity"}, points=30)


def tea(quantity: int) -> tuple[Line, ...]:
    return (Line(sku="TEA", amount_minor=100 * quantity, quantity=quantity),)


@pytest.mark.parametrize(("rewards", "left"), [*zip(REWARDS, (30, 0, 0), strict=True)])
def test_milestone_on_what_lines_say_is_undone_as_well(rewards: str, left: int) -> None:
    story = given(loyal(UNITS, rewards=rewards), bought("B1", None, "2011-03-01", lines=tea(3)))
    more(story, updated("B1", None, "2011-03-02", lines=tea(2)))
    assert (story.values("units"), story.balance()) == ({"2011-03": 2}, left)
    assert [one.value for one in story.only(MilestoneUnachieved)] == [2]
    more(story, updated("B1", None, "2011-03-03", lines=tea(3)))
    assert (story.values("units"), story.balance()) == ({"2011-03": 3}, 30)
    more(story, brought_back("B1", 300, "2011-03-04"))
    assert story.values("units") == {"2011-03": 0}


def test_milestone_on_what_lines_say_keeps_what_was_achieved_where_the_program_does() -> None:
    keeps = loyal(UNITS, returns={"milestones": "keep"})
    story = given(keeps, bought("B1", None, "2011-03-01", lines=tea(3)), updated("B1", 0, "2011-03-02"))
    assert (story.values("units"), story.only(MilestoneUnachieved), story.balance()) == ({"2011-03": 0}, [], 30)


def test_delivery_status_alone_moves_no_milestone_and_no_streak() -> None:
    story = given(run_of("clawback"), bought("B1", 100, "2011-03-01"))
    before = outcome(story)
    more(story, updated("B1", None, "2011-03-02", delivery_status="SHIPPED"))
    assert outcome(story) == before
