"""Streaks grow: periods in which the milestone is met, and the levels that they reach."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from msgspec import structs

from pipeline.engine.bills.entries import bill_of, day_of_bill
from pipeline.engine.bills.state import MeasuredContribution
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.milestones.concern import targets_of
from pipeline.engine.milestones.members import is_in
from pipeline.engine.periods import Period, Periods
from pipeline.engine.programs import CompiledStreak, Program, Target
from pipeline.engine.rewards.concern import Achieved, give, reward_of
from pipeline.engine.rewards.keys import level_key
from pipeline.engine.streaks.excuses import excusing
from pipeline.engine.streaks.runs import holds
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.streaks.value import alive, reached, reached_once, value_excusing, value_with
from schemas.facts import (
    Decision,
    IssuedFor,
    MilestoneAchieved,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneTallied,
    ProgressGiven,
    StreakExtended,
    StreakFrozen,
    StreakLevelReached,
    StreakStarted,
)
from schemas.records import CustomEventReceived, TakeOverSection, TransactionAdded, TransactionUpdated

_SKIPPED: Final = "a date that the zone skipped"
_COUNTED: Final = (MilestoneProgressed, MilestoneRecorded, MilestoneTallied)
"""What says that a record counts for a milestone."""


def _uses_streaks(program: Program) -> bool:
    return bool(program.streak_ids)


def _extend(turn: ProgramTurn, record: TransactionAdded | CustomEventReceived) -> list[Decision]:
    """What a record gives the streaks on the milestones that count it, or that are met by what others add for it."""
    by_record = takewhile(lambda one: not isinstance(one, ProgressGiven), turn.made)
    counted = {one.milestone_id for one in by_record if isinstance(one, _COUNTED)}
    counted |= {one.milestone_id for one in turn.made if isinstance(one, MilestoneAchieved)}
    return _extended(turn, record, [one for one in targets_of(record, turn.program) if one.milestone_id in counted])


def _extended(
    turn: ProgramTurn,
    record: TransactionAdded | TransactionUpdated | CustomEventReceived,
    targets: Iterable[Target],
) -> list[Decision]:
    """Enrol at the first record that counts; add the period if its milestone is met; reach the levels that gives."""
    decisions: list[Decision] = []
    section = turn.section
    for target in targets:
        if not target.streaks:
            continue
        period = target.periods.around(turn.day)
        progress = section.milestones.get(target.milestone_id, {}).get(period.number)
        if progress is None:
            continue
        for streak in target.streaks:
            known = section.streaks.get(streak.definition.id)
            if not (streak.span is None or streak.span.holds(turn.day)) or not _takes(streak, known, turn.at, period):
                continue
            if known is None:
                if not is_in(turn, target):
                    continue
                decisions.append(start(streak, target.periods, turn))
                known = StreakRuns(ends_at=NEVER)
            if progress.achieved and not holds(known.runs, period.place):
                frozen = _skipped(turn, record, streak, known, target.periods) if turn.program.dates.differ else None
                if frozen is not None:
                    decisions.append(frozen)
                    known = structs.replace(known, excused=excusing(known, frozen.first, frozen.last))
                decisions += one_more(streak, known, period)
    return decisions + rewards(turn, decisions) if decisions else decisions


def _follow(turn: ProgramTurn, record: object) -> list[Decision]:  # noqa: ARG001 - a stage
    """The periods whose milestone was met by something else than a record that it counts.

    That is what another milestone added, an enrolment, a target of the customer's own, or a merge.
    """
    targets = {target.milestone_id: target for target in turn.program.targets if target.streaks}
    grown: dict[str, StreakRuns] = {}
    decisions: list[Decision] = []
    for one in turn.made:
        if isinstance(one, MilestoneAchieved) and (target := targets.get(one.milestone_id)) is not None:
            for streak in target.streaks:
                decisions += _grow(turn, streak, target.periods, one.period, grown)
    return decisions + rewards(turn, decisions) if decisions else decisions


def _grow(
    turn: ProgramTurn, streak: CompiledStreak, periods: Periods, number: int, grown: dict[str, StreakRuns]
) -> list[Decision]:
    """The streak with a period that was met; `grown` has what streaks of this turn come to."""
    streak_id, running = streak.definition.id, periods.around(turn.day)
    period = running if running.number == number else periods.numbered(number)
    day = turn.day if period is running else turn.program.calendar.day_of(period.begins_at)
    known = grown.get(streak_id) or turn.section.streaks.get(streak_id)
    if not (streak.span is None or streak.span.holds(day)) or not _takes(streak, known, turn.at, period):
        return []
    decisions: list[Decision] = []
    if known is None:
        decisions.append(start(streak, periods, turn))
        known = StreakRuns(ends_at=NEVER)
    if holds(known.runs, period.place):
        return []
    decisions += one_more(streak, known, period)
    _, known = _with_place(streak, known, period.place)
    levels = [one.level for one in decisions if isinstance(one, StreakLevelReached)]
    grown[streak_id] = structs.replace(known, levels=[*known.levels, *levels])
    return decisions


def _correct(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """What an updated bill gives the streaks, as a bill of its date."""
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    counted = {
        one.milestone_id
        for one in bill.parts[turn.program.id].milestones
        if isinstance(one, MeasuredContribution) and (one.added or one.keys)
    }
    sale = structs.replace(turn, at=bill.paid_at, day=day_of_bill(turn.program, bill))
    targets = [one for one in targets_of(record, turn.program) if one.measure.plain or one.milestone_id in counted]
    return _extended(sale, record, targets)


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
            if not (streak.span is None or streak.span.holds(turn.day)) or not _takes(streak, known, turn.at, period):
                continue
            if known is None:
                if not achieved:
                    continue
                decisions.append(start(streak, target.periods, turn))
                known = StreakRuns(ends_at=NEVER)
            if achieved and not holds(known.runs, period.place):
                decisions += one_more(streak, known, period)
            else:
                last = period.number if holds(known.runs, period.place) else period.number - 1
                run = alive(streak, known, target.periods.running(turn.day).place)
                decisions += levels_of(streak, reached_once(streak, known, run), last, run)
    return decisions + rewards(turn, decisions)


def _merge(turn: ProgramTurn, record: TakeOverSection) -> list[Decision]:
    """The periods that counted for a customer who is merged into this one; no level is reached by them alone."""
    others = {one.streak_id: one for one in record.section.streaks}
    decisions: list[Decision] = []
    for target in turn.program.targets:
        for streak in target.streaks:
            other, known = others.get(streak.definition.id), turn.section.streaks.get(streak.definition.id)
            if other is None or (known is not None and (known.ended or known.left_at is not None)):
                continue
            if known is None:
                decisions.append(start(streak, target.periods, turn))
                known = StreakRuns(ends_at=NEVER)
            for place in other.places:
                if not holds(known.runs, place):
                    extended, known = _with_place(streak, known, place)
                    decisions.append(extended)
    return decisions


def _with_place(streak: CompiledStreak, known: StreakRuns, place: int) -> tuple[StreakExtended, StreakRuns]:
    value = value_with(streak, known, place)
    gone = 0 if value.settled is None else value.settled.runs
    settled = known.settled if value.settled is None else value.settled.periods
    extended = StreakExtended(
        streak_id=streak.definition.id,
        period=place,
        run=value.run,
        longest=value.longest,
        standing=value.standing,
        settled=value.settled,
    )
    return extended, structs.replace(known, runs=value.runs[gone:], longest=value.longest, settled=settled)


def _skipped(
    turn: ProgramTurn,
    record: TransactionAdded | TransactionUpdated | CustomEventReceived,
    streak: CompiledStreak,
    known: StreakRuns,
    periods: Periods,
) -> StreakFrozen | None:
    """The date before or after this one, where the record's own zone skipped it: missing it breaks no run."""
    calendar, here = turn.program.dates.calendar_of(record, turn.head.profile), periods.around(turn.day).place
    for day in (turn.day - 1, turn.day + 1):
        place = periods.around(day).place
        excused = excusing(known, place, place)
        if calendar.skips(day) and place != here and excused != known.excused:
            value = value_excusing(streak, known, excused)
            return StreakFrozen(
                streak_id=streak.definition.id,
                first=place,
                last=place,
                first_day=day,
                last_day=day,
                longest=value.longest,
                standing=value.standing,
                reason=_SKIPPED,
            )
    return None


def _takes(streak: CompiledStreak, known: StreakRuns | None, at: int, period: Period) -> bool:
    """Whether something at that instant, in that period, may count in the streak."""
    if known is None:
        return streak.definition.enrolment == "automatic"
    over = known.ended and at >= known.ends_at
    left = known.left_at is not None and at >= known.left_at
    return not over and not left and (known.since is None or period.place >= known.since)


def start(streak: CompiledStreak, periods: Periods, turn: ProgramTurn) -> StreakStarted:
    """The customer takes part for the first time."""
    first, last = streak.span or (None, None)
    ends_at = NEVER if last is None else turn.program.calendar.start_of(last + 1)
    ends = last is not None and ends_at != NEVER
    return StreakStarted(
        streak_id=streak.definition.id,
        starts_on=turn.day if first is None else first,
        ends_on=last if ends else None,
        ends_at=ends_at if ends else None,
        ends_in=periods.running(last + 1).place if last is not None and ends else None,
    )


def one_more(streak: CompiledStreak, known: StreakRuns, period: Period) -> list[Decision]:
    """One more period counts, and the levels that gives."""
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
    return decisions + levels_of(streak, reached(streak, known, value), period.number, value.run)


def levels_of(streak: CompiledStreak, levels: Iterable[tuple[int, int]], period: int, run: int) -> list[Decision]:
    """These levels are reached, each with how often it had been before."""
    return [
        StreakLevelReached(streak_id=streak.definition.id, level=level, period=period, run=run, again=again)
        for level, again in levels
    ]


def rewards(turn: ProgramTurn, decisions: list[Decision]) -> list[Decision]:
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
        ends_at = settled_at(turn, one.streak_id)
        achieved.append(
            Achieved(key=key, rule_id=rule_id, award=activity, ends_at=None if ends_at == NEVER else ends_at)
        )
    return give(turn, achieved)


def settled_at(turn: ProgramTurn, streak_id: str) -> int:
    """When the periods are over that a level which is reached now can rest on: what comes later keeps it."""
    day = max(turn.day, turn.program.calendar.day_of(max(turn.head.clock, turn.at)))
    return next(
        target.periods.around(day).ends_at
        for target in turn.program.targets
        if streak_id in {streak.definition.id for streak in target.streaks}
    )


def _adds_to_streaks(program: Program) -> bool:
    """Whether a milestone with a streak on it may be met by what another one adds."""
    added_to = {target.adds.milestone for target in program.targets if target.adds is not None}
    return any(target.streaks and target.milestone_id in added_to for target in program.targets)


EXTEND: Final = ProgramStage(_extend, used=_uses_streaks)
FOLLOW: Final = ProgramStage(_follow, used=_uses_streaks)
FOLLOW_ADDED: Final = ProgramStage(_follow, used=_adds_to_streaks)
CORRECT: Final = ProgramStage(_correct, used=_uses_streaks)
MERGE: Final = ProgramStage(_merge, used=_uses_streaks)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=_uses_streaks)
