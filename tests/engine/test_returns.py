"""Returns undo what their bill did: values of milestones fall, streaks lose periods, levels and rewards go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger import issue
from schemas.facts import (
    MilestoneAchieved,
    MilestoneCounted,
    MilestoneLowered,
    MilestoneUnachieved,
    PointsIssued,
    PointsReversed,
    RecordRefused,
    Refusal,
    Reversal,
    RewardKept,
    StreakBroken,
    StreakLevelReached,
    StreakLevelUnachieved,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    bought,
    brought_back,
    day,
    did,
    instant,
    milestone,
    program,
    redeem,
    spend,
    starting,
    tick,
)

SUM = {"of": "transactions", "measure": "sum"}
SPENT = milestone("spent", 1_000, counts=SUM, points=50)
VISITS = milestone("visits", 2, points=20)
DAILY = milestone("daily", 1, "day")
STREAK = {
    "id": "s",
    "streak_id": 5,
    "name": "S",
    "milestone": "daily",
    "levels": [{"name": "Two", "periods": 2, "points": 10}, {"name": "Three", "periods": 3, "points": 30}],
}
REWARDS = ["keep", "revoke_if_unused", "clawback"]


def loyal(*milestones: dict[str, Any], rewards: str = "keep", **parts: Any) -> ProgramDefinition:
    returns = {"rewards": rewards, **parts.pop("returns", {})}
    return program(milestones=list(milestones), returns=returns, **parts)


def run_of(rewards: str, **parts: Any) -> ProgramDefinition:
    return loyal(DAILY, rewards=rewards, streaks=[STREAK], **parts)


def more(story: Story, *steps: Step) -> Story:
    for step in steps:
        story.play(step)
    return story


def test_an_amount_that_came_back_no_longer_counts_and_a_target_that_is_missed_is_no_longer_met() -> None:
    story = given(loyal(SPENT), bought("B1", 700, "2011-03-01"), bought("B2", 400, "2011-03-02"))
    story.when(brought_back("B2", 100, "2011-03-03")).then(
        MilestoneLowered(
            milestone_id="spent",
            period=story.only(MilestoneAchieved)[0].period,
            removed=100,
            value=1_000,
            target=1_000,
            of_bill="B2",
        ),
        ignoring=BOOKKEEPING,
    )
    more(story, brought_back("B1", 1, "2011-03-04"))
    assert story.only(MilestoneUnachieved)[0].value == 999
    assert story.values("spent") == {"2011-03": 999}


@pytest.mark.parametrize(
    ("parts", "visits"),
    [
        pytest.param([999], 1, id="all-but-a-penny"),
        pytest.param([999, 1], 0, id="all-of-it-in-parts"),
        pytest.param([1_000], 0, id="all-of-it"),
    ],
)
def test_a_bill_counts_as_one_until_all_of_it_is_back(parts: list[int], visits: int) -> None:
    story = given(loyal(VISITS), bought("B1", 1_000, "2011-03-01"))
    for number, part in enumerate(parts):
        more(story, brought_back("B1", part, f"2011-03-02 12:0{number}"))
    assert story.values("visits") == {"2011-03": visits}


def test_a_program_that_keeps_milestones_keeps_nothing_of_them_with_a_bill() -> None:
    story = given(loyal(SPENT, returns={"milestones": "keep"}), bought("B1", 1_000, "2011-03-01"))
    more(story, brought_back("B1", 1_000, "2011-03-02"))
    assert (story.values("spent"), story.balance()) == ({"2011-03": 1_000}, 50)
    assert story.only(MilestoneCounted) + story.only(RewardKept) == []
    assert story.bill("B1").parts[1].contributions == []


@pytest.mark.parametrize(
    ("rewards", "spent", "balance"),
    [
        pytest.param("keep", 0, 50, id="kept"),
        pytest.param("revoke_if_unused", 0, 0, id="unused-and-revoked"),
        pytest.param("revoke_if_unused", 1, 49, id="used-and-left"),
        pytest.param("clawback", 0, 0, id="clawed-back"),
        pytest.param("clawback", 1, 0, id="clawed-back-as-far-as-it-is-there"),
    ],
)
def test_the_reward_of_a_target_that_is_no_longer_met_goes_as_the_program_says(
    rewards: str, spent: int, balance: int
) -> None:
    story = given(loyal(SPENT, rewards=rewards), bought("B1", 1_000, "2011-03-01"))
    more(story, *([redeem(spent, "2011-03-02")] if spent else []), brought_back("B1", 1, "2011-03-03"))
    assert story.balance() == balance


@pytest.mark.parametrize(("shortfall", "balance", "owed"), [("other_lots", 0, 0), ("deficit", 0, 41)])
def test_a_reward_that_was_spent_is_taken_from_where_shortfall_says(shortfall: str, balance: int, owed: int) -> None:
    definition = loyal(SPENT, rewards="clawback", rules=[spend()], returns={"shortfall": shortfall})
    story = given(definition, bought("B1", 1_000, "2011-03-01"), redeem(50, "2011-03-02"))
    more(story, redeem(10, "2011-03-03"), bought("B2", 900, "2011-04-02"), brought_back("B1", 1, "2011-04-03"))
    assert (story.balance(), story.account().deficit) == (balance, owed)


def test_reward_that_was_spent_is_asked_back_as_long_as_a_bill_of_its_period_comes_back() -> None:
    spent_in_a_year = milestone("spent", 1_000, "year", counts=SUM, points=50)
    returns = {"shortfall": "deficit", "window_days": 35}
    story = given(loyal(spent_in_a_year, rewards="clawback", rules=[spend()], returns=returns, repeat_window_days=1))
    more(story, bought("B1", 600, "2011-01-01"), bought("B2", 600, "2011-01-02"), redeem(50, "2011-01-03"))
    more(story, bought("B3", 600, "2011-01-25"), brought_back("B1", 600, "2011-01-30"))
    more(story, bought("B4", 100, "2011-02-10"))
    more(story, brought_back("B3", 600, "2011-02-27"))
    assert (story.account().deficit, story.account().lifetime) == (50 - 7, 7)


@pytest.mark.parametrize(("rewards", "taken"), [("keep", 0), ("revoke_if_unused", 50), ("clawback", 50)])
def test_what_is_met_again_gives_exactly_what_was_taken_back(rewards: str, taken: int) -> None:
    story = given(loyal(SPENT, rewards=rewards), bought("B1", 1_000, "2011-03-01"))
    for number in range(2):
        more(story, brought_back("B1", 1, f"2011-03-1{number}"))
        assert story.balance() == 50 - taken
        more(story, bought(f"A{number}", 1, f"2011-03-1{number} 13:00"))
        assert story.balance() == 50
    assert len(story.only(MilestoneAchieved)) == 3


def test_what_could_not_be_taken_back_is_not_given_again() -> None:
    story = given(loyal(SPENT, rewards="clawback"), bought("B1", 1_000, "2011-03-01"), redeem(30, "2011-03-02"))
    more(story, brought_back("B1", 1, "2011-03-03"), bought("B2", 1, "2011-03-04"))
    assert [one.points for one in story.only(PointsIssued)] == [50, 20]
    more(story, brought_back("B1", 1, "2011-03-05"), bought("B3", 1, "2011-03-06"))
    assert [one.points for one in story.only(PointsIssued)] == [50, 20, 20]


def test_a_day_whose_bill_is_back_leaves_the_streak_and_levels_fall_to_the_longest_run_that_is_left() -> None:
    story = given(run_of("clawback"))
    for number in range(1, 5):
        more(story, bought(f"B{number}", 100, f"2011-03-0{number}"))
    assert story.balance() == 40
    story.when(brought_back("B2", 100, "2011-03-05")).then(
        MilestoneLowered(milestone_id="daily", period=day("2011-03-02"), removed=1, value=0, target=1, of_bill="B2"),
        MilestoneUnachieved(milestone_id="daily", period=day("2011-03-02"), value=0, target=1),
        StreakBroken(streak_id="s", period=day("2011-03-02"), run=2, longest=2),
        StreakLevelUnachieved(
            streak_id="s",
            level=3,
            period=day("2011-03-02"),
            run=2,
            achieved_at=instant("2011-03-03"),
            of_bill="B2",
        ),
        PointsReversed(
            currency="POINTS",
            points=30,
            of_bill="B2",
            reversals=(
                Reversal(rule_id="s:3", lot_id=2, claimed=30, points=30, forgiven=0, counted_at=instant("2011-03-03")),
            ),
            reversed_of_bill=30,
            balance=10,
            lifetime=10,
            rewards=True,
            paid_at=instant("2011-03-02"),
        ),
        ignoring=BOOKKEEPING,
    )


def test_levels_are_reached_again_with_what_was_taken_back() -> None:
    story = given(run_of("clawback"), bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-02"))
    more(story, brought_back("B1", 100, "2011-03-03"))
    assert (story.balance(), story.section().streaks["s"].levels) == (0, [])
    more(story, bought("B3", 100, "2011-03-01 15:00"))
    assert (story.balance(), story.section().streaks["s"].levels) == (10, [2])


def test_a_level_of_an_earlier_run_that_has_left_stays() -> None:
    definition = run_of("clawback", returns={"window_days": 3_000}, repeat_window_days=35)
    story = given(definition)
    for number in (1, 2):
        more(story, bought(f"A{number}", 100, f"2011-03-0{number}"))
    for number in (1, 2):
        more(story, bought(f"B{number}", 100, f"2013-03-0{number}"))
    more(story, brought_back("B1", 100, "2013-03-03"))
    assert (story.section().streaks["s"].levels, story.section().streaks["s"].longest) == ([2], 2)


def test_a_streak_that_has_ended_still_loses_what_a_return_undoes() -> None:
    definition = loyal(DAILY, streaks=[STREAK | {"validity": {"last": "2011-03-02"}}])
    story = given(definition, bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-02"), tick("2011-03-05"))
    more(story, brought_back("B2", 100, "2011-03-06"))
    assert [one.level for one in story.only(StreakLevelUnachieved)] == [2]
    assert story.section().streaks["s"].ended


def test_a_day_that_another_bill_holds_stays_in_the_streak() -> None:
    story = given(run_of("keep"), bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-01 15:00"))
    more(story, brought_back("B1", 100, "2011-03-02"))
    assert (story.only(StreakBroken), story.values("daily")) == ([], {"2011-03-01": 1})


def test_a_value_is_kept_for_as_long_as_a_return_can_lower_it() -> None:
    definition = loyal(milestone("weekly", 1, "week"), repeat_window_days=5, returns={"window_days": 60})
    story = given(definition, bought("B1", 100, "2011-03-01"))
    more(story, bought("B2", 100, "2011-04-20"), brought_back("B1", 100, "2011-04-21"))
    assert len(story.only(MilestoneLowered)) == 1
    more(story, bought("B3", 100, "2011-07-20"))
    assert list(story.values("weekly").values()) == [1]


def test_what_is_retired_is_left_alone() -> None:
    definition = run_of("clawback")
    retired = loyal(DAILY | {"retired": True}, rewards="clawback", streaks=[STREAK | {"retired": True}], version=2)
    story = given(definition, bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-02"))
    more(story, starting("2011-03-03", retired), brought_back("B1", 100, "2011-03-04"))
    assert (story.balance(), story.only(MilestoneLowered)) == (10, [])


def test_a_milestone_on_events_is_not_lowered() -> None:
    steps = milestone("steps", 1, counts={"of": "events", "event": "walk"}, points=5)
    story = given(loyal(steps, rewards="clawback"), did("walk", "2011-03-01"), bought("B1", 100, "2011-03-02"))
    more(story, brought_back("B1", 100, "2011-03-03"))
    assert story.balance() == 5


def test_each_program_lowers_within_its_own_window() -> None:
    short = loyal(SPENT, returns={"window_days": 35})
    long = program(program_id=2, milestones=[SPENT], returns={"window_days": 60})
    story = given(short, long, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 400, "2011-04-20"))
    assert (story.values("spent"), story.values("spent", 2)) == ({"2011-03": 1_000}, {"2011-03": 600})


def test_a_program_that_knows_of_no_return_any_more_lowers_nothing() -> None:
    story = given(loyal(SPENT, rewards="clawback"), bought("B1", 1_000, "2011-03-01"))
    more(story, starting("2011-03-02", program(version=2, milestones=[SPENT], returns=None)))
    more(story, brought_back("B1", 1_000, "2011-03-03"))
    assert story.values("spent") == {"2011-03": 1_000}


def test_a_reward_of_another_currency_goes_in_that_currency() -> None:
    stars = {"id": "STARS", "name": "Stars"}
    definition = loyal(SPENT | {"currency": "STARS"}, rewards="clawback", currencies=[stars])
    story = given(definition, bought("B1", 1_000, "2011-03-01"))
    assert story.balance(currency="STARS") == 50
    more(story, brought_back("B1", 1, "2011-03-02"))
    assert story.balance(currency="STARS") == 0
    more(story, bought("B2", 1, "2011-03-03"))
    assert story.balance(currency="STARS") == 50


def test_a_reward_that_does_not_fit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "TOTAL_MAX", 49)
    story = given(loyal(SPENT, rewards="clawback"), bought("B1", 1_000, "2011-03-01"))
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.TOTAL_TOO_LARGE]
    assert (story.only(RewardKept), story.balance()) == ([], 0)


bounded = settings(max_examples=60)


@bounded
@forall(
    st.sampled_from(["revoke_if_unused", "clawback"]),
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 900)), min_size=1, max_size=6),
    st.data(),
)
def test_bills_and_their_whole_returns_leave_everything_as_if_neither_had_been(
    rewards: str, bills: list[tuple[int, int]], data: st.DataObject
) -> None:
    definition = loyal(
        DAILY,
        SPENT,
        VISITS,
        rewards=rewards,
        streaks=[STREAK],
        rules=[spend()],
        returns={"method": "line_exact", "shortfall": "deficit"},
    )
    story = given(definition)
    for number, (on, amount) in enumerate(bills):
        more(story, bought(f"B{number}", amount, f"2011-03-{on + 1:02} 12:{number:02}"))
    for place, number in enumerate(data.draw(st.permutations(range(len(bills))))):
        amount = bills[number][1]
        part = data.draw(st.integers(0, amount))
        more(story, brought_back(f"B{number}", part, f"2011-03-20 12:{place:02}"))
        if part < amount:
            more(story, brought_back(f"B{number}", amount - part, f"2011-03-20 13:{place:02}"))
    section = story.section()
    assert (story.balance(), story.account().deficit, story.account().lifetime) == (0, 0, 0)
    assert all(value == 0 for name in ("daily", "spent", "visits") for value in story.values(name).values())
    assert not any(one.achieved for periods in section.milestones.values() for one in periods.values())
    streak = section.streaks["s"]
    assert (streak.runs, streak.longest, streak.levels) == ([], 0, [])
    assert {one.level for one in story.only(StreakLevelReached)} == {
        one.level for one in story.only(StreakLevelUnachieved)
    }
