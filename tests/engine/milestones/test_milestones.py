"""Milestones: what counts, when a target is met, and what it pays."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.calendar import period_of
from pipeline.engine.milestones import concern
from schemas.facts import (
    IgnoredFor,
    IssuedFor,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsIssued,
    ProgramAdopted,
    ValueIgnored,
)
from schemas.program import PeriodUnit, ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import bought, brought_back, day, did, instant, milestone, program


def with_goal(version: int = 1, **parts: Any) -> ProgramDefinition:
    return program(version=version, milestones=[milestone("goal", **parts)])


def values(story: Story) -> list[tuple[int, int]]:
    return [(progressed.added, progressed.value) for progressed in story.only(MilestoneProgressed)]


SUM = {"of": "transactions", "measure": "sum"}
GRAMS = {"of": "events", "event": "brew", "measure": "sum", "attribute": "grams"}
MARCH_2011 = period_of(PeriodUnit.MONTH, day("2011-03-01"))


def test_bill_that_meets_the_target_achieves_the_milestone_and_is_rewarded() -> None:
    goal = with_goal(counts=SUM, target=1_000, points=50)
    given(goal, bought("B1", 999, "2011-03-01")).when(bought("B2", 1, "2011-03-31 23:59")).then(
        MilestoneProgressed(
            milestone_id="goal",
            period=MARCH_2011,
            period_ends_at=instant("2011-04-01 00:00"),
            added=1,
            value=1_000,
            target=1_000,
        ),
        MilestoneAchieved(milestone_id="goal", period=MARCH_2011, value=1_000, target=1_000, added=1),
        issued(("goal", 50), balance=50, issued_for=IssuedFor.MILESTONE, activity=f"milestone/goal/{MARCH_2011}"),
        ignoring=BOOKKEEPING - {MilestoneProgressed},
    )


@pytest.mark.parametrize(
    ("amounts", "achieved_by"),
    [
        pytest.param([998, 1], [], id="one-short"),
        pytest.param([999, 1], ["B2"], id="exactly"),
        pytest.param([2_500], ["B1"], id="at-once-and-once-only"),
        pytest.param([999, 2, 5_000], ["B2"], id="counting-goes-on"),
        pytest.param([1_000, 0], ["B1"], id="nothing-added-after-it"),
    ],
)
def test_target_is_met_once_when_the_value_crosses_it(amounts: list[int], achieved_by: list[str]) -> None:
    story = given(with_goal(counts=SUM, target=1_000))
    for number, amount in enumerate(amounts, 1):
        story.play(bought(f"B{number}", amount, f"2011-03-0{number}"))
    assert [envelope.cause for envelope in story.envelopes(MilestoneAchieved)] == [
        f"TransactionAdded:t-{bill}" for bill in achieved_by
    ]
    assert len(values(story)) == len(amounts)
    assert values(story)[-1][1] == sum(amounts)


@pytest.mark.parametrize(
    ("unit", "first", "second", "separate"),
    [
        pytest.param("day", "2011-03-27 00:00", "2011-03-27 23:59", False, id="a-day-of-23-hours"),
        pytest.param("day", "2011-03-27 23:59", "2011-03-28 00:00", True, id="midnight"),
        pytest.param("week", "2011-03-06 23:59", "2011-03-07 00:00", True, id="monday"),
        pytest.param("month", "2012-02-29 23:59", "2012-03-01 00:00", True, id="leap-february"),
        pytest.param("month", "2011-10-01 00:00", "2011-10-31 23:59", False, id="a-month-with-25-hours"),
        pytest.param("quarter", "2011-03-31 23:59", "2011-04-01 00:00", True, id="quarter"),
        pytest.param("year", "2011-12-31 23:59", "2012-01-01 00:00", True, id="year"),
    ],
)
def test_value_begins_at_zero_in_every_period_of_the_zone(unit: str, first: str, second: str, separate: bool) -> None:  # noqa: FBT001
    story = given(with_goal(period=unit, points=5), bought("B1", 1, first), bought("B2", 1, second))
    assert values(story) == [(1, 1), (1, 1 if separate else 2)]
    assert len(story.only(MilestoneAchieved)) == len(story.only(PointsIssued)) == (2 if separate else 1)


def test_late_bill_counts_in_the_period_of_its_event_time() -> None:
    story = given(with_goal(target=2), bought("B1", 1, "2011-02-28"), bought("B3", 1, "2011-03-05"))
    story.play(bought("B2", 1, "2011-02-28 13:00"), as_of=instant("2011-03-06"))
    assert [achieved.period for achieved in story.only(MilestoneAchieved)] == [MARCH_2011 - 1]
    assert values(story) == [(1, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        pytest.param(18, 18_000, id="an-integer"),
        pytest.param("18.0", 18_000, id="the-same-with-a-decimal"),
        pytest.param("0018.000000", 18_000, id="idle-noughts"),
        pytest.param("1.5", 1_500, id="a-fraction"),
        pytest.param("0.001", 1, id="the-finest"),
        pytest.param(10**15, 10**18, id="the-most-there-can-be"),
        pytest.param("1000000000000000.0", 10**18, id="the-most-as-text"),
    ],
)
def test_sum_over_events_adds_up_an_attribute_in_thousandths(sent: int | str, counted: int) -> None:
    story = given(with_goal(counts=GRAMS, target=100)).when(did("brew", "2011-03-01", attributes={"grams": sent}))
    assert values(story) == [(counted, counted)]
    assert story.only(ValueIgnored) == []


@pytest.mark.parametrize(
    ("attributes", "value", "reason"),
    [
        pytest.param({}, "", IgnoredFor.ABSENT, id="absent"),
        pytest.param({"grams": True}, "true", IgnoredFor.NOT_A_NUMBER, id="a-truth"),
        pytest.param({"grams": "18 g"}, "18 g", IgnoredFor.NOT_A_NUMBER, id="text"),
        pytest.param({"grams": ""}, "", IgnoredFor.NOT_A_NUMBER, id="empty-text"),
        pytest.param({"grams": "18."}, "18.", IgnoredFor.NOT_A_NUMBER, id="a-point-alone"),
        pytest.param({"grams": "\u0661\u0668"}, "\u0661\u0668", IgnoredFor.NOT_A_NUMBER, id="other-digits"),
        pytest.param({"grams": "x" * 99}, "x" * 64, IgnoredFor.NOT_A_NUMBER, id="long-text"),
        pytest.param({"grams": -18}, "-18", IgnoredFor.NEGATIVE, id="below-zero"),
        pytest.param({"grams": "-0.5"}, "-0.5", IgnoredFor.NEGATIVE, id="a-fraction-below-zero"),
        pytest.param({"grams": "1.0005"}, "1.0005", IgnoredFor.TOO_FINE, id="four-decimals"),
        pytest.param({"grams": 10**15 + 1}, "1000000000000001", IgnoredFor.TOO_LARGE, id="beyond-the-most"),
        pytest.param(
            {"grams": "1000000000000000.001"}, "1000000000000000.001", IgnoredFor.TOO_LARGE, id="just-beyond-the-most"
        ),
        pytest.param({"grams": "9" * 999}, "9" * 64, IgnoredFor.TOO_LARGE, id="endless"),
    ],
)
def test_value_that_cannot_be_used_is_told_with_its_reason_and_counts_nothing(
    attributes: dict[str, int | bool | str], value: str, reason: IgnoredFor
) -> None:
    given(with_goal(counts=GRAMS, target=100)).when(did("brew", "2011-03-01", attributes=attributes)).then(
        ValueIgnored(milestone_id="goal", attribute="grams", value=value, reason=reason),
        ignoring=BOOKKEEPING,
    )


@pytest.mark.parametrize("sent", [0, "0.0", "-0.0", "-0"])
def test_zero_adds_nothing_and_is_no_mistake(sent: int | str) -> None:
    given(with_goal(counts=GRAMS, target=100)).when(did("brew", "2011-03-01", attributes={"grams": sent})).then(
        ignoring=BOOKKEEPING - {MilestoneProgressed}
    )


def test_target_of_a_sum_is_written_in_whole_ones_and_met_to_the_thousandth() -> None:
    story = given(with_goal(counts=GRAMS, target=8))
    for hour, grams in enumerate((4, "3.999", "0.001"), 10):
        story.play(did("brew", f"2011-03-01 {hour}:00", attributes={"grams": grams}))
    assert [(achieved.added, achieved.value, achieved.target) for achieved in story.only(MilestoneAchieved)] == [
        (1, 8_000, 8_000)
    ]


def test_stray_numbers_in_events_never_grow_beyond_what_can_be_stored() -> None:
    story = given(with_goal(counts=GRAMS, target=100))
    for hour in range(10, 16):
        story.play(did("brew", f"2011-03-01 {hour}:00", attributes={"grams": 2**63 - 1}))
    assert values(story) == []
    assert [ignored.reason for ignored in story.only(ValueIgnored)] == [IgnoredFor.TOO_LARGE] * 6


def test_count_over_events_counts_those_of_its_name() -> None:
    goal = with_goal(counts={"of": "events", "event": "brew"}, target=2)
    story = given(goal, did("brew", "2011-03-01"), did("taste", "2011-03-02"), did("brew", "2011-03-03"))
    assert (values(story), len(story.only(MilestoneAchieved))) == ([(1, 1), (1, 2)], 1)


@pytest.mark.parametrize(
    ("on", "counts"),
    [
        pytest.param("2011-03-09 23:59", False, id="day-before"),
        pytest.param("2011-03-10 00:00", True, id="first-day"),
        pytest.param("2011-03-20 23:59", True, id="last-day"),
        pytest.param("2011-03-21 00:00", False, id="day-after"),
    ],
)
def test_milestone_counts_within_its_validity(on: str, counts: bool) -> None:  # noqa: FBT001 - a table
    story = given(with_goal(validity={"first": "2011-03-10", "last": "2011-03-20"})).when(bought("B1", 1, on))
    assert bool(values(story)) == counts


def test_record_beyond_what_a_count_can_be_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "TOTAL_MAX", 1)
    story = given(with_goal(target=5), bought("B1", 1, "2011-03-01"), bought("B2", 1, "2011-03-02"))
    assert values(story) == [(1, 1)]


def test_return_leaves_the_value_alone_where_milestones_are_kept() -> None:
    keep = program(milestones=[milestone("goal", 1_000, counts=SUM)], returns={"milestones": "keep"})
    story = given(keep, bought("B1", 999, "2011-03-01"))
    story.play(brought_back("B1", 999, "2011-03-02"))
    story.play(bought("B2", 1, "2011-03-03"))
    assert len(story.only(MilestoneAchieved)) == 1


def test_each_milestone_met_is_an_activity_of_its_own_and_rewards_add_up() -> None:
    story = given(program(milestones=[milestone("one", points=3), milestone("two", points=4)]))
    story.when(bought("B1", 1, "2011-03-01")).then(
        issued(("one", 3), balance=3, issued_for=IssuedFor.MILESTONE, activity=f"milestone/one/{MARCH_2011}"),
        issued(("two", 4), balance=7, lot=2, issued_for=IssuedFor.MILESTONE, activity=f"milestone/two/{MARCH_2011}"),
        ignoring={*BOOKKEEPING, MilestoneAchieved},
    )


def test_milestone_without_a_reward_is_achieved_and_issues_nothing() -> None:
    story = given(with_goal(), bought("B1", 1, "2011-03-01"))
    assert (len(story.only(MilestoneAchieved)), story.only(PointsIssued)) == (1, [])


def test_target_lowered_below_the_value_is_met_when_the_version_is_adopted() -> None:
    story = given(with_goal(counts=SUM, target=1_000), bought("B1", 500, "2011-03-01"))
    story.play(with_goal(counts=SUM, target=400, version=2))
    story.play(bought("B2", 1, "2011-03-02"))
    assert [(achieved.value, achieved.target) for achieved in story.only(MilestoneAchieved)] == [(500, 400)]


def test_achieved_milestone_stays_achieved_when_the_target_is_raised() -> None:
    story = given(with_goal(target=1), bought("B1", 500, "2011-03-01"), with_goal(target=2, version=2))
    story.play(bought("B2", 1, "2011-03-02"))
    assert len(story.only(MilestoneAchieved)) == 1


def test_periods_leave_when_no_record_of_them_would_be_accepted() -> None:
    keep = program(milestones=[milestone("goal", period="day")], returns={"milestones": "keep"})
    story = given(keep)
    for month in range(1, 7):
        for on in ("05", "15", "25"):
            story.play(bought(f"B{month}-{on}", 1, f"2011-0{month}-{on}"))
    assert story.values("goal") == dict.fromkeys(("2011-05-25", "2011-06-05", "2011-06-15", "2011-06-25"), 1)


def test_value_stops_at_the_most_that_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "TOTAL_MAX", 10_000)
    story = given(with_goal(counts=GRAMS, target=100))
    for hour, grams in enumerate((6, 5, 4, 1, 1), 10):
        story.play(did("brew", f"2011-03-01 {hour}:00", attributes={"grams": grams}))
    assert values(story) == [(6_000, 6_000), (4_000, 10_000)]
    assert [(ignored.value, ignored.reason) for ignored in story.only(ValueIgnored)] == [
        ("5", IgnoredFor.TOO_LARGE),
        ("1", IgnoredFor.TOO_LARGE),
        ("1", IgnoredFor.TOO_LARGE),
    ]


def test_the_most_that_a_value_can_be_leaves_room_below_64_bits() -> None:
    assert 10**15 * 1_000 < TOTAL_MAX < 2**63


def test_value_is_kept_when_only_the_rules_change() -> None:
    story = given(with_goal(target=3), bought("B1", 1, "2011-03-01"), with_goal(target=3, version=2))
    story.play(bought("B2", 1, "2011-03-02"))
    assert (len(story.only(ProgramAdopted)), story.values("goal")) == (2, {"2011-03": 2})
