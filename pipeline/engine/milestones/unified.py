"""Unified targets: milestones that are met together, looked at when everything else of a record is decided.

RULE (edges): it is achieved when its condition holds and, where there is a threshold, the values of its milestones add
up to it; once per customer and cycle. It is so no longer when a value that was lowered breaks that, and can be
achieved again, for exactly what was taken back of its reward. A version takes nothing away.
RULE (windows): of rolling windows it is achieved with a day on which one of its milestones counts, and with which the
windows that end with it have what is asked for; those in which it was share no day. What comes late or comes back moves
them, and time alone takes nothing away: all as for one such milestone (`milestones.rolling`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.merging import sections
from pipeline.engine.milestones.members import goal_of, is_in, member_of
from pipeline.engine.milestones.rolling import Days, Windows, change, days_in, met_so_far
from pipeline.engine.milestones.state import Progress
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
    MilestoneEnrolled,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneUnachieved,
    SectionHandedOver,
    SectionTakenOver,
    TargetChanged,
    UnifiedAchieved,
    UnifiedMoved,
    UnifiedPart,
    UnifiedUnachieved,
)
from schemas.program import Condition
from schemas.records import TakeOverSection, TransactionReturned, TransactionUpdated

_MOVED: Final = (MilestoneEnrolled, MilestoneProgressed, MilestoneAchieved, MilestoneLowered, MilestoneUnachieved)
_OF_DAYS: Final = (MilestoneProgressed, MilestoneRecorded, MilestoneLowered)
"""What says that a day of a rolling window has another value."""
_MET_OTHERWISE: Final = (MilestoneAchieved, MilestoneEnrolled, TargetChanged)
"""What may meet the window of today without that."""


class _Moves(NamedTuple):
    """What a record did to the milestones of a unified target in one cycle."""

    period: int
    milestones: tuple[str, ...]
    lowered_by: str | None
    """The bill that lowered a value; None where none fell."""


def _look(turn: ProgramTurn, record: object) -> list[Decision]:
    """What the record led to, in the cycles or the windows that it moved."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for unified in turn.program.unified:
        if unified.window:
            decisions += _look_in_windows(turn, unified, record, achieved)
            continue
        for moves in _moves(turn, unified):
            decisions += _changed(turn, unified, moves, achieved)
    return decisions + give(turn, achieved) if achieved else decisions


def _take(turn: ProgramTurn, record: object) -> list[Decision]:  # noqa: ARG001 - a stage
    """What goes of the rewards of all that the record undid."""
    lost = [one for one in turn.made if isinstance(one, UnifiedUnachieved)]
    keys = [unified_key(one.unified_id, one.number or one.period) for one in lost]
    rewards = {key: turn.section.rewards[key] for key in keys if key in turn.section.rewards}
    if not rewards:
        return []
    of_bill = lost[0].of_bill
    return take_rewards(turn, of_bill, bill_of(turn.state, of_bill).paid_at, rewards)


def _look_again(turn: ProgramTurn, record: TakeOverSection | None) -> list[Decision]:
    """What a version gives for the running cycle or the window of today; of two customers who became one, for all."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for unified in turn.program.unified:
        if unified.window:
            windows = _Together(turn, unified)
            first = windows.of_today() if record is None else min(windows.days, default=None)
            decisions += [] if first is None else windows.changed(windows.risen(first), achieved)
            continue
        period = unified.targets[0].periods.around(turn.day).number
        named = tuple(target.milestone_id for target in unified.targets)
        moves = _Moves(period=period, milestones=named, lowered_by=None)
        decisions += _changed(turn, unified, moves, achieved)
    return decisions + give(turn, achieved) if achieved else decisions


def _look_in_windows(turn: ProgramTurn, unified: Unified, record: object, achieved: list[Achieved]) -> list[Decision]:
    """What the days that the record moved lead to, or what a command or an enrolment gives for the window of today."""
    ids = unified.milestone_ids
    moved = [one for one in turn.made if isinstance(one, _OF_DAYS) and one.milestone_id in ids]
    if moved:
        windows, first = _Together(turn, unified), min(one.period for one in moved)
        fell = turn.program.milestones_fall and any(_falls(one) for one in moved)
        now = windows.replaced(first) if fell else windows.risen(first)
        parts = {one.milestone_id for one in moved}
        return windows.changed(now, achieved, parts, _bill_of(record))
    if any(isinstance(one, _MET_OTHERWISE) and one.milestone_id in ids for one in turn.made):
        windows = _Together(turn, unified)
        today = windows.of_today()
        return [] if today is None else windows.changed(windows.risen(today), achieved)
    return []


def _falls(moved: Decision) -> bool:
    """Whether a day may have less, or other things."""
    return isinstance(moved, MilestoneLowered) or (isinstance(moved, MilestoneRecorded) and moved.added <= 0)


def _bill_of(record: object) -> str:
    """The bill that a return or an update is about; empty for any other record."""
    if isinstance(record, TransactionReturned):
        return record.of_bill
    return record.bill_number if isinstance(record, TransactionUpdated) else ""


class _Together:
    """The rolling windows in which the milestones of a unified target are met together."""

    def __init__(self, turn: ProgramTurn, unified: Unified) -> None:
        section, name = turn.section, unified.unified_id
        together = section.unified.get(name, {})
        self._turn = turn
        self._unified = unified
        self._of: dict[str, Days] = {
            target.milestone_id: days_in(turn, target) for target in unified.targets if is_in(turn, target)
        }
        self._goals = {target.milestone_id: goal_of(turn, target) for target in unified.targets}
        self.days = {day for one in self._of.values() for day, value in one.values.items() if value}
        self._windows = Windows(
            met=sorted((*together, *(day for day in section.met_twice.get(name, ()) if day in together))),
            length=unified.window,
            days=self.days,
            holds=self._holds,
        )
        self.risen = self._windows.risen
        self.replaced = self._windows.replaced

    def of_today(self) -> int | None:
        """The last day on which something counts, if the window of today has what is asked for."""
        today = self._turn.day
        last = max((day for day in self.days if day <= today), default=None)
        return last if last is not None and self._holds(today) else None

    def changed(
        self,
        now: Sequence[int],
        achieved: list[Achieved],
        named: Collection[str] | None = None,
        of_bill: str = "",
    ) -> list[Decision]:
        """What it means that these windows are met now, as some milestones were moved; all of them for None."""
        turn, unified = self._turn, self._unified
        changes = change(self._windows.met, now)
        decisions: list[Decision] = []
        if changes.lost is not None:
            decisions.append(self._lost(changes.lost, named, of_bill, still=changes.lost in now))
        decisions += [
            UnifiedMoved(
                unified_id=unified.unified_id, period=last, to=to, ends_at=self._ends_at(to), still=last in now
            )
            for last, to in changes.moved
        ]
        if changes.met is not None:
            number = met_so_far(turn, unified.unified_id) + 1
            if unified.reward or turn.program.milestones_fall:
                key = unified_key(unified.unified_id, number)
                achieved.append(_reward(turn, unified, key, self._ends_at(now[-1])))
            decisions.append(
                UnifiedAchieved(
                    unified_id=unified.unified_id,
                    period=changes.met,
                    ends_at=self._ends_at(changes.met),
                    parts=self._parts(changes.met, named),
                    total=self._total(changes.met),
                    number=number,
                )
            )
        return decisions

    def _lost(self, last: int, named: Collection[str] | None, of_bill: str, *, still: bool) -> UnifiedUnachieved:
        unified_id = self._unified.unified_id
        return UnifiedUnachieved(
            unified_id=unified_id,
            period=last,
            parts=self._parts(last, named),
            total=self._total(last),
            of_bill=of_bill,
            number=met_so_far(self._turn, unified_id),
            still=still,
        )

    def _parts(self, last: int, named: Collection[str] | None) -> tuple[UnifiedPart, ...]:
        return tuple(
            UnifiedPart(milestone_id=name, value=days.value(last), target=self._goals[name])
            for name, days in self._of.items()
            if named is None or name in named
        )

    def _total(self, last: int) -> int:
        return sum(days.value(last) for days in self._of.values())

    def _holds(self, last: int) -> bool:
        met = {name for name, days in self._of.items() if days.value(last) >= self._goals[name]}
        return _holds(self._unified.condition, met) and self._total(last) >= self._unified.threshold

    def _ends_at(self, last: int) -> int:
        return self._unified.targets[0].periods.around(last).ends_at


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


def _progress(turn: ProgramTurn, target: Target, period: int) -> Progress | None:
    """What counts towards a milestone; what is recorded of who was never in it does not."""
    member = member_of(turn, target)
    if target.enrolment is not None and member.enrolled_at is None and not member.left:
        return None
    return turn.section.milestones.get(target.milestone_id, {}).get(period)


def _changed(turn: ProgramTurn, unified: Unified, moves: _Moves, achieved: list[Achieved]) -> list[Decision]:
    """The unified target, if it is achieved now and was not, or the other way round."""
    section, period = turn.section, moves.period
    values = {one.milestone_id: _progress(turn, one, period) for one in unified.targets}
    met = {milestone_id for milestone_id, progress in values.items() if progress is not None and progress.achieved}
    total = sum(progress.value for progress in values.values() if progress is not None)
    holds = _holds(unified.condition, met) and total >= unified.threshold
    was = period in section.unified.get(unified.unified_id, {})
    if holds == was or (was and moves.lowered_by is None):
        return []
    parts = tuple(_part(turn, one, period) for one in unified.targets if one.milestone_id in moves.milestones)
    if was:
        of_bill = moves.lowered_by or ""
        return [
            UnifiedUnachieved(unified_id=unified.unified_id, period=period, parts=parts, total=total, of_bill=of_bill)
        ]
    ends_at = next(one.ends_at for one in values.values() if one is not None)
    if unified.reward or turn.program.milestones_fall:
        achieved.append(_reward(turn, unified, unified_key(unified.unified_id, period), ends_at))
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
    if decision.number:
        section.windows[decision.unified_id] = decision.number


def _note_unachieved(state: CustomerState, envelope: Envelope, decision: UnifiedUnachieved) -> None:
    section = state.head.sections[envelope.program_id]
    if decision.still:
        section.met_twice[decision.unified_id].remove(decision.period)
    else:
        del section.unified[decision.unified_id][decision.period]
    if decision.number:
        section.windows[decision.unified_id] = decision.number - 1


def _note_moved(state: CustomerState, envelope: Envelope, decision: UnifiedMoved) -> None:
    """Other windows are the ones that are met."""
    section = state.head.sections[envelope.program_id]
    known = section.unified[decision.unified_id]
    if decision.still:
        section.met_twice[decision.unified_id].remove(decision.period)
    else:
        del known[decision.period]
    known[decision.to] = decision.ends_at


def _used(program: Program) -> bool:
    return bool(program.unified)


def _takes(program: Program) -> bool:
    return _used(program) and program.milestones_fall


LOOK: Final = ProgramStage(_look, used=_used)
TAKE: Final = ProgramStage(_take, used=_takes)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=_used)
CONCERN: Final = Concern(
    name="unified targets",
    effects={
        SectionHandedOver: sections.emptied("unified"),
        SectionTakenOver: sections.note_unified,
        UnifiedAchieved: _note_achieved,
        UnifiedMoved: _note_moved,
        UnifiedUnachieved: _note_unachieved,
    },
)
