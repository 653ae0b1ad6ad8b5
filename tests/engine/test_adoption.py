"""Adoption: what becomes of a customer when the program changes."""

from __future__ import annotations

from typing import Any

from schemas.facts import (
    MilestoneAchieved,
    MilestoneProgressed,
    PointsIssued,
    ProgramAdopted,
    StreakEnded,
    StreakExtended,
    StreakStarted,
)
from schemas.program import ProgramDefinition
from tests.dsl import bought, did, fact, given, issued, joined, program, redeem, spend, tick


def goal(name: str, target: int = 1, period: str = "month") -> dict[str, Any]:
    fixed = {"target_id": 9, "name": name, "period": period, "counts": {"of": "transactions"}}
    return {"id": name, "target": target, **fixed}


def streak(name: str, milestone: str) -> dict[str, Any]:
    levels = [{"name": "Two", "periods": 2, "points": 5}]
    validity = {"last": "2011-12-31"}
    fixed = {"streak_id": 1, "name": name, "levels": levels, "validity": validity}
    return {"id": name, "milestone": milestone, **fixed}


def versions(*parts: dict[str, Any]) -> list[ProgramDefinition]:
    return [program(version=version, rules=[spend()], **one) for version, one in enumerate(parts, 1)]


def test_first_touch_adopts_every_program_in_id_order() -> None:
    programs = (program(program_id=2), program(milestones=[goal("visit")], streaks=[streak("loyal", "visit")]))
    given(*programs).when(joined("2011-03-01")).then(
        fact(ProgramAdopted, previous_version=0, milestones=("visit",), streaks=("loyal",), base_tier=0),
        fact(ProgramAdopted, previous_version=0, milestones=(), streaks=(), base_tier=0, program_id=2),
    )


def test_next_touch_after_a_change_adopts_the_new_version_once() -> None:
    first, second = versions({}, {})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    story.play(bought("B3", 100, "2011-03-03"))
    assert [(one.previous_version, one.program_version) for one in story.only(ProgramAdopted)] == [(0, 1), (1, 2)]
    assert [one.program_version for one in story.only(PointsIssued)] == [1, 2, 2]


def test_other_programs_do_not_notice_the_change() -> None:
    first, second = versions({}, {})
    story = given(first, program(program_id=2), bought("B1", 100, "2011-03-01"), second, bought("B2", 1, "2011-03-02"))
    assert [(one.program_id, one.program_version) for one in story.only(ProgramAdopted)] == [(1, 1), (2, 1), (1, 2)]


def test_version_that_was_never_seen_is_skipped() -> None:
    first, second, third = versions({}, {}, {})
    story = given(first, bought("B1", 100, "2011-03-01"), second, third, bought("B2", 100, "2011-03-02"))
    assert [(one.previous_version, one.program_version) for one in story.only(ProgramAdopted)] == [(0, 1), (1, 3)]


def test_return_to_an_earlier_version_is_a_change_too() -> None:
    first, second = versions({}, {})
    story = given(first, second, bought("B1", 100, "2011-03-01"), first, bought("B2", 100, "2011-03-02"))
    assert [(one.previous_version, one.program_version) for one in story.only(ProgramAdopted)] == [(0, 2), (2, 1)]


def test_progress_of_a_milestone_that_stays_goes_on() -> None:
    first, second = versions({"milestones": [goal("visit", 2)]}, {"milestones": [goal("visit", 2), goal("other", 9)]})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    assert [(one.milestone_id, one.value) for one in story.only(MilestoneProgressed)] == [
        ("visit", 1),
        ("visit", 2),
        ("other", 1),
    ]
    assert [one.milestone_id for one in story.only(MilestoneAchieved)] == ["visit"]


def test_progress_of_a_removed_milestone_ends_silently_and_for_good() -> None:
    first, second, third = versions({"milestones": [goal("visit", 2)]}, {}, {"milestones": [goal("visit", 2)]})
    story = given(first, bought("B1", 100, "2011-03-01"), second)
    story.when(bought("B2", 100, "2011-03-02")).then(issued(1, "spend", balance=2, bill="B2", program_version=2))
    story.play(third)
    story.play(bought("B3", 100, "2011-03-03"))
    assert [one.value for one in story.only(MilestoneProgressed)] == [1, 1]


def test_removed_streak_ends_silently_with_its_timer() -> None:
    parts = {"milestones": [goal("visit")], "streaks": [streak("loyal", "visit")]}
    first, second = versions(parts, {"milestones": [goal("visit")]})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-04-01"))
    story.when(tick("2012-06-01")).then_nothing()
    assert (story.only(StreakEnded), len(story.only(StreakExtended))) == ([], 1)


def test_new_streak_begins_with_the_next_bill_that_counts() -> None:
    parts = {"milestones": [goal("visit")]}
    first, second = versions(parts, {**parts, "streaks": [streak("loyal", "visit")]})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    assert [one.run for one in story.only(StreakExtended)] == [1]
    assert len(story.only(StreakStarted)) == 1


def test_streak_that_stays_keeps_its_run() -> None:
    parts = {"milestones": [goal("visit")], "streaks": [streak("loyal", "visit")]}
    first, second = versions(parts, parts)
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-04-01"))
    assert [one.run for one in story.only(StreakExtended)] == [1, 2]


def test_program_that_begins_later_counts_from_then_on() -> None:
    story = given(program(rules=[spend()]), bought("B1", 100, "2011-03-01"), program(program_id=2, rules=[spend()]))
    story.play(bought("B2", 300, "2011-03-02"))
    sections = story.state.head.sections
    assert [(one.transactions, one.purchases_minor) for one in sections.values()] == [(2, 400), (1, 300)]


def test_points_of_an_earlier_currency_stay_and_expire_on_their_own_terms() -> None:
    old = program(rules=[spend()], points={"expiry": {"days": 10}})
    new = program(version=2, rules=[spend()], points={"name": "BEANS"})
    story = given(old, bought("B1", 500, "2011-03-01"), new, bought("B2", 700, "2011-03-02"), tick("2011-03-12"))
    story.play(redeem(7, "2011-03-13", currency="BEANS"))
    assert (story.account(currency="POINTS").expired, story.account(currency="BEANS").redeemed) == (5, 7)


def test_timer_that_fires_before_the_next_touch_names_the_version_last_seen() -> None:
    old = program(rules=[spend()], points={"expiry": {"days": 10}})
    story = given(old, bought("B1", 500, "2011-03-01"), program(version=2)).when(did("login", "2011-03-12"))
    assert [(type(one).__name__, getattr(one, "program_version", None)) for one in story.decided] == [
        ("PointsExpired", 1),
        ("RecordAccepted", None),
        ("ProgramAdopted", 2),
    ]
