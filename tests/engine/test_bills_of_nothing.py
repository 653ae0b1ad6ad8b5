"""Bills of 0: they count as bills do, and their first return takes all of that back."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import MilestoneUnachieved, RecordRefused, Refusal, StreakLevelUnachieved
from schemas.program import ProgramDefinition
from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import adjust, bought, brought_back, milestone, program, redeem, spend, updated

GIFT = (Line(sku="GIFT", amount_minor=0), Line(sku="TEA", amount_minor=0))
SOLD = (Line(sku="GIFT", amount_minor=300),)
FREE = bought("FREE", 0, "2011-03-02", lines=GIFT, store="S1")
PAID = bought("B1", 500, "2011-03-01", store="S2")
VISITS = milestone("visits", 2, points=20)
DAYS = {
    "id": "days",
    "streak_id": 1,
    "name": "Days",
    "milestone": "daily",
    "levels": [{"name": "Two", "periods": 2, "points": 10}],
}


def shop(**parts: Any) -> ProgramDefinition:
    returns = {"rewards": "clawback", **parts.pop("returns", {})}
    return program(**{"rules": [spend()], "milestones": [VISITS], "returns": returns, **parts})


def refusals(story: Story) -> list[Refusal]:
    return [one.reason for one in story.only(RecordRefused)]


@pytest.mark.parametrize("method", ["pro_rata_bill", "line_exact", "recompute_remaining", "none"])
@pytest.mark.parametrize(
    "lines", [pytest.param((), id="whole"), pytest.param(GIFT, id="by-line"), pytest.param(GIFT[:1], id="by-one-line")]
)
def test_milestone_falls_with_the_first_return(method: str, lines: tuple[Line, ...]) -> None:
    story = given(shop(returns={"method": method}), PAID, FREE)
    assert (story.values("visits"), story.balance()) == ({"2011-03": 2}, 25)
    story.play(brought_back("FREE", 0, "2011-03-03", lines=lines))
    assert (story.values("visits"), story.balance(), refusals(story)) == ({"2011-03": 1}, 5, [])
    assert len(story.only(MilestoneUnachieved)) == 1


def test_second_return_is_refused_and_takes_nothing() -> None:
    story = given(shop(), PAID, FREE, brought_back("FREE", 0, "2011-03-03"), brought_back("FREE", 0, "2011-03-04"))
    assert (story.values("visits"), refusals(story)) == ({"2011-03": 1}, [Refusal.BILL_RETURNED])


def test_more_than_nothing_does_not_come_back() -> None:
    story = given(shop(), PAID, FREE, brought_back("FREE", 100, "2011-03-03"))
    assert (story.values("visits"), story.section().returned_minor) == ({"2011-03": 1}, 0)


@pytest.mark.parametrize(
    "counts",
    [
        {"of": "transactions", "measure": "stores"},
        {"of": "transactions", "stores": ["S1", "S2"]},
        {"of": "transactions", "at_most": {"times": 9, "per": "month"}},
    ],
    ids=["stores", "some-stores", "limited"],
)
def test_measured_milestone_falls_too(counts: dict[str, Any]) -> None:
    story = given(shop(milestones=[milestone("visits", 2, counts=counts)]), PAID, FREE)
    assert story.values("visits") == {"2011-03": 2}
    story.play(brought_back("FREE", 0, "2011-03-03"))
    assert story.values("visits") == {"2011-03": 1}


def test_streak_breaks_and_its_level_is_lost() -> None:
    story = given(shop(milestones=[milestone("daily", 1, "day")], streaks=[DAYS]), PAID, FREE)
    assert story.balance() == 15
    story.play(brought_back("FREE", 0, "2011-03-03"))
    assert (story.balance(), len(story.only(StreakLevelUnachieved))) == (5, 1)


@pytest.mark.parametrize("measure", ["visits", "lines"])
def test_tracker_falls(measure: str) -> None:
    tracker = {"id": "t", "of": measure, "window": {"days": 30}}
    definition = shop(trackers=[tracker], returns={"method": "line_exact"})
    story = given(definition, FREE, brought_back("FREE", 0, "2011-03-03"))
    assert sum(story.section().trackers["t"].days.values()) == 0


def test_points_that_paid_for_it_come_back() -> None:
    story = given(shop(milestones=[]), adjust(50, "2011-03-01"), redeem(40, "2011-03-02 10:00", bill_number="FREE"))
    story.play(FREE)
    assert story.balance() == 10
    story.play(brought_back("FREE", 0, "2011-03-03"))
    assert story.balance() == 50


def test_return_that_comes_first_waits_and_then_takes_all_back() -> None:
    story = given(shop(), PAID, brought_back("FREE", 0, "2011-03-03"))
    story.play(FREE, as_of=story.state.head.clock)
    assert (story.values("visits"), story.waiting()) == ({"2011-03": 1}, [])


def test_bill_that_an_update_raises_after_its_return_counts_again() -> None:
    """Nothing of the amount came back."""
    story = given(
        shop(), PAID, FREE, brought_back("FREE", 0, "2011-03-03"), updated("FREE", None, "2011-03-04", lines=SOLD)
    )
    assert (story.values("visits"), story.section().purchases_minor) == ({"2011-03": 2}, 800)


def test_bill_of_nothing_that_stays_counts_on() -> None:
    story = given(shop(), PAID, FREE, updated("FREE", None, "2011-03-04", lines=SOLD), updated("FREE", 0, "2011-03-05"))
    assert story.values("visits") == {"2011-03": 1}
    story.play(brought_back("FREE", 0, "2011-03-06"))
    assert refusals(story) == [Refusal.BILL_RETURNED]
