"""Adoption: what happens to a customer's part in a program when the program changes."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import (
    Decision,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsExpired,
    PointsIssued,
    ProgramAdopted,
    RecordAccepted,
    StreakEnded,
    StreakExtended,
    StreakStarted,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import bought, did, joined, milestone, program, redeem, spend, starting, tick


def streak(name: str, milestone_id: str) -> dict[str, Any]:
    levels = [{"name": "Two", "periods": 2, "points": 5}]
    validity = {"last": "2011-12-31"}
    fixed = {"streak_id": 1, "name": name, "levels": levels, "validity": validity}
    return {"id": name, "milestone": milestone_id, **fixed}


def versions(*parts: dict[str, Any]) -> list[ProgramDefinition]:
    return [program(version=version, rules=[spend()], **some) for version, some in enumerate(parts, 1)]


def adoptions(story: Story) -> list[tuple[int, int, int]]:
    """Program, previous version and version of each adoption."""
    return [
        (envelope.program_id, decision.previous_version, envelope.version)
        for envelope, decision in zip(story.envelopes(ProgramAdopted), story.only(ProgramAdopted), strict=True)
    ]


def test_first_touch_adopts_every_program_in_id_order() -> None:
    programs = (program(program_id=2), program(milestones=[milestone("visit")], streaks=[streak("loyal", "visit")]))
    story = given(*programs).when(joined("2011-03-01"))
    story.then(
        ProgramAdopted(previous_version=0, milestones=("visit",), streaks=("loyal",), tier=0),
        ProgramAdopted(previous_version=0, milestones=(), streaks=(), tier=0),
        ignoring=BOOKKEEPING - {ProgramAdopted},
    )
    assert adoptions(story) == [(1, 0, 1), (2, 0, 1)]


def test_next_touch_after_a_change_adopts_the_new_version_once() -> None:
    first, second = versions({}, {})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    story.play(bought("B3", 100, "2011-03-03"))
    assert adoptions(story) == [(1, 0, 1), (1, 1, 2)]
    assert [envelope.version for envelope in story.envelopes(PointsIssued)] == [1, 2, 2]


def test_other_programs_do_not_notice_the_change() -> None:
    first, second = versions({}, {})
    story = given(first, program(program_id=2), bought("B1", 100, "2011-03-01"), second, bought("B2", 1, "2011-03-02"))
    assert adoptions(story) == [(1, 0, 1), (2, 0, 1), (1, 1, 2)]


def test_version_that_was_never_seen_is_skipped() -> None:
    first, second, third = versions({}, {}, {})
    story = given(first, bought("B1", 100, "2011-03-01"), second, third, bought("B2", 100, "2011-03-02"))
    assert adoptions(story) == [(1, 0, 1), (1, 1, 3)]


def test_earlier_version_that_is_activated_again_is_ignored() -> None:
    first, second = versions({}, {})
    story = given(first, second, bought("B1", 100, "2011-03-01"), first, bought("B2", 100, "2011-03-02"))
    assert adoptions(story) == [(1, 0, 2)]


def test_version_with_a_later_start_is_adopted_by_the_first_record_from_then_on() -> None:
    first, second = versions({}, {})
    story = given(first, starting("2011-03-10", second), bought("B1", 100, "2011-03-09"))
    assert adoptions(story) == [(1, 0, 1)]
    story.play(bought("B2", 100, "2011-03-10"))
    assert adoptions(story) == [(1, 0, 1), (1, 1, 2)]


def test_late_record_does_not_bring_back_the_version_of_its_day() -> None:
    first, second = versions({}, {})
    story = given(first, starting("2011-03-10", second), bought("B1", 100, "2011-03-11"))
    story.play(bought("B2", 100, "2011-03-01"))
    assert adoptions(story) == [(1, 0, 2)]
    assert [envelope.version for envelope in story.envelopes(PointsIssued)] == [2, 2]


def test_progress_of_a_milestone_that_stays_goes_on() -> None:
    first, second = versions(
        {"milestones": [milestone("visit", 2)]}, {"milestones": [milestone("visit", 2), milestone("other", 9)]}
    )
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    assert [(progressed.milestone_id, progressed.value) for progressed in story.only(MilestoneProgressed)] == [
        ("visit", 1),
        ("visit", 2),
        ("other", 1),
    ]
    assert [achieved.milestone_id for achieved in story.only(MilestoneAchieved)] == ["visit"]


def test_progress_of_a_removed_milestone_ends_silently_and_for_good() -> None:
    first, second, third = versions(
        {"milestones": [milestone("visit", 2)]}, {}, {"milestones": [milestone("visit", 2)]}
    )
    story = given(first, bought("B1", 100, "2011-03-01"), second)
    story.when(bought("B2", 100, "2011-03-02")).then(
        issued(("spend", 1), balance=2, lot=2, bill_number="B2"), ignoring=BOOKKEEPING
    )
    story.play(third)
    story.play(bought("B3", 100, "2011-03-03"))
    assert [progressed.value for progressed in story.only(MilestoneProgressed)] == [1, 1]


def test_removed_streak_ends_silently_with_its_timer() -> None:
    parts = {"milestones": [milestone("visit")], "streaks": [streak("loyal", "visit")]}
    first, second = versions(parts, {"milestones": [milestone("visit")]})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-04-01"))
    story.when(tick("2012-06-01")).then_nothing()
    assert (story.only(StreakEnded), len(story.only(StreakExtended))) == ([], 1)


def test_new_streak_begins_with_the_next_bill_that_counts() -> None:
    parts = {"milestones": [milestone("visit")]}
    first, second = versions(parts, {**parts, "streaks": [streak("loyal", "visit")]})
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-03-02"))
    assert [extended.run for extended in story.only(StreakExtended)] == [1]
    assert len(story.only(StreakStarted)) == 1


def test_streak_that_stays_keeps_its_run() -> None:
    parts = {"milestones": [milestone("visit")], "streaks": [streak("loyal", "visit")]}
    first, second = versions(parts, parts)
    story = given(first, bought("B1", 100, "2011-03-01"), second, bought("B2", 100, "2011-04-01"))
    assert [extended.run for extended in story.only(StreakExtended)] == [1, 2]


def test_program_that_begins_later_counts_from_then_on() -> None:
    story = given(program(rules=[spend()]), bought("B1", 100, "2011-03-01"), program(program_id=2, rules=[spend()]))
    story.play(bought("B2", 300, "2011-03-02"))
    assert [(section.transactions, section.purchases_minor) for section in map(story.section, (1, 2))] == [
        (2, 400),
        (1, 300),
    ]


def test_points_of_an_earlier_currency_stay_and_expire_on_their_own_terms() -> None:
    old = program(rules=[spend()], points={"expiry": {"days": 10}})
    new = program(version=2, rules=[spend()], points={"name": "BEANS"})
    story = given(old, bought("B1", 500, "2011-03-01"), new, bought("B2", 700, "2011-03-02"), tick("2011-03-12"))
    story.play(redeem(6, "2011-03-13", currency="BEANS"))
    assert [expired.points for expired in story.only(PointsExpired)] == [5]
    assert (story.balance(currency="POINTS"), story.balance(currency="BEANS")) == (0, 1)


OLD = program(rules=[spend()], points={"expiry": {"days": 10}})
NEW = program(version=2, rules=[spend()])


@pytest.mark.parametrize(
    ("starts", "decided"),
    [
        pytest.param(
            "2011-03-12 00:00",
            [(ProgramAdopted, 2), (PointsExpired, 2), (RecordAccepted, 0)],
            id="in-force-when-the-timer-was-due",
        ),
        pytest.param(
            "2011-03-12 00:01",
            [(PointsExpired, 1), (RecordAccepted, 0), (ProgramAdopted, 2)],
            id="in-force-a-minute-later",
        ),
    ],
)
def test_timer_adopts_the_version_in_force_at_its_due_instant_first(
    starts: str, decided: list[tuple[type[Decision], int]]
) -> None:
    story = given(OLD, bought("B1", 500, "2011-03-01"), starting(starts, NEW)).when(did("login", "2011-03-12"))
    assert [(type(fact.decision), fact.envelope.version) for fact in story.decided] == decided


def test_timer_that_the_adoption_removes_decides_nothing_more() -> None:
    parts = {"milestones": [milestone("visit")], "streaks": [streak("loyal", "visit")]}
    first, second = versions(parts, {"milestones": [milestone("visit")]})
    story = given(first, bought("B1", 100, "2011-03-01"), starting("2011-12-01", second))
    story.when(tick("2012-01-01")).then(ProgramAdopted(previous_version=1, milestones=("visit",), streaks=(), tier=0))
    story.when(tick("2012-02-01")).then_nothing()


def test_tier_that_the_new_version_gives_is_assessed_at_its_start_before_later_timers() -> None:
    levels = [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 500}]
    tiered = program(version=2, rules=[spend()], tiers={"basis": "net_purchases", "levels": levels})
    story = given(OLD, bought("B1", 500, "2011-03-01"), starting("2011-03-10", tiered)).when(tick("2011-03-12"))
    story.then(
        ProgramAdopted(previous_version=1, milestones=(), streaks=(), tier=1, tier_id="a"),
        TierUpgraded(previous=1, reached=2, basis_value=500, reached_id="b"),
        story.only(PointsExpired)[0],
    )
