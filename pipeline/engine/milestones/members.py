"""Members: who is in a milestone, what it asks of them, and the starts and ends of cycles that they are told.

RULE (enrolment): what a customer does counts from the instant of their enrolment on, or with the past where the program
says so: then what was done before is recorded, and counts at the enrolment. Of a customer who left, what was done while
they were in it still counts, also once they enrolled again. Cycles of a customer's own begin once: they go on as they
were with another enrolment.
RULE (starts and ends): a cycle's start is told with the first thing that counts in it or with the enrolment, its end to
everybody who was told the start, at its boundary. Late records count after it, and nothing is told a second time.
RULE (own targets): a customer's own target holds until it is taken back. What is achieved stays so.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage, Subject, Timer
from pipeline.engine.kernel.timers import part_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.merging import sections
from pipeline.engine.milestones.state import Cycle, Member
from pipeline.engine.periods import Periods
from pipeline.engine.programs import Program, Target
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    CycleAwaited,
    CycleBegan,
    CycleEnded,
    Decision,
    EnrolledBy,
    Envelope,
    MilestoneEnrolled,
    MilestoneRecorded,
    MilestoneUnenrolled,
    ProgramAdopted,
    RecordRefused,
    Refusal,
    SectionHandedOver,
    SectionTakenOver,
    TargetChanged,
)
from schemas.records import EnrolTarget, SetTarget, UnenrolTarget

_NOBODY: Final = Member()
_STRETCHES_KEPT: Final = 10
"""From an enrolment to the leaving; of what was done in older ones, nothing that comes late counts."""


def member_of(turn: ProgramTurn, target: Target) -> Member:
    """What is kept of the customer in the milestone; a new one where nothing is."""
    return turn.section.members.get(target.milestone_id, _NOBODY)


def goal_of(turn: ProgramTurn, target: Target) -> int:
    """What the milestone asks of the customer."""
    members = turn.section.members
    if not members:
        return target.goal
    return member_of(turn, target).own or target.goal


def periods_of(turn: ProgramTurn, target: Target) -> Periods:
    """The customer's cycles."""
    if target.own is None:
        return target.periods
    anchor = anchor_of(turn, target)
    return target.own.of(turn.day if anchor is None else anchor)


def anchor_of(turn: ProgramTurn, target: Target) -> int | None:
    """The local day on which cycles of the customer's own begin; None where they begin with an enrolment to come."""
    member = member_of(turn, target)
    if member.has_cycles:
        return member.anchor
    if target.own is not None and target.own.cycles.begins == "registration" and turn.head.registered_at is not None:
        return turn.program.calendar.day_of(turn.head.registered_at)
    return None


def is_placed(turn: ProgramTurn, target: Target) -> bool:
    """Whether the day lies in a cycle, where these are the customer's own."""
    if target.own is None:
        return True
    anchor = anchor_of(turn, target)
    return anchor is not None and turn.day >= anchor


def counts_for(turn: ProgramTurn, target: Target) -> bool | None:
    """Whether what the customer does at this instant counts; None where it is recorded for an enrolment to come."""
    enrolment = target.enrolment
    if enrolment is None:
        return True
    member = member_of(turn, target)
    if member.enrolled_at is not None and (enrolment.past or turn.at >= member.enrolled_at):
        return True
    if any(turn.at < left_at and (enrolment.past or enrolled_at <= turn.at) for enrolled_at, left_at in member.was_in):
        return True
    return None if enrolment.past else False


def enrol_by(turn: ProgramTurn, target: Target) -> list[Decision]:
    """The enrolment of a customer who does something that counts, where that enrols."""
    enrolment, member = target.enrolment, member_of(turn, target)
    if enrolment is None or enrolment.by != "transaction" or member.enrolled_at is not None or member.left:
        return []
    return [_enrolled(turn, target, EnrolledBy.TRANSACTION, turn.day)]


def told_start(turn: ProgramTurn, target: Target, day: int) -> list[Decision]:
    """The start of the cycle that a day lies in, unless it was told, or nobody is to be told."""
    if target.tells_cycles == "none" or not (target.span is None or target.span.holds(day)):
        return []
    period = periods_of(turn, target).around(day)
    if period.number in member_of(turn, target).cycles or (target.own is not None and period.number < 1):
        return []
    return [
        CycleBegan(
            milestone_id=target.milestone_id,
            period=period.number,
            begins_at=period.begins_at,
            ends_at=period.ends_at,
            target=goal_of(turn, target),
        )
    ]


def _begin(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """At the adoption of a version: who is in a milestone for everybody, what it asks now, and its running cycle."""
    decisions: list[Decision] = []
    for target in turn.program.enrolling:
        member, enrolment = member_of(turn, target), target.enrolment
        everybody = enrolment is None or enrolment.by == "everybody"
        if enrolment is not None and everybody and member.enrolled_at is None and not member.left:
            day = turn.program.calendar.day_of(turn.seen_at)
            decisions.append(_enrolled(turn, target, EnrolledBy.EVERYBODY, day))
        elif member.target and member.target != (member.own or target.goal):
            decisions.append(
                TargetChanged(
                    milestone_id=target.milestone_id,
                    period=periods_of(turn, target).around(turn.day).number,
                    previous=member.target,
                    target=target.goal,
                    requested=False,
                )
            )
    return decisions


def _cycles_begin(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """At the adoption of a version: the running cycles that everybody is told, or when the next ones begin."""
    return [
        decision
        for target in turn.program.enrolling
        if target.tells_cycles == "everybody" and is_in(turn, target)
        for decision in _running_or_awaited(turn, target, turn.day)
    ]


def is_in(turn: ProgramTurn, target: Target) -> bool:
    """Whether the customer is in the milestone."""
    return target.enrolment is None or member_of(turn, target).enrolled_at is not None


def _running_or_awaited(turn: ProgramTurn, target: Target, day: int) -> list[Decision]:
    if target.span is None or target.span.holds(day):
        return told_start(turn, target, day)
    first = target.span.next_after(day)
    if first is None:
        return []
    return [CycleAwaited(milestone_id=target.milestone_id, at=turn.program.calendar.start_of(first))]


def _enrolled(
    turn: ProgramTurn, target: Target, enrolled_by: EnrolledBy, day: int, reason: str = "", entered_by: str = ""
) -> MilestoneEnrolled:
    known = anchor_of(turn, target)
    anchor = day if known is None else known
    periods = target.periods if target.own is None else target.own.of(anchor)
    return MilestoneEnrolled(
        milestone_id=target.milestone_id,
        enrolled_by=enrolled_by,
        anchor=anchor,
        period=periods.around(turn.day).number,
        target=goal_of(turn, target),
        reason=reason,
        entered_by=entered_by,
    )


def _enrol(turn: ProgramTurn, record: EnrolTarget) -> list[Decision]:
    """The customer is in the milestone from the event time of the command on."""
    target = _named(turn.program, record.milestone)
    if target is None:
        return [RecordRefused(reason=Refusal.MILESTONE_UNKNOWN, subject=record.milestone)]
    if is_in(turn, target):
        return [RecordRefused(reason=Refusal.ENROLLED_ALREADY, subject=record.milestone)]
    return [_enrolled(turn, target, EnrolledBy.COMMAND, turn.day, record.reason, record.entered_by)]


def _told_by_enrolment(turn: ProgramTurn, record: EnrolTarget) -> list[Decision]:
    """The start of the running cycle."""
    target = _named(turn.program, record.milestone)
    assert target is not None  # noqa: S101 - the stage before it refuses what the program does not know
    everybody = target.tells_cycles == "everybody"
    return _running_or_awaited(turn, target, turn.day) if everybody else told_start(turn, target, turn.day)


def _unenrol(turn: ProgramTurn, record: UnenrolTarget) -> list[Decision]:
    """What the customer does counts no longer."""
    target = _named(turn.program, record.milestone)
    if target is None:
        return [RecordRefused(reason=Refusal.MILESTONE_UNKNOWN, subject=record.milestone)]
    if target.enrolment is None or member_of(turn, target).enrolled_at is None:
        return [RecordRefused(reason=Refusal.NOT_ENROLLED, subject=record.milestone)]
    return [
        MilestoneUnenrolled(milestone_id=record.milestone, reason=record.reason, entered_by=record.entered_by),
    ]


def _set(turn: ProgramTurn, record: SetTarget) -> list[Decision]:
    """The milestone asks something else of this customer."""
    target = _named(turn.program, record.milestone)
    if target is None:
        return [RecordRefused(reason=Refusal.MILESTONE_UNKNOWN, subject=record.milestone)]
    own = (record.target or 0) * target.unit
    if own == member_of(turn, target).own:
        return [RecordRefused(reason=Refusal.TARGET_UNCHANGED, subject=record.milestone)]
    return [
        TargetChanged(
            milestone_id=record.milestone,
            period=periods_of(turn, target).around(turn.day).number,
            previous=goal_of(turn, target),
            target=own or target.goal,
            requested=True,
            own=own,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def _named(program: Program, milestone_id: str) -> Target | None:
    return next((one for one in program.targets if one.milestone_id == milestone_id), None)


def _member(state: CustomerState, envelope: Envelope, milestone_id: str) -> Member:
    return state.head.sections[envelope.program_id].members.setdefault(milestone_id, Member())


def _note_enrolled(state: CustomerState, envelope: Envelope, decision: MilestoneEnrolled) -> None:
    member = _member(state, envelope, decision.milestone_id)
    member.enrolled_at = envelope.at
    member.left = False
    member.anchor = decision.anchor
    member.target = decision.target


def _note_recorded(state: CustomerState, envelope: Envelope, decision: MilestoneRecorded) -> None:
    """Cycles of the customer's own begin before the enrolment."""
    if decision.anchor is not None:
        member = _member(state, envelope, decision.milestone_id)
        member.anchor = decision.anchor
        member.placed = True


def _note_unenrolled(state: CustomerState, envelope: Envelope, decision: MilestoneUnenrolled) -> None:
    """Cycles of which the start was told still end."""
    member = _member(state, envelope, decision.milestone_id)
    member.was_in = [*member.was_in, (member.enrolled_at or 0, envelope.at)][-_STRETCHES_KEPT:]
    member.enrolled_at = None
    member.left = True
    member.starts_at = NEVER


def _note_target(state: CustomerState, envelope: Envelope, decision: TargetChanged) -> None:
    member = _member(state, envelope, decision.milestone_id)
    member.own = decision.own
    member.target = decision.target


def _note_began(state: CustomerState, envelope: Envelope, decision: CycleBegan) -> None:
    """Cycles of which no record is accepted any more leave."""
    member = _member(state, envelope, decision.milestone_id)
    horizon = state.head.horizon
    member.cycles = {
        number: cycle for number, cycle in member.cycles.items() if cycle.ends_at > horizon or not cycle.ended
    }
    member.cycles[decision.period] = Cycle(ends_at=decision.ends_at)
    member.target = member.target or decision.target
    member.starts_at = NEVER


def _note_ended(state: CustomerState, envelope: Envelope, decision: CycleEnded) -> None:
    _member(state, envelope, decision.milestone_id).cycles[decision.period].ended = True


def _note_awaited(state: CustomerState, envelope: Envelope, decision: CycleAwaited) -> None:
    _member(state, envelope, decision.milestone_id).starts_at = decision.at


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """What stays is the program's, also of milestones that are retired."""
    section = state.head.sections[envelope.program_id]
    section.members = {key: value for key, value in section.members.items() if key in decision.milestones}


def _due(head: Head) -> int:
    return min((one.due for section in head.sections.values() for one in section.members.values()), default=NEVER)


def _first_end(head: Head, due: int) -> Subject:
    """Programs in id order, then milestones by id, then the earliest cycle."""
    return next(
        Subject(program_id=program_id, key=f"{program_id}/{milestone_id}/{number}", part=(milestone_id, number))
        for program_id, section in sorted(head.sections.items())
        for milestone_id, member in sorted(section.members.items())
        for number, cycle in sorted(member.cycles.items())
        if cycle.ends_at == due and not cycle.ended
    )


def _end(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    """The cycle is over; who is told every cycle is told the next one, or waits for it."""
    milestone_id, number = subject.part
    section, target = turn.section, _named(turn.program, milestone_id)
    progress = section.milestones.get(milestone_id, {}).get(number)
    member = section.members[milestone_id]
    ended = CycleEnded(
        milestone_id=milestone_id,
        period=number,
        ends_at=member.cycles[number].ends_at,
        value=0 if progress is None else progress.value,
        target=member.own or (member.target if target is None else target.goal),
        achieved=progress is not None and progress.achieved,
    )
    if target is None or target.tells_cycles != "everybody" or not is_in(turn, target):
        return [ended]
    return [ended, *_running_or_awaited(turn, target, turn.day)]


def _start(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    """The next cycle begins; where the milestone has ended meanwhile, nobody waits for it any more."""
    target = _named(turn.program, subject.part)
    told = [] if target is None else _running_or_awaited(turn, target, turn.day)
    return told or [CycleAwaited(milestone_id=subject.part, at=NEVER)]


def _enrols(program: Program) -> bool:
    return bool(program.enrolling)


BEGIN: Final = ProgramStage(_begin, used=_enrols)
CYCLES_BEGIN: Final = ProgramStage(_cycles_begin, used=_enrols)
ENROL: Final = ProgramStage(_enrol)
TOLD_BY_ENROLMENT: Final = ProgramStage(_told_by_enrolment, used=_enrols)
UNENROL: Final = ProgramStage(_unenrol)
SET: Final = ProgramStage(_set)
CYCLE_END: Final = Timer(kind=23, name="cycleEnd", due=_due, first=_first_end, fire=_end)
CYCLE_START: Final = part_timer(
    kind=24,
    name="cycleStart",
    parts=attrgetter("members"),
    at=lambda member: member.starts_at,
    fire=_start,
)
CONCERN: Final = Concern(
    name="milestone members",
    effects={
        SectionHandedOver: sections.emptied("members"),
        SectionTakenOver: sections.note_members,
        MilestoneEnrolled: _note_enrolled,
        MilestoneUnenrolled: _note_unenrolled,
        MilestoneRecorded: _note_recorded,
        TargetChanged: _note_target,
        CycleBegan: _note_began,
        CycleEnded: _note_ended,
        CycleAwaited: _note_awaited,
        ProgramAdopted: _note_adopted,
    },
    timers=(CYCLE_END, CYCLE_START),
)
