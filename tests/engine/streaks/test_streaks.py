"""Streaks: runs of periods, late records that join them, levels reached once per customer."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import period_of
from pipeline.engine.streaks.runs import current_run, with_period
from schemas.facts import (
    IgnoredFor,
    IssuedFor,
    MilestoneAchieved,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    StreakStarted,
    ValueIgnored,
)
from schemas.program import DayStart, PeriodUnit, ProgramDefinition, Returns
from tests.dsl import BOOKKEEPING, Story, given, issued
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
    spend,
    starting,
    tick,
    updated,
)


def loyal(
    version: int = 1,
    validity: dict[str, str] | None = None,
    period: str = "month",
    target: int = 1,
    **parts: Any,
) -> ProgramDefinition:
    streak = {"id": "loyal", "streak_id": 2, "name": "Loyal", "milestone": "visit", "validity": validity or {}}
    levels = [{"name": "Three", "periods": 3, "points": 20}, {"name": "Four", "periods": 4}]
    return program(
        version=version,
        repeat_window_days=200,
        milestones=[milestone("visit", target, period)],
        streaks=[{**streak, "levels": levels, **parts}],
    )


def month(text: str) -> int:
    return period_of(PeriodUnit.MONTH, day(f"{text}-01"))


def visits(*months: str, program: ProgramDefinition | None = None) -> Story:
    return given(program or loyal(), *(bought(f"B{name}", 100, f"{name}-10") for name in months))


def late_visit(story: Story, on: str, as_of: str) -> None:
    story.play(bought(f"late-{on}", 100, on), as_of=instant(as_of))


def levels(story: Story) -> list[tuple[int, int]]:
    return [(reached.level, reached.run) for reached in story.only(StreakLevelReached)]


def test_first_bill_enrols_and_counts() -> None:
    given(loyal()).when(bought("B1", 100, "2011-03-10")).then(
        MilestoneAchieved(milestone_id="visit", period=month("2011-03"), value=1, target=1, added=1),
        StreakStarted(streak_id="loyal", starts_on=day("2011-03-10"), ends_on=None, ends_at=None),
        StreakExtended(streak_id="loyal", period=month("2011-03"), run=1, longest=1),
        ignoring=BOOKKEEPING,
    )


def test_streak_with_dates_begins_and_ends_on_them() -> None:
    story = visits("2011-03", program=loyal(validity={"first": "2011-01-01", "last": "2011-12-31"}))
    assert story.only(StreakStarted) == [
        StreakStarted(
            streak_id="loyal",
            starts_on=day("2011-01-01"),
            ends_on=day("2011-12-31"),
            ends_at=instant("2012-01-01 00:00"),
            ends_in=month("2012-01"),
        )
    ]


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
def test_streak_until_the_last_day_of_the_calendar_never_ends(period: str) -> None:
    story = given(loyal(validity={"last": "9999-12-31"}, period=period)).when(bought("B1", 100, "2011-03-10"))
    assert [(started.ends_on, started.ends_at) for started in story.only(StreakStarted)] == [(None, None)]
    story.when(tick("9999-12-31 23:59")).then_nothing()


def test_bill_that_counts_without_meeting_the_target_enrols_only() -> None:
    story = visits("2011-03", program=loyal(target=2))
    assert (len(story.only(StreakStarted)), story.only(StreakExtended)) == (1, [])
    story.play(bought("B2", 100, "2011-03-11"))
    assert [extended.run for extended in story.only(StreakExtended)] == [1]


def selective() -> ProgramDefinition:
    """The streak of later in the month, on bills of five pounds."""
    later = loyal(validity={"first": "2011-03-15"}).model_dump(mode="json", exclude_unset=True)
    counts = {"of": "transactions", "minimum_minor": 500}
    returns = {"window_days": 100}
    return program(milestones=[milestone("visit", counts=counts)], streaks=later["streaks"], returns=returns)


@pytest.mark.parametrize("then", [[], [updated("B2", 450, "2011-03-17")]], ids=["bill", "update"])
def test_bill_that_does_not_count_enrols_nobody_though_the_milestone_was_met_before_the_streak(then: list[Any]) -> None:
    story = given(selective(), bought("B1", 500, "2011-03-10"), bought("B2", 400, "2011-03-16"), *then)
    assert (story.only(MilestoneAchieved) != [], story.only(StreakStarted)) == (True, [])


@pytest.mark.parametrize(
    "counts",
    [[bought("B3", 500, "2011-03-18")], [updated("B2", 500, "2011-03-18")]],
    ids=["bill", "update"],
)
def test_first_bill_that_counts_enrols_with_the_milestone_that_was_met_before(counts: list[Any]) -> None:
    story = given(selective(), bought("B1", 500, "2011-03-10"), bought("B2", 400, "2011-03-16"), *counts)
    assert [extended.period for extended in story.only(StreakExtended)] == [month("2011-03")]


@pytest.mark.parametrize("counts", [{"of": "transactions", "minimum_minor": 500}, {"of": "events", "event": "walk"}])
def test_what_another_milestone_adds_enrols_once_it_meets_the_milestone(counts: dict[str, Any]) -> None:
    daily = milestone("daily", period="day", target_id=10, adds={"milestone": "visit", "value": 1})
    streaks = loyal().model_dump(mode="json", exclude_unset=True)["streaks"]
    added = program(milestones=[daily, milestone("visit", 2, counts=counts)], streaks=streaks)
    story = given(added, bought("B1", 100, "2011-03-10"))
    assert story.only(StreakStarted) == []
    story.play(bought("B2", 100, "2011-03-11"))
    assert (len(story.only(StreakStarted)), len(story.only(StreakExtended))) == (1, 1)


def test_update_gives_nothing_to_a_streak_on_a_milestone_that_came_later() -> None:
    story = given(program(rules=[spend()], returns={"window_days": 100}), bought("B1", 100, "2011-03-10"))
    later = loyal(2).model_copy(update={"returns": Returns(window_days=100)})
    story.play(starting("2011-04-01", later))
    story.play(updated("B1", 200, "2011-04-02"))
    assert story.only(StreakStarted) == []


def test_period_counts_once_however_often_its_target_is_met() -> None:
    story = visits("2011-03")
    story.play(bought("B2", 100, "2011-03-20"))
    assert len(story.only(StreakExtended)) == 1


def test_third_month_in_a_row_reaches_the_level_and_its_reward() -> None:
    visits("2011-01", "2011-02").when(bought("B3", 100, "2011-03-10")).then(
        MilestoneAchieved(milestone_id="visit", period=month("2011-03"), value=1, target=1, added=1),
        StreakExtended(streak_id="loyal", period=month("2011-03"), run=3, longest=3),
        StreakLevelReached(streak_id="loyal", level=3, period=month("2011-03"), run=3),
        issued(("loyal:3", 20), balance=20, issued_for=IssuedFor.STREAK, activity="streak/loyal/3"),
        ignoring=BOOKKEEPING,
    )


def test_each_level_reached_is_an_activity_of_its_own() -> None:
    rewarded = [{"name": str(periods), "periods": periods, "points": 10 * periods} for periods in (3, 4)]
    story = visits("2011-01", "2011-02", "2011-04", program=loyal(levels=rewarded))
    late_visit(story, "2011-03-15", "2011-04-20")
    story.then(
        MilestoneAchieved(milestone_id="visit", period=month("2011-03"), value=1, target=1, added=1),
        StreakExtended(streak_id="loyal", period=month("2011-03"), run=4, longest=4),
        StreakLevelReached(streak_id="loyal", level=3, period=month("2011-03"), run=4),
        StreakLevelReached(streak_id="loyal", level=4, period=month("2011-03"), run=4),
        issued(("loyal:3", 30), balance=30, issued_for=IssuedFor.STREAK, activity="streak/loyal/3"),
        issued(("loyal:4", 40), balance=70, lot=2, issued_for=IssuedFor.STREAK, activity="streak/loyal/4"),
        ignoring=BOOKKEEPING,
    )


@pytest.mark.parametrize(
    ("months", "runs", "reached"),
    [
        pytest.param(["01", "02", "04"], [1, 2, 1], [], id="a-missed-month-breaks-it"),
        pytest.param(["01", "02", "03", "04"], [1, 2, 3, 4], [(3, 3), (4, 4)], id="run-goes-on"),
        pytest.param(["01", "02", "03", "05", "06", "07"], [1, 2, 3, 1, 2, 3], [(3, 3)], id="level-once-for-ever"),
    ],
)
def test_run_is_the_number_of_consecutive_periods(months: list[str], runs: list[int], reached: list[Any]) -> None:
    story = visits(*(f"2011-{number}" for number in months))
    assert ([extended.run for extended in story.only(StreakExtended)], levels(story)) == (runs, reached)


def test_run_goes_on_over_new_year() -> None:
    assert levels(visits("2010-11", "2010-12", "2011-01")) == [(3, 3)]


def test_late_bill_joins_two_runs_and_reaches_every_level_on_the_way() -> None:
    story = visits("2011-01", "2011-02", "2011-04")
    late_visit(story, "2011-03-15", "2011-04-20")
    assert [(extended.run, extended.longest) for extended in story.only(StreakExtended)] == [
        (1, 1),
        (2, 2),
        (1, 2),
        (4, 4),
    ]
    assert levels(story) == [(3, 4), (4, 4)]
    assert story.runs("loyal") == [(month("2011-01"), month("2011-04"))]


def test_late_bill_before_the_first_period_lengthens_the_run() -> None:
    story = visits("2011-02", "2011-03")
    late_visit(story, "2011-01-15", "2011-03-20")
    assert levels(story) == [(3, 3)]


def test_longest_run_is_kept_when_it_breaks() -> None:
    story = visits("2011-01", "2011-02", "2011-03", "2011-05")
    assert [extended.longest for extended in story.only(StreakExtended)] == [1, 2, 3, 3]


def test_return_does_not_take_a_period_out_of_the_run_where_milestones_are_kept() -> None:
    story = visits("2011-01", "2011-02", program=loyal().model_copy(update={"returns": Returns(milestones="keep")}))
    story.play(brought_back("B2011-02", 100, "2011-02-20"))
    story.play(bought("B3", 100, "2011-03-10"))
    assert levels(story) == [(3, 3)]


@pytest.mark.parametrize(
    ("months", "run"),
    [
        pytest.param(["01", "02", "03"], 0, id="broken-long-before"),
        pytest.param(["10", "11"], 0, id="last-month-missed"),
        pytest.param(["10", "11", "12"], 3, id="standing"),
        pytest.param(["01", "12"], 1, id="only-the-last-month"),
    ],
)
def test_streak_ends_with_the_run_that_stands_on_its_last_day(months: list[str], run: int) -> None:
    story = visits(*(f"2011-{number}" for number in months), program=loyal(validity={"last": "2011-12-31"}))
    story.when(tick("2012-01-01 00:00"))
    reached = tuple(level for level, _ in levels(story))
    assert [(ended.run, ended.levels, ended.ends_on) for ended in story.only(StreakEnded)] == [
        (run, reached, day("2011-12-31"))
    ]


@pytest.mark.parametrize(
    ("months", "run"),
    [pytest.param(["09", "10"], 2, id="running-month-breaks-nothing"), pytest.param(["08", "09"], 0, id="broken")],
)
def test_streak_may_end_within_a_period(months: list[str], run: int) -> None:
    story = visits(*(f"2011-{number}" for number in months), program=loyal(validity={"last": "2011-11-15"}))
    story.play(tick("2011-11-16"))
    assert [ended.run for ended in story.only(StreakEnded)] == [run]


def test_streak_in_which_nothing_counted_ends_at_nothing() -> None:
    story = visits("2011-03", program=loyal(target=2, validity={"last": "2011-12-31"})).when(tick("2012-01-01"))
    assert [(ended.run, ended.levels) for ended in story.only(StreakEnded)] == [(0, ())]


def test_late_bill_of_its_days_counts_after_the_end_was_told_and_no_second_end_is_told() -> None:
    story = visits("2011-01", "2011-02", program=loyal(validity={"last": "2011-03-31"}))
    story.play(tick("2011-04-01"))
    late_visit(story, "2011-03-15", "2011-04-10")
    assert (levels(story), story.balance()) == ([(3, 3)], 20)
    story.play(tick("2011-12-01"))
    assert [(ended.run, ended.levels) for ended in story.only(StreakEnded)] == [(0, ())]


def test_bill_after_the_last_day_counts_nothing_in_the_streak() -> None:
    story = visits("2011-01", "2011-02", program=loyal(validity={"last": "2011-03-15"}))
    story.play(tick("2011-03-16"))
    story.play(bought("B4", 100, "2011-03-16 00:00"))
    assert (len(story.only(StreakExtended)), levels(story)) == (2, [])


def test_late_bill_that_enrols_after_the_end_is_told_start_and_end_at_once() -> None:
    story = given(loyal(validity={"last": "2011-03-31"})).when(
        bought("B1", 1, "2011-03-31"), as_of=instant("2011-04-02")
    )
    assert [
        type(one) for one in (*story.only(StreakStarted), *story.only(StreakExtended), *story.only(StreakEnded))
    ] == [
        StreakStarted,
        StreakExtended,
        StreakEnded,
    ]
    assert [ended.run for ended in story.only(StreakEnded)] == [1]


def test_version_that_moves_the_end_on_brings_no_streak_back_that_has_ended() -> None:
    story = visits("2011-01", "2011-02", program=loyal(validity={"last": "2011-03-31"}))
    story.play(tick("2011-04-01"))
    story.play(loyal(version=2, validity={"last": "2011-12-31"}))
    story.play(bought("B4", 100, "2011-04-10"))
    late_visit(story, "2011-03-15", "2011-04-11")
    assert (levels(story), len(story.only(StreakEnded))) == ([(3, 3)], 1)


def test_streak_is_final_when_no_record_of_its_days_would_be_accepted() -> None:
    story = visits("2011-01", "2011-02", program=loyal(validity={"last": "2011-03-31"}))
    late_visit(story, "2011-03-31", "2011-10-18")
    assert (levels(story), len(story.only(StreakEnded))) == ([], 1)


def test_bill_before_the_streak_begins_does_not_enrol() -> None:
    story = visits("2011-01", program=loyal(validity={"first": "2011-02-01"}))
    assert story.only(StreakStarted) == []


def on_brews(**counts: str) -> ProgramDefinition:
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "brew", "levels": [{"name": "2", "periods": 2}]}
    brew = milestone("brew", period="day", counts={"of": "events", "event": "brew", **counts})
    return program(milestones=[brew], streaks=[streak])


def test_streak_on_an_event_milestone_follows_the_events() -> None:
    story = given(on_brews(), did("brew", "2011-03-26"), did("taste", "2011-03-26"), did("brew", "2011-03-27"))
    assert levels(story) == [(2, 2)]


def test_event_that_adds_nothing_to_its_milestone_does_not_enrol() -> None:
    given(on_brews(measure="sum", attribute="grams")).when(did("brew", "2011-03-26")).then(
        ValueIgnored(milestone_id="brew", attribute="grams", value="", reason=IgnoredFor.ABSENT), ignoring=BOOKKEEPING
    )


def test_two_streaks_on_one_milestone_pay_each_for_itself() -> None:
    definition = loyal()
    twin = definition.streaks[0].model_copy(update={"id": "twin", "streak_id": 3})
    both = definition.model_copy(update={"streaks": (*definition.streaks, twin)})
    story = visits("2011-01", "2011-02", "2011-03", program=both)
    assert [(reached.streak_id, reached.level) for reached in story.only(StreakLevelReached)] == [
        ("loyal", 3),
        ("twin", 3),
    ]
    assert story.balance() == 40


def test_runs_that_no_late_record_can_lengthen_leave() -> None:
    story = given(loyal(period="day"))
    for year in (2011, 2013):
        for number in ("01", "03", "05"):
            story.play(bought(f"B{year}-{number}", 100, f"{year}-03-{number}"))
    assert story.runs("loyal") == [
        (day(f"2013-03-{number}"), day(f"2013-03-{number}")) for number in ("01", "03", "05")
    ]
    assert [extended.longest for extended in story.only(StreakExtended)] == [1] * 6


@pytest.mark.parametrize(
    ("runs", "period", "after", "length"),
    [
        pytest.param([], 5, [(5, 5)], 1, id="first"),
        pytest.param([(1, 3)], 4, [(1, 4)], 4, id="next"),
        pytest.param([(1, 3)], 5, [(1, 3), (5, 5)], 1, id="gap"),
        pytest.param([(1, 3), (5, 6)], 4, [(1, 6)], 6, id="joins"),
        pytest.param([(5, 6)], 3, [(3, 3), (5, 6)], 1, id="before"),
        pytest.param([(5, 6)], 4, [(4, 6)], 3, id="just-before"),
        pytest.param([(1, 1), (9, 9)], 5, [(1, 1), (5, 5), (9, 9)], 1, id="between"),
    ],
)
def test_period_joins_the_runs_it_touches(
    runs: list[tuple[int, int]], period: int, after: list[tuple[int, int]], length: int
) -> None:
    assert with_period(runs, period) == (after, length)


@pytest.mark.parametrize(
    ("period", "run"),
    [
        pytest.param(6, 3, id="running-period-counts"),
        pytest.param(7, 3, id="running-period-breaks-nothing"),
        pytest.param(8, 0, id="missed"),
    ],
)
def test_current_run_stands_until_a_period_is_missed(period: int, run: int) -> None:
    assert current_run([(1, 2), (4, 6)], period) == run


def test_streak_that_ends_before_a_date_the_zone_skipped_ends_with_its_run() -> None:
    story = given(loyal(period="day", validity={"last": "2011-12-29"}).model_copy(update={"zone": "Pacific/Apia"}))
    for on in ("2011-12-28", "2011-12-29"):
        story.play(bought(f"B{on}", 100, instant(on, "Pacific/Apia")))
    story.play(tick(instant("2011-12-31 00:00", "Pacific/Apia")))
    assert [ended.run for ended in story.only(StreakEnded)] == [2]


NIGHT = ("2011-03-27 03:59", "2011-03-27 04:00")
"""The end of a day of 23 hours that began at four, in London, and the start of the next one."""


@pytest.mark.parametrize(
    ("start", "visits_at", "days"),
    [
        pytest.param("00:00", NIGHT, ["2011-03-27"], id="midnight"),
        pytest.param("04:00", NIGHT, ["2011-03-26", "2011-03-27"], id="four"),
        pytest.param("04:00", ("2012-03-01 02:00", "2012-03-01 05:00"), ["2012-02-29", "2012-03-01"], id="leap-day"),
    ],
)
def test_a_visit_before_the_day_starts_counts_for_the_day_before(
    start: str, visits_at: tuple[str, ...], days: list[str]
) -> None:
    definition = loyal(period="day").model_copy(update={"days": DayStart(start=start)})
    story = given(definition, *(bought(f"B{at}", 100, at) for at in visits_at))
    assert [one.period for one in story.only(StreakExtended)] == [day(on) for on in days]


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "America/New_York", "Europe/London", "Pacific/Kiritimati"])
def test_an_end_is_told_when_the_last_day_is_over(zone: str) -> None:
    ending = loyal(period="day", validity={"last": "2011-03-12"})
    story = given(ending.model_copy(update={"zone": zone, "days": DayStart(start="04:00")}))
    story.play(bought("B1", 100, instant("2011-03-13 03:00", zone)))
    story.play(tick(instant("2011-03-13 03:59", zone)))
    assert story.only(StreakEnded) == []
    story.play(tick(instant("2011-03-13 04:00", zone)))
    assert [(ended.run, ended.ends_on) for ended in story.only(StreakEnded)] == [(1, day("2011-03-12"))]


@pytest.mark.parametrize("start", ["00:00", "04:00"])
def test_a_date_that_a_zone_skipped_breaks_no_run_wherever_days_start(start: str) -> None:
    story = given(loyal(period="day").model_copy(update={"zone": "Pacific/Apia", "days": DayStart(start=start)}))
    for on in ("2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"):
        story.play(bought(f"B{on}", 100, instant(f"{on} 12:00", "Pacific/Apia")))
    assert [one.run for one in story.only(StreakExtended)] == [1, 2, 3, 4]


def test_update_that_changes_no_amount_gives_a_streak_nothing() -> None:
    story = visits("2011-03").when(updated("B2011-03", None, "2011-03-12", delivery_status="SHIPPED"))
    assert len(story.only(StreakExtended)) == 1
    assert StreakExtended not in story.kinds()


@pytest.mark.parametrize(
    ("last", "run"), [("2011-03-08", 1), ("2011-03-15", 1), ("2011-03-21", 0), ("2011-03-25", 0), ("2011-04-15", 0)]
)
def test_between_two_windows_a_missed_one_is_over(last: str, run: int) -> None:
    """RULE: in between, the window to come is the running one."""
    dates = [("2011-03-01", "2011-03-05"), ("2011-03-10", "2011-03-20"), ("2011-04-01", "2011-04-30")]
    cycle = {"kind": "windows", "windows": [{"first": first, "last": last} for first, last in dates]}
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": [{"name": "Two", "periods": 2}]}
    definition = program(
        milestones=[milestone("m", period=None, cycle=cycle)], streaks=[streak | {"validity": {"last": last}}]
    )
    story = given(definition, bought("B1", 100, "2011-03-02")).when(tick("2011-06-01"))
    assert [one.run for one in story.only(StreakEnded)] == [run]


# --- periods that are met otherwise than by a record of the milestone

_TWO_DAYS = {
    "id": "s",
    "streak_id": 1,
    "name": "S",
    "milestone": "b",
    "levels": [{"name": "L", "periods": 2, "points": 7}],
}
_NO_EVENTS = {"of": "events", "event": "none"}


def two_days(*milestones: dict[str, Any], version: int = 1, **parts: Any) -> ProgramDefinition:
    return program(version=version, milestones=milestones, streaks=[_TWO_DAYS | parts.pop("streak", {})], **parts)


def daily(name: str, target: int = 1, **parts: Any) -> dict[str, Any]:
    return milestone(name, target, **{"period": "day", "target_id": 1 + ord(name), **parts})


def test_day_that_another_milestone_meets_counts() -> None:
    giver = daily("a", adds={"milestone": "b", "value": 1})
    bills = [bought(f"B{on}", 1, f"2025-03-0{on}") for on in (1, 2, 3)]
    story = given(two_days(giver, daily("b", counts=_NO_EVENTS)), *bills)
    assert (story.runs("s"), story.balance()) == ([(day("2025-03-01"), day("2025-03-03"))], 7)
    assert len(story.only(StreakExtended)) == 3


def test_day_that_an_enrolment_or_a_target_of_ones_own_meets_counts() -> None:
    past = {"by": "command", "past": True}
    enrolled = given(two_days(daily("b", enrolment=past)), bought("B1", 1, "2025-03-01"))
    enrolled.play(enrol_target("b", "2025-03-01 14:00"))
    own = given(two_days(daily("b", 2)), bought("B1", 1, "2025-03-01"), set_target("b", 1, "2025-03-01 14:00"))
    for story in (enrolled, own):
        story.play(bought("B2", 1, "2025-03-02"))
        assert (len(story.only(StreakExtended)), story.balance()) == (2, 7)


def test_target_of_ones_own_that_lets_another_milestone_be_met_counts() -> None:
    giver = daily("a", 2, adds={"milestone": "b", "value": 1})
    story = given(two_days(giver, daily("b", counts=_NO_EVENTS)), bought("B1", 1, "2025-03-01"))
    story.play(set_target("a", 1, "2025-03-01 14:00"))
    assert story.runs("s") == [(day("2025-03-01"), day("2025-03-01"))]


@pytest.mark.parametrize("streak", [{"validity": {"first": "2025-03-02"}}, {"enrolment": "opt_in"}])
def test_day_outside_of_the_streak_counts_for_nobody(streak: dict[str, Any]) -> None:
    giver = daily("a", adds={"milestone": "b", "value": 1})
    story = given(two_days(giver, daily("b", counts=_NO_EVENTS), streak=streak), bought("B1", 1, "2025-03-01"))
    assert story.only(StreakExtended) == []
