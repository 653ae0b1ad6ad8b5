"""The next tier is near: who is told, when, and when again."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import TierApproached
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.steps import bought, brought_back, did, joined, program, tick

LEVELS = (
    {"name": "Base", "threshold": 0},
    {"name": "Silver", "threshold": 1_000},
    {"name": "Gold", "threshold": 1_200},
)
NEAR = {"approaching": {"percent": 90, "cooldown_days": 10}}


def club(levels: Any = LEVELS, **tiers: Any) -> ProgramDefinition:
    return program(tiers={"basis": "net_purchases", "levels": levels, **NEAR, **tiers})


def told(story: Story) -> list[tuple[str, int, int, int | None]]:
    return [(one.tier_id, one.measured, one.needed, one.days_left) for one in story.only(TierApproached)]


@pytest.mark.parametrize(
    ("spent", "near"),
    [
        (899, []),
        (900, [("silver", 900, 1_000, None)]),
        (999, [("silver", 999, 1_000, None)]),
        (1_000, []),
        (1_080, [("gold", 1_080, 1_200, None)]),
        (1_200, []),
    ],
)
def test_told_from_that_share_of_what_the_next_tier_asks_for(spent: int, near: list[Any]) -> None:
    assert told(given(club(), bought("B1", spent, "2011-03-01"))) == near


def test_not_told_without_asking_for_it() -> None:
    assert told(given(club(approaching=None), bought("B1", 999, "2011-03-01"))) == []


def test_told_again_after_the_cooldown_and_at_once_for_a_higher_tier() -> None:
    story = given(club(), bought("B1", 950, "2011-03-01"), bought("B2", 10, "2011-03-10 11:59"))
    assert len(told(story)) == 1
    story.play(bought("B3", 1, "2011-03-11"))
    assert [one[1] for one in told(story)] == [950, 961]
    story.play(bought("B4", 200, "2011-03-12"))
    assert told(story)[2:] == [("gold", 1_161, 1_200, None)]


def test_told_with_the_days_that_are_left_of_the_period() -> None:
    story = given(club(basis="purchases_in_period", period="month"), bought("B1", 960, "2011-03-26"))
    assert told(story) == [("silver", 960, 1_000, 5)]
    assert story.only(TierApproached)[0].basis == "purchases_in_period"


def test_only_bills_and_events_are_told_of_it() -> None:
    story = given(club(), bought("B1", 1_100, "2011-03-01"), joined("2011-03-02"), tick("2011-04-01"))
    story.play(brought_back("B1", 5, "2011-04-02"))
    assert len(told(story)) == 1
    story.play(did("login", "2011-04-03"))
    assert len(told(story)) == 1


def test_condition_on_which_the_tier_depends_decides_the_nearness() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 1_000, "further": [10]})
    further = {"further": [{"basis": "visits"}], "any": 2}
    assert told(given(club(levels, **further), bought("B1", 1_000, "2011-03-01"))) == []
    nine = [bought(f"B{number}", 200, f"2011-03-0{number}") for number in range(1, 10)]
    assert told(given(club(levels, **further), *nine)) == [("silver", 9, 10, None)]
