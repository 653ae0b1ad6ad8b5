"""Unified targets: milestones that are met together, looked at when everything else of a record is decided.

RULE (edges): it is achieved when its condition holds and, where there is a threshold, the values of its milestones add
up to it; once per customer and cycle. It is so no longer when a value that was lowered breaks that, and can be
achieved again, for exactly what was taken back of its reward. A version takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.merging import sections
from pipeline.engine.milestones.members import goal_of
from pipeline.engine.programs import Program, Target, Unified
from pipeline.engine.returns import take_rewards
from pipeline.engine.rewards.concern import Achieved, give, reward_of
from pipeline.engine.rewards.keys import unified_key
from pipeline.engine.state import CustomerState
from schemas.facts import (
    Decision,
    Envelope,
    IssuedFor,
    MilestoneAchieved,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneUnachieved,
    SectionHandedOver,
    SectionTakenOver,
    UnifiedAchieved,
    UnifiedPart,
    UnifiedUnachieved,
)
from schemas.program import Condition

_MOVED: Final = (MilestoneProgressed, MilestoneAchieved, MilestoneLowered, MilestoneUnachieved)


class _Moves(NamedTuple):
    """What a record did to the milestones of a unified target in one cycle."""

    period: int
    milestones: tuple[str, ...]
    lowered_by: str | None
    """The bill that lowered a value; None where none fell."""


def _look(turn: ProgramTurn, record: object) -> list[Decision]:  # noqa: ARG001 - a stage
    """What the record led to, in the cycles that it moved."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for unified in turn.program.unified:
        for moves in _moves(turn, unified):
            decisions += _changed(turn, unified, moves, achieved)
    return decisions + give(turn, achieved) if achieved else decisions


def _look_again(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """What a version gives for the running cycle."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for unified in turn.program.unified:
        period = unified.targets[0].periods.around(turn.day).number
        named = tuple(target.milestone_id for target in unified.targets)
        moves = _Moves(period=period, milestones=named, lowered_by=None)
        decisions += _changed(turn, unified, moves, achieved)
    return decisions + give(turn, achieved) if achieved else decisions


def _moves(turn: ProgramTurn, unified: Unified) -> Iterable[_Moves]:
    ids = unified.milestone_ids
    moved: dict[int, dict[str, None]] = {}
    lowered: dict[int, str] = {}
    for one in turn.made:
        if isinstance(one, _MOVED) and one.milestone_id in ids:
            moved.setdefault(one.period, {})[one.milestone_id] = None
            if isinstance(one, MilestoneLowered):
                lowered[one.period] = one.of_bill
    for period, named in moved.items():
        yield _Moves(period=period, milestones=tuple(named), lowered_by=lowered.get(period))


def _changed(turn: ProgramTurn, unified: Unified, moves: _Moves, achieved: list[Achieved]) -> list[Decision]:
    """The unified target, if it is achieved now and was not, or the other way round."""
    section, period = turn.section, moves.period
    values = {one.milestone_id: section.milestones.get(one.milestone_id, {}).get(period) for one in unified.targets}
    met = {milestone_id for milestone_id, progress in values.items() if progress is not None and progress.achieved}
    total = sum(progress.value for progress in values.values() if progress is not None)
    holds = _holds(unified.condition, met) and total >= unified.threshold
    was = period in section.unified.get(unified.unified_id, {})
    if holds == was or (was and moves.lowered_by is None):
        return []
    parts = tuple(_part(turn, one, period) for one in unified.targets if one.milestone_id in moves.milestones)
    key = unified_key(unified.unified_id, period)
    if was:
        of_bill = moves.lowered_by or ""
        lost = UnifiedUnachieved(
            unified_id=unified.unified_id, period=period, parts=parts, total=total, of_bill=of_bill
        )
        rewards = {key: section.rewards[key]} if key in section.rewards else {}
        return [lost, *take_rewards(turn, of_bill, bill_of(turn.state, of_bill).paid_at, rewards)]
    ends_at = next(one.ends_at for one in values.values() if one is not None)
    if unified.reward or turn.program.milestones_fall:
        achieved.append(_reward(turn, unified, key, ends_at))
    return [UnifiedAchieved(unified_id=unified.unified_id, period=period, ends_at=ends_at, parts=parts, total=total)]


def _holds(condition: Condition, met: set[str]) -> bool:
    if isinstance(condition, str):
        return condition in met
    return sum(_holds(one, met) for one in condition.of) >= condition.least


def _part(turn: ProgramTurn, target: Target, period: int) -> UnifiedPart:
    progress = turn.section.milestones.get(target.milestone_id, {}).get(period)
    return UnifiedPart(
        milestone_id=target.milestone_id,
        value=0 if progress is None else progress.value,
        target=goal_of(turn, target),
    )


def _reward(turn: ProgramTurn, unified: Unified, key: str, ends_at: int) -> Achieved:
    points = reward_of(turn.section, key, unified.reward)
    award = Candidate(
        issued_for=IssuedFor.MILESTONE,
        rule_id=unified.unified_id,
        points=points,
        currency=unified.currency,
        terms=own_terms(unified.expiry),
    )
    activity = Activity(key=key, candidates=(award,), reference=key) if points else None
    return Achieved(key=key, rule_id=unified.unified_id, award=activity, ends_at=None if ends_at == NEVER else ends_at)


def _note_achieved(state: CustomerState, envelope: Envelope, decision: UnifiedAchieved) -> None:
    """Cycles that nothing can move any more leave."""
    section = state.head.sections[envelope.program_id]
    horizon = state.head.horizon - section.milestones_kept_ms
    known = section.unified.get(decision.unified_id, {})
    kept = {period: ends_at for period, ends_at in known.items() if ends_at > horizon}
    section.unified[decision.unified_id] = {**kept, decision.period: decision.ends_at}


def _note_unachieved(state: CustomerState, envelope: Envelope, decision: UnifiedUnachieved) -> None:
    del state.head.sections[envelope.program_id].unified[decision.unified_id][decision.period]


def _used(program: Program) -> bool:
    return bool(program.unified)


LOOK: Final = ProgramStage(_look, used=_used)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=_used)
CONCERN: Final = Concern(
    name="unified targets",
    effects={
        SectionHandedOver: sections.emptied("unified"),
        SectionTakenOver: sections.note_unified,
        UnifiedAchieved: _note_achieved,
        UnifiedUnachieved: _note_unachieved,
    },
)
