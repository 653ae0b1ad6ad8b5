"""Members of milestones: enrolment, targets of their own, and the starts and ends of cycles that they are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine import periods
from pipeline.engine.calendar import Calendar
from pipeline.engine.outcomes import DONE, is_by_adoption, outcome_of
from pipeline.engine.periods import OwnPeriods
from pipeline.engine.programs import DAY_MS
from schemas.facts import (
    CycleBegan,
    CycleEnded,
    EnrolledBy,
    MilestoneAchieved,
    MilestoneEnrolled,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneUnachieved,
    MilestoneUnenrolled,
    RecordRefused,
    Refusal,
    StreakExtended,
    StreakStarted,
    TargetChanged,
)
from schemas.program import PerCustomer, PeriodUnit, ProgramDefinition
from tests.dsl import Story, given
from tests.steps import (
    Tick,
    bought,
    brought_back,
    day,
    did,
    enrol_target,
    instant,
    joined,
    milestone,
    program,
    set_target,
    starting,
    unenrol_target,
    updated,
)

WEEKS = {"kind": "from_date", "first": "2025-03-03", "unit": "week"}
DAYS = {"kind": "per_customer", "unit": "day", "every": 10}
SUMMERS = {
    "kind": "windows",
    "windows": [{"first": "2025-06-01", "last": "2025-08-31"}, {"first": "2026-06-01", "last": "2026-08-31"}],
}


def asking(goal: int = 2, version: int = 1, **parts: Any) -> ProgramDefinition:
    part = milestone("m", goal, **{"points": 10, **parts})
    if "cycle" in parts:
        del part["period"]
    return program(version=version, milestones=[part])


def by(who: str, past: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
    return {"by": who, "past": past}


def told(story: Story) -> list[tuple[str, int]]:
    kinds = {CycleBegan: "began", CycleEnded: "ended"}
    return [
        (kinds[type(fact.decision)], fact.decision.period)  # type: ignore[attr-defined, index]
        for fact in story.facts
        if type(fact.decision) in kinds
    ]


def refusal(story: Story) -> Refusal | None:
    refused = [fact.decision for fact in story.decided if isinstance(fact.decision, RecordRefused)]
    return refused[0].reason if refused else None


@pytest.mark.parametrize(
    ("who", "past", "counted"),
    [
        pytest.param("everybody", False, 3, id="everybody"),
        pytest.param("transaction", False, 3, id="from-the-first-that-counts"),
        pytest.param("transaction", True, 4, id="with-what-was-before-it"),
        pytest.param("command", False, 1, id="from-the-command-on"),
        pytest.param("command", True, 4, id="with-the-past"),
    ],
)
def test_what_counts_goes_by_the_enrolment(who: str, past: bool, counted: int) -> None:  # noqa: FBT001
    story = given(asking(9, enrolment=by(who, past)), joined("2025-03-05"))
    story.play(bought("B1", 100, "2025-03-06"))
    story.play(bought("B2", 100, "2025-03-04"), as_of=instant("2025-03-06 13:00"))  # late
    story.play(bought("B3", 100, "2025-03-07"))
    enrolled = who == "command"
    if enrolled:
        story.play(enrol_target("m", "2025-03-08"))
    story.play(bought("B4", 100, "2025-03-09"))
    assert story.values("m") == {"2025-03": counted}
    (enrolment,) = story.only(MilestoneEnrolled)
    assert enrolment.enrolled_by.text == who


def test_enrolment_with_the_past_meets_the_target_at_once_and_pays_once() -> None:
    story = given(asking(2, enrolment=by("command", past=True)))
    story.play(bought("B1", 100, "2025-03-06"))
    story.play(bought("B2", 100, "2025-03-07"))
    assert story.only(MilestoneProgressed) + story.only(MilestoneAchieved) == []
    assert [one.value for one in story.only(MilestoneRecorded)] == [1, 2]
    story.play(updated("B2", 0, "2025-03-07 13:00"))
    assert story.values("m") == {"2025-03": 1}
    story.play(bought("B3", 100, "2025-03-08"))
    story.play(enrol_target("m", "2025-03-09"))
    story.play(bought("B4", 100, "2025-03-10"))
    assert [one.cause for one in story.envelopes(MilestoneAchieved)] == ["EnrolTarget:et-2025-03-09"]
    assert story.balance() == 10


def test_what_was_before_an_enrolment_is_neither_counted_nor_corrected() -> None:
    story = given(asking(2, enrolment=by("command"), counts={"of": "transactions", "measure": "sum"}))
    story.play(bought("B1", 100, "2025-03-06"))
    story.play(enrol_target("m", "2025-03-07"))
    story.play(updated("B1", 300, "2025-03-08"))
    assert story.values("m") == {}


def test_bill_that_an_update_raises_before_the_enrolment_is_recorded_as_it_is() -> None:
    parts = {"enrolment": by("command", past=True), "counts": {"of": "transactions", "measure": "sum"}}
    story = given(asking(300, **parts), bought("B1", 100, "2025-03-06"), updated("B1", 300, "2025-03-07"))
    assert [one.value for one in story.only(MilestoneRecorded)] == [100, 300]
    story.play(enrol_target("m", "2025-03-08"))
    assert [one.value for one in story.only(MilestoneAchieved)] == [300]


def test_customer_who_left_is_enrolled_by_command_alone() -> None:
    story = given(asking(9, enrolment=by("transaction")), bought("B1", 100, "2025-03-06"))
    story.play(unenrol_target("m", "2025-03-07"))
    story.play(bought("B2", 100, "2025-03-08"))
    assert (story.values("m"), len(story.only(MilestoneUnenrolled))) == ({"2025-03": 1}, 1)
    story.play(enrol_target("m", "2025-03-09"))
    story.play(bought("B3", 100, "2025-03-10"))
    assert story.values("m") == {"2025-03": 2}
    everybody = given(asking(9, enrolment=by("everybody")), joined("2025-03-05"), unenrol_target("m", "2025-03-06"))
    everybody.play(starting("2025-03-07", asking(9, 2, enrolment=by("everybody"))))
    everybody.play(bought("B1", 100, "2025-03-08"))
    assert len(everybody.only(MilestoneEnrolled)) == 1
    assert everybody.values("m") == {}


def test_only_what_counts_enrols() -> None:
    events = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}
    story = given(asking(9, enrolment=by("transaction"), counts=events), did("run", "2025-03-05"))
    story.play(bought("B1", 100, "2025-03-06"))
    assert story.only(MilestoneEnrolled) == []
    story.play(did("run", "2025-03-07", attributes={"km": 1}))
    assert [one.enrolled_by for one in story.only(MilestoneEnrolled)] == [EnrolledBy.TRANSACTION]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        pytest.param(enrol_target("x", "2025-03-07"), Refusal.MILESTONE_UNKNOWN, id="enrol-in-none"),
        pytest.param(enrol_target("m", "2025-03-07"), Refusal.ENROLLED_ALREADY, id="enrolled"),
        pytest.param(enrol_target("open", "2025-03-07"), Refusal.ENROLLED_ALREADY, id="everybody-is"),
        pytest.param(unenrol_target("x", "2025-03-07"), Refusal.MILESTONE_UNKNOWN, id="leave-none"),
        pytest.param(unenrol_target("other", "2025-03-07"), Refusal.NOT_ENROLLED, id="not-in-it"),
        pytest.param(unenrol_target("open", "2025-03-07"), Refusal.NOT_ENROLLED, id="nobody-is-enrolled"),
        pytest.param(set_target("x", 3, "2025-03-07"), Refusal.MILESTONE_UNKNOWN, id="target-of-none"),
        pytest.param(set_target("open", None, "2025-03-07"), Refusal.TARGET_UNCHANGED, id="the-usual-already"),
        pytest.param(enrol_target("m", "2025-03-07", program_id=9), Refusal.PROGRAM_UNKNOWN, id="no-such-program"),
    ],
)
def test_command_that_changes_nothing_is_refused(step: Any, reason: Refusal) -> None:
    parts = [
        milestone("m", enrolment=by("transaction")),
        milestone("other", enrolment=by("command")),
        milestone("open"),
    ]
    story = given(program(milestones=parts), bought("B1", 100, "2025-03-06"))
    story.play(step)
    assert refusal(story) is reason


def test_command_is_about_its_own_program_alone() -> None:
    parts = {"milestones": [milestone("m", enrolment=by("command"), tells_cycles="counted")]}
    story = given(program(**parts), program(program_id=2, **parts), bought("B1", 100, "2025-03-06"))
    story.play(enrol_target("m", "2025-03-07", program_id=2))
    story.play(set_target("m", 7, "2025-03-08", program_id=2))
    story.play(unenrol_target("m", "2025-03-09", program_id=2))
    assert {one.program_id for one in story.envelopes(MilestoneEnrolled)} == {2}
    assert {one.program_id for one in story.envelopes(TargetChanged)} == {2}
    assert {one.program_id for one in story.envelopes(MilestoneUnenrolled)} == {2}
    assert {one.program_id for one in story.envelopes(CycleBegan)} == {2}


def test_own_target_holds_in_place_of_that_of_the_program() -> None:
    story = given(asking(5), bought("B1", 100, "2025-03-06"), bought("B2", 100, "2025-03-07"))
    story.play(set_target("m", 2, "2025-03-08"))
    assert story.only(TargetChanged)[-1] == TargetChanged(
        milestone_id="m", period=662, previous=5, target=2, requested=True, own=2, reason="asked"
    )
    assert [one.cause for one in story.envelopes(MilestoneAchieved)] == ["SetTarget:st-2025-03-08"]
    story.play(set_target("m", 4, "2025-03-09"))
    story.play(brought_back("B1", 100, "2025-03-10"))
    assert [one.target for one in story.only(MilestoneUnachieved)] == [4]
    story.play(set_target("m", None, "2025-03-11"))
    assert story.only(TargetChanged)[-1].target == 5
    story.play(starting("2025-03-12", asking(6, 2)))
    story.play(bought("B3", 100, "2025-03-13"))
    assert (story.only(MilestoneProgressed)[-1].target, story.balance()) == (6, 10)


def test_target_of_an_attribute_is_in_the_unit_of_the_program() -> None:
    km = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}
    story = given(asking(5, counts=km), did("run", "2025-03-06", attributes={"km": "2.5"}))
    story.play(set_target("m", 2, "2025-03-08"))
    assert story.only(MilestoneAchieved)[0].target == 2_000


def test_target_that_a_version_changes_is_told_to_who_has_no_own() -> None:
    story = given(asking(5, enrolment=by("everybody")), joined("2025-03-05"))
    story.play(starting("2025-03-06", asking(3, 2, enrolment=by("everybody"))))
    story.play(Tick(instant("2025-03-06 13:00")))
    assert story.only(TargetChanged) == [
        TargetChanged(milestone_id="m", period=662, previous=5, target=3, requested=False)
    ]
    story.play(set_target("m", 4, "2025-03-07"))
    story.play(starting("2025-03-08", asking(9, 3, enrolment=by("everybody"))))
    story.play(bought("B1", 100, "2025-03-09"))
    assert len(story.only(TargetChanged)) == 2


def test_start_is_told_with_the_first_that_counts_and_the_end_at_the_boundary_once() -> None:
    story = given(asking(cycle=WEEKS, tells_cycles="counted"), bought("B1", 100, "2025-03-05"))
    story.play(bought("B2", 100, "2025-03-06"))
    story.play(bought("B3", 100, "2025-03-20"))
    assert told(story) == [("began", 1), ("ended", 1), ("began", 3)]
    assert story.only(CycleEnded) == [
        CycleEnded(milestone_id="m", period=1, ends_at=instant("2025-03-10 00:00"), value=2, target=2, achieved=True)
    ]
    story.play(bought("B4", 100, "2025-03-07"), as_of=instant("2025-03-21"))
    story.play(bought("B5", 100, "2025-03-12"), as_of=instant("2025-03-21"))
    assert told(story)[3:] == [("began", 2), ("ended", 2)]
    assert story.values("m") == {"Cycle_1": 3, "Cycle_2": 1, "Cycle_3": 1}


def test_everybody_is_told_each_cycle_without_traffic() -> None:
    plan = asking(cycle=WEEKS, tells_cycles="everybody")
    story = given(plan, joined("2025-03-01"))
    assert told(story) == []
    story.play(Tick(instant("2025-03-24 00:00")))
    assert told(story) == [
        ("began", 1),
        ("ended", 1),
        ("began", 2),
        ("ended", 2),
        ("began", 3),
        ("ended", 3),
        ("began", 4),
    ]
    assert story.envelopes(CycleBegan)[0].at == instant("2025-03-03 00:00")
    story.play(starting("2025-03-25", program(version=2, milestones=[])))
    story.play(Tick(instant("2025-04-24 00:00")))
    assert told(story)[7:] == []


def test_windows_are_awaited_between_them_and_end_for_good() -> None:
    story = given(asking(cycle=SUMMERS, tells_cycles="everybody"), joined("2025-03-01"))
    story.play(Tick(instant("2027-03-24 00:00")))
    assert [one.begins_at for one in story.only(CycleBegan)] == [
        instant("2025-06-01 00:00"),
        instant("2026-06-01 00:00"),
    ]
    assert told(story)[-1] == ("ended", 2)
    assert story.state.head.timer is None


def test_who_waits_for_a_window_of_a_milestone_that_is_retired_waits_no_longer() -> None:
    plan = asking(cycle=SUMMERS, tells_cycles="everybody")
    story = given(plan, joined("2025-03-01"))
    retired = plan.model_copy(
        update={"version": 2, "milestones": (plan.milestones[0].model_copy(update={"retired": True}),)}
    )
    story.play(starting("2025-04-01", retired))
    story.play(Tick(instant("2025-07-24 00:00")))
    assert (told(story), story.state.head.timer) == ([], None)


def test_cycle_that_was_told_ends_though_the_milestone_is_retired() -> None:
    plan = asking(9, tells_cycles="counted")
    story = given(plan, bought("B1", 100, "2025-03-06"))
    retired = plan.model_copy(
        update={"version": 2, "milestones": (plan.milestones[0].model_copy(update={"retired": True}),)}
    )
    story.play(starting("2025-03-07", retired))
    story.play(Tick(instant("2025-04-24 00:00")))
    assert [(one.value, one.target) for one in story.only(CycleEnded)] == [(1, 9)]


def test_enrolment_by_command_is_told_the_running_cycle_or_waits_for_the_next() -> None:
    weekly = given(asking(cycle=WEEKS, enrolment=by("command"), tells_cycles="counted"), joined("2025-03-01"))
    weekly.play(enrol_target("m", "2025-03-05"))
    assert told(weekly) == [("began", 1)]
    summers = given(asking(cycle=SUMMERS, enrolment=by("command"), tells_cycles="everybody"), joined("2025-03-01"))
    summers.play(enrol_target("m", "2025-03-05"))
    summers.play(Tick(instant("2025-06-05")))
    assert told(summers) == [("began", 1)]
    summers.play(unenrol_target("m", "2025-06-06"))
    summers.play(Tick(instant("2026-07-01")))
    assert told(summers) == [("began", 1), ("ended", 1)]
    early = given(asking(cycle=SUMMERS, enrolment=by("command"), tells_cycles="counted"), joined("2025-03-01"))
    early.play(enrol_target("m", "2025-03-05"))
    assert told(early) == []


def test_cycles_that_nothing_can_reach_any_more_are_forgotten() -> None:
    story = given(asking(tells_cycles="counted"), bought("B1", 100, "2025-03-06"))
    story.play(bought("B2", 100, "2025-09-06"))
    assert list(story.section().members["m"].cycles) == [668]


@pytest.mark.parametrize(
    ("begins", "cycles"),
    [
        pytest.param("enrolment", {"Cycle_1": 1, "Cycle_2": 2}, id="from-the-enrolment"),
        pytest.param("registration", {"Cycle_1": 1, "Cycle_2": 1, "Cycle_3": 1}, id="from-the-registration"),
    ],
)
def test_cycles_of_a_customers_own_begin_on_a_day_of_theirs(begins: str, cycles: dict[str, int]) -> None:
    story = given(asking(cycle=DAYS | {"begins": begins}, tells_cycles="counted"), joined("2025-03-01 15:00"))
    story.play(bought("B1", 100, "2025-03-06 16:00"))
    story.play(bought("B2", 100, "2025-03-16 00:00"))
    story.play(bought("B3", 100, "2025-03-25 23:59"))
    assert story.values("m") == cycles
    story.play(Tick(instant("2025-06-01")))
    assert len(story.only(CycleBegan)) == len(story.only(CycleEnded)) == len(cycles)


def test_what_was_before_a_customers_first_cycle_counts_nothing() -> None:
    with_past = given(asking(cycle=DAYS, enrolment=by("transaction", past=True)), bought("B1", 100, "2025-03-06"))
    with_past.play(bought("B2", 100, "2025-03-05"), as_of=instant("2025-03-07"))
    assert with_past.values("m") == {"Cycle_1": 1}
    command = given(asking(cycle=DAYS, enrolment=by("command", past=True)), bought("B1", 100, "2025-03-06"))
    assert command.values("m") == {}


def test_own_cycles_of_many_first_days_are_cached_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "_ANCHORS_MAX", 1)
    own = OwnPeriods(PerCustomer(unit=PeriodUnit.MONTH), Calendar("UTC"))
    first = own.of(day("2025-01-31")).around(day("2025-02-27"))
    assert own.of(day("2025-02-01")).around(day("2025-02-27")).begins_at == instant("2025-02-01 00:00", "UTC")
    assert own.of(day("2025-01-31")).around(day("2025-02-27")) == first


@settings(max_examples=40)
@over(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.lists(st.integers(0, 90), max_size=5))
def test_what_is_told_does_not_go_by_how_often_ticks_come(bills: list[int], ticks: list[int]) -> None:
    plan, start = asking(cycle=WEEKS, tells_cycles="everybody"), instant("2025-03-01")

    def play(extra: list[Tick]) -> list[Any]:
        records: list[Any] = [bought(f"B{place}", 100, start + number * DAY_MS) for place, number in enumerate(bills)]
        story = Story(plan)
        for step in sorted([*records, *extra], key=lambda one: one.time if isinstance(one, Tick) else one.event_time):
            story.play(step)
        story.play(Tick(start + 100 * DAY_MS))
        return [
            (fact.envelope.at, fact.decision)
            for fact in story.facts
            if isinstance(fact.decision, CycleBegan | CycleEnded)
        ]

    assert play([]) == play([Tick(start + number * DAY_MS + 1) for number in ticks])


@pytest.mark.parametrize(
    ("cycle", "validity", "begins"),
    [
        pytest.param(None, {"first": "2025-03-10"}, ["2025-03-10", "2025-04-01", "2025-05-01"], id="calendar-period"),
        pytest.param(None, {"first": "2025-03-10", "last": "2025-03-31"}, ["2025-03-10"], id="that-ends"),
        pytest.param(None, {"last": "2025-02-10"}, [], id="is-over"),
        pytest.param(WEEKS, {"first": "2025-04-24"}, ["2025-04-24", "2025-04-28"], id="in-a-cycle"),
        pytest.param(SUMMERS, {"first": "2025-05-24"}, ["2025-06-01"], id="before-a-window"),
        pytest.param(SUMMERS, {"last": "2025-05-24"}, [], id="over-before-a-window"),
    ],
)
def test_nobody_is_told_a_cycle_on_days_without_the_milestone(
    cycle: Any, validity: dict[str, str], begins: list[str]
) -> None:
    parts = {"validity": validity, "tells_cycles": "everybody"} | ({} if cycle is None else {"cycle": cycle})
    story = given(asking(**parts), joined("2025-03-01"))
    story.play(Tick(instant("2025-05-02" if cycle != SUMMERS else "2025-06-02")))
    assert [one.at for one in story.envelopes(CycleBegan)] == [instant(f"{one} 00:00") for one in begins]


@pytest.mark.parametrize(
    "step", [enrol_target("m", "2025-03-07"), set_target("m", 5, "2025-03-07"), unenrol_target("other", "2025-03-07")]
)
def test_command_that_did_something_is_done(step: Any) -> None:
    parts = [milestone("m", enrolment=by("command")), milestone("other", enrolment=by("everybody"))]
    story = given(program(milestones=parts), joined("2025-03-06"))
    story.play(step)
    assert outcome_of((fact.envelope, fact.decision) for fact in story.decided) == DONE


def test_what_a_version_enrols_and_asks_is_nothing_that_a_command_did() -> None:
    story = given(program(milestones=[milestone("m", 2, enrolment=by("everybody"))]), joined("2025-03-06"))
    after = program(version=2, milestones=[milestone("m", 3, enrolment=by("everybody"))])
    story.play(after)
    story.play(enrol_target("m", "2025-03-07"))
    decided = [(fact.envelope, fact.decision) for fact in story.facts]
    assert {TargetChanged, MilestoneEnrolled} <= {type(one) for _, one in decided}
    assert [is_by_adoption(one) for _, one in decided if isinstance(one, TargetChanged | MilestoneEnrolled)] == [
        True
    ] * 2
    assert outcome_of((fact.envelope, fact.decision) for fact in story.decided).reason is Refusal.ENROLLED_ALREADY


@pytest.mark.parametrize(
    "cycle", [{}, {"period": None, "cycle": {"kind": "rolling", "days": 7}}], ids=["month", "rolling"]
)
def test_return_of_who_is_not_enrolled_is_told_to_nobody_and_counts_at_the_enrolment(cycle: dict[str, Any]) -> None:
    amounts = {"of": "transactions", "measure": "sum"}
    past = milestone("m", 5, counts=amounts, enrolment={"by": "command", "past": True}, points=9, **cycle)
    returns = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}
    story = given(program(milestones=[past], returns=returns), bought("B1", 6, "2025-03-01"))
    story.play(brought_back("B1", 2, "2025-03-02"))
    assert story.only(MilestoneLowered) == []
    assert [one.value for one in story.only(MilestoneRecorded)] == [6, 4]
    story.play(enrol_target("m", "2025-03-03"))
    assert story.only(MilestoneAchieved) == []
    story.play(bought("B2", 1, "2025-03-03"))
    assert story.balance() == 9
    story.play(unenrol_target("m", "2025-03-04"))
    story.play(brought_back("B2", 1, "2025-03-05"))
    assert (story.balance(), len(story.only(MilestoneLowered))) == (0, 1)


def test_what_was_done_while_the_customer_was_in_it_counts_after_they_left() -> None:
    story = given(
        asking(9, enrolment=by("command")), enrol_target("m", "2025-03-03"), unenrol_target("m", "2025-03-10")
    )
    for number, on in enumerate(("2025-03-02", "2025-03-03 13:00", "2025-03-09", "2025-03-10", "2025-03-11")):
        story.play(bought(f"B{number}", 1, on), as_of=instant("2025-03-12"))
    assert story.values("m") == {"2025-03": 2}
    story.play(enrol_target("m", "2025-03-20"))
    story.play(bought("B9", 1, "2025-03-09"), as_of=instant("2025-03-21"))
    story.play(bought("B10", 1, "2025-03-11"), as_of=instant("2025-03-21"))
    assert story.values("m") == {"2025-03": 3}


def test_bill_is_corrected_whichever_of_the_enrolments_it_counted_in() -> None:
    sums = asking(999, enrolment=by("command"), counts={"of": "transactions", "measure": "sum"})
    story = given(sums, enrol_target("m", "2025-03-03"), bought("B1", 10, "2025-03-04"))
    for left_on, enrolled_on in (("2025-03-05", "2025-03-07"), ("2025-03-08", "2025-03-09")):
        story.play(unenrol_target("m", left_on))
        story.play(bought(f"away-{left_on}", 300, f"{left_on} 18:00"))
        story.play(enrol_target("m", enrolled_on))
    story.play(updated("B1", 25, "2025-03-10"))
    story.play(updated("away-2025-03-05", 500, "2025-03-11"))
    assert story.values("m") == {"2025-03": 25}


def test_of_many_enrolments_the_last_ones_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.milestones.members._STRETCHES_KEPT", 2)
    story = given(asking(9, enrolment=by("command")))
    for month in (3, 4, 5):
        story.play(enrol_target("m", f"2025-{month:02}-03"))
        story.play(unenrol_target("m", f"2025-{month:02}-10"))
    assert story.section().members["m"].was_in == [
        (instant(f"2025-{month:02}-03"), instant(f"2025-{month:02}-10")) for month in (4, 5)
    ]


def test_with_the_past_what_is_done_after_leaving_waits_for_the_next_enrolment() -> None:
    story = given(asking(2, enrolment=by("command", past=True)), enrol_target("m", "2025-03-03"))
    story.play(unenrol_target("m", "2025-03-10"))
    story.play(bought("B1", 1, "2025-03-01"), as_of=instant("2025-03-11"))
    assert len(story.only(MilestoneProgressed)) == 1
    story.play(bought("B2", 1, "2025-03-11"))
    assert (story.values("m"), story.only(MilestoneAchieved)) == ({"2025-03": 2}, [])
    story.play(enrol_target("m", "2025-03-12"))
    assert len(story.only(MilestoneAchieved)) == 1


def test_own_cycles_go_on_as_they_were_with_another_enrolment() -> None:
    story = given(asking(9, cycle=DAYS, enrolment=by("command")), enrol_target("m", "2025-03-01"))
    story.play(bought("B1", 1, "2025-03-02"))
    story.play(unenrol_target("m", "2025-03-03"))
    story.play(enrol_target("m", "2025-03-12"))
    story.play(bought("B2", 1, "2025-03-13"))
    assert story.values("m") == {"Cycle_1": 1, "Cycle_2": 1}


def test_past_of_cycles_from_the_registration_counts_at_the_enrolment() -> None:
    cycle = {**DAYS, "begins": "registration"}
    story = given(asking(2, cycle=cycle, enrolment=by("command", past=True)), joined("2025-03-01"))
    story.play(bought("B1", 1, "2025-03-02"))
    story.play(bought("B0", 1, "2025-02-27"), as_of=instant("2025-03-02 13:00"))
    story.play(bought("B2", 1, "2025-03-12"))
    story.play(bought("B3", 1, "2025-03-13"))
    story.play(updated("B3", 2, "2025-03-14"))
    assert story.only(MilestoneProgressed) == []
    story.play(enrol_target("m", "2025-03-15"))
    assert story.values("m") == {"Cycle_1": 1, "Cycle_2": 2}
    assert [one.period for one in story.only(MilestoneAchieved)] == [2]


def test_update_of_a_bill_before_own_cycles_begin_counts_nothing() -> None:
    story = given(asking(2, cycle=DAYS, counts={"of": "transactions", "measure": "gross"}, enrolment=by("command")))
    story.play(bought("B1", 1, "2025-03-01"))
    story.play(updated("B1", 5, "2025-03-02"))
    story.play(enrol_target("m", "2025-03-03"))
    story.play(updated("B1", 9, "2025-03-04"))
    assert story.values("m") == {}


def test_own_cycles_of_everybody_begin_with_the_day_of_the_first_record_however_late_it_comes() -> None:
    story = given(asking(9, cycle=DAYS, enrolment=by("everybody")))
    story.play(bought("B1", 1, "2025-03-01"), as_of=instant("2025-03-05"))
    assert story.only(MilestoneEnrolled)[0].anchor == day("2025-03-01")
    assert story.values("m") == {"Cycle_1": 1}


def test_streak_begins_for_who_is_in_its_milestone_and_follows_what_a_command_meets() -> None:
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": [{"name": "L", "periods": 1}]}
    part = milestone("m", 2, enrolment=by("command", past=True))
    story = given(program(milestones=[part], streaks=[streak]))
    story.play(bought("B1", 1, "2025-03-01"))
    story.play(bought("B2", 1, "2025-03-02"))
    assert story.only(StreakStarted) == []
    story.play(enrol_target("m", "2025-03-03"))
    assert len(story.only(StreakStarted)) == 1
    assert [one.run for one in story.only(StreakExtended)] == [1]
    story.play(bought("B3", 1, "2025-04-01"))
    story.play(set_target("m", 1, "2025-04-02"))
    assert [one.run for one in story.only(StreakExtended)] == [1, 2]


def test_what_comes_back_of_who_is_not_enrolled_is_taken_off_once() -> None:
    counts = {"of": "transactions", "measure": "gross"}
    part = milestone("m", 500, counts=counts, enrolment=by("command", past=True))
    both = [milestone("other", target_id=10), part]
    story = given(program(milestones=both, returns={"window_days": 60}), bought("B1", 100, "2025-03-01"))
    story.play(brought_back("B1", 33, "2025-03-02"))
    story.play(brought_back("B1", 67, "2025-03-03"))
    assert story.values("m") == {"2025-03": 0}
