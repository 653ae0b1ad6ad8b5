"""Milestones: targets met once in each calendar period. Counting goes on after a target is met.

RULE (crossing): a milestone is achieved when `value >= target` for the first time, once per customer, milestone and
period. A late record counts in the period of its event time.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate, issue
from pipeline.engine.milestones.state import Progress
from pipeline.engine.programs import Program, Target
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, IssuedFor, MilestoneAchieved, MilestoneProgressed, ProgramAdopted
from schemas.records import CustomEventReceived, TransactionAdded

_ADDED_MAX: Final = 10**15
"""The most that one event may add, as much as a bill."""
_REWARD: Final = IssuedFor.MILESTONE
"""Bound once: looking up a member of an enum costs as much as building a decision."""


def targets_of(record: TransactionAdded | CustomEventReceived, program: Program) -> tuple[Target, ...]:
    """The milestones that a record counts towards, whatever the day."""
    if isinstance(record, TransactionAdded):
        return program.transaction_targets
    return program.event_targets.get(record.event_name, ())


def uses_targets(program: Program) -> bool:
    """Whether the program has milestones."""
    return bool(program.transaction_targets or program.event_targets)


def _progress(turn: ProgramTurn, record: TransactionAdded | CustomEventReceived) -> list[Decision]:
    """How far the record brings each milestone, which of them it achieves, and their rewards."""
    decisions: list[Decision] = []
    rewards: list[Activity] = []
    day = turn.day
    reached = turn.section.milestones
    for target in targets_of(record, turn.program):
        if not (target.span is None or target.span.holds(day)):
            continue
        added = _added(target, record)
        if added is None:
            continue
        milestone_id, goal = target.milestone_id, target.goal
        period, ends_at = target.periods.around(day)
        known = reached.get(milestone_id)
        so_far = None if known is None else known.get(period)
        value = added if so_far is None else so_far.value + added
        if value > TOTAL_MAX:
            continue
        decisions.append(
            MilestoneProgressed(
                milestone_id=milestone_id,
                period=period,
                period_ends_at=ends_at,
                added=added,
                value=value,
                target=goal,
            )
        )
        if value >= goal and (so_far is None or not so_far.achieved):
            decisions.append(
                MilestoneAchieved(milestone_id=milestone_id, period=period, value=value, target=goal, added=added)
            )
            if target.reward:
                award = Candidate(issued_for=_REWARD, rule_id=milestone_id, points=target.reward)
                rewards.append(Activity(key=f"milestone/{milestone_id}/{period}", candidates=(award,)))
    if rewards:
        decisions += issue(turn, rewards)
    return decisions


def _added(target: Target, record: TransactionAdded | CustomEventReceived) -> int | None:
    if target.sums is None:
        return 1
    if isinstance(record, TransactionAdded):
        return record.amount_minor
    value = record.attributes.get(target.sums)
    return value if type(value) is int and 0 < value <= _ADDED_MAX else None


def _note_progress(state: CustomerState, envelope: Envelope, decision: MilestoneProgressed) -> None:
    """The period has this value; periods of which no record would be accepted any more leave."""
    milestones = state.head.sections[envelope.program_id].milestones
    periods = milestones.get(decision.milestone_id)
    if periods is None:
        periods = milestones[decision.milestone_id] = {}
    known = periods.get(decision.period)
    if known is not None:
        known.value = decision.value
        return
    horizon = state.head.horizon
    for period in [number for number, progress in periods.items() if progress.ends_at <= horizon]:
        del periods[period]
    periods[decision.period] = Progress(ends_at=decision.period_ends_at, value=decision.value)


def _note_achieved(state: CustomerState, envelope: Envelope, decision: MilestoneAchieved) -> None:
    """The period's target is met, for good."""
    milestones = state.head.sections[envelope.program_id].milestones
    milestones[decision.milestone_id][decision.period].achieved = True


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """Progress of milestones that the program no longer has is forgotten."""
    section = state.head.sections[envelope.program_id]
    section.milestones = {key: value for key, value in section.milestones.items() if key in decision.milestones}


PROGRESS: Final = ProgramStage(_progress, used=uses_targets)
CONCERN: Final = Concern(
    name="milestones",
    effects={
        MilestoneProgressed: _note_progress,
        MilestoneAchieved: _note_achieved,
        ProgramAdopted: _note_adopted,
    },
)
