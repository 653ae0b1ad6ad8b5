"""Versions: what a change of the program means for members who are there already."""

from __future__ import annotations

from typing import Any

from schemas.facts import (
    MilestoneAchieved,
    PointsIssued,
    ProgramAdopted,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import Step, bought, did, milestone, program, spend, tick


def going_on(story: Story, *steps: Step) -> Story:
    for step in steps:
        story.play(step)
    return story


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
    story = given(counting(1), bought("B1", 1, "2011-03-01"), counting(2, retired=True), bought("B2", 1, "2011-06-01"))
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
    assert [(one.previous, one.reached) for one in story.only(TierUpgraded)] == [(1, 2)]


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
