"""What is asked of streaks: taking part or not, pauses, and freezes of some days.

RULE: from the period of the enrolment on, what counts in the milestone counts in the streak, though it came before the
enrolment. Who leaves keeps levels and rewards; nothing from then on counts until they enrol again, and then nothing of
periods before that. On a day between two cycles, an enrolment and a pause begin with the next one, and a pause ends
with the last one. RULE: what is excused breaks no run, and does not lengthen it; periods of it that are met count. A
request that excuses past periods may join runs and reach levels; the end of a pause takes none away.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.periods import Period
from pipeline.engine.programs import CompiledStreak, Target
from pipeline.engine.streaks.excuses import EXCUSES_MAX, excusing, until
from pipeline.engine.streaks.extending import levels_of, one_more, rewards, start
from pipeline.engine.streaks.runs import holds, with_period
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.value import Value, reached, value_excusing
from schemas.facts import (
    Decision,
    RecordRefused,
    Refusal,
    StreakEnrolled,
    StreakFrozen,
    StreakLevelReached,
    StreakPaused,
    StreakResumed,
    StreakUnenrolled,
)
from schemas.records import EnrolStreak, FreezeStreak, PauseStreak, ResumeStreak, StreakCommand, UnenrolStreak


class _Part(NamedTuple):
    """The streak that a request is about, and the customer's part in it."""

    target: Target
    streak: CompiledStreak
    known: StreakRuns
    period: Period
    """That of the request; between two cycles, the one that is over, but of an enrolment the next one."""


def enrol(turn: ProgramTurn, record: EnrolStreak) -> list[Decision]:
    """The customer takes part, and what they have met since that period counts."""
    target, streak = _find(turn, record)
    if target is None or streak is None:
        return [_refused(record, Refusal.STREAK_UNKNOWN)]
    known = turn.section.streaks.get(record.streak)
    last = None if streak.span is None else streak.span.last
    if (last is not None and turn.day > last) or (known is not None and known.ended):
        return [_refused(record, Refusal.STREAK_OVER)]
    if known is not None and known.left_at is None:
        return [_refused(record, Refusal.STREAK_ENROLLED)]
    period = target.periods.running(turn.day)
    first_day, last_day = _days(turn, period)
    decisions: list[Decision] = [
        StreakEnrolled(
            streak_id=record.streak,
            period=period.number,
            first_day=first_day,
            last_day=last_day,
            skipped=period.skipped,
            entered_by=record.entered_by,
        )
    ]
    if known is None:
        decisions.append(start(streak, target.periods, turn))
    part = _Part(target=target, streak=streak, known=known or StreakRuns(ends_at=NEVER), period=period)
    decisions += _met_already(turn, part)
    return decisions + rewards(turn, decisions)


def unenrol(turn: ProgramTurn, record: UnenrolStreak) -> list[Decision]:
    """The customer takes part no longer."""
    part = _part(turn, record)
    if isinstance(part, Refusal):
        return [_refused(record, part)]
    first_day, last_day = _days(turn, part.period)
    return [
        StreakUnenrolled(
            streak_id=record.streak,
            period=part.period.number,
            first_day=first_day,
            last_day=last_day,
            skipped=part.period.skipped,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def pause(turn: ProgramTurn, record: PauseStreak) -> list[Decision]:
    """From this period on, missed ones break no run."""
    part = _part(turn, record)
    if isinstance(part, Refusal):
        return [_refused(record, part)]
    if part.known.paused:
        return [_refused(record, Refusal.STREAK_PAUSED)]
    period = part.target.periods.running(turn.day)
    excused = excusing(part.known, period.place, NEVER)
    if len(excused) > EXCUSES_MAX:
        return [_refused(record, Refusal.TOO_MANY_FREEZES)]
    value = value_excusing(part.streak, part.known, excused)
    paused = StreakPaused(
        streak_id=record.streak,
        period=period.number,
        skipped=period.skipped,
        longest=value.longest,
        standing=value.standing,
        reason=record.reason,
        entered_by=record.entered_by,
    )
    return [paused, *_reached(turn, part, value)]


def resume(turn: ProgramTurn, record: ResumeStreak) -> list[Decision]:
    """This period is the last one that may be missed."""
    part = _part(turn, record)
    if isinstance(part, Refusal):
        return [_refused(record, part)]
    if not part.known.paused:
        return [_refused(record, Refusal.STREAK_NOT_PAUSED)]
    value = value_excusing(part.streak, part.known, until(part.known.excused, part.period.place))
    return [
        StreakResumed(
            streak_id=record.streak,
            period=part.period.number,
            skipped=part.period.skipped,
            longest=value.longest,
            standing=value.standing,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def freeze(turn: ProgramTurn, record: FreezeStreak) -> list[Decision]:
    """Periods that the days touch may be missed."""
    part = _part(turn, record)
    if isinstance(part, Refusal):
        return [_refused(record, part)]
    last_day = record.first_day + record.days - 1
    first, last = part.target.periods.running(record.first_day).place, part.target.periods.around(last_day).place
    excused = excusing(part.known, first, last)
    if first > last or excused == part.known.excused:
        return [_refused(record, Refusal.NOTHING_CHANGES)]
    if len(excused) > EXCUSES_MAX:
        return [_refused(record, Refusal.TOO_MANY_FREEZES)]
    value = value_excusing(part.streak, part.known, excused)
    frozen = StreakFrozen(
        streak_id=record.streak,
        first=first,
        last=last,
        first_day=record.first_day,
        last_day=last_day,
        longest=value.longest,
        standing=value.standing,
        reason=record.reason,
        entered_by=record.entered_by,
    )
    return [frozen, *_reached(turn, part, value)]


def _refused(record: StreakCommand, reason: Refusal) -> RecordRefused:
    return RecordRefused(reason=reason, subject=record.streak)


def _find(turn: ProgramTurn, record: StreakCommand) -> tuple[Target, CompiledStreak] | tuple[None, None]:
    for target in turn.program.targets:
        for streak in target.streaks:
            if streak.definition.id == record.streak:
                return target, streak
    return None, None


def _part(turn: ProgramTurn, record: StreakCommand) -> _Part | Refusal:
    target, streak = _find(turn, record)
    if target is None or streak is None:
        return Refusal.STREAK_UNKNOWN
    known = turn.section.streaks.get(record.streak)
    if known is None or known.left_at is not None:
        return Refusal.STREAK_NOT_ENROLLED
    if known.ended:
        return Refusal.STREAK_OVER
    return _Part(target=target, streak=streak, known=known, period=target.periods.around(turn.day))


def _days(turn: ProgramTurn, period: Period) -> tuple[int, int | None]:
    """The first and the last day of a period."""
    calendar = turn.program.calendar
    return calendar.day_of(period.begins_at), None if period.ends_at == NEVER else calendar.day_of(period.ends_at - 1)


def _met_already(turn: ProgramTurn, part: _Part) -> list[Decision]:
    """The periods from this one on in which the milestone is met, and the levels that they reach."""
    decisions: list[Decision] = []
    known, span = part.known, part.streak.span
    progress = turn.section.milestones.get(part.target.milestone_id, {})
    for number in sorted(number for number, one in progress.items() if one.achieved and number >= part.period.number):
        runs_today = number == part.target.periods.around(turn.day).number
        last = turn.day if runs_today else turn.program.calendar.day_of(progress[number].ends_at - 1)
        period = part.target.periods.around(last)
        if holds(known.runs, period.place) or not (span is None or span.holds(last)):
            continue
        more = one_more(part.streak, known, period)
        levels = [one.level for one in more if isinstance(one, StreakLevelReached)]
        runs, _ = with_period(known.runs, period.place)
        known = structs.replace(known, runs=runs, levels=[*known.levels, *levels])
        decisions += more
    return decisions


def _reached(turn: ProgramTurn, part: _Part, value: Value) -> list[Decision]:
    """The levels that joined runs reach, and their rewards."""
    levels = levels_of(part.streak, reached(part.streak, part.known, value), part.period.number, value.run)
    return levels + rewards(turn, levels)
