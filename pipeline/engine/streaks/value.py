"""What the periods of a streak come to: its run, its longest run, the levels that they reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.engine.programs import CompiledStreak
from pipeline.engine.streaks.runs import Run, current_run, longest_of, with_period, without_period
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.stretches import Stretch, standing_of, stretches, times_of
from schemas.facts import StreakSettled, StreakStanding

RUNS_KEPT: Final = 400
"""Of a streak that forgives or only counts; the oldest beyond are settled."""


class Value(NamedTuple):
    """What a streak comes to after a change of its periods."""

    runs: list[Run]
    run: int
    """Of the run that a period joined; where one left, of the run that is alive; else of the longest that is left."""
    longest: int
    excused: list[Run]
    standing: StreakStanding | None = None
    settled: StreakSettled | None = None


def is_plain(streak: CompiledStreak, known: StreakRuns) -> bool:
    """Whether a missed period breaks a run in any case, so that the runs say it all."""
    return streak.terms.plain and not known.excused


def alive(streak: CompiledStreak, known: StreakRuns, place: int) -> int:
    """The run that is alive in a period: the running one breaks nothing."""
    if is_plain(streak, known):
        return current_run(known.runs, place)
    found = stretches(known.runs, streak.terms, known.excused)
    return standing_in(standing_of(found, streak.terms, known.excused, known.settled), place)


def standing_in(standing: StreakStanding, place: int) -> int:
    """What is left of a standing in a period."""
    return standing.run if standing.through is None or place <= standing.through else 0


def value_with(streak: CompiledStreak, known: StreakRuns, place: int) -> Value:
    """With one more period."""
    runs, length = with_period(known.runs, place)
    if is_plain(streak, known):
        return Value(runs=runs, run=length, longest=max(length, known.longest), excused=known.excused)
    terms = streak.terms
    found = stretches(runs, terms, known.excused)
    standing = standing_of(found, terms, known.excused, known.settled)
    if not terms.continuous:
        run = longest = standing.run
    else:
        run = max(one.periods for one in found if one.first <= place <= one.last)
        longest = max(run, known.longest)
    return Value(
        runs=runs,
        run=run,
        longest=longest,
        excused=known.excused,
        standing=standing,
        settled=_settled(streak, known, runs, found),
    )


def value_without(streak: CompiledStreak, known: StreakRuns, place: int, now: int) -> Value:
    """Without one of its periods, in the period `now`."""
    runs = without_period(known.runs, place)
    if is_plain(streak, known):
        longest = max(longest_of(runs), known.settled)
        return Value(runs=runs, run=current_run(runs, now), longest=longest, excused=known.excused)
    terms = streak.terms
    found = stretches(runs, terms, known.excused)
    standing = standing_of(found, terms, known.excused, known.settled)
    longest = max((one.periods for one in found), default=0)
    return Value(
        runs=runs,
        run=standing_in(standing, now),
        longest=max(longest, known.settled) if terms.continuous else standing.run,
        excused=known.excused,
        standing=standing,
    )


def value_excusing(streak: CompiledStreak, known: StreakRuns, excused: list[Run]) -> Value:
    """With these excuses in place of its own."""
    found = stretches(known.runs, streak.terms, excused)
    standing = standing_of(found, streak.terms, excused, known.settled)
    longest = max((one.periods for one in found), default=0)
    return Value(runs=known.runs, run=longest, longest=max(longest, known.longest), excused=excused, standing=standing)


def reached(streak: CompiledStreak, known: StreakRuns, value: Value) -> Iterator[tuple[int, int]]:
    """The levels that a streak reaches with a change, each with how often it had been reached before."""
    if not streak.terms.repeats:
        yield from reached_once(streak, known, value.run)
        return
    for level in streak.definition.levels:
        so_far = known.levels.count(level.periods)
        more = _more(streak, known, value, level.periods)
        yield from ((level.periods, so_far + number) for number in range(more))


def reached_once(streak: CompiledStreak, known: StreakRuns, run: int) -> Iterator[tuple[int, int]]:
    """The levels above all that were reached, up to the length of a run."""
    highest = max(known.levels, default=0)
    yield from ((level.periods, 0) for level in streak.definition.levels if highest < level.periods <= run)


def lost(streak: CompiledStreak, known: StreakRuns, value: Value) -> Iterator[tuple[int, int]]:
    """The levels that a streak loses with a change, each with how often it is still reached; the highest first.

    RULE: never one that another run still reaches.
    """
    for level in sorted(set(known.levels), reverse=True):
        so_far = known.levels.count(level)
        if not streak.terms.repeats:
            less = so_far if level > value.longest else 0
        else:
            less = min(so_far, -_more(streak, known, value, level))
        yield from ((level, so_far - number) for number in range(1, less + 1))


def _more(streak: CompiledStreak, known: StreakRuns, value: Value, level: int) -> int:
    """How many times more a change lets a streak reach a level."""
    before, after = (
        times_of(level, runs, streak.terms, excused, known.settled)
        for runs, excused in ((known.runs, known.excused), (value.runs, value.excused))
    )
    return after - before


def _settled(streak: CompiledStreak, known: StreakRuns, runs: list[Run], found: list[Stretch]) -> StreakSettled | None:
    leave = len(runs) - RUNS_KEPT
    if leave <= 0:
        return None
    if streak.terms.continuous:
        periods = max(known.settled, *(one.periods for one in found[:leave]))
    else:
        periods = known.settled + found[leave - 1].periods
    return StreakSettled(runs=leave, periods=periods)
