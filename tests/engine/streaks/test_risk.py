"""Runs that are about to break are told, some hours before."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import NEVER
from schemas.facts import StreakAtRisk, StreakEnded, StreakRiskPlanned
from schemas.program import DayStart, ProgramDefinition
from tests.dsl import Story, given
from tests.steps import (
    Step,
    adjust,
    bought,
    brought_back,
    day,
    did,
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


def daily(period: str = "day", target: int = 1, **parts: Any) -> ProgramDefinition:
    levels = [{"name": "Three", "periods": 3}]
    streak = {"id": "daily", "streak_id": 2, "name": "Daily", "milestone": "visit", "levels": levels}
    risk = {"at_risk": {"hours": 6, "cooldown_days": 0}}
    return program(milestones=[milestone("visit", target, period)], streaks=[{**streak, **risk, **parts}])


def visit(on: int) -> Step:
    return bought(f"B{on}", 100, f"2011-03-{on:02}")


def visits(definition: ProgramDefinition, *days: int) -> Story:
    return given(definition, *(visit(on) for on in days))


def told(story: Story) -> list[tuple[int, int]]:
    """The run and the day of March of each."""
    return [(one.run, one.last_day - day("2011-02-28")) for one in story.only(StreakAtRisk)]


def test_who_would_lose_a_run_is_told_some_hours_before_the_day_ends() -> None:
    story = visits(daily(), 1, 2).when(tick("2011-03-03 17:59"))
    assert told(story) == []
    story.when(tick("2011-03-03 18:00")).then(
        StreakAtRisk(
            streak_id="daily",
            period=day("2011-03-03"),
            run=2,
            missing=1,
            last_day=day("2011-03-03"),
            ends_at=instant("2011-03-04 00:00"),
        )
    )
    story.play(tick("2011-03-10"))
    assert told(story) == [(2, 3)]


def test_who_has_come_is_not_told_until_the_next_day() -> None:
    story = visits(daily(), 1, 2).when(tick("2011-03-02 23:00"))
    assert told(story) == []
    assert told(visits(daily(), 1, 2, 3).when(tick("2011-03-04 20:00"))) == [(3, 4)]


def test_ticks_that_come_late_tell_the_same() -> None:
    often = visits(daily(), 1, 2)
    for hour in range(24):
        often.play(tick(f"2011-03-03 {hour:02}:00"))
    assert often.only(StreakAtRisk) == visits(daily(), 1, 2).when(tick("2011-03-09")).only(StreakAtRisk)


def test_what_is_missing_counts_what_is_there() -> None:
    story = given(daily(target=3), *(bought(f"A{number}", 100, "2011-03-01") for number in range(3)))
    story.play(bought("B", 100, "2011-03-02"))
    story.play(tick("2011-03-02 18:00"))
    assert [one.missing for one in story.only(StreakAtRisk)] == [2]


def test_what_is_forgiven_comes_first() -> None:
    assert told(visits(daily(grace=1), 1).when(tick("2011-03-09"))) == [(1, 3)]
    assert told(visits(daily(freezes={"per": "month", "max": 2}), 1).when(tick("2011-03-09"))) == [(1, 4)]


def test_a_pause_is_not_told_and_its_end_is_followed_by_one() -> None:
    story = visits(daily(), 1).when(pause("daily", "2011-03-02 09:00"))
    story.play(tick("2011-03-09"))
    assert told(story) == []
    story.play(resume("daily", "2011-03-10"))
    story.play(tick("2011-03-12"))
    assert told(story) == [(1, 11)]


def test_frozen_days_move_it() -> None:
    story = visits(daily(), 1).when(freeze("daily", "2011-03-02", 2, "2011-03-01 13:00"))
    story.play(tick("2011-03-09"))
    assert told(story) == [(1, 4)]


def test_a_return_that_breaks_the_run_takes_it_away() -> None:
    story = visits(daily(), 1, 2).when(brought_back("B2", 100, "2011-03-02 13:00"))
    story.play(tick("2011-03-09"))
    assert told(story) == [(1, 2)]
    alone = visits(daily(), 1).when(brought_back("B1", 100, "2011-03-01 13:00"))
    alone.play(tick("2011-03-09"))
    assert told(alone) == []


def test_who_leaves_is_not_told() -> None:
    story = visits(daily(), 1).when(unenrol("daily", "2011-03-02 09:00"))
    story.play(tick("2011-03-09"))
    assert (told(story), story.section().streaks["daily"].risk_at) == ([], None)


def test_who_has_just_enrolled_has_nothing_to_lose() -> None:
    story = given(daily(enrolment="opt_in"), enrol("daily", "2011-03-01")).when(tick("2011-03-09"))
    assert told(story) == []


def test_a_day_of_which_the_hours_have_begun_is_not_told() -> None:
    story = visits(daily(), 1)
    story.play(freeze("daily", "2011-03-02", 1, "2011-03-03 19:00"))
    story.play(tick("2011-03-09"))
    assert told(story) == [(1, 2)]
    late = given(daily(), did("x", "2011-03-02 20:00"))
    late.play(bought("B1", 100, "2011-03-01"), as_of=instant("2011-03-02 20:00"))
    late.play(tick("2011-03-09"))
    assert told(late) == []


def test_from_one_to_the_next_the_cooldown_passes() -> None:
    definition = daily(at_risk={"hours": 6, "cooldown_days": 3})
    story = given(definition)
    for on in (1, 2, 3, 4, 5):
        story.play(bought(f"B{on}", 100, f"2011-03-0{on} 20:00"))
    assert told(story) == [(1, 2), (4, 5)]


@pytest.mark.parametrize(("last", "days"), [("2011-03-03", [(2, 3)]), ("2011-03-02", [])])
def test_nothing_is_told_beyond_the_end_of_the_streak(last: str, days: list[tuple[int, int]]) -> None:
    story = visits(daily(validity={"last": last}), 1, 2).when(tick("2011-03-09"))
    assert (told(story), len(story.only(StreakEnded))) == (days, 1)


def test_late_records_after_the_end_bring_nothing_back() -> None:
    story = visits(daily(validity={"last": "2011-03-03"}), 1).when(tick("2011-03-04"))
    story.play(bought("late", 100, "2011-03-03"), as_of=instant("2011-03-04 01:00"))
    assert (told(story), story.section().streaks["daily"].risk_at) == ([(1, 2)], None)


def test_a_version_that_tells_it_no_more_has_the_last_word() -> None:
    story = visits(daily(), 1)
    story.play(daily(at_risk=None).model_copy(update={"version": 2}))
    story.when(tick("2011-03-02 20:00"))
    assert [one.at for one in story.only(StreakRiskPlanned)] == [instant("2011-03-02 18:00"), None]
    assert told(story) == []


def test_days_that_begin_later_end_later() -> None:
    definition = daily().model_copy(update={"days": DayStart(start="04:00")})
    story = visits(definition, 1).when(tick("2011-03-02 21:59"))
    assert told(story) == []
    story.play(tick("2011-03-02 22:00"))
    assert told(story) == [(1, 2)]


def on_cycles(cycle: dict[str, Any]) -> ProgramDefinition:
    visit_ = {**milestone("visit"), "cycle": cycle}
    del visit_["period"]
    definition = daily().model_dump(mode="json", include={"streaks"})
    return program(milestones=[visit_], **definition)


SEASONS = {
    "kind": "windows",
    "windows": [{"first": "2011-03-01", "last": "2011-03-05"}, {"first": "2011-03-10", "last": "2011-03-20"}],
}


def test_between_two_windows_nothing_is_told() -> None:
    story = given(on_cycles(SEASONS), visit(1))
    assert story.section().streaks["daily"].risk_at is None
    story.play(adjust(5, "2011-03-10 09:00"))
    story.play(tick("2011-03-30"))
    assert told(story) == [(1, 20)]


def test_a_cycle_that_never_ends_is_never_at_risk() -> None:
    story = given(on_cycles({"kind": "lifetime"}), visit(1)).when(tick("2020-01-01"))
    assert (told(story), story.section().streaks["daily"].ends_at) == ([], NEVER)


def test_of_two_streaks_the_one_that_is_due_is_told() -> None:
    definition = daily()
    other = definition.streaks[0].model_copy(update={"id": "another", "streak_id": 3})
    plain = definition.streaks[0].model_copy(update={"id": "quiet", "streak_id": 4, "at_risk": None})
    story = visits(definition.model_copy(update={"streaks": (plain, *definition.streaks, other)}), 1)
    story.play(tick("2011-03-09"))
    assert [one.streak_id for one in story.only(StreakAtRisk)] == ["another", "daily"]
