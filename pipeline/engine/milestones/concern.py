"""Milestones: targets met once in each cycle. Counting goes on after a target is met.

RULE (achievement): a milestone not achieved yet is achieved when `value >= target`, once per customer, milestone and
period: with a record that counts, and in the running period when a version is adopted. A late record counts in the
period of its event time. A retired milestone keeps its periods until no record of them would be accepted.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.correction import at_the_sale
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.milestones.state import Progress
from pipeline.engine.numbers import thousandths_of
from pipeline.engine.programs import DAY_MS, Program, Target
from pipeline.engine.rewards.concern import Achieved, give, reward_of
from pipeline.engine.state import CustomerState
from schemas.facts import (
    BillUpdated,
    Decision,
    Envelope,
    IgnoredFor,
    IssuedFor,
    MilestoneAchieved,
    MilestoneCounted,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneUnachieved,
    ProgramAdopted,
    ValueIgnored,
)
from schemas.records import CustomEventReceived, TransactionAdded, TransactionUpdated

_SHOWN_MAX: Final = 64
"""How much of a value that can't be used is kept."""
_REWARD: Final = IssuedFor.MILESTONE
"""Bound once: looking up a member of an enum costs as much as building a decision."""


def targets_of(
    record: TransactionAdded | TransactionUpdated | CustomEventReceived, program: Program
) -> tuple[Target, ...]:
    """The milestones that a record counts towards, whatever the day."""
    if isinstance(record, CustomEventReceived):
        return program.event_targets.get(record.event_name, ())
    return program.transaction_targets


def uses_targets(program: Program) -> bool:
    """Whether the program has milestones."""
    return bool(program.transaction_targets or program.event_targets)


def _progress(turn: ProgramTurn, record: TransactionAdded | CustomEventReceived) -> list[Decision]:
    """How far the record brings each milestone, which of them it achieves, and their rewards."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    falls = turn.program.milestones_fall and isinstance(record, TransactionAdded)
    day = turn.day
    reached = turn.section.milestones
    for target in targets_of(record, turn.program):
        if not (target.span is None or target.span.holds(day)):
            continue
        added = _added(target, record)
        if added == 0 and target.sums:
            continue
        if isinstance(added, IgnoredFor):
            decisions.append(_ignored(target, record, added))
            continue
        milestone_id, goal = target.milestone_id, target.goal
        period, _, ends_at, _ = target.periods.around(day)
        known = reached.get(milestone_id)
        so_far = None if known is None else known.get(period)
        value = added if so_far is None else so_far.value + added
        if value > TOTAL_MAX:
            if target.sums:
                decisions.append(_ignored(target, record, IgnoredFor.TOO_LARGE))
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
        if falls and isinstance(record, TransactionAdded):
            decisions.append(_counted(turn.program, record, target, period, added))
        if value >= goal and (so_far is None or not so_far.achieved):
            decisions.append(
                MilestoneAchieved(milestone_id=milestone_id, period=period, value=value, target=goal, added=added)
            )
            if target.reward or falls:
                achieved.append(_reward(turn, target, period, ends_at))
    return decisions + give(turn, achieved) if achieved else decisions


def _correct(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """How far an updated bill moves each milestone that it counted towards, which that achieves, and their rewards.

    RULE (correction): a bill that an update cancels counts as none; one of a period that is final moves nothing. What
    was achieved stays so.
    """
    bill = bill_of(turn.state, record.bill_number)
    updated = next(one for one in turn.decided if isinstance(one, BillUpdated))
    if not corrected_in(turn, bill):
        return []
    sale = at_the_sale(turn, bill)
    counted = {target.milestone_id for target in sale.program.transaction_targets}
    then = structs.replace(sale, program=turn.program)
    decisions: list[Decision] = []
    rewards: list[Achieved] = []
    for target in turn.program.transaction_targets:
        if target.milestone_id not in counted or not (target.span is None or target.span.holds(then.day)):
            continue
        added = updated.was_cancelled - updated.cancelled
        if target.sums is not None:
            added = updated.amount_minor - updated.previous_minor
        decisions += _moved(then, target, added, rewards)
    return decisions + give(then, rewards) if rewards else decisions


def _moved(turn: ProgramTurn, target: Target, added: int, rewards: list[Achieved]) -> list[Decision]:
    period, _, ends_at, _ = target.periods.around(turn.day)
    so_far = turn.section.milestones.get(target.milestone_id, {}).get(period)
    value = (0 if so_far is None else so_far.value) + added
    final = ends_at <= turn.head.horizon
    if not added or final or not 0 <= value <= TOTAL_MAX:
        return []
    progressed = MilestoneProgressed(
        milestone_id=target.milestone_id,
        period=period,
        period_ends_at=ends_at,
        added=added,
        value=value,
        target=target.goal,
    )
    if value < target.goal or (so_far is not None and so_far.achieved):
        return [progressed]
    rewards.append(_reward(turn, target, period, ends_at))
    achieved = MilestoneAchieved(
        milestone_id=target.milestone_id, period=period, value=value, target=target.goal, added=added
    )
    return [progressed, achieved]


def _look_again(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """The milestones whose running period has what this version asks for, and their rewards."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for target in turn.program.targets:
        if not (target.span is None or target.span.holds(turn.day)):
            continue
        period, _, ends_at, _ = target.periods.around(turn.day)
        so_far = turn.section.milestones.get(target.milestone_id, {}).get(period)
        if so_far is None or so_far.achieved or so_far.value < target.goal:
            continue
        decisions.append(
            MilestoneAchieved(
                milestone_id=target.milestone_id, period=period, value=so_far.value, target=target.goal, added=0
            )
        )
        achieved.append(_reward(turn, target, period, ends_at))
    return decisions + give(turn, achieved) if achieved else decisions


def _reward(turn: ProgramTurn, target: Target, period: int, ends_at: int) -> Achieved:
    key = f"milestone/{target.milestone_id}/{period}"
    points = reward_of(turn.section, key, target.reward)
    award = Candidate(
        issued_for=_REWARD, rule_id=target.milestone_id, points=points, currency=target.currency, terms=target.terms
    )
    activity = Activity(key=key, candidates=(award,), reference=key) if points else None
    return Achieved(key=key, rule_id=target.milestone_id, award=activity, ends_at=None if ends_at == NEVER else ends_at)


def _counted(program: Program, record: TransactionAdded, target: Target, period: int, added: int) -> MilestoneCounted:
    return MilestoneCounted(
        bill_number=record.bill_number,
        milestone_id=target.milestone_id,
        period=period,
        added=added,
        return_days=program.return_days or 0,
        sums=target.sums is not None,
    )


def _added(target: Target, record: TransactionAdded | CustomEventReceived) -> int | IgnoredFor:
    if target.sums is None:
        return 1
    if isinstance(record, TransactionAdded):
        return record.amount_minor
    return thousandths_of(record.attributes.get(target.sums))


def _ignored(target: Target, record: TransactionAdded | CustomEventReceived, reason: IgnoredFor) -> ValueIgnored:
    attribute = target.sums or ""
    value = record.attributes.get(attribute, "") if isinstance(record, CustomEventReceived) else ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return ValueIgnored(milestone_id=target.milestone_id, attribute=attribute, value=text[:_SHOWN_MAX], reason=reason)


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
    section = state.head.sections[envelope.program_id]
    horizon = state.head.horizon - section.milestones_kept_ms
    for period in [number for number, progress in periods.items() if progress.ends_at <= horizon]:
        del periods[period]
    periods[decision.period] = Progress(ends_at=decision.period_ends_at, value=decision.value)


def _note_achieved(state: CustomerState, envelope: Envelope, decision: MilestoneAchieved) -> None:
    """The period's target is met, for good."""
    milestones = state.head.sections[envelope.program_id].milestones
    milestones[decision.milestone_id][decision.period].achieved = True


def _note_counted(state: CustomerState, envelope: Envelope, decision: MilestoneCounted) -> None:
    """Values are kept for as long as a return can lower them."""
    section = state.head.sections[envelope.program_id]
    section.milestones_kept_ms = max(section.milestones_kept_ms, decision.return_days * DAY_MS)


def _note_lowered(state: CustomerState, envelope: Envelope, decision: MilestoneLowered) -> None:
    """The period has this value."""
    milestones = state.head.sections[envelope.program_id].milestones
    milestones[decision.milestone_id][decision.period].value = decision.value


def _note_unachieved(state: CustomerState, envelope: Envelope, decision: MilestoneUnachieved) -> None:
    """The target can be met again."""
    milestones = state.head.sections[envelope.program_id].milestones
    milestones[decision.milestone_id][decision.period].achieved = False


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: ValueIgnored) -> None:
    """What can't be used changes nothing."""


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """What stays is the program's, also of milestones that are retired, and a record of it would still be accepted."""
    section = state.head.sections[envelope.program_id]
    horizon = state.head.horizon - section.milestones_kept_ms
    kept = {
        milestone_id: {number: progress for number, progress in periods.items() if progress.ends_at > horizon}
        for milestone_id, periods in section.milestones.items()
        if milestone_id in decision.milestones
    }
    section.milestones = {milestone_id: periods for milestone_id, periods in kept.items() if periods}


PROGRESS: Final = ProgramStage(_progress, used=uses_targets)
CORRECT: Final = ProgramStage(_correct, used=uses_targets)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=uses_targets)
CONCERN: Final = Concern(
    name="milestones",
    effects={
        MilestoneProgressed: _note_progress,
        MilestoneAchieved: _note_achieved,
        MilestoneCounted: _note_counted,
        MilestoneLowered: _note_lowered,
        MilestoneUnachieved: _note_unachieved,
        ValueIgnored: _nothing,
        ProgramAdopted: _note_adopted,
    },
)
