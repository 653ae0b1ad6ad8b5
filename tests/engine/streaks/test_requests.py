"""What is asked of streaks: who takes part, pauses, and freezes of some days."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from pipeline.engine.calendar import NEVER
from pipeline.engine.streaks.excuses import excusing, until
from pipeline.engine.streaks.runs import Run
from pipeline.engine.streaks.state import StreakRuns
from schemas.facts import (
    PointsIssued,
    RecordRefused,
    StreakEnded,
    StreakEnrolled,
    StreakExtended,
    StreakFrozen,
    StreakLevelReached,
    StreakPaused,
    StreakResumed,
    StreakStanding,
    StreakStarted,
    StreakUnenrolled,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    bought,
    brought_back,
    day,
    enrol,
    freeze,
    instant,
    milestone,
    pause,
    program,
    resume,
    tick,
    unenrol,
)


def daily(period: str = "day", **parts: Any) -> ProgramDefinition:
    levels = [{"name": "Three", "periods": 3, "points": 30}, {"name": "Five", "periods": 5, "points": 50}]
    streak = {"id": "daily", "streak_id": 2, "name": "Daily", "milestone": "visit", "levels": levels, **parts}
    return program(milestones=[milestone("visit", period=period)], streaks=[streak])


OPT_IN = daily(enrolment="opt_in")


def visit(on: int, **parts: Any) -> Step:
    return bought(f"B{on}", 100, f"2011-03-{on:02}", **parts)


def visits(definition: ProgramDefinition, *days: int) -> Story:
    return given(definition, *(visit(on) for on in days))


def also(story: Story, *steps: Step) -> Story:
    for step in steps:
        story.play(step)
    return story


def runs(story: Story) -> list[tuple[int, int]]:
    first = day("2011-03-01") - 1
    return [(begin - first, end - first) for begin, end in story.runs("daily")]


def reached(story: Story) -> list[int]:
    return [one.level for one in story.only(StreakLevelReached)]


def test_opt_in_is_by_request_only_and_what_was_met_in_the_running_period_counts() -> None:
    story = visits(OPT_IN, 1, 2)
    assert (story.only(StreakStarted), story.section().streaks) == ([], {})
    story.when(enrol("daily", "2011-03-02 18:00", entered_by="app")).then(
        StreakEnrolled(
            streak_id="daily",
            period=day("2011-03-02"),
            first_day=day("2011-03-02"),
            last_day=day("2011-03-02"),
            entered_by="app",
        ),
        StreakStarted(streak_id="daily", starts_on=day("2011-03-02"), ends_on=None, ends_at=None),
        StreakExtended(streak_id="daily", period=day("2011-03-02"), run=1, longest=1),
        ignoring=BOOKKEEPING,
    )


def test_start_is_told_once_and_automatic_streaks_take_requests_too() -> None:
    story = also(given(daily()), enrol("daily", "2011-03-01"), visit(2), unenrol("daily", "2011-03-03"))
    also(story, enrol("daily", "2011-03-04"), visit(5))
    assert (len(story.only(StreakEnrolled)), len(story.only(StreakStarted))) == (2, 1)
    assert runs(story) == [(2, 2), (5, 5)]


def test_a_late_request_counts_what_was_met_since_and_reaches_levels() -> None:
    story = visits(OPT_IN, 1, 2, 3, 4, 6)
    story.play(enrol("daily", "2011-03-02"), as_of=instant("2011-03-07"))
    assert (runs(story), reached(story), story.balance()) == ([(2, 4), (6, 6)], [3], 30)


@pytest.mark.parametrize("days", list(permutations((2, 3, 4))), ids=str)
def test_records_and_request_may_come_in_any_order(days: tuple[int, ...]) -> None:
    outcomes = set()
    for place in range(4):
        steps = [visit(on) for on in days]
        steps.insert(place, enrol("daily", "2011-03-03"))
        story = given(OPT_IN, tick("2011-03-05"))
        for step in steps:
            story.play(step, as_of=instant("2011-03-05"))
        outcomes.add((str(runs(story)), str(story.section().streaks["daily"].longest)))
    assert outcomes == {("[(3, 4)]", "2")}


def test_who_leaves_keeps_levels_and_nothing_from_then_on_counts() -> None:
    story = visits(daily(), 1, 2, 3)
    story.when(unenrol("daily", "2011-03-04", reason="enough", entered_by="ann")).then(
        StreakUnenrolled(
            streak_id="daily",
            period=day("2011-03-04"),
            first_day=day("2011-03-04"),
            last_day=day("2011-03-04"),
            reason="enough",
            entered_by="ann",
        ),
        ignoring=BOOKKEEPING,
    )
    also(story, bought("B4", 100, "2011-03-04 13:00"), visit(5))
    assert (runs(story), story.section().streaks["daily"].levels) == ([(1, 3)], [3])
    story.play(bought("late", 100, "2011-03-04 09:00"), as_of=instant("2011-03-06"))
    assert runs(story) == [(1, 4)]


def test_what_was_missed_meanwhile_breaks_the_run_of_who_comes_back() -> None:
    story = also(
        visits(daily(), 1, 2), unenrol("daily", "2011-03-03"), visit(4), enrol("daily", "2011-03-05"), visit(6)
    )
    assert runs(story) == [(1, 2), (6, 6)]
    story.play(bought("late", 100, "2011-03-04 13:00"), as_of=instant("2011-03-07"))
    assert runs(story) == [(1, 2), (6, 6)]


def test_who_has_left_is_told_no_end() -> None:
    ending = daily(validity={"last": "2011-03-10"})
    story = also(visits(ending, 1), unenrol("daily", "2011-03-02"), tick("2011-03-12"))
    assert story.only(StreakEnded) == []
    late = also(visits(ending, 1), unenrol("daily", "2011-03-02"), enrol("daily", "2011-03-03"), tick("2011-03-12"))
    assert [ended.run for ended in late.only(StreakEnded)] == [0]


def test_enrolment_before_the_first_day_waits_for_it() -> None:
    story = also(given(daily(validity={"first": "2011-03-05"})), enrol("daily", "2011-03-01"), visit(2), visit(5))
    assert ([one.starts_on for one in story.only(StreakStarted)], runs(story)) == ([day("2011-03-05")], [(5, 5)])


def test_a_late_request_counts_no_period_outside_the_window() -> None:
    story = visits(daily(enrolment="opt_in", validity={"last": "2011-03-02"}), 1, 2, 3)
    story.play(enrol("daily", "2011-03-01"), as_of=instant("2011-03-04"))
    assert runs(story) == [(1, 2)]


@pytest.mark.parametrize("period", ["week", "month"])
def test_the_period_of_an_enrolment_is_told_with_its_days(period: str) -> None:
    story = given(daily(period)).when(enrol("daily", "2011-03-09"))
    ((first, last),) = [(one.first_day, one.last_day) for one in story.only(StreakEnrolled)]
    days = {"week": ("2011-03-07", "2011-03-13"), "month": ("2011-03-01", "2011-03-31")}[period]
    assert (first, last) == (day(days[0]), day(days[1]))


def test_a_cycle_without_an_end_has_no_last_day() -> None:
    whole = {"id": "visit", "target_id": 9, "name": "V", "cycle": {"kind": "lifetime"}, "target": 1}
    streak = {"id": "s", "streak_id": 2, "name": "S", "milestone": "visit", "levels": [{"name": "1", "periods": 1}]}
    once = program(milestones=[{**whole, "counts": {"of": "transactions"}}], streaks=[streak])
    story = also(given(once), visit(1), unenrol("s", "2011-03-02"), enrol("s", "2011-03-03"))
    assert [one.last_day for one in story.only(StreakEnrolled)] == [None]


WINDOWS = {
    "kind": "windows",
    "windows": [
        {"first": "2011-03-01", "last": "2011-03-04"},
        {"first": "2011-03-08", "last": "2011-03-11"},
        {"first": "2011-03-14", "last": "2011-03-17"},
    ],
}


def on_windows(**parts: Any) -> ProgramDefinition:
    """With days between the cycles, on which none runs."""
    cycles = {key: part for key, part in milestone("visit").items() if key != "period"} | {"cycle": WINDOWS}
    levels = [{"name": "Two", "periods": 2, "points": 30}]
    streak = {"id": "daily", "streak_id": 2, "name": "Daily", "milestone": "visit", "levels": levels, **parts}
    return program(milestones=[cycles], streaks=[streak])


def windows_of(story: Story) -> list[Run]:
    return story.section().streaks["daily"].runs


def test_between_two_cycles_an_enrolment_begins_with_the_next_one() -> None:
    story = visits(on_windows(enrolment="opt_in"), 2).when(enrol("daily", "2011-03-06"))
    (told,) = story.only(StreakEnrolled)
    assert (told.period, told.first_day, told.last_day) == (2, day("2011-03-08"), day("2011-03-11"))
    assert windows_of(story) == []
    assert windows_of(also(story, visit(9))) == [(2, 2)]


def test_late_enrolment_between_two_cycles_counts_what_was_met_since() -> None:
    story = visits(on_windows(enrolment="opt_in"), 2, 9, 15)
    story.play(enrol("daily", "2011-03-06"), as_of=instant("2011-03-16"))
    assert (windows_of(story), reached(story)) == ([(2, 3)], [2])


def test_enrolment_before_the_first_cycle_is_told_with_it_and_after_the_last_one_with_what_comes_then() -> None:
    story = given(on_windows(enrolment="opt_in")).when(enrol("daily", "2011-02-20"))
    assert [(one.period, one.first_day) for one in story.only(StreakEnrolled)] == [(1, day("2011-03-01"))]
    late = visits(on_windows(enrolment="opt_in"), 15).when(enrol("daily", "2011-03-20"))
    (told,) = late.only(StreakEnrolled)
    assert (told.period, told.first_day, told.last_day) == (4, day("2011-03-18"), None)
    assert windows_of(late) == []


def test_between_two_cycles_a_pause_begins_with_the_next_one_and_ends_with_the_last_one() -> None:
    story = also(visits(on_windows(), 2), pause("daily", "2011-03-06"), resume("daily", "2011-03-12"), visit(15))
    assert (reached(story), story.section().streaks["daily"].excused) == ([2], [(2, 2)])
    at_once = also(visits(on_windows(), 2), pause("daily", "2011-03-06"), resume("daily", "2011-03-07"), visit(15))
    assert (reached(at_once), at_once.section().streaks["daily"].excused) == ([], [])


@pytest.mark.parametrize(
    ("first", "days", "excused"),
    [(5, 2, []), (4, 3, [(1, 1)]), (6, 3, [(2, 2)]), (6, 7, [(2, 2)])],
    ids=["no-cycle", "the-one-before", "the-one-after", "the-one-between"],
)
def test_frozen_days_between_cycles_touch_none(first: int, days: int, excused: list[Run]) -> None:
    story = also(visits(on_windows(), 2), freeze("daily", f"2011-03-{first:02}", days, "2011-03-03"))
    assert story.section().streaks["daily"].excused == excused
    refused = [one.reason.text for one in story.only(RecordRefused)]
    assert refused == ([] if excused else ["nothing_changes"])


def test_a_pause_keeps_the_run_until_the_period_in_which_it_ends() -> None:
    story = visits(daily(), 1, 2).when(pause("daily", "2011-03-03", entered_by="app"))
    story.then(
        StreakPaused(
            streak_id="daily",
            period=day("2011-03-03"),
            skipped=0,
            longest=2,
            standing=StreakStanding(run=2, through=None),
            reason="on holiday",
            entered_by="app",
        ),
        ignoring=BOOKKEEPING,
    )
    story.when(resume("daily", "2011-03-20", entered_by="app")).then(
        StreakResumed(
            streak_id="daily",
            period=day("2011-03-20"),
            skipped=0,
            longest=2,
            standing=StreakStanding(run=2, through=day("2011-03-21")),
            reason="back",
            entered_by="app",
        ),
        ignoring=BOOKKEEPING,
    )
    assert reached(also(story, visit(21))) == [3]


def test_what_is_met_in_a_pause_counts() -> None:
    assert reached(also(visits(daily(), 1, 2), pause("daily", "2011-03-03"), visit(9))) == [3]


def test_a_pause_ends_with_the_enrolment() -> None:
    story = also(visits(daily(), 1), pause("daily", "2011-03-02"), unenrol("daily", "2011-03-03"))
    known = story.section().streaks["daily"]
    assert (known.paused, known.excused) == (False, [(day("2011-03-02"), day("2011-03-03"))])


def test_a_request_to_resume_may_come_late_and_takes_no_level_away() -> None:
    story = also(visits(daily(), 1, 2), pause("daily", "2011-03-03"), visit(9))
    story.play(resume("daily", "2011-03-04"), as_of=instant("2011-03-10"))
    known = story.section().streaks["daily"]
    assert (known.levels, known.longest, known.standing) == ([3], 3, StreakStanding(run=1, through=day("2011-03-10")))


def test_frozen_days_join_the_runs_around_them_and_reach_levels() -> None:
    story = visits(daily(), 1, 2, 4, 5).when(freeze("daily", "2011-03-03", 1, "2011-03-06", entered_by="ann"))
    frozen, level, paid = (one.decision for one in story.decided if type(one.decision) not in BOOKKEEPING)
    assert frozen == StreakFrozen(
        streak_id="daily",
        first=day("2011-03-03"),
        last=day("2011-03-03"),
        first_day=day("2011-03-03"),
        last_day=day("2011-03-03"),
        longest=4,
        standing=StreakStanding(run=4, through=day("2011-03-06")),
        reason="ill",
        entered_by="ann",
    )
    assert (type(level), type(paid), story.balance()) == (StreakLevelReached, PointsIssued, 30)
    story.play(brought_back("B1", 100, "2011-03-07"))
    assert story.section().streaks["daily"].longest == 3


def test_days_that_touch_a_week_freeze_it() -> None:
    story = also(given(daily("week")), visit(1), freeze("daily", "2011-03-12", 2, "2011-03-12"), visit(14), visit(21))
    assert reached(story) == [3]


def test_what_is_frozen_already_changes_nothing() -> None:
    story = also(visits(daily(), 1), freeze("daily", "2011-03-02", 3, "2011-03-02"))
    story.play(freeze("daily", "2011-03-03", 2, "2011-03-03"))
    assert [one.reason.text for one in story.only(RecordRefused)] == ["nothing_changes"]


def test_frozen_days_reach_repeated_levels_again() -> None:
    story = visits(daily(repeats=True), 1, 2, 4, 5, 6, 8)
    assert reached(story) == [3]
    story.play(freeze("daily", "2011-03-03", 1, "2011-03-09"))
    story.play(freeze("daily", "2011-03-07", 1, "2011-03-09 13:00"))
    assert sorted(reached(story)) == [3, 3, 5]


def test_too_many_pauses_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.streaks.requests.EXCUSES_MAX", 1)
    story = also(visits(daily(), 1), pause("daily", "2011-03-05"))
    assert story.only(RecordRefused) == []
    other = also(visits(daily(), 1), freeze("daily", "2011-03-02", 1, "2011-03-01 13:00"), pause("daily", "2011-03-05"))
    assert [one.reason.text for one in other.only(RecordRefused)] == ["too_many_freezes"]


@pytest.mark.parametrize("asked_on", ["2011-03-02", "2011-03-04"], ids=["before-the-pause", "meanwhile"])
def test_days_to_come_stay_frozen_when_a_pause_ends(asked_on: str) -> None:
    frozen = freeze("daily", "2011-03-07", 2, f"{asked_on} 13:00")
    paused, resumed = pause("daily", "2011-03-03"), resume("daily", "2011-03-05")
    asked = sorted((frozen, paused, resumed), key=lambda one: one.event_time)
    story = also(visits(daily(), 1, 2), *asked, visit(6), visit(9))
    assert story.only(RecordRefused) == []
    assert (reached(story), story.section().streaks["daily"].longest) == ([3], 4)


UNKNOWN = "hourly"


@pytest.mark.parametrize(
    "request_",
    [
        enrol(UNKNOWN, "2011-03-02"),
        unenrol(UNKNOWN, "2011-03-02"),
        pause(UNKNOWN, "2011-03-02"),
        resume(UNKNOWN, "2011-03-02"),
        freeze(UNKNOWN, "2011-03-02", 1, "2011-03-02"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_request_about_a_streak_that_is_not_there_is_refused_in_its_program_only(request_: Step) -> None:
    two = (daily(), daily().model_copy(update={"program_id": 2}))
    story = also(given(*two), request_)
    assert [(one.reason.text, one.subject) for one in story.only(RecordRefused)] == [("streak_unknown", UNKNOWN)]


@pytest.mark.parametrize(
    "request_",
    [
        unenrol("daily", "2011-03-12"),
        pause("daily", "2011-03-12"),
        resume("daily", "2011-03-12"),
        freeze("daily", "2011-03-12", 1, "2011-03-12"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_request_about_a_streak_that_has_ended_is_refused(request_: Step) -> None:
    story = also(visits(daily(validity={"last": "2011-03-10"}), 1), tick("2011-03-12"), request_)
    assert [one.reason.text for one in story.only(RecordRefused)] == ["streak_over"]


def test_enrolment_once_the_end_was_told_is_refused() -> None:
    story = also(visits(daily(validity={"last": "2011-03-10"}), 1), tick("2011-03-12"))
    story.play(enrol("daily", "2011-03-09"), as_of=instant("2011-03-13"))
    assert [one.reason.text for one in story.only(RecordRefused)] == ["streak_over"]


def test_retired_streak_takes_no_requests() -> None:
    story = also(given(daily(retired=True)), enrol("daily", "2011-03-02"))
    assert [one.reason.text for one in story.only(RecordRefused)] == ["streak_unknown"]


@pytest.mark.parametrize(
    ("excused", "more", "joined"),
    [
        pytest.param([], (5, 6), [(5, 6)], id="first"),
        pytest.param([(1, 2)], (4, 5), [(1, 2), (4, 5)], id="apart"),
        pytest.param([(1, 2)], (3, 5), [(1, 5)], id="next-to"),
        pytest.param([(1, 9)], (3, 5), [(1, 9)], id="within"),
        pytest.param([(3, 5)], (1, 9), [(1, 9)], id="around"),
        pytest.param([(1, 2), (6, 7)], (3, 5), [(1, 7)], id="between"),
        pytest.param([(1, 2)], (500, 501), [(500, 501)], id="what-no-run-needs-leaves"),
        pytest.param([(5, 6)], (8, NEVER), [(5, 6), (8, NEVER)], id="pause"),
        pytest.param([(5, 6), (9, 9)], (3, NEVER), [(3, NEVER), (5, 6), (9, 9)], id="pause-over-others"),
        pytest.param([(3, NEVER), (5, 6)], (7, 8), [(3, NEVER), (5, 8)], id="in-a-pause"),
    ],
)
def test_excuses_are_joined_where_they_touch(excused: list[Run], more: Run, joined: list[Run]) -> None:
    assert excusing(StreakRuns(ends_at=NEVER, excused=excused), *more) == joined


def test_an_excuse_within_a_run_that_is_kept_stays() -> None:
    old = StreakRuns(ends_at=NEVER, runs=[(0, 0), (3, 900)], excused=[(1, 2)])
    assert excusing(old, 901, 902) == [(1, 2), (901, 902)]


@pytest.mark.parametrize(
    ("excused", "last", "left"),
    [
        pytest.param([(5, NEVER)], 9, [(5, 9)], id="ends"),
        pytest.param([(1, 2), (5, NEVER)], 3, [(1, 2)], id="before-it-began"),
        pytest.param([(5, NEVER)], 5, [(5, 5)], id="in-the-same-period"),
        pytest.param([(3, NEVER), (5, 6), (9, 9)], 7, [(3, 7), (9, 9)], id="over-others"),
    ],
)
def test_a_pause_ends_with_a_period(excused: list[Run], last: int, left: list[Run]) -> None:
    assert until(excused, last) == left
