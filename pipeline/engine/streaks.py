"""Streaks: consecutive periods in which a milestone was met.

RULE: the state is the set of periods that count, kept as runs; a late record edits the set, so runs can merge. A period
that is still running breaks nothing. Each level is reached once per customer, by the first run that is long enough.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.ledger import issue
from pipeline.engine.milestones import targets_of
from pipeline.engine.programs import Periods, Run
from pipeline.engine.state import NEVER, CustomerState, StreakRuns, first_due
from pipeline.engine.turn import Turn
from schemas.facts import (
    Fact,
    IssuedFor,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    StreakStarted,
)
from schemas.program import Streak
from schemas.records import CustomEventReceived, TransactionAdded

_PERIODS_KEPT: Final = 400
"""No late record can lengthen a run that ended so many periods ago: ids are remembered for 366 days at most."""


def extend(turn: Turn, record: TransactionAdded | CustomEventReceived) -> list[Fact]:
    """Enrol at the first record that counts; one more period where its milestone is met; the levels that gives."""
    facts: list[Fact] = []
    rewards: list[tuple[str, int]] = []
    section = turn.section
    for target in targets_of(record, turn.program):
        if not target.streaks:
            continue
        period = target.periods.around(turn.day).number
        periods = section.milestones.get(target.milestone_id)
        progress = None if periods is None else periods.get(period)
        if progress is None:
            continue
        for run in target.streaks:
            known = section.streaks.get(run.definition.id)
            if not (run.span is None or run.span.holds(turn.day)) or (known is not None and known.ended):
                continue
            if known is None:
                facts.append(_start(run, target.periods, turn, turn.head.seq + len(facts) + 1))
                known = StreakRuns(NEVER)
            if progress.achieved and not _holds(known.runs, period):
                _one_more(run.definition, known, period, turn, facts, rewards)
    return facts + issue(turn, turn.head.seq + len(facts) + 1, rewards, IssuedFor.STREAK) if rewards else facts


def current_run(runs: list[tuple[int, int]], period: int) -> int:
    """The run that stands in `period`: it ends there, or in the one before (the running period breaks nothing)."""
    for first, last in reversed(runs):
        if last in (period, period - 1):
            return last - first + 1
    return 0


def with_period(runs: list[tuple[int, int]], period: int) -> tuple[list[tuple[int, int]], int]:
    """The runs with one more period in them, and the length of the run that it stands in."""
    first = last = period
    kept: list[tuple[int, int]] = []
    for run in runs:
        if run[1] + 1 < first or last + 1 < run[0]:
            kept.append(run)
        else:
            first, last = min(first, run[0]), max(last, run[1])
    kept.append((first, last))
    kept.sort()
    return kept, last - first + 1


def note_started(state: CustomerState, fact: StreakStarted) -> None:
    """The customer is enrolled."""
    ends_at = NEVER if fact.ends_at is None else fact.ends_at
    runs = StreakRuns(ends_at, ends_on=fact.ends_on, ends_in=fact.ends_in)
    state.head.sections[fact.program_id].streaks[fact.streak_id] = runs
    state.head.due = min(state.head.due, ends_at)


def note_extended(state: CustomerState, fact: StreakExtended) -> None:
    """The period is in the set."""
    streak = state.head.sections[fact.program_id].streaks[fact.streak_id]
    runs, _ = with_period(streak.runs, fact.period)
    streak.runs = [run for run in runs if run[1] >= fact.period - _PERIODS_KEPT]
    streak.longest = fact.longest


def note_level(state: CustomerState, fact: StreakLevelReached) -> None:
    """The level is reached, for good."""
    state.head.sections[fact.program_id].streaks[fact.streak_id].levels.append(fact.level)


def note_ended(state: CustomerState, fact: StreakEnded) -> None:
    """Nothing counts in the streak any more; the customer's clock stands at the due instant at least."""
    state.head.clock = max(state.head.clock, fact.at)
    state.head.sections[fact.program_id].streaks[fact.streak_id].ended = True
    state.head.due = first_due(state.head)


def _holds(runs: list[tuple[int, int]], period: int) -> bool:
    for first, last in reversed(runs):  # noqa: SIM110 - any() over a generator costs three times the loop
        if first <= period <= last:
            return True
    return False


def _start(run: Run, periods: Periods, turn: Turn, seq: int) -> StreakStarted:
    program = turn.program
    first, last = run.span or (None, None)
    return StreakStarted(
        seq,
        turn.cause,
        turn.at,
        program.id,
        program.version,
        run.definition.id,
        turn.day if first is None else first,
        last,
        None if last is None else program.calendar.start_of(last + 1),
        None if last is None else periods.around(last + 1).number,
    )


def _one_more(
    streak: Streak, known: StreakRuns, period: int, turn: Turn, facts: list[Fact], rewards: list[tuple[str, int]]
) -> None:
    _, length = with_period(known.runs, period)
    common = (turn.cause, turn.at, turn.program.id, turn.program.version, streak.id)
    seq = turn.head.seq
    facts.append(StreakExtended(seq + len(facts) + 1, *common, period, length, max(length, known.longest)))
    for level in streak.levels:
        if level.periods > length or level.periods in known.levels:
            continue
        facts.append(StreakLevelReached(seq + len(facts) + 1, *common, level.periods, period, length))
        if level.points:
            rewards.append((f"{streak.id}:{level.periods}", level.points))
