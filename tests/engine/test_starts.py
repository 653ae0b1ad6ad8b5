"""Starts of versions: every member adopts a version that changes tiers, subjects or reminders when it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.engine.calendar import as_date
from pipeline.engine.programs import Programs
from schemas.facts import (
    Decision,
    ExpiryReminded,
    MilestoneAchieved,
    PointsExpired,
    ProgramAdopted,
    TierDowngraded,
    TierReminded,
    TierRemindersPlanned,
    TierRenewed,
    TierTenureBegun,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.steps import ORG, Step, assign, bought, did, instant, milestone, program, spend, starting, tick

LEVELS = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 1_000})
YEAR = {"validity": {"months": 12}}


def club(version: int = 1, *, levels: Any = LEVELS, rules: Any = (), **tiers: Any) -> ProgramDefinition:
    return program(version=version, rules=rules, tiers={"basis": "net_purchases", "levels": levels, **tiers})


SILVER = (club(), bought("B1", 1_000, "2011-01-10"))


def timed(story: Story, *kinds: type[Decision]) -> list[tuple[str, int]]:
    """The kinds of decisions with their instants."""
    return [(type(one.decision).__name__, one.envelope.at) for one in story.facts if isinstance(one.decision, kinds)]


def test_dormant_member_adopts_a_validity_at_its_start_and_loses_the_tier_a_year_later() -> None:
    story = given(*SILVER, starting("2011-03-01 00:00", club(2, **YEAR)))
    story.when(tick("2011-03-01 00:00")).then(
        ProgramAdopted(previous_version=1, milestones=(), streaks=(), tier=2, tier_id="silver"),
        *story.only(TierTenureBegun),
    )
    (begun,) = story.only(TierTenureBegun)
    assert begun.term.begins_at == instant("2011-03-01 00:00")
    assert as_date(begun.term.expires_on).isoformat() == "2012-03-01"
    assert [one.cause for one in story.envelopes(ProgramAdopted)][1:] == [
        f"versionStart:1:{instant('2011-03-01 00:00')}"
    ]
    story.play(tick("2012-03-02 00:00"))
    assert [one.previous for one in story.only(TierDowngraded)] == [2]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tiers": {"basis": "net_purchases", "levels": LEVELS}}, id="tiers"),
        pytest.param({"milestones": [milestone("visit")]}, id="milestones"),
        pytest.param({"points": {"reminders": [7]}}, id="reminders"),
        pytest.param({"currencies": [{"id": "STARS", "reminders": [7]}]}, id="reminders-of-another-currency"),
    ],
)
def test_version_with_other_subjects_or_reminders_is_for_all(changes: dict[str, Any]) -> None:
    story = given(program(), bought("B1", 1, "2011-01-10"), starting("2011-03-01", program(version=2, **changes)))
    story.play(tick("2011-03-01"))
    assert len(story.only(ProgramAdopted)) == 2


def test_other_versions_wait_for_the_next_record() -> None:
    second = program(version=2, rules=[spend()], points={"expiry": {"days": 9}})
    story = given(program(), bought("B1", 1, "2011-01-10"), starting("2011-03-01", second))
    story.when(tick("2012-03-01")).then_nothing()
    story.play(did("login", "2012-03-02"))
    assert [one.cause for one in story.envelopes(ProgramAdopted)][1:] == ["CustomEventReceived:e-login-2012-03-02"]


def test_customer_who_is_in_no_program_yet_has_no_start() -> None:
    given(club(), starting("2011-03-01", club(2, **YEAR))).when(tick("2011-04-01")).then_nothing()


def test_version_that_is_never_in_force_has_no_start() -> None:
    second, third = starting("2011-05-01", club(2, **YEAR)), starting("2011-03-01", club(3))
    story = given(*SILVER, second, third, tick("2011-06-01"))
    assert [envelope.version for envelope in story.envelopes(ProgramAdopted)] == [1]


def test_version_that_is_for_all_and_one_that_is_not_are_adopted_each_at_its_time() -> None:
    third = club(3, rules=[spend()], **YEAR)
    story = given(*SILVER, starting("2011-03-01", club(2, **YEAR)), starting("2011-04-01", third))
    story.play(bought("B2", 100, "2011-04-02"))
    adopted = [(one.version, one.at) for one in story.envelopes(ProgramAdopted)]
    assert adopted[1:] == [(2, instant("2011-03-01")), (3, instant("2011-04-02"))]


def test_starts_of_two_programs_come_in_order_of_instant_and_program() -> None:
    two = [program(program_id=2, milestones=[milestone("visit")]), program(program_id=2, version=2)]
    story = given(club(), two[0], bought("B1", 1, "2011-01-10"))
    for at, version in (("2011-03-02", club(2, **YEAR)), ("2011-03-02", two[1])):
        story.play(starting(at, version))
    story.play(tick("2011-03-03"))
    assert [one.program_id for one in story.envelopes(ProgramAdopted)] == [1, 2, 1, 2]


def test_customer_whose_clock_is_beyond_a_start_adopts_what_is_in_force_there() -> None:
    story = given(*SILVER, starting("2011-01-09", club(2, **YEAR)), starting("2011-01-10 11:00", club(3)))
    story.play(tick("2011-02-01"))
    (start,) = story.envelopes(ProgramAdopted)[1:]
    assert (start.version, start.at) == (3, instant("2011-01-10"))
    assert start.cause == f"versionStart:1:{instant('2011-01-09')}"


def test_start_comes_before_other_timers_of_its_instant() -> None:
    expiring = {"points": {"expiry": {"days": 5}}, "rules": [spend()]}
    first, second = program(**expiring), program(version=2, milestones=[milestone("visit")], **expiring)
    story = given(first, bought("B1", 1_000, "2011-03-01"), starting("2011-03-07 00:00", second))
    story.play(tick("2011-03-08"))
    kinds = [name for name, _ in timed(story, ProgramAdopted, PointsExpired)]
    assert kinds == ["ProgramAdopted", "ProgramAdopted", "PointsExpired"]


def test_milestone_that_a_version_makes_easier_is_met_at_its_start() -> None:
    first, second = (program(version=one, milestones=[milestone("visit", target=3 - one)]) for one in (1, 2))
    story = given(first, bought("B1", 1, "2011-03-01"), starting("2011-03-07", second), tick("2011-03-31"))
    assert timed(story, MilestoneAchieved) == [("MilestoneAchieved", instant("2011-03-07"))]


def test_reminder_of_expiry_that_a_version_brings_is_not_due_before_its_start() -> None:
    parts: dict[str, Any] = {"rules": [spend()]}
    first = program(points={"expiry": {"days": 30}}, **parts)
    second = program(version=2, points={"expiry": {"days": 30}, "reminders": [20, 3]}, **parts)
    story = given(first, bought("B1", 1_000, "2011-03-01"), starting("2011-03-20", second), tick("2011-03-31"))
    assert timed(story, ExpiryReminded) == [("ExpiryReminded", instant("2011-03-28 00:00"))]


# --- terms that a version changes


def reminded(story: Story) -> list[tuple[str, int]]:
    return timed(story, TierReminded)


@pytest.mark.parametrize(
    ("starts", "leads", "told"),
    [
        pytest.param("2011-06-01", [30], ["2011-12-12"], id="to-come"),
        pytest.param("2011-12-20", [30, 7], ["2012-01-04"], id="the-first-is-over"),
        pytest.param("2011-12-12 00:00", [30], [], id="at-that-very-instant"),
        pytest.param("2011-12-12 00:01", [30], [], id="on-that-very-day"),
    ],
)
def test_reminders_that_a_version_brings_are_those_to_come(starts: str, leads: list[int], told: list[str]) -> None:
    held = (club(**YEAR), bought("B1", 1_000, "2011-01-10"))
    story = given(*held, starting(starts, club(2, reminders=leads, **YEAR)), tick("2012-01-11"))
    assert reminded(story) == [("TierReminded", instant(f"{day} 00:00")) for day in told]


def test_reminder_of_the_very_instant_at_which_a_version_keeps_it_is_told_once() -> None:
    held = (club(reminders=[30], **YEAR), bought("B1", 1_000, "2011-01-10"))
    story = given(*held, starting("2011-12-12 00:00", club(2, reminders=[30, 7], **YEAR)), tick("2012-01-11"))
    assert [at for _, at in reminded(story)] == [instant("2011-12-12 00:00"), instant("2012-01-04 00:00")]


def test_reminders_that_a_version_takes_out_are_not_told_and_the_same_ones_are_left_alone() -> None:
    held = (club(reminders=[30], **YEAR), bought("B1", 1_000, "2011-01-10"))
    same, none = club(2, reminders=[30], grace_days=5, **YEAR), club(3, **YEAR)
    story = given(*held, starting("2011-03-01", same), tick("2011-03-02"))
    assert story.only(TierRemindersPlanned) == []
    story.play(starting("2011-04-01", none))
    story.play(tick("2012-01-11"))
    assert (story.only(TierRemindersPlanned), reminded(story)) == ([TierRemindersPlanned(reminders=())], [])


def test_term_of_before_is_held_to_its_end_and_grace_is_left_alone() -> None:
    held = (club(grace_days=20, **YEAR), bought("B1", 1_000, "2011-01-10"), tick("2012-01-12"))
    story = given(*held, starting("2012-01-13", club(2, reminders=[3], grace_days=20, **YEAR)))
    assert (story.play(tick("2012-01-20"))[1:], story.tier()) == ([], 2)
    story.play(tick("2012-01-31 00:00"))
    assert story.tier() == 1


def test_validity_does_not_end_a_tier_that_somebody_gave_and_begins_for_one_who_had_periods() -> None:
    by_year = {"basis": "purchases_in_period", "period": "year"}
    given_by_hand = given(club(**by_year), bought("B0", 1, "2011-01-10"), assign("silver", "2011-01-11"))
    earned = given(club(**by_year), bought("B1", 1_000, "2011-01-10"))
    for story in (given_by_hand, earned):
        story.play(starting("2011-03-01", club(2, **by_year, **YEAR)))
        story.play(tick("2012-03-02 00:00"))
    assert [story.tier() for story in (given_by_hand, earned)] == [2, 1]
    assert [bool(story.only(TierRenewed)) for story in (given_by_hand, earned)] == [False, False]


# --- neither ticks nor the place of a version within a quiet time decide anything


def facts_of(steps: Sequence[Step]) -> list[Any]:
    story = Story()
    for step in steps:
        story.play(step)
    return story.facts


def when(step: Any) -> int:
    return step.time if hasattr(step, "time") else step.event_time


SECOND = starting(
    "2011-03-01", club(2, levels=({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 900}), **YEAR)
)
RECORDS = (bought("B1", 950, "2011-01-10"), bought("B2", 30, "2011-03-05"), did("login", "2012-06-01"))


@pytest.mark.parametrize("place", range(len(RECORDS)))
@pytest.mark.parametrize("ticks", [(), ("2011-03-01", "2012-04-01"), ("2011-02-28", "2011-03-04", "2011-12-01")])
def test_results_depend_neither_on_ticks_nor_on_when_a_version_with_a_start_was_applied(
    place: int, ticks: tuple[str, ...]
) -> None:
    steps: list[Step] = sorted((*RECORDS, *map(tick, ticks)), key=when)
    applied = min(place, next(index for index, step in enumerate(steps) if when(step) >= SECOND.starts_at))
    assert facts_of([club(), *steps[:applied], SECOND, *steps[applied:]]) == facts_of([club(), SECOND, *RECORDS])


def test_upgrade_at_a_start_is_of_the_start() -> None:
    facts = facts_of([club(), SECOND, *RECORDS])
    upgrades = [fact.envelope.at for fact in facts if isinstance(fact.decision, TierUpgraded)]
    assert upgrades == [SECOND.starts_at]


# --- what the shell asks


def test_orgs_in_which_a_version_for_all_starts() -> None:
    programs = Programs().activate(club()).activate(club(2, **YEAR), starts_at=100)
    assert [programs.starting(*span) for span in ((0, 99), (0, 100), (100, 100), (101, 900))] == [
        (),
        (ORG,),
        (ORG,),
        (),
    ]


def test_version_that_is_dropped_leaves_no_start_to_the_one_after_it() -> None:
    programs = Programs().activate(program(returns=None)).activate(program(version=2, milestones=[milestone("m")]), 100)
    assert programs.starting(0, 900) == (ORG,)
    late = instant("2020-01-01")
    assert programs.activate(program(version=3, milestones=[milestone("m")]), late, late).starting(0, 900) == ()


def test_version_before_the_first_tick_has_a_start_all_the_same() -> None:
    programs = Programs().put_in_force(club(), now=0).put_in_force(club(2, **YEAR), now=0)
    assert programs.starting(0, 5) == (ORG,)
