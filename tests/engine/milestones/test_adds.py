"""What meeting a milestone adds to another one."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.milestones import concern
from schemas.facts import MilestoneAchieved, MilestoneProgressed, ProgressGiven, StreakExtended
from schemas.program import ProgramDefinition
from tests.dsl import given
from tests.steps import bought, brought_back, instant, milestone, program, set_target, starting

RUNS = {"of": "events", "event": "run"}


def chained(version: int = 1, **parts: Any) -> ProgramDefinition:
    """A visit in a day adds to two in a month, which adds to stars of a year."""
    milestones = [
        milestone("day", period="day", adds={"milestone": "month", "value": 1}),
        milestone("month", 2, target_id=10, counts=RUNS, adds={"milestone": "year", "value": 5}, points=7),
        milestone("year", 10, target_id=11, period="year", counts=RUNS, points=100),
    ]
    return program(version=version, milestones=milestones, **{"returns": {"window_days": 400}, **parts})


def test_meeting_one_adds_to_another_which_may_be_met_and_add_in_turn() -> None:
    story = given(chained(), bought("B1", 1, "2025-03-01"), bought("B2", 1, "2025-03-01 13:00"))
    assert (story.values("month"), story.values("year")) == ({"2025-03": 1}, {})
    story.play(bought("B3", 1, "2025-03-02"))
    assert [(one.milestone_id, one.to, one.added) for one in story.only(ProgressGiven)] == [
        ("day", "month", 1),
        ("day", "month", 1),
        ("month", "year", 5),
    ]
    assert story.values("year") == {"2025": 5}
    for number in (3, 4):
        story.play(bought(f"B{number + 1}", 1, f"2025-04-0{number}"))
    assert [one.milestone_id for one in story.only(MilestoneAchieved)].count("year") == 1
    assert story.balance() == 7 + 7 + 100


def test_meeting_it_again_after_a_return_adds_nothing_more() -> None:
    story = given(chained(), bought("B1", 1, "2025-03-01"), brought_back("B1", 1, "2025-03-01 13:00"))
    story.play(bought("B2", 1, "2025-03-01 14:00"))
    assert [one.milestone_id for one in story.only(MilestoneAchieved)] == ["day", "day"]
    assert (len(story.only(ProgressGiven)), story.values("month")) == (1, {"2025-03": 1})


def test_what_several_add_in_one_turn_adds_up() -> None:
    milestones = [
        milestone("a", adds={"milestone": "both", "value": 2}),
        milestone("b", target_id=10, adds={"milestone": "both", "value": 3}),
        milestone("both", 5, target_id=11, counts={"of": "events", "event": "e", "measure": "sum", "attribute": "n"}),
    ]
    story = given(program(milestones=milestones), bought("B1", 1, "2025-03-01"))
    assert [one.value for one in story.only(MilestoneProgressed)] == [1, 1, 2_000, 5_000]
    assert [one.milestone_id for one in story.only(MilestoneAchieved)] == ["a", "b", "both"]


def test_nothing_is_added_to_one_that_does_not_count_or_that_the_customer_is_not_in() -> None:
    outside = {"validity": {"last": "2025-02-28"}}
    enrolled = {"enrolment": {"by": "command"}}
    for other in (outside, enrolled):
        parts = [
            milestone("a", adds={"milestone": "b", "value": 2}),
            milestone("b", target_id=10, counts=RUNS, **other),
        ]
        story = given(program(milestones=parts), bought("B1", 1, "2025-03-01"))
        assert story.only(ProgressGiven) == []


def test_streak_on_it_goes_on_and_versions_and_commands_add_too() -> None:
    parts = [
        milestone("a", 5, adds={"milestone": "b", "value": 1}),
        milestone("b", target_id=10, counts={"of": "transactions", "skus": ["TEA"]}),
    ]
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "b", "levels": [{"name": "L", "periods": 2}]}
    story = given(program(milestones=parts, streaks=[streak]), bought("B1", 1, "2025-03-01"))
    story.play(set_target("a", 1, "2025-03-02"))
    assert len(story.only(ProgressGiven)) == 1
    parts[0]["target"] = 1
    story.play(bought("B2", 1, "2025-04-01"))
    story.play(starting("2025-04-02", program(version=2, milestones=parts, streaks=[streak])))
    story.play(set_target("a", None, "2025-04-03"))
    assert len(story.only(ProgressGiven)) == 2
    story.play(bought("B3", 1, "2025-05-01"))
    assert [one.run for one in story.only(StreakExtended)] == [1, 2, 3]


def test_nothing_is_added_before_own_cycles_begin() -> None:
    parts = [
        milestone("a", 1, period="day", adds={"milestone": "b", "value": 1}),
        milestone("b", 9, target_id=10, period=None, cycle={"kind": "per_customer", "unit": "day", "every": 10}),
    ]
    parts[1]["counts"] = {"of": "transactions", "minimum_minor": 100}
    story = given(program(milestones=parts), bought("B1", 100, "2025-03-05"))
    story.play(bought("B2", 1, "2025-03-04"), as_of=instant("2025-03-06"))
    assert story.values("b") == {"Cycle_1": 2}


def test_value_stays_within_what_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "TOTAL_MAX", 1)
    story = given(chained(), bought("B1", 1, "2025-03-01"), bought("B2", 1, "2025-03-02"))
    assert story.values("month") == {"2025-03": 1}


def test_cycles_in_which_nothing_can_be_met_any_more_leave() -> None:
    story = given(chained(returns={"window_days": 35}), bought("B1", 1, "2025-03-01"), bought("B2", 1, "2025-08-01"))
    assert len(story.section().members["day"].given) == 1
