"""Streaks: consecutive periods in which a milestone was met.

RULE: the state is the set of periods that count, kept as runs; a late record edits the set, so runs can merge. A period
that is still running breaks nothing. Each level is reached once per customer, by the first run that is long enough;
when a version is adopted, the run that is alive is looked at again. A level below one already reached gives nothing. A
retired streak keeps its runs, and its end is told as planned.
RULE (other terms): a streak that is not continuous goes by the number of its periods. One that repeats reaches a level
again with as many periods, of which none has reached it before. What forgives missed periods: `stretches`.
RULE (end): the end is told once, at the instant after the last day. Late records of the days before still count, as
long as they are accepted at all: a streak is final `repeat_window_days` after its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage, Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.milestones.concern import targets_of
from pipeline.engine.periods import Period, Periods
from pipeline.engine.programs import CompiledStreak, Program
from pipeline.engine.rewards.concern import Achieved, give, reward_of
from pipeline.engine.state import CustomerState, Head
from pipeline.engine.streaks.runs import holds, longest_of, with_period, without_period
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.value import alive, reached, reached_once, value_with
from schemas.facts import (
    Decision,
    Envelope,
    IssuedFor,
    ProgramAdopted,
    StreakBroken,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    StreakLevelUnachieved,
    StreakStarted,
)
from schemas.records import CustomEventReceived, TransactionAdded, TransactionUpdated

_PERIODS_KEPT: Final = 400
"""No late record can lengthen a run that ended so many periods ago: ids are remembered for 366 days at most. (Where a
streak forgives missed periods, a later one can: it says itself what is settled.)"""


def _uses_streaks(program: Program) -> bool:
    return bool(program.streak_ids)


def _extend(turn: ProgramTurn, record: TransactionAdded | TransactionUpdated | CustomEventReceived) -> list[Decision]:
    """Enrol at the first record that counts; add the period if its milestone is met; reach the levels that gives."""
    decisions: list[Decision] = []
    section = turn.section
    for target in targets_of(record, turn.program):
        if not target.streaks:
            continue
        period = target.periods.around(turn.day)
        progress = section.milestones.get(target.milestone_id, {}).get(period.number)
        if progress is None:
            continue
        for streak in target.streaks:
            known = section.streaks.get(streak.definition.id)
            if not (streak.span is None or streak.span.holds(turn.day)):
                continue
            if known is not None and known.ended and turn.at >= known.ends_at:
                continue
            if known is None:
                decisions.append(_start(streak, target.periods, turn))
                known = StreakRuns(ends_at=NEVER)
            if progress.achieved and not holds(known.runs, period.place):
                decisions += _one_more(streak, known, period)
    return decisions + _rewards(turn, decisions)


def _correct(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """What an updated bill gives the streaks, as a bill of its date."""
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    return _extend(structs.replace(turn, at=bill.paid_at, day=turn.program.calendar.day_of(bill.paid_at)), record)


def _look_again(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """What this version's streaks give for the running period and for the run that is alive."""
    decisions: list[Decision] = []
    section = turn.section
    for target in turn.program.targets:
        period = target.periods.around(turn.day)
        progress = section.milestones.get(target.milestone_id, {}).get(period.number)
        achieved = progress is not None and progress.achieved
        for streak in target.streaks:
            known = section.streaks.get(streak.definition.id)
            if not (streak.span is None or streak.span.holds(turn.day)) or (known is not None and known.ended):
                continue
            if known is None:
                if not achieved:
                    continue
                decisions.append(_start(streak, target.periods, turn))
                known = StreakRuns(ends_at=NEVER)
            if achieved and not holds(known.runs, period.place):
                decisions += _one_more(streak, known, period)
            else:
                last = period.number if holds(known.runs, period.place) else period.number - 1
                run = alive(streak, known, period.place)
                decisions += _levels(streak, reached_once(streak, known, run), last, run)
    return decisions + _rewards(turn, decisions)


def _start(streak: CompiledStreak, periods: Periods, turn: ProgramTurn) -> StreakStarted:
    first, last = streak.span or (None, None)
    ends_at = NEVER if last is None else turn.program.calendar.start_of(last + 1)
    ends = last is not None and ends_at != NEVER
    return StreakStarted(
        streak_id=streak.definition.id,
        starts_on=turn.day if first is None else first,
        ends_on=last if ends else None,
        ends_at=ends_at if ends else None,
        ends_in=periods.around(last + 1).place if last is not None and ends else None,
    )


def _one_more(streak: CompiledStreak, known: StreakRuns, period: Period) -> list[Decision]:
    value = value_with(streak, known, period.place)
    decisions: list[Decision] = [
        StreakExtended(
            streak_id=streak.definition.id,
            period=period.number,
            run=value.run,
            longest=value.longest,
            skipped=period.skipped,
            standing=value.standing,
            settled=value.settled,
        )
    ]
    return decisions + _levels(streak, reached(streak, known, value), period.number, value.run)


def _levels(streak: CompiledStreak, levels: Iterable[tuple[int, int]], period: int, run: int) -> list[Decision]:
    return [
        StreakLevelReached(streak_id=streak.definition.id, level=level, period=period, run=run, again=again)
        for level, again in levels
    ]


def level_key(streak_id: str, level: int, again: int) -> str:
    """What the reward of a level is known by, for each time that it is reached."""
    return f"streak/{streak_id}/{level}/{again + 1}" if again else f"streak/{streak_id}/{level}"


def _rewards(turn: ProgramTurn, decisions: list[Decision]) -> list[Decision]:
    """The rewards of the levels that were reached."""
    reached = [one for one in decisions if isinstance(one, StreakLevelReached)]
    if not reached:
        return []
    streaks = {streak.id: streak for streak in turn.program.definition.streaks}
    achieved: list[Achieved] = []
    for one in reached:
        level = next(level for level in streaks[one.streak_id].levels if level.periods == one.level)
        key, rule_id = level_key(one.streak_id, one.level, one.again), f"{one.streak_id}:{one.level}"
        points = reward_of(turn.section, key, level.points)
        award = Candidate(
            issued_for=IssuedFor.STREAK,
            rule_id=rule_id,
            points=points,
            currency=level.currency or "",
            terms=own_terms(level.expiry),
        )
        activity = Activity(key=key, candidates=(award,), reference=key) if points else None
        achieved.append(Achieved(key=key, rule_id=rule_id, award=activity, ends_at=None))
    return give(turn, achieved)


def _note_started(state: CustomerState, envelope: Envelope, decision: StreakStarted) -> None:
    """The customer is enrolled."""
    state.head.sections[envelope.program_id].streaks[decision.streak_id] = StreakRuns(
        ends_at=NEVER if decision.ends_at is None else decision.ends_at,
        ends_on=decision.ends_on,
        ends_in=decision.ends_in,
    )


def _note_extended(state: CustomerState, envelope: Envelope, decision: StreakExtended) -> None:
    """The period is in the set; runs that are old enough leave it."""
    streak = state.head.sections[envelope.program_id].streaks[decision.streak_id]
    place = decision.period - decision.skipped
    runs, _ = with_period(streak.runs, place)
    streak.standing = decision.standing
    if decision.settled is not None:
        runs = runs[decision.settled.runs :]
        streak.settled = decision.settled.periods
    elif decision.standing is None and runs[0][1] < place - _PERIODS_KEPT:
        streak.settled = max(streak.settled, longest_of([run for run in runs if run[1] < place - _PERIODS_KEPT]))
        runs = [run for run in runs if run[1] >= place - _PERIODS_KEPT]
    streak.runs = runs
    streak.longest = decision.longest


def _note_level(state: CustomerState, envelope: Envelope, decision: StreakLevelReached) -> None:
    """The level is reached once more."""
    state.head.sections[envelope.program_id].streaks[decision.streak_id].levels.append(decision.level)


def _note_broken(state: CustomerState, envelope: Envelope, decision: StreakBroken) -> None:
    """The period is no longer in the set."""
    streak = state.head.sections[envelope.program_id].streaks[decision.streak_id]
    streak.runs = without_period(streak.runs, decision.period - decision.skipped)
    streak.longest = decision.longest
    streak.standing = decision.standing


def _note_unachieved(state: CustomerState, envelope: Envelope, decision: StreakLevelUnachieved) -> None:
    """The level can be reached again."""
    state.head.sections[envelope.program_id].streaks[decision.streak_id].levels.remove(decision.level)


def _note_ended(state: CustomerState, envelope: Envelope, decision: StreakEnded) -> None:
    """Only what happened before the end counts from now on."""
    state.head.sections[envelope.program_id].streaks[decision.streak_id].ended = True


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """What stays is the program's, also of streaks that are retired."""
    section = state.head.sections[envelope.program_id]
    section.streaks = {key: value for key, value in section.streaks.items() if key in decision.streaks}


def _due(head: Head) -> int:
    due = NEVER
    for section in head.sections.values():
        for streak in section.streaks.values():
            if not streak.ended and streak.ends_at < due:
                due = streak.ends_at
    return due


def _first(head: Head, due: int) -> Subject:
    """Programs in id order, then streaks by id."""
    return next(
        Subject(program_id=program_id, key=f"{program_id}/{streak_id}", part=streak_id)
        for program_id, section in sorted(head.sections.items())
        for streak_id, streak in sorted(section.streaks.items())
        if not streak.ended and streak.ends_at == due
    )


def _end(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    streak = turn.section.streaks[subject.part]
    return [
        StreakEnded(
            streak_id=subject.part,
            ends_on=streak.ends_on or 0,
            run=alive(turn.program.streaks[subject.part], streak, streak.ends_in or 0),
            levels=tuple(dict.fromkeys(streak.levels)),
        )
    ]


EXTEND: Final = ProgramStage(_extend, used=_uses_streaks)
CORRECT: Final = ProgramStage(_correct, used=_uses_streaks)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=_uses_streaks)
END: Final = Timer(kind=1, name="streakEnd", due=_due, first=_first, fire=_end)
CONCERN: Final = Concern(
    name="streaks",
    effects={
        StreakStarted: _note_started,
        StreakExtended: _note_extended,
        StreakLevelReached: _note_level,
        StreakBroken: _note_broken,
        StreakLevelUnachieved: _note_unachieved,
        StreakEnded: _note_ended,
        ProgramAdopted: _note_adopted,
    },
    timers=(END,),
)
