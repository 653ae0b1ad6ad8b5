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

from operator import attrgetter
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, Subject
from pipeline.engine.kernel.timers import part_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.merging import sections
from pipeline.engine.state import CustomerState
from pipeline.engine.streaks.excuses import excusing, until
from pipeline.engine.streaks.risk import RISK
from pipeline.engine.streaks.runs import longest_of, with_period, without_period
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.value import alive
from schemas.facts import (
    Decision,
    Envelope,
    ProgramAdopted,
    SectionHandedOver,
    SectionTakenOver,
    StreakAtRisk,
    StreakBroken,
    StreakEnded,
    StreakEnrolled,
    StreakExtended,
    StreakFrozen,
    StreakLevelReached,
    StreakLevelUnachieved,
    StreakPaused,
    StreakResumed,
    StreakRiskPlanned,
    StreakStarted,
    StreakUnenrolled,
)

_PERIODS_KEPT: Final = 400
"""No late record can lengthen a run that ended so many periods ago: ids are remembered for 366 days at most. (Where a
streak forgives missed periods, a later one can: it says itself what is settled.)"""


def _note_started(state: CustomerState, envelope: Envelope, decision: StreakStarted) -> None:
    """The customer takes part for the first time."""
    streak = _streak(state, envelope, decision.streak_id)
    streak.ends_at = NEVER if decision.ends_at is None else decision.ends_at
    streak.ends_on = decision.ends_on
    streak.ends_in = decision.ends_in


def _note_enrolled(state: CustomerState, envelope: Envelope, decision: StreakEnrolled) -> None:
    """The customer takes part; periods before do not count."""
    streak = _streak(state, envelope, decision.streak_id)
    streak.since = decision.period - decision.skipped
    streak.left_at = None


def _note_unenrolled(state: CustomerState, envelope: Envelope, decision: StreakUnenrolled) -> None:
    """Nothing from then on counts; a pause ends with it."""
    streak = _streak(state, envelope, decision.streak_id)
    streak.left_at = envelope.at
    streak.risk_at = None
    if streak.paused:
        streak.excused = until(streak.excused, decision.period - decision.skipped)


def _note_paused(state: CustomerState, envelope: Envelope, decision: StreakPaused) -> None:
    streak = _streak(state, envelope, decision.streak_id)
    streak.excused = excusing(streak, decision.period - decision.skipped, NEVER)
    streak.longest = decision.longest
    streak.standing = decision.standing


def _note_resumed(state: CustomerState, envelope: Envelope, decision: StreakResumed) -> None:
    streak = _streak(state, envelope, decision.streak_id)
    streak.excused = until(streak.excused, decision.period - decision.skipped)
    streak.longest = decision.longest
    streak.standing = decision.standing


def _note_frozen(state: CustomerState, envelope: Envelope, decision: StreakFrozen) -> None:
    streak = _streak(state, envelope, decision.streak_id)
    streak.excused = excusing(streak, decision.first, decision.last)
    streak.longest = decision.longest
    streak.standing = decision.standing


def _streak(state: CustomerState, envelope: Envelope, streak_id: str) -> StreakRuns:
    """The customer's part in a streak, which begins with the first decision about it."""
    streaks = state.head.sections[envelope.program_id].streaks
    streak = streaks.get(streak_id)
    if streak is None:
        streak = streaks[streak_id] = StreakRuns(ends_at=NEVER)
    return streak


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
    state.head.sections[envelope.program_id].streaks[decision.streak_id].risk_at = None


def _note_planned(state: CustomerState, envelope: Envelope, decision: StreakRiskPlanned) -> None:
    state.head.sections[envelope.program_id].streaks[decision.streak_id].risk_at = decision.at


def _note_risk(state: CustomerState, envelope: Envelope, decision: StreakAtRisk) -> None:
    streak = state.head.sections[envelope.program_id].streaks[decision.streak_id]
    streak.risk_at = None
    streak.warned_at = envelope.at


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """What stays is the program's, also of streaks that are retired."""
    section = state.head.sections[envelope.program_id]
    section.streaks = {key: value for key, value in section.streaks.items() if key in decision.streaks}


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


END: Final = part_timer(
    kind=1,
    name="streakEnd",
    parts=attrgetter("streaks"),
    at=lambda streak: streak.ends_at if streak.will_end else NEVER,
    fire=_end,
)
CONCERN: Final = Concern(
    name="streaks",
    effects={
        SectionHandedOver: sections.emptied("streaks"),
        SectionTakenOver: sections.note_levels,
        StreakStarted: _note_started,
        StreakEnrolled: _note_enrolled,
        StreakUnenrolled: _note_unenrolled,
        StreakPaused: _note_paused,
        StreakResumed: _note_resumed,
        StreakFrozen: _note_frozen,
        StreakExtended: _note_extended,
        StreakLevelReached: _note_level,
        StreakBroken: _note_broken,
        StreakLevelUnachieved: _note_unachieved,
        StreakEnded: _note_ended,
        StreakRiskPlanned: _note_planned,
        StreakAtRisk: _note_risk,
        ProgramAdopted: _note_adopted,
    },
    timers=(END, RISK),
)
