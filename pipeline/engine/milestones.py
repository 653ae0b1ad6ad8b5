"""Milestones: targets met once in each calendar period. Counting goes on after a target is met.

RULE (crossing): a milestone is achieved when `before < target <= after`, once per customer, milestone and period.
A late record counts in the period of its event time.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.ledger import issue
from pipeline.engine.programs import Program, Target
from pipeline.engine.state import CustomerState, Progress
from pipeline.engine.turn import Turn
from schemas.facts import Fact, IssuedFor, MilestoneAchieved, MilestoneProgressed
from schemas.records import CustomEventReceived, TransactionAdded

_ADDED_MAX: Final = 10**15
"""The most that one event may add, as much as a bill: a stray timestamp must not carry a sum beyond 64 bits."""
_REWARD: Final = IssuedFor.MILESTONE
"""Bound once: looking up a member of an enum costs as much as building a fact."""


def targets_of(record: TransactionAdded | CustomEventReceived, program: Program) -> tuple[Target, ...]:
    """The milestones that a record counts towards, whatever the day."""
    if isinstance(record, TransactionAdded):
        return program.transaction_targets
    return program.event_targets.get(record.event_name, ())


def progress(turn: Turn, record: TransactionAdded | CustomEventReceived) -> list[Fact]:
    """How far the record brings each milestone, which of them it achieves, and their rewards."""
    facts: list[Fact] = []
    rewards: list[tuple[str, int]] = []
    program, day = turn.program, turn.day
    cause, at, program_id, version = turn.cause, turn.at, program.id, program.version
    reached = turn.section.milestones
    seq = turn.head.seq
    for target in targets_of(record, program):
        added = _added(target, record)
        if added is None or not (target.span is None or target.span.holds(day)):
            continue
        milestone_id, goal, reward = target.milestone_id, target.goal, target.reward
        period, ends_at = target.periods.around(day)
        known = reached.get(milestone_id)
        so_far = None if known is None else known.get(period)
        value = added if so_far is None else so_far.value + added
        seq += 1
        facts.append(
            MilestoneProgressed(seq, cause, at, program_id, version, milestone_id, period, ends_at, added, value, goal)
        )
        if value >= goal and (so_far is None or not so_far.achieved):
            seq += 1
            facts.append(
                MilestoneAchieved(seq, cause, at, program_id, version, milestone_id, period, value, goal, added)
            )
            if reward:
                rewards.append((milestone_id, reward))
    return facts + issue(turn, seq + 1, rewards, _REWARD) if rewards else facts


def note_progress(state: CustomerState, fact: MilestoneProgressed) -> None:
    """The period's value is the fact's; periods of which no record would be accepted any more leave."""
    milestones = state.head.sections[fact.program_id].milestones
    periods = milestones.get(fact.milestone_id)
    if periods is None:
        periods = milestones[fact.milestone_id] = {}
    known = periods.get(fact.period)
    if known is not None:
        known.value = fact.value
        return
    horizon = state.head.horizon
    for period in [number for number, one in periods.items() if one.ends_at <= horizon]:
        del periods[period]
    periods[fact.period] = Progress(fact.period_ends_at, fact.value)


def note_achieved(state: CustomerState, fact: MilestoneAchieved) -> None:
    """The period's target is met, for good."""
    state.head.sections[fact.program_id].milestones[fact.milestone_id][fact.period].achieved = True


def _added(target: Target, record: TransactionAdded | CustomEventReceived) -> int | None:
    if target.sums is None:
        return 1
    if isinstance(record, TransactionAdded):
        return record.amount_minor
    value = record.attributes.get(target.sums)
    return value if type(value) is int and 0 < value <= _ADDED_MAX else None
