"""Risk: some hours before a period ends, who would lose a run by missing it is told.

RULE: of one streak, the period that is looked at is the last one in which the run still stands if nothing more counts,
so what is forgiven comes first, and a pause is never told. From one notification to the next at least the cool-down
passes. A run of which the hours have begun already when it comes about is not told. Between two windows of a milestone
nothing is planned; the first record in the next one plans it.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import ProgramStage, Subject
from pipeline.engine.kernel.timers import part_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.milestones.members import goal_of
from pipeline.engine.periods import Period
from pipeline.engine.programs import DAY_MS, CompiledStreak, Program, Target
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.value import alive
from schemas.facts import Decision, StreakAtRisk, StreakRiskPlanned
from schemas.program import AtRisk
from schemas.records import CustomerRecord

_HOUR_MS: Final = 3_600_000


def _tells_risks(program: Program) -> bool:
    return any(streak.at_risk is not None and not streak.retired for streak in program.definition.streaks)


def _plan(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    """When each streak is next at risk, where that has changed."""
    now = turn.head.clock if record is not None else max(turn.head.clock, turn.at)
    decisions: list[Decision] = []
    for target, streak, at_risk in _told(turn.program):
        known = turn.section.streaks.get(streak.definition.id)
        if known is None or known.risk_at == now:
            continue  # nobody takes part, or it fires next
        at = _next(turn, target, known, at_risk, now)
        if at != known.risk_at:
            decisions.append(StreakRiskPlanned(streak_id=streak.definition.id, at=at))
    return decisions


def _told(program: Program) -> Iterator[tuple[Target, CompiledStreak, AtRisk]]:
    for target in program.targets:
        for streak in target.streaks:
            if streak.definition.at_risk is not None:
                yield target, streak, streak.definition.at_risk


def _next(turn: ProgramTurn, target: Target, known: StreakRuns, at_risk: AtRisk, now: int) -> int | None:
    period = _last_chance(turn, target, known, now)
    if period is None or not known.will_end:
        return None
    at = period.ends_at - at_risk.hours * _HOUR_MS
    rested = known.warned_at is None or at >= known.warned_at + at_risk.cooldown_days * DAY_MS
    return at if rested and now < at and period.ends_at <= known.ends_at else None


def _last_chance(turn: ProgramTurn, target: Target, known: StreakRuns, now: int) -> Period | None:
    """The last period in which the run stands, from the running one on; None where there is none."""
    if not known.runs:
        return None
    through = known.runs[-1][1] + 1 if known.standing is None else known.standing.through
    period = target.periods.around(turn.program.calendar.day_of(now))
    if through is None or period.place > through:
        return None
    while period.place < through and period.ends_at < NEVER:
        following = target.periods.around(turn.program.calendar.day_of(period.ends_at))
        if following.number == period.number:
            return None  # on a day between two cycles
        period = following
    return period if period.place == through else None


def _tell(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    """The run is about to break; a version that no longer tells that has the last word."""
    for target, streak, _ in _told(turn.program):
        if streak.definition.id == subject.part:
            period = target.periods.around(turn.day)
            progress = turn.section.milestones.get(target.milestone_id, {}).get(period.number)
            return [
                StreakAtRisk(
                    streak_id=subject.part,
                    period=period.number,
                    run=alive(streak, turn.section.streaks[subject.part], period.place),
                    missing=goal_of(turn, target) - (0 if progress is None else progress.value),
                    last_day=turn.program.calendar.day_of(period.ends_at - 1),
                    ends_at=period.ends_at,
                )
            ]
    return [StreakRiskPlanned(streak_id=subject.part, at=None)]


PLAN: Final = ProgramStage(_plan, used=_tells_risks)
RISK: Final = part_timer(
    kind=30,
    name="streakRisk",
    parts=attrgetter("streaks"),
    at=lambda streak: NEVER if streak.risk_at is None else streak.risk_at,
    fire=_tell,
)
