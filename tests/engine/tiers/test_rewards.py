"""Tiers as rewards of milestones and streak levels."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_date
from pipeline.engine.decide import decide
from schemas.facts import (
    MilestoneUnachieved,
    PointsIssued,
    StreakLevelUnachieved,
    TierAssigned,
    TierDowngraded,
    TierReleased,
    TierRenewed,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.engine.tiers.test_holding import LEVELS, moves
from tests.steps import (
    assign,
    bought,
    brought_back,
    day,
    did,
    enrol_target,
    instant,
    milestone,
    program,
    release_tier,
    starting,
    tick,
    updated,
)

RETURNS = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}
DAYS = {"days": 30}
SUM = {"of": "transactions", "measure": "sum"}


def club(*milestones: dict[str, Any], version: int = 1, streaks: Any = (), **parts: Any) -> ProgramDefinition:
    tiers = {"basis": "net_purchases", "levels": LEVELS, **parts.pop("tiers", {})}
    parts = {"returns": RETURNS, **parts}
    return program(version=version, milestones=milestones, streaks=streaks, tiers=tiers, **parts)


def giving(tier: str = "gold", target: int = 1, name: str = "m", **parts: Any) -> dict[str, Any]:
    validity = parts.pop("validity", DAYS)
    return milestone(name, target, tier={"id": tier, "validity": validity}, **parts)


def ran(story: Story) -> list[str]:
    return [one.reward_of for one in story.only(TierAssigned)]


def test_tier_is_given_through_its_last_day_and_then_is_that_of_the_values() -> None:
    story = given(club(giving()), bought("B1", 100, "2025-03-01"))
    (given_,) = story.only(TierAssigned)
    assert (given_.reached_id, given_.until) == ("gold", instant("2025-04-01 00:00"))
    assert given_.reward_of == "milestone/m/662"
    story.play(bought("B2", 1_000, "2025-03-02"))
    story.play(tick("2025-03-31 23:59"))
    assert (story.tier(), story.only(TierReleased)) == (3, [])
    story.play(tick("2025-04-01 00:00"))
    (released,) = story.only(TierReleased)
    assert (released.reached, released.basis_value, released.taken) == (2, 1_100, False)
    assert moves(story) == [(1, 3), (3, 2)]


def test_tier_is_given_once_in_a_cycle_and_again_in_the_next() -> None:
    bills = [bought(f"B{number}", 1, on) for number, on in enumerate(("2025-03-01", "2025-03-02", "2025-04-01"))]
    assert ran(given(club(giving()), *bills)) == ["milestone/m/662", "milestone/m/663"]


def test_tier_of_the_values_is_one_move_with_the_reward() -> None:
    story = given(club(giving()), bought("B1", 1_000, "2025-03-01"))
    assert (moves(story), story.only(TierUpgraded)) == ([(1, 3)], [])


def test_higher_tier_stays() -> None:
    story = given(club(giving("silver", 2)), bought("B1", 5_000, "2025-03-01"), bought("B2", 1, "2025-03-02"))
    assert (story.tier(), moves(story)) == (3, [(1, 3), (3, 3)])
    story.play(tick("2025-06-01"))
    assert (story.tier(), moves(story)[2:]) == (3, [(3, 3)])


def test_several_rewards_of_one_bill_are_one_move_each_higher() -> None:
    story = given(club(giving("silver"), giving("gold", name="n", target_id=8)), bought("B1", 1, "2025-03-01"))
    assert moves(story) == [(1, 2), (2, 3)]


def test_rewards_end_each_for_itself() -> None:
    gold, silver = giving("gold", validity={"days": 10}), giving("silver", name="n", target_id=8)
    story = given(club(gold, silver), bought("B1", 1, "2025-03-01"))
    assert moves(story.when(tick("2025-03-20")))[2:] == [(3, 2)]
    assert moves(story.when(tick("2025-06-01")))[3:] == [(2, 1)]


def test_rewards_that_end_together_are_lost_in_one_move() -> None:
    gold, silver = giving("gold"), giving("silver", name="n", target_id=8)
    story = given(club(gold, silver), bought("B1", 1, "2025-03-01"), tick("2025-04-01"))
    assert moves(story) == [(1, 3), (3, 3), (3, 1), (1, 1)]


def test_tier_given_by_hand_that_ends_with_a_reward_is_lost_in_one_move_with_it() -> None:
    story = given(club(giving("silver")), bought("B1", 1, "2025-03-01"))
    story.play(assign("gold", "2025-03-02", last_day=day("2025-03-31")))
    assert moves(story.when(tick("2025-04-01"))) == [(1, 2), (2, 3), (3, 1), (1, 1)]


@pytest.mark.parametrize("first", ["hand", "reward"])
def test_tier_given_by_hand_and_a_reward_hold_beside_each_other(first: str) -> None:
    bill, hand = bought("B1", 1, "2025-03-02"), assign("silver", "2025-03-02")
    story = given(club(giving()), *([hand, bill] if first == "hand" else [bill, hand]))
    assert story.tier() == 3
    story.play(tick("2025-04-02"))
    assert story.tier() == 2
    story.play(release_tier("2025-04-03"))
    assert story.tier() == 1


def test_release_by_hand_leaves_a_reward() -> None:
    story = given(club(giving()), bought("B1", 1, "2025-03-01"), assign("silver", "2025-03-02"))
    story.play(release_tier("2025-03-03"))
    assert (story.tier(), moves(story)[-1]) == (3, (3, 3))


def test_reward_without_an_end_is_kept_and_stops_losses() -> None:
    tiers = {"validity": {"months": 1}}
    story = given(club(milestone("m", tier={"id": "silver"}), tiers=tiers), bought("B1", 5_000, "2025-03-01"))
    story.play(tick("2026-01-01"))
    assert (story.tier(), moves(story)) == (2, [(1, 2), (2, 3), (3, 2)])
    assert [one.measured for one in story.only(TierDowngraded)] == [0]
    assert len(story.only(TierRenewed)) == 1


def test_rewards_that_add_nothing_do_not_pile_up() -> None:
    """A tier for good, which no return takes back any more, is not given again with each cycle."""
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    story = given(club(milestone("m", tier={"id": "silver"})), *(bought(f"B{on}", 1, on) for on in months))
    tenure = story.section().tenure
    assert tenure is not None
    assert len(tenure.rewards) == 5  # those of cycles of which a bill could still come back


@pytest.mark.parametrize(
    ("rewards", "bills", "tier"),
    [
        pytest.param("clawback", [], 1, id="taken"),
        pytest.param("clawback", ["B2"], 1, id="taken-though-it-was-used"),
        pytest.param("revoke_if_unused", [], 1, id="taken-unused"),
        pytest.param("revoke_if_unused", ["B2"], 3, id="kept-as-it-was-used"),
        pytest.param("keep", [], 3, id="kept"),
    ],
)
def test_return_takes_the_reward_as_the_program_says(rewards: str, bills: list[str], tier: int) -> None:
    definition = club(giving(target=500, counts=SUM), returns=RETURNS | {"rewards": rewards})
    story = given(definition, bought("B1", 500, "2025-03-01"), *(bought(one, 1, "2025-03-02") for one in bills))
    story.play(brought_back("B1", 400, "2025-03-03"))
    assert story.only(MilestoneUnachieved) != []
    assert (story.tier(), [one.taken for one in story.only(TierReleased)]) == (tier, [True] if tier == 1 else [])


@pytest.mark.parametrize("rewards", ["clawback", "keep"])
def test_what_is_achieved_again_gives_what_is_left(rewards: str) -> None:
    story = given(club(giving(), returns=RETURNS | {"rewards": rewards}), bought("B1", 1, "2025-03-01"))
    story.play(brought_back("B1", 1, "2025-03-02"))
    story.play(bought("B2", 1, "2025-03-05"))
    assert (story.tier(), {one.until for one in story.only(TierAssigned)}) == (3, {instant("2025-04-01 00:00")})
    story.play(tick("2025-04-01 00:00"))
    assert story.tier() == 1


def test_what_is_achieved_again_too_late_gives_nothing() -> None:
    story = given(club(giving(validity={"days": 1})), bought("B1", 1, "2025-03-01"))
    story.play(brought_back("B1", 1, "2025-03-02"))
    story.play(bought("B2", 1, "2025-03-05"))
    assert (story.tier(), len(story.only(TierAssigned))) == (1, 1)


def test_tier_is_used_with_a_bill_whatever_else_is_cancelled() -> None:
    returns = RETURNS | {"rewards": "revoke_if_unused"}
    story = given(club(giving(target=100, counts=SUM), returns=returns), bought("B1", 100, "2025-03-01"))
    story.play(bought("B2", 1, "2025-03-02"))
    story.play(updated("B1", 0, "2025-03-03"))
    assert (len(story.only(MilestoneUnachieved)), moves(story)) == (1, [(1, 3)])


@pytest.mark.parametrize("rewards", ["clawback", "keep"])
def test_what_is_achieved_again_when_the_time_of_its_tier_is_up_gives_nothing(rewards: str) -> None:
    returns = RETURNS | {"rewards": rewards}
    story = given(club(giving(validity={"days": 1}), returns=returns), bought("B1", 1, "2025-03-01"))
    story.play(tick("2025-03-03 00:00"))
    story.play(brought_back("B1", 1, "2025-03-04"))
    story.play(bought("B2", 1, "2025-03-05"))
    assert (story.tier(), len(story.only(TierAssigned))) == (1, 1)


def test_reward_that_was_taken_back_leaves_when_nothing_gives_it_again() -> None:
    story = given(club(giving()), bought("B1", 1, "2025-03-01"), brought_back("B1", 1, "2025-03-02"))
    story.play(bought("B2", 1, "2025-08-05"))
    tenure = story.section().tenure
    assert tenure is not None
    assert list(tenure.rewards) == ["milestone/m/667"]


def test_update_that_leaves_too_little_takes_the_reward() -> None:
    story = given(club(giving(target=100, counts=SUM)), bought("B1", 100, "2025-03-01"))
    story.play(updated("B1", 99, "2025-03-02"))
    assert (story.tier(), moves(story)) == (1, [(1, 3), (3, 1)])


def test_streak_level_gives_and_loses_a_tier() -> None:
    two = {"name": "Two", "periods": 2, "tier": {"id": "silver", "validity": {"months": 6}}}
    levels = [two, {"name": "Three", "periods": 3}]
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": levels}
    bills = [bought(f"B{month}", 1, f"2025-0{month}-10") for month in (1, 2, 3)]
    story = given(club(milestone("m"), streaks=[streak]), *bills)
    assert ran(story) == ["streak/s/2"]
    story.play(brought_back("B2", 1, "2025-03-20"))
    assert (story.tier(), moves(story)) == (1, [(1, 2), (2, 1)])


@pytest.mark.parametrize(("rewards", "again"), [("keep", []), ("clawback", [5])])
def test_level_that_is_reached_again_much_later_gives_what_was_taken_back(rewards: str, again: list[int]) -> None:
    silver = {"id": "silver", "validity": {"days": 10}}
    levels = [{"name": "One", "periods": 1, "points": 5, "tier": silver}]
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": levels}
    returns = RETURNS | {"rewards": rewards}
    visits = milestone("n", target_id=8, counts={"of": "events", "event": "visit"}, tier=silver)
    story = given(club(milestone("m"), visits, streaks=[streak], returns=returns), bought("B1", 1, "2025-01-01"))
    for step in (brought_back("B1", 1, "2025-01-02"), did("visit", "2025-06-01"), bought("B2", 1, "2025-07-01")):
        story.play(step)
    assert [one.points for one in story.only(PointsIssued)] == [5, *again]
    assert [one.reward_of for one in story.only(TierAssigned)].count("streak/s/1") == 1


def test_level_is_lost_whose_reward_an_older_build_forgot() -> None:
    levels = [{"name": "One", "periods": 1, "points": 5}]
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": levels}
    story = given(club(milestone("m"), streaks=[streak]), bought("B1", 1, "2025-01-01"))
    del story.section().rewards["streak/s/1"]
    back = brought_back("B1", 1, "2025-01-02")
    decided = [one for group in decide(story.state, back, story.programs, back.event_time) for one in group.decisions]
    assert [one.level for one in decided if isinstance(one, StreakLevelUnachieved)] == [1]


def test_two_rewards_taken_by_one_return_are_one_way_down() -> None:
    story = given(club(giving("gold"), giving("silver", name="n", target_id=8)), bought("B1", 1, "2025-03-01"))
    story.play(brought_back("B1", 1, "2025-03-02"))
    assert moves(story)[2:] == [(3, 2), (2, 1)]


def test_rolling_window_gives_once_for_each_window() -> None:
    rolling = giving(period=None, cycle={"kind": "rolling", "days": 7}, target=2)
    days = ("2025-03-01", "2025-03-02", "2025-03-03", "2025-03-10", "2025-03-11")
    story = given(club(rolling), *(bought(on, 1, on) for on in days))
    assert ran(story) == ["milestone/m/1", "milestone/m/2"]


def test_command_and_event_give_as_bills_do() -> None:
    ran_ = giving(counts={"of": "events", "event": "run"}, enrolment={"by": "command", "past": True})
    story = given(club(ran_), did("run", "2025-03-01"))
    assert story.tier() == 1
    assert story.when(enrol_target("m", "2025-03-02")).tier() == 3


def test_version_that_asks_for_less_gives_at_its_start() -> None:
    less = starting("2025-03-10", club(giving(target=1), version=2))
    story = given(club(giving(target=2)), bought("B1", 1, "2025-03-01"), less).when(tick("2025-03-10 13:00"))
    assert (story.tier(), ran(story)) == (3, ["milestone/m/662"])


def test_program_without_returns_gives_too() -> None:
    story = given(club(giving(), returns=None), bought("B1", 1, "2025-03-01")).when(tick("2025-04-01 00:00"))
    assert moves(story) == [(1, 3), (3, 1)]


@settings(max_examples=40)
@over(
    bills=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 6)), max_size=10),
    returned=st.sets(st.integers(0, 9)),
    order=st.randoms(),
)
def test_tier_is_that_of_what_is_achieved_whatever_the_order(
    bills: list[tuple[int, int]], returned: set[int], order: Any
) -> None:
    """Of what came back nothing is left, and what came late counts as if it had come in time."""
    first, long = day("2025-03-03"), {"days": 3_000}
    months = giving("silver", 2, validity=long)
    weeks = giving("gold", 9, name="n", period="week", target_id=8, counts=SUM, validity=long)
    window = {"repeat_window_days": 366, "returns": RETURNS | {"window_days": 366}}
    steps = [bought(f"B{number}", amount, str(as_date(first + on))) for number, (on, amount) in enumerate(bills)]
    order.shuffle(steps)
    back = [brought_back(f"B{number}", bills[number][1], "2025-05-05") for number in returned if number < len(bills)]
    story = given(club(months, weeks, **window), bought("B", 1, "2025-01-01"), *steps, *back)
    kept = [one for number, one in enumerate(bills) if number not in returned]
    in_month = Counter(str(as_date(first + on))[:7] for on, _ in kept)
    in_week: Counter[int] = Counter()
    for on, amount in kept:
        in_week[on // 7] += amount
    silver, gold = max(in_month.values(), default=0) >= 2, max(in_week.values(), default=0) >= 9
    assert story.tier() == (3 if gold else 2 if silver else 1)


def test_tier_that_was_given_until_a_day_is_not_kept_for_ever_where_a_lower_one_is_given_in_its_place() -> None:
    levels = [
        {"name": name, "threshold": threshold} for name, threshold in (("Base", 0), ("Silver", 500), ("Gold", 900))
    ]
    tiers = {"basis": "purchases_in_period", "period": "month", "levels": levels, "validity": {"period": "month"}}
    story = given(program(tiers=tiers), bought("B1", 1, "2011-03-30"))
    story.play(assign("gold", "2011-03-30 12:00", last_day=day("2011-04-19")))
    story.play(tick("2011-04-02"))
    assert (story.tier(), story.section().tenure.expires_on) == (3, None)
    story.play(assign("silver", "2011-04-03 12:00"))
    assert (story.tier(), story.section().tenure.expires_on) == (3, day("2011-04-30"))
    story.play(tick("2011-05-02"))
    assert story.tier() == 2


@pytest.mark.parametrize("by_hand", [False, True])
def test_tier_that_was_earned_for_a_year_stays_when_a_lower_one_that_was_given_ends(*, by_hand: bool) -> None:
    levels = [
        {"name": name, "threshold": threshold} for name, threshold in (("Base", 0), ("Silver", 500), ("Gold", 900))
    ]
    tiers = {"basis": "purchases_in_period", "period": "month", "levels": levels, "validity": {"months": 12}}
    visits = milestone("visits", 2, tier={"id": "silver", "validity": {"days": 20}})
    definition = program(tiers=tiers, milestones=[] if by_hand else [visits])
    story = given(definition, bought("B1", 500, "2011-03-30"), bought("B2", 500, "2011-03-31"))
    if by_hand:
        story.play(assign("silver", "2011-03-31 12:00", last_day=day("2011-04-19")))
    ends_on = story.section().tenure.expires_on
    story.play(tick("2011-05-01"))
    assert len(story.only(TierReleased)) == 1
    assert (story.tier(), story.section().tenure.expires_on) == (3, ends_on)


@pytest.mark.parametrize("continuous", [True, False])
def test_tiers_and_points_of_a_streak_that_repeats_do_not_pile_up(*, continuous: bool) -> None:
    """What nothing can take back any more is not kept, however often a level is reached."""
    level = {"name": "Two", "periods": 2, "points": 5, "tier": {"id": "silver"}}
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "repeats": True, "levels": [level]}
    months = [f"{year}-{month:02}-01" for year in (2021, 2022, 2023) for month in range(1, 13)]
    definition = club(milestone("m"), streaks=[{**streak, "continuous": continuous}])
    story = given(definition, *(bought(f"B{on}", 1, on) for on in months))
    tenure = story.section().tenure
    assert tenure is not None
    assert (story.tier(), story.balance()) == (2, 18 * 5)
    assert len(tenure.rewards) <= 3
    assert len([key for key in story.section().rewards if key.startswith("streak/")]) <= 3


def test_level_is_lost_with_a_late_return_of_its_last_period() -> None:
    level = {"name": "Two", "periods": 2, "points": 5, "tier": {"id": "silver"}}
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": [level]}
    story = given(club(milestone("m"), streaks=[streak]), bought("B1", 1, "2025-02-01"), bought("B2", 1, "2025-03-01"))
    story.play(bought("B3", 1, "2025-03-31"))
    story.play(brought_back("B2", 1, "2025-04-20"))
    assert (story.tier(), story.balance()) == (2, 5)
    story.play(brought_back("B3", 1, "2025-05-29"))
    assert (story.tier(), story.balance()) == (1, 0)


def together(tier: str = "gold", **parts: Any) -> ProgramDefinition:
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": "a & b", "tier": {"id": tier, "validity": DAYS}}
    return club(milestone("a"), milestone("b", 100, target_id=8, counts=SUM), unified_targets=[unified], **parts)


@pytest.mark.parametrize(("rewards", "left"), [("clawback", 1), ("keep", 3)])
def test_unified_target_gives_a_tier_once_in_a_cycle_and_loses_it_with_a_return(rewards: str, left: int) -> None:
    definition = together(returns=RETURNS | {"rewards": rewards})
    story = given(definition, bought("B1", 60, "2025-03-01"), bought("B2", 40, "2025-03-02"), tick("2025-03-05"))
    assert (story.tier(), ran(story)) == (3, ["unified/u/662"])
    story.play(brought_back("B1", 1, "2025-03-06"))
    assert story.tier() == left
    story.play(bought("B3", 1, "2025-03-07"))
    assert (story.tier(), {one.until for one in story.only(TierAssigned)}) == (3, {instant("2025-04-02 00:00")})
    assert given(definition, bought("B1", 60, "2025-03-01")).tier() == 1


def test_unified_target_of_a_version_gives_its_tier_at_its_start() -> None:
    alone = club(milestone("a"), milestone("b", 100, target_id=8, counts=SUM))
    later = starting("2025-03-10", together(version=2))
    story = given(alone, bought("B1", 100, "2025-03-01"), later).when(tick("2025-03-10 13:00"))
    assert (story.tier(), ran(story)) == (3, ["unified/u/662"])
