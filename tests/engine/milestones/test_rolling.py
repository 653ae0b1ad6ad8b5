"""Rolling windows: milestones that go by the last days."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_date
from pipeline.engine.milestones.rolling import Days, window_on
from pipeline.engine.milestones.state import Progress
from schemas.facts import (
    MilestoneAchieved,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneUnachieved,
    PointsIssued,
    PointsReversed,
    ProgressGiven,
    TargetChanged,
    ValueIgnored,
    WindowMoved,
)
from schemas.program import ProgramDefinition
from schemas.records import Line
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    bought,
    brought_back,
    day,
    did,
    enrol_target,
    instant,
    milestone,
    program,
    set_target,
    starting,
    tick,
    updated,
)

FALL = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}


def rolling(goal: int = 1_000, days: int = 7, **parts: Any) -> dict[str, Any]:
    counts = parts.pop("counts", {"of": "transactions", "measure": "sum"})
    return milestone("m", goal, period=None, cycle={"kind": "rolling", "days": days}, counts=counts, **parts)


def having(goal: int = 1_000, days: int = 7, version: int = 1, **parts: Any) -> ProgramDefinition:
    returns = parts.pop("returns", None)
    return program(version=version, milestones=[rolling(goal, days, **parts)], returns=returns)


def paid(on: str, amount: int = 500, bill: str = "") -> Any:
    return bought(bill or f"B{on}", amount, on)


def met(story: Story) -> list[str]:
    """The last days of the windows that are met, as the state has them."""
    periods = story.section().milestones.get("m", {})
    return [str(as_date(one)) for one, progress in sorted(periods.items()) if progress.achieved]


def test_value_is_what_was_done_in_the_last_days() -> None:
    story = given(having(days=3, goal=10_000), paid("2025-03-01"), paid("2025-03-03", 200)).when(paid("2025-03-04", 40))
    assert story.only(MilestoneProgressed)[-1] == MilestoneProgressed(
        milestone_id="m",
        period=day("2025-03-04"),
        period_ends_at=instant("2025-03-07 00:00"),
        added=40,
        value=240,
        target=10_000,
        of_day=40,
    )


@pytest.mark.parametrize(
    ("days", "achieved"),
    [
        pytest.param(["03-01", "03-07"], ["03-07"], id="the first and the last day of a window"),
        pytest.param(["03-01", "03-08"], [], id="a day apart"),
        pytest.param(["03-01", "03-02", "03-03"], ["03-02"], id="not again while it holds"),
        pytest.param(["03-01", "03-02", "03-08", "03-09"], ["03-02", "03-09"], id="again after so many days"),
        pytest.param(["03-01", "03-02", "03-07", "03-08", "03-09"], ["03-02", "03-09"], id="not a day before"),
        pytest.param(["03-01", "03-02", "03-03", "03-09"], ["03-02", "03-09"], id="what was done since counts again"),
        pytest.param(["03-29", "04-04"], ["04-04"], id="over the end of a month, and the clocks going on"),
    ],
)
def test_target_is_met_once_in_so_many_days(days: list[str], achieved: list[str]) -> None:
    story = given(having(points=50), *(paid(f"2025-{one}") for one in days))
    assert met(story) == [f"2025-{one}" for one in achieved]
    assert story.balance() == 50 * len(achieved)


def test_bill_of_nothing_meets_nothing() -> None:
    """A day on which nothing counts ends no window, though one that was met before is over by then."""
    story = given(having(), paid("2025-03-01", 1_000), paid("2025-03-02", 1_000))
    assert met(story.when(paid("2025-03-08", 0))) == ["2025-03-01"]
    assert met(story.when(paid("2025-03-08", 1, "B9"))) == ["2025-03-01", "2025-03-08"]


def test_late_bill_meets_the_window_of_its_day() -> None:
    story = given(having(points=50), paid("2025-03-01"), paid("2025-03-20")).when(paid("2025-03-05"))
    (achieved,) = story.only(MilestoneAchieved)
    assert (achieved.period, achieved.value, achieved.number) == (day("2025-03-05"), 1_000, 1)
    assert story.balance() == 50


def test_late_bill_that_meets_an_earlier_window_moves_it() -> None:
    story = given(having(points=50), paid("2025-03-04"), paid("2025-03-06")).when(paid("2025-03-01"))
    story.then(
        WindowMoved(milestone_id="m", period=day("2025-03-06"), to=day("2025-03-04")),
        ignoring=BOOKKEEPING - {WindowMoved},
    )
    assert (met(story), story.balance()) == (["2025-03-04"], 50)


def test_late_bill_makes_two_windows_of_one() -> None:
    """The second window that is met pays the second reward, whichever of them came first."""
    days = ["2025-03-05", "2025-03-10", "2025-03-12"]
    story = given(having(points=50), *(paid(one) for one in days)).when(paid("2025-03-04"))
    assert met(story) == ["2025-03-05", "2025-03-12"]
    assert [one.activity for one in story.only(PointsIssued)] == ["milestone/m/1", "milestone/m/2"]
    assert story.only(WindowMoved) == [WindowMoved(milestone_id="m", period=day("2025-03-10"), to=day("2025-03-12"))]


def test_return_takes_off_the_day_of_the_sale() -> None:
    story = given(having(points=50, returns=FALL), paid("2025-03-01"), paid("2025-03-05")).when(
        brought_back("B2025-03-01", 200, "2025-03-20")
    )
    (lowered,) = story.only(MilestoneLowered)
    assert (lowered.period, lowered.removed, lowered.value, lowered.of_day) == (day("2025-03-01"), 200, 300, 300)
    (lost,) = story.only(MilestoneUnachieved)
    assert (lost.period, lost.value, lost.number) == (day("2025-03-05"), 800, 1)
    assert [one.points for one in story.only(PointsReversed)] == [50]
    assert (met(story), story.balance(), story.section().windows) == ([], 0, {"m": 0})


def test_return_of_what_was_beyond_the_target_loses_nothing() -> None:
    story = given(having(points=50, returns=FALL), paid("2025-03-01"), paid("2025-03-05", 700))
    assert story.when(brought_back("B2025-03-01", 200, "2025-03-20")).only(MilestoneUnachieved) == []
    assert met(story) == ["2025-03-05"]


def test_return_outside_of_what_is_met_loses_nothing() -> None:
    story = given(having(points=50, returns=FALL), paid("2025-03-01"), paid("2025-03-02"), paid("2025-03-05"))
    assert story.when(brought_back("B2025-03-05", 500, "2025-03-20")).only(MilestoneUnachieved) == []


def test_window_that_later_bills_fill_moves_with_a_return() -> None:
    """Who bought as much on another day of it keeps what they met, and its reward."""
    story = given(having(points=50, returns=FALL), *(paid(f"2025-03-0{number}") for number in (1, 2, 3)))
    story.when(brought_back("B2025-03-01", 500, "2025-03-04"))
    assert story.only(WindowMoved) == [WindowMoved(milestone_id="m", period=day("2025-03-02"), to=day("2025-03-03"))]
    assert story.only(MilestoneUnachieved) == []
    assert (met(story), story.balance()) == (["2025-03-03"], 50)


@pytest.mark.parametrize(("rewards", "balance"), [("keep", 50), ("clawback", 50)])
def test_window_met_again_gives_no_second_reward(rewards: str, balance: int) -> None:
    returns = {**FALL, "rewards": rewards}
    story = given(having(points=50, returns=returns), paid("2025-03-01", 1_000))
    story.when(brought_back("B2025-03-01", 1_000, "2025-03-02")).when(paid("2025-03-03", 1_000))
    assert [one.number for one in story.only(MilestoneAchieved)] == [1, 1]
    assert (story.balance(), met(story)) == (balance, ["2025-03-03"])


def test_update_moves_its_day() -> None:
    story = given(having(points=50, returns=FALL), paid("2025-03-01"), paid("2025-03-05", 300))
    assert met(story.when(updated("B2025-03-05", 500, "2025-03-08"))) == ["2025-03-05"]
    assert met(story.when(updated("B2025-03-01", 400, "2025-03-09"))) == []
    assert story.balance() == 0


def test_update_takes_nothing_where_returns_lower_nothing() -> None:
    returns = {"window_days": 60, "milestones": "keep"}
    story = given(having(points=50, returns=returns), paid("2025-03-01"), paid("2025-03-05"))
    story.when(updated("B2025-03-05", 300, "2025-03-08"))
    assert (met(story), story.values("m")) == (
        ["2025-03-05"],
        {"7 days to 2025-03-01": 500, "7 days to 2025-03-05": 300},
    )


@pytest.mark.parametrize(
    ("counts", "goal"),
    [
        pytest.param({"of": "transactions"}, 3, id="bills"),
        pytest.param({"of": "transactions", "measure": "days"}, 3, id="days"),
        pytest.param({"of": "transactions", "measure": "quantity", "categories": ["coffee"]}, 6, id="coffees"),
        pytest.param({"of": "transactions", "at_most": {"times": 1, "per": "day"}}, 3, id="one a day"),
    ],
)
def test_measures_are_added_up_by_day(counts: dict[str, Any], goal: int) -> None:
    coffee = (Line(sku="LATTE", amount_minor=350, quantity=2, category="coffee"),)
    bills = [bought(f"B{on}", None, f"2025-03-0{on}", lines=coffee) for on in (1, 3, 5)]
    story = given(having(goal, counts=counts, returns=FALL), *bills)
    assert met(story) == ["2025-03-05"]
    assert met(story.when(brought_back("B1", None, "2025-03-06", lines=coffee))) == []
    assert met(story.when(bought("B7", None, "2025-03-07", lines=coffee))) == ["2025-03-07"]


def test_different_days_count_once_each() -> None:
    counts = {"of": "transactions", "measure": "days"}
    story = given(having(2, counts=counts), paid("2025-03-01"), paid("2025-03-01", bill="again"))
    assert met(story) == []
    assert met(story.when(paid("2025-03-02"))) == ["2025-03-02"]


def test_limit_goes_by_its_period_whatever_the_day() -> None:
    counts = {"of": "transactions", "at_most": {"times": 1, "per": "week"}}
    days = ["2025-03-03", "2025-03-05", "2025-03-09", "2025-03-10"]  # Monday to Sunday, and the next Monday
    story = given(having(2, counts=counts, days=14), *(paid(one) for one in days))
    assert story.values("m") == {"14 days to 2025-03-03": 1, "14 days to 2025-03-10": 1}
    assert met(story) == ["2025-03-10"]


def test_events_are_added_up() -> None:
    counts = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}
    runs = [did("run", on, attributes={"km": 4}) for on in ("2025-03-01", "2025-03-07", "2025-03-08")]
    assert met(given(having(8, counts=counts), *runs)) == ["2025-03-07"]


def test_sum_too_large_counts_nothing() -> None:
    counts = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}
    runs = [did("run", f"2025-03-0{number}", attributes={"km": 10**15}) for number in range(1, 10)]
    story = given(having(8, counts=counts, days=14), *runs)
    assert story.when(did("run", "2025-03-10", attributes={"km": 4})).only(ValueIgnored) != []
    assert len(story.values("m")) == 9


def test_own_target_is_looked_at_at_once() -> None:
    story = given(having(points=50), paid("2025-03-01"), paid("2025-03-05", 100))
    story.when(set_target("m", 600, "2025-03-06"))
    (achieved,) = story.only(MilestoneAchieved)
    assert (achieved.period, achieved.value, achieved.target) == (day("2025-03-05"), 600, 600)
    assert [one.period for one in story.only(TargetChanged)] == [day("2025-03-06")]


@pytest.mark.parametrize("on", ["2025-03-08", "2025-03-12"])
def test_what_has_left_the_window_does_not_meet_a_lower_target(on: str) -> None:
    story = given(having(), paid("2025-03-01"), paid("2025-03-05", 100))
    assert met(story.when(set_target("m", 600, on))) == []


def test_version_that_asks_for_less_looks_at_the_window_of_today() -> None:
    less = starting("2025-03-06", having(500, version=2))
    story = given(having(), paid("2025-02-01"), paid("2025-03-05"), less).when(tick("2025-03-06 13:00"))
    assert met(story) == ["2025-03-05"]


def test_what_was_met_stays_when_a_target_rises() -> None:
    days = ["2025-03-01", "2025-03-02", "2025-03-09", "2025-03-10", "2025-03-20"]
    story = given(having(returns=FALL), *(paid(one) for one in days), set_target("m", 2_000, "2025-03-21"))
    assert met(story.when(paid("2025-03-01", 1, "late"))) == ["2025-03-02", "2025-03-10"]
    assert met(story.when(brought_back("B2025-03-01", 1, "2025-03-22"))) == ["2025-03-10"]


def test_enrolment_with_the_past_counts_the_window() -> None:
    story = given(having(enrolment={"by": "command", "past": True}), paid("2025-03-01"), paid("2025-03-05"))
    assert met(story) == []
    assert met(story.when(enrol_target("m", "2025-03-06"))) == ["2025-03-05"]


def test_enrolment_without_the_past_counts_what_comes() -> None:
    story = given(having(enrolment={"by": "command"}), paid("2025-03-01"), enrol_target("m", "2025-03-02"))
    assert met(story.when(paid("2025-03-03"))) == []
    assert met(story.when(paid("2025-03-04"))) == ["2025-03-04"]


def test_days_that_no_record_reaches_leave() -> None:
    story = given(having(), *(paid(one) for one in ("2025-01-01", "2025-01-02", "2025-02-12", "2025-02-20")))
    assert len(story.values("m")) == 2
    assert story.section().windows == {"m": 1}
    days = [paid(one) for one in ("2025-03-18", "2025-03-19")]
    assert given(having(points=1), paid("2025-01-01", 1_000), *days).balance() == 2


def test_retired_milestone_keeps_how_often_it_was_met() -> None:
    ended = starting("2025-03-06", having(version=2, retired=True))
    story = given(having(), paid("2025-03-01", 1_000), ended).when(tick("2025-03-06 13:00"))
    assert story.section().windows == {"m": 1}


# --- different things

SKUS = {"of": "transactions", "measure": "skus"}
STORES = {"of": "transactions", "measure": "stores"}


def lines(*skus: str) -> tuple[Line, ...]:
    return tuple(Line(sku=sku, amount_minor=100) for sku in skus)


def basket(on: str, *skus: str, bill: str = "") -> Any:
    return bought(bill or f"B{on}", None, f"2025-03-{on}", lines=lines(*skus))


def windows(story: Story) -> list[str]:
    return [one[-2:] for one in met(story)]


@pytest.mark.parametrize(
    ("baskets", "achieved"),
    [
        pytest.param([("01", "A", "B"), ("07", "C")], ["07"], id="of all days of the window"),
        pytest.param([("01", "A", "B"), ("08", "C")], [], id="what is older has left"),
        pytest.param([("01", "A"), ("02", "A", "B"), ("03", "A", "B")], [], id="each counts once"),
        pytest.param([("01", "A"), ("05", "A"), ("09", "B", "C")], ["09"], id="the newer of two is in the window"),
        pytest.param([("01", "A", "B", "C"), ("02", "D"), ("08", "A")], ["01"], id="once in so many days"),
        pytest.param([("01", "A", "B", "C"), ("05", "B", "C"), ("08", "A")], ["01", "08"], id="again with the same"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_different_skus_count_once_in_the_window(
    baskets: list[tuple[str, ...]], achieved: list[str], *, backwards: bool
) -> None:
    steps = [basket(*one) for one in (reversed(baskets) if backwards else baskets)]
    story = given(having(3, counts=SKUS, points=50), *steps)
    assert (windows(story), story.balance()) == (achieved, 50 * len(achieved))


def test_different_stores_and_values_count_too() -> None:
    stores = [bought(f"B{on}", 100, f"2025-03-0{on}", store=store) for on, store in ((1, "S1"), (2, "S1"), (3, "S2"))]
    assert windows(given(having(2, counts=STORES), *stores)) == ["03"]
    counts = {"of": "events", "event": "run", "measure": "values", "attribute": "park"}
    runs = [
        did("run", f"2025-03-0{on}", attributes={"park": park}) for on, park in ((1, "a"), (2, "a"), (8, "b"), (9, "a"))
    ]
    assert windows(given(having(2, counts=counts), *runs)) == ["08"]


def test_thing_that_the_window_has_is_told_to_nobody_and_counts_for_later_windows() -> None:
    story = given(having(2, counts=SKUS), basket("01", "A")).when(basket("05", "A"))
    assert [one.value for one in story.only(MilestoneProgressed)] == [1]
    (recorded,) = story.only(MilestoneRecorded)
    assert (recorded.period, recorded.added, recorded.value) == (day("2025-03-05"), 1, 1)
    story.play(basket("10", "B"))
    assert [(one.added, one.value, one.of_day) for one in story.only(MilestoneProgressed)][1:] == [(1, 2, 1)]
    assert windows(story) == ["10"]


def test_late_thing_that_its_own_window_has_meets_a_later_one() -> None:
    story = given(having(2, counts=SKUS, points=50), basket("01", "A"), basket("09", "B")).when(basket("04", "A"))
    assert (windows(story), story.balance(), story.only(MilestoneRecorded) != []) == (["09"], 50, True)


@pytest.mark.parametrize(
    ("back", "achieved"),
    [
        pytest.param("01", ["03"], id="another day has it, and the window moves"),
        pytest.param("02", [], id="nothing else has it"),
        pytest.param("03", ["02"], id="beyond what was asked for"),
    ],
)
def test_return_subtracts_where_the_sale_counted(back: str, achieved: list[str]) -> None:
    story = given(having(2, counts=SKUS, points=50, returns=FALL))
    for on, sku in (("01", "A"), ("02", "B"), ("03", "A")):
        story.play(basket(on, sku))
    story.play(brought_back(f"B{back}", None, "2025-03-20", lines=lines({"02": "B"}.get(back, "A"))))
    assert (windows(story), story.balance()) == (achieved, 50 * len(achieved))


def test_return_of_a_thing_that_the_window_still_has_is_told_to_nobody_and_can_lose_a_later_window() -> None:
    story = given(
        having(2, counts=SKUS, points=50, returns=FALL), basket("01", "A"), basket("04", "A"), basket("09", "B")
    )
    assert windows(story) == ["09"]
    story.play(brought_back("B04", None, "2025-03-20", lines=lines("A")))
    assert (windows(story), story.only(MilestoneLowered), story.balance()) == ([], [], 0)
    assert [one.value for one in story.only(MilestoneUnachieved)] == [1]


@pytest.mark.parametrize(
    ("skus", "achieved", "balance"),
    [
        pytest.param(("A", "C"), ["02"], 50, id="another thing in place of one"),
        pytest.param(("A",), [], 0, id="one fewer"),
        pytest.param(("B",), [], 0, id="only what the other day has"),
        pytest.param(("A", "B", "C"), ["01"], 50, id="one more, and the window moves"),
    ],
)
@pytest.mark.parametrize("milestones", ["fall", "keep"])
def test_updated_bill_counts_with_what_it_has_now(
    skus: tuple[str, ...], achieved: list[str], balance: int, milestones: str
) -> None:
    returns = {**FALL, "milestones": milestones}
    story = given(having(3, counts=SKUS, points=50, returns=returns), basket("01", "A", "C"), basket("02", "B"))
    story.play(updated("B01", None, "2025-03-03", lines=lines(*skus)))
    if milestones == "keep" and not achieved:
        achieved, balance = ["02"], 50
    assert (windows(story), story.balance()) == (achieved, balance)
    assert [one.number for one in story.only(MilestoneAchieved)] == [1]


def test_update_that_puts_one_thing_in_place_of_another_can_lose_a_window_and_meet_one() -> None:
    two = having(2, counts=SKUS, points=50, returns=FALL)
    lost = given(two, basket("01", "A"), basket("04", "B"), basket("06", "A"))
    lost.play(updated("B04", None, "2025-03-10", lines=lines("A")))
    assert (windows(lost), lost.balance()) == ([], 0)
    gained = given(two, basket("01", "A"), basket("04", "A"), basket("06", "A"))
    gained.play(updated("B04", None, "2025-03-10", lines=lines("B")))
    assert (windows(gained), gained.balance()) == (["04"], 50)
    later = given(two, basket("01", "A"), basket("04", "A"), basket("09", "B"))
    later.play(updated("B04", None, "2025-03-10", lines=lines("B")))
    assert (windows(later), later.balance()) == (["04"], 50)


def test_update_of_a_customer_who_is_not_enrolled_is_recorded() -> None:
    enrolment = {"by": "command", "past": True}
    story = given(having(3, counts=SKUS, enrolment=enrolment, returns=FALL), basket("01", "A"), basket("02", "C"))
    story.play(updated("B02", None, "2025-03-03", lines=lines("C", "D")))
    assert (windows(story), story.only(MilestoneProgressed)) == ([], [])
    assert windows(story.when(enrol_target("m", "2025-03-04"))) == ["02"]


def test_update_that_changes_no_thing_moves_nothing() -> None:
    story = given(having(2, counts=SKUS, returns=FALL), basket("01", "A"), basket("01", "A", "B", bill="other"))
    moved = len(story.only(MilestoneProgressed))
    story.play(updated("B01", None, "2025-03-03", lines=lines("B")))
    assert (len(story.only(MilestoneProgressed)), windows(story)) == (moved, ["01"])


def test_value_of_a_milestone_with_things_holds_what_others_added() -> None:
    """A milestone that adds to one of different things adds to what is counted, beside the things."""
    visits = milestone("v", 2, target_id=8, period="day", adds={"milestone": "m", "value": 2})
    story = given(program(milestones=[rolling(4, counts=SKUS), visits]), basket("01", "A"), basket("02", "A", "B"))
    assert windows(story) == []
    story.play(basket("02", "B", bill="again"))
    assert (windows(story), [one.value for one in story.only(MilestoneProgressed) if one.milestone_id == "m"]) == (
        ["02"],
        [1, 2, 4],
    )


# --- to and from other milestones


def adding(**parts: Any) -> ProgramDefinition:
    """Every £10 in seven days is two steps of five in a month."""
    steps = milestone("steps", 3, target_id=8, counts={"of": "events", "event": "none"})
    return program(milestones=[rolling(adds={"milestone": "steps", "value": 2}), steps], **parts)


def test_each_window_that_is_met_adds_once() -> None:
    story = given(adding(returns=FALL), *(paid(f"2025-03-{on}", 1_000) for on in ("01", "02", "10", "11")))
    assert story.values("steps") == {"2025-03": 4}
    assert [(one.number, one.added) for one in story.only(ProgressGiven)] == [(1, 2), (2, 2)]
    story.play(brought_back("B2025-03-10", 1_000, "2025-03-20"))
    assert met(story) == ["2025-03-01", "2025-03-11"]
    story.play(brought_back("B2025-03-11", 1_000, "2025-03-20"))
    story.play(paid("2025-03-21", 1_000))
    assert (met(story), story.values("steps")) == (["2025-03-01", "2025-03-21"], {"2025-03": 4})


def test_what_is_added_to_a_window_counts_on_the_day() -> None:
    visits = milestone("v", target_id=8, period="day", adds={"milestone": "m", "value": 4})
    walks = milestone("w", target_id=9, period="day", adds={"milestone": "m", "value": 3})
    events = {"of": "events", "event": "none"}
    story = given(program(milestones=[rolling(10, counts=events, points=50), visits, walks]))
    assert met(story.when(paid("2025-03-01", 1))) == []
    assert story.values("m") == {"7 days to 2025-03-01": 7}
    story.play(paid("2025-03-02", 1))
    assert [(one.added, one.value) for one in story.only(MilestoneProgressed) if one.milestone_id == "m"] == [
        (4, 4),
        (3, 7),
        (4, 11),
        (3, 14),
    ]
    assert (met(story), story.balance(), story.section().windows) == (["2025-03-02"], 50, {"m": 1})


def test_late_window_that_is_met_pays_for_its_place_and_is_lost_and_met_again_for_nothing_more() -> None:
    """A reward is known for as long as the last of the windows can change, whichever day it was given for."""
    returns = {**FALL, "window_days": 40}
    story = given(program(milestones=[rolling(points=50)], repeat_window_days=40, returns=returns))
    story.play(paid("2025-03-30", 1_000))
    story.play(paid("2025-03-01", 1_000))
    assert [one.activity for one in story.only(PointsIssued)] == ["milestone/m/1", "milestone/m/2"]
    story.play(paid("2025-05-29", 1_000), as_of=instant("2025-05-30 12:00"))
    story.play(brought_back("B2025-03-30", 1_000, "2025-05-08"), as_of=instant("2025-05-31 12:00"))
    story.play(brought_back("B2025-05-29", 1_000, "2025-06-01"))
    story.play(paid("2025-06-02", 1_000))
    assert (story.section().windows, story.balance()) == ({"m": 2}, 100)


# --- the same, day by day

_Bill = tuple[int, int]
bills = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=14)


def naively(of_day: dict[int, int], length: int, goal: int) -> list[int]:
    """Day by day: a day on which something counts, with enough in the window, so many days after the one before."""
    found: list[int] = []
    for today in range(60):
        window = sum(of_day.get(on, 0) for on in range(today - length + 1, today + 1))
        if of_day.get(today) and window >= goal and not (found and today - found[-1] < length):
            found.append(today)
    return found


@settings(max_examples=60)
@over(
    bills=bills,
    returned=st.sets(st.integers(0, 13)),
    length=st.integers(2, 12),
    goal=st.integers(1, 12),
    seed=st.randoms(),
)
def test_order_does_not_matter(bills: list[_Bill], returned: set[int], length: int, goal: int, seed: Any) -> None:
    first = day("2025-03-20")  # the clocks go on within
    of_day: dict[int, int] = defaultdict(int)
    for number, (on, amount) in enumerate(bills):
        of_day[on] += 0 if number in returned else amount
    steps = [bought(f"B{number}", amount, str(as_date(first + on))) for number, (on, amount) in enumerate(bills)]
    seed.shuffle(steps)
    back = [
        brought_back(f"B{number}", amount, "2025-05-05")
        for number, (_, amount) in enumerate(bills)
        if number in returned
    ]
    window = {"repeat_window_days": 366, "returns": {**FALL, "window_days": 366}}
    story = given(program(milestones=[rolling(goal, length, points=5)], **window), *steps, *back)
    expected = naively(of_day, length, goal)
    assert met(story) == [str(as_date(first + one)) for one in expected]
    assert story.balance() == 5 * len(expected)
    assert story.section().windows.get("m", 0) == len(expected)


@over(st.dictionaries(st.integers(0, 30), st.integers(0, 5)), st.integers(2, 9), st.integers(0, 30))
def test_value_is_the_sum_of_its_days(values: dict[int, int], length: int, last: int) -> None:
    window = range(last - length + 1, last + 1)
    assert Days(values=values, met=(), length=length).value(last) == sum(values.get(one, 0) for one in window)


@pytest.mark.parametrize(
    ("today", "value", "met_in_it"), [(20, 8, True), (22, 8, True), (23, 5, False), (30, 0, False)]
)
def test_window_on_a_day_knows_whether_it_shares_one_that_was_met(today: int, value: int, *, met_in_it: bool) -> None:
    days = {16: Progress(ends_at=0, value=3, achieved=True), 20: Progress(ends_at=0, value=5)}
    window = window_on(days, 7, today, {})
    assert (window.value, window.achieved) == (value, met_in_it)


_Basket = tuple[int, frozenset[str]]
baskets = st.lists(st.tuples(st.integers(0, 25), st.frozensets(st.sampled_from("ABCDE"), min_size=1)), max_size=9)


@settings(max_examples=60)
@over(
    sold=baskets,
    edits=st.dictionaries(st.integers(0, 8), st.frozensets(st.sampled_from("ABCDE"), max_size=3), max_size=4),
    length=st.integers(2, 9),
    goal=st.integers(1, 5),
    seed=st.randoms(),
)
def test_things_of_a_window_do_not_go_by_order_returns_and_updates(
    sold: list[_Basket], edits: dict[int, frozenset[str]], length: int, goal: int, seed: Any
) -> None:
    """Bills that are brought back (no SKU left) or updated are as if they had been so; each window pays once."""
    first = day("2025-03-20")
    of_day: dict[int, set[str]] = defaultdict(set)
    for number, (on, skus) in enumerate(sold):
        of_day[on] |= edits.get(number, skus)
    steps = [
        bought(f"B{number}", None, str(as_date(first + on)), lines=lines(*sorted(skus)))
        for number, (on, skus) in enumerate(sold)
    ]
    seed.shuffle(steps)
    window = {"repeat_window_days": 366, "returns": {**FALL, "window_days": 366}}
    story = given(program(milestones=[rolling(goal, length, points=5, counts=SKUS)], **window), *steps)
    for number, skus in edits.items():
        if number >= len(sold):
            continue
        was = lines(*sorted(sold[number][1]))
        changed = updated(f"B{number}", None, f"2025-05-{number + 10}", lines=lines(*sorted(skus))) if skus else None
        story.play(changed or brought_back(f"B{number}", None, f"2025-05-{number + 10}", lines=was))
    expected: list[int] = []
    for today in range(40):
        things = set().union(*(of_day.get(on, set()) for on in range(today - length + 1, today + 1)))
        if of_day.get(today) and len(things) >= goal and not (expected and today - expected[-1] < length):
            expected.append(today)
    assert len(met(story)) == len(expected)
    assert story.balance() == 5 * len(expected)
