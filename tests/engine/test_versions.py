"""Versions: what a change of the program means for members who are there already."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import (
    MilestoneAchieved,
    PointsIssued,
    ProgramAdopted,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    TierReassigned,
    TierUpgraded,
)
from schemas.program import ProgramDefinition, Returns
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import Step, bought, did, milestone, program, spend, starting, tick

BASE, BRONZE, SILVER, GOLD = ("Base", 0), ("Bronze", 100), ("Silver", 500), ("Gold", 1_000)
PLATINUM = ("Platinum", 5_000)


def tiered(version: int, *levels: tuple[str, int], retired: tuple[str, ...] = ()) -> ProgramDefinition:
    named = [
        {"name": name, "threshold": threshold} | ({"retired": True} if name in retired else {})
        for name, threshold in levels
    ]
    return program(version=version, tiers={"basis": "net_purchases", "levels": named})


def stands(story: Story) -> tuple[int, str]:
    return story.section().tier, story.section().tier_id


def going_on(story: Story, *steps: Step) -> Story:
    for step in steps:
        story.play(step)
    return story


MOVES = (TierUpgraded, TierReassigned)


def moves(story: Story) -> list[tuple[str, int, int]]:
    """Every move between tiers so far."""
    return [
        (type(fact.decision).__name__, fact.decision.previous, fact.decision.reached)
        for fact in story.facts
        if isinstance(fact.decision, MOVES)
    ]


@pytest.mark.parametrize(
    ("spent", "after", "tier", "moved"),
    [
        pytest.param(600, (BASE, BRONZE, SILVER, GOLD), (3, "silver"), [], id="below"),
        pytest.param(600, (BASE, SILVER, GOLD, PLATINUM), (2, "silver"), [], id="above"),
        pytest.param(1_500, (BASE, BRONZE, SILVER, GOLD, PLATINUM), (4, "gold"), [], id="below-and-above"),
        pytest.param(50, (BASE, BRONZE, SILVER, GOLD), (1, "base"), [], id="above-the-base"),
        pytest.param(200, (BASE, BRONZE, SILVER, GOLD), (2, "bronze"), [("TierUpgraded", 1, 2)], id="one-they-reach"),
    ],
)
def test_member_keeps_their_tier_when_another_is_inserted(
    spent: int, after: tuple[tuple[str, int], ...], tier: tuple[int, str], moved: list[tuple[str, int, int]]
) -> None:
    story = given(tiered(1, BASE, SILVER, GOLD), bought("B1", spent, "2011-03-01"), tiered(2, *after))
    before = len(moves(story))
    story.play(did("login", "2011-03-02"))
    assert (stands(story), moves(story)[before:]) == (tier, moved)


ALL = (BASE, SILVER, GOLD, PLATINUM)


@pytest.mark.parametrize(
    ("spent", "after", "retired", "tier", "moved"),
    [
        pytest.param(600, ALL, ("Silver",), (1, "base"), ("TierReassigned", 2, 1), id="the-next-lower-one"),
        pytest.param(1_500, ALL, ("Silver", "Gold"), (1, "base"), ("TierReassigned", 3, 1), id="the-next-one-left"),
        pytest.param(1_500, ALL, ("Silver",), (3, "gold"), None, id="another-tier"),
        pytest.param(
            600,
            (BASE, SILVER, ("Gold", 550), PLATINUM),
            ("Silver",),
            (3, "gold"),
            ("TierUpgraded", 2, 3),
            id="a-higher-one-that-is-reached-now",
        ),
    ],
)
def test_member_of_a_retired_tier_makes_one_move(
    spent: int,
    after: tuple[tuple[str, int], ...],
    retired: tuple[str, ...],
    tier: tuple[int, str],
    moved: tuple[str, int, int] | None,
) -> None:
    story = given(tiered(1, *ALL), bought("B1", spent, "2011-03-01"), tiered(2, *after, retired=retired))
    before = len(moves(story))
    story.play(did("login", "2011-03-02"))
    assert (stands(story), moves(story)[before:]) == (tier, [] if moved is None else [moved])


def test_retired_tier_is_not_reached_any_more() -> None:
    story = given(tiered(1, BASE, SILVER, GOLD, retired=("Silver",)), bought("B1", 600, "2011-03-01"))
    assert stands(story) == (1, "base")
    story.play(bought("B2", 600, "2011-03-02"))
    assert moves(story) == [("TierUpgraded", 1, 3)]


def test_tier_that_comes_back_is_reached_again_by_who_has_what_it_asks_for() -> None:
    story = given(
        tiered(1, BASE, SILVER), bought("B1", 600, "2011-03-01"), tiered(2, BASE, SILVER, retired=("Silver",))
    )
    going_on(story, did("login", "2011-03-02"), tiered(3, BASE, SILVER), did("login", "2011-03-03"))
    assert moves(story) == [("TierUpgraded", 1, 2), ("TierReassigned", 2, 1), ("TierUpgraded", 1, 2)]


def counting(version: int, *, target: int = 2, **parts: Any) -> ProgramDefinition:
    return program(version=version, milestones=[milestone("m", target=target, points=10, **parts)])


def rewards(story: Story) -> list[int]:
    return [issued.points for issued in story.only(PointsIssued)]


def test_milestone_retired_and_brought_back_in_its_period_pays_once() -> None:
    bills = [bought(f"B{number}", 100, f"2011-03-0{number}") for number in range(1, 6)]
    story = given(counting(1), *bills[:2], counting(2, retired=True), bills[2], counting(3), *bills[3:])
    assert (rewards(story), story.section().milestones["m"][494].value) == ([10], 4)


def test_progress_of_a_retired_milestone_is_there_when_it_comes_back() -> None:
    story = given(counting(1, target=3), bought("B1", 1, "2011-03-01"), bought("B2", 1, "2011-03-02"))
    going_on(story, counting(2, target=3, retired=True), bought("B3", 1, "2011-03-03"))
    going_on(story, counting(3, target=3), bought("B4", 1, "2011-03-04"))
    assert rewards(story) == [10]


def test_retired_milestone_is_forgotten_when_no_record_of_its_period_would_count() -> None:
    keep = counting(1).model_copy(update={"returns": Returns(milestones="keep")})
    story = given(keep, bought("B1", 1, "2011-03-01"), counting(2, retired=True), bought("B2", 1, "2011-06-01"))
    assert story.section().milestones == {}


def test_lowered_target_is_met_at_the_adoption_and_not_again_by_the_next_bill() -> None:
    story = given(counting(1, target=5), bought("B1", 1, "2011-03-01"), bought("B2", 1, "2011-03-02"))
    story.play(counting(2, target=2))
    story.when(bought("B3", 1, "2011-03-03"))
    assert [(one.value, one.target, one.added) for one in story.only(MilestoneAchieved)] == [(2, 2, 0)]
    story.play(bought("B4", 1, "2011-03-04"))
    assert rewards(story) == [10]


def test_period_that_is_over_is_not_looked_at_when_a_version_is_adopted() -> None:
    story = given(counting(1, target=5), bought("B1", 1, "2011-03-30"), bought("B2", 1, "2011-03-31"))
    going_on(story, counting(2, target=2), did("login", "2011-04-01"))
    assert rewards(story) == []


def test_reward_of_an_adoption_reaches_the_tier_in_the_same_turn() -> None:
    levels = [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 10}]
    tiers = {"basis": "lifetime_points", "levels": levels}
    before, after = (
        program(version=version, milestones=[milestone("m", target=target, points=10)], tiers=tiers)
        for version, target in ((1, 2), (2, 1))
    )
    story = given(before, bought("B1", 1, "2011-03-01"), after).when(did("login", "2011-03-02"))
    assert moves(story) == [("TierUpgraded", 1, 2)]


def streaked(version: int, *periods: int, **parts: Any) -> ProgramDefinition:
    levels = [{"name": f"L{number}", "periods": number, "points": number} for number in periods]
    fixed = {"id": "s", "streak_id": 2, "name": "S", "milestone": "m", "levels": levels}
    return program(version=version, milestones=[milestone("m")], streaks=[{**fixed, **parts}])


def levels(story: Story) -> list[int]:
    return [one.level for one in story.only(StreakLevelReached)]


MONTHS = [bought(f"B{number}", 1, f"2011-0{number}-01") for number in range(1, 7)]


def test_level_that_a_version_brings_is_reached_by_the_run_that_is_alive() -> None:
    story = given(streaked(1, 5), *MONTHS[:3], streaked(2, 3, 5)).when(did("login", "2011-03-05"))
    assert levels(story) == [3]
    going_on(story, *MONTHS[3:5])
    assert rewards(story) == [3, 5]


def test_level_below_one_that_was_reached_gives_nothing() -> None:
    story = given(streaked(1, 3), *MONTHS[:3], streaked(2, 2, 3), did("login", "2011-03-05"), MONTHS[3])
    assert rewards(story) == [3]


def test_run_that_is_broken_reaches_no_level_at_the_adoption() -> None:
    story = given(streaked(1, 5), *MONTHS[:3], streaked(2, 3, 5), did("login", "2011-06-05"))
    assert rewards(story) == []


def test_retired_streak_counts_nothing() -> None:
    story = given(streaked(1, 3), *MONTHS[:2], streaked(2, 3, retired=True), MONTHS[2])
    assert [one.run for one in story.only(StreakExtended)] == [1, 2]


def test_streak_retired_and_brought_back_goes_on_with_its_run() -> None:
    story = given(streaked(1, 3), *MONTHS[:2], streaked(2, 3, retired=True), did("login", "2011-02-20"))
    going_on(story, streaked(3, 3), MONTHS[2])
    assert [one.run for one in story.only(StreakExtended)] == [1, 2, 3]
    assert rewards(story) == [3]


def test_end_of_a_retired_streak_is_told_when_its_time_is_up() -> None:
    season = {"validity": {"last": "2011-03-31"}}
    story = given(streaked(1, 3, **season), MONTHS[0], streaked(2, 3, retired=True, **season), did("x", "2011-02-01"))
    story.when(tick("2011-04-02"))
    assert [one.run for one in story.only(StreakEnded)] == [0]


def test_milestone_met_by_a_version_counts_in_its_streak_at_once() -> None:
    def both(version: int, target: int) -> ProgramDefinition:
        of = streaked(version, 1)
        return of.model_copy(update={"milestones": counting(version, target=target).milestones})

    story = given(both(1, 2), bought("B1", 1, "2011-03-01"), both(2, 1)).when(did("login", "2011-03-02"))
    story.then(
        story.only(ProgramAdopted)[1],
        *story.only(MilestoneAchieved),
        story.only(PointsIssued)[0],
        *story.only(StreakExtended),
        *story.only(StreakLevelReached),
        story.only(PointsIssued)[1],
        ignoring=BOOKKEEPING - {ProgramAdopted},
    )
    assert rewards(story) == [10, 1]


def test_retired_rule_gives_nothing() -> None:
    story = given(program(rules=[spend(retired=True), spend("other")]), bought("B1", 500, "2011-03-01"))
    assert rewards(story) == [5]


def test_version_that_starts_later_is_adopted_then() -> None:
    story = given(tiered(1, BASE, SILVER), bought("B1", 600, "2011-03-01"))
    story.play(starting("2011-03-10 00:00", tiered(2, BASE, SILVER, retired=("Silver",))))
    story.play(did("login", "2011-03-09"))
    assert stands(story) == (2, "silver")
    story.play(did("login", "2011-03-10"))
    assert stands(story) == (1, "base")
