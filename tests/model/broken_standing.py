"""Mutants about standing: the engine with one rule about milestones, streaks, tiers or versions broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from pipeline.engine import programs, returns
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel import engine
from pipeline.engine.milestones import concern as milestones
from pipeline.engine.milestones import unified
from pipeline.engine.periods import Periods
from pipeline.engine.streaks import concern, extending, requests
from pipeline.engine.tiers import assess, timers
from pipeline.engine.tiers import concern as tiers
from pipeline.engine.tiers.rules import TierRules
from pipeline.engine.trackers.rules import TrackerRule
from schemas.program import PeriodUnit

Mutant = tuple[Any, str, Any]
"""An object, the name of an attribute of it, and what stands there in place of the right value."""


def _terms(**wrong: Any) -> Mutant:
    right = programs.streak_terms
    return programs, "streak_terms", lambda *more: right(*more)._replace(**wrong)


def forgive_no_grace() -> Mutant:
    """A missed period breaks a run that has some to spare."""
    return _terms(grace=0)


def freeze_nothing() -> Mutant:
    """A run has no freezes."""
    return _terms(freezes=0)


def freeze_once_for_all() -> Mutant:
    """A run gets no new freezes with a new month."""
    return _terms(frozen_in=lambda _place: 0)


def reach_a_level_once() -> Mutant:
    """A streak that repeats does not."""
    return _terms(repeats=False)


def break_what_is_counted() -> Mutant:
    """A missed period breaks a streak that only counts."""
    return _terms(continuous=True)


def excuse_nothing() -> Mutant:
    """Pauses and frozen days are forgotten."""
    return concern, "excusing", lambda streak, _first, _last: streak.excused


def pause_for_ever() -> Mutant:
    """A pause does not end."""
    return concern, "until", lambda excused, _last: excused


def take_in_everybody() -> Mutant:
    """Who has not enrolled takes part where that is asked for."""
    right = extending._takes

    def wrong(streak: Any, known: Any, at: int, period: Any) -> bool:
        return known is None or right(streak, known, at, period)

    return extending, "_takes", wrong


def keep_who_leaves() -> Mutant:
    """What comes in after the customer left counts."""
    right = extending._takes

    def wrong(streak: Any, known: Any, at: int, period: Any) -> bool:
        return right(streak, known and structs.replace(known, left_at=None), at, period)

    return extending, "_takes", wrong


def count_from_the_beginning() -> Mutant:
    """What was met before an enrolment counts, too."""
    right = requests._met_already

    def wrong(turn: Any, part: Any) -> Any:
        return right(turn, part._replace(period=part.period._replace(number=0)))

    return requests, "_met_already", wrong


def ask_for_one_of_all() -> Mutant:
    """One milestone is enough for a unified target that asks for several."""
    return unified, "_holds", lambda condition, met: any(one in met for one in condition.of)


def ask_for_no_sum() -> Mutant:
    """A unified target has no threshold."""
    right = unified._changed
    return unified, "_changed", lambda turn, one, *more: right(turn, one._replace(threshold=0), *more)


def keep_unified_targets_up() -> Mutant:
    """A return breaks no unified target."""
    right = unified._moves
    return unified, "_moves", lambda turn, one: [moves._replace(lowered_by=None) for moves in right(turn, one)]


def _tiers(**wrong: Any) -> Mutant:
    right = programs.tier_rules

    def compiled(definition: Any, *more: Any) -> TierRules:
        return right(definition and definition.model_copy(update=wrong), *more)

    return programs, "tier_rules", compiled


def give_no_grace_days() -> Mutant:
    """A tier is lost with its term."""
    return _tiers(grace_days=0)


def fall_to_the_first_tier() -> Mutant:
    """Who loses a tier loses all of them."""
    return _tiers(downgrade="base")


def rise_at_once() -> Mutant:
    """A tier that is given at the end of the day, or of the period, is given at once."""
    return _tiers(upgrade="at_once")


def ask_for_one_condition() -> Mutant:
    """A tier takes one condition, however many it asks for."""
    return _tiers(any=1)


def keep_by_one_condition() -> Mutant:
    """A tier is kept by one condition, however many it asks for."""
    return _tiers(renewal_any=1)


def hold_for_ever() -> Mutant:
    """Tiers have no terms."""
    return _tiers(validity=None)


def keep_tiers_after_returns() -> Mutant:
    """A return costs no tier."""
    return _tiers(on_return="keep")


def lose_what_was_given() -> Mutant:
    """A tier that somebody gave is lost like any other."""
    return timers, "floor_of", lambda _section, _program: 0


def count_for_two_terms() -> Mutant:
    """What renewed a tier counts towards its next renewal."""
    right = tiers._begin_term

    def wrong(tenure: Any, term: Any) -> None:
        before = tenure.term
        right(tenure, term)
        tenure.term.purchases_minor, tenure.term.visits = before.purchases_minor, before.visits

    return tiers, "_begin_term", wrong


def count_for_a_year() -> Mutant:
    """What begins anew with each period goes on for a year."""
    right = programs.tier_rules

    def compiled(definition: Any, calendar: Any, *more: Any) -> TierRules:
        rules = right(definition, calendar, *more)
        return rules._replace(periods=rules.periods and Periods(PeriodUnit.YEAR, calendar))

    return programs, "tier_rules", compiled


def give_back_what_was_lost() -> Mutant:
    """Who loses a tier that the basis still reaches has it back at once."""
    right = timers._lost
    return timers, "_lost", lambda *more: structs.replace(right(*more), mark=0)


def blame_returns_for_all() -> Mutant:
    """A return costs a tier that the values did not reach before, either."""

    def falls(turn: Any, record: Any) -> bool:
        return turn.program.tier_rules.definition.on_return != "keep" and isinstance(record, assess._TAKING_BACK)

    return assess, "_may_fall", falls


def track_a_day_more() -> Mutant:
    """The window of a tracker has one day more."""
    return TrackerRule, "begins", lambda self, _first_day, today: today - self.tracker.window.days


def start_with_timers_alone() -> Mutant:
    """The start of a version skips members of whom nothing falls due."""
    right = engine._first_start

    def wrong(head: Any, timeline: Any, until: int) -> Any:
        return None if head.due == NEVER else right(head, timeline, until)

    return engine, "_first_start", wrong


def start_with_the_next_record() -> Mutant:
    """A version is adopted with a member's next record."""
    return engine, "_first_start", lambda _head, _timeline, _until: None


def look_at_no_milestone_again() -> Mutant:
    """A version gives nothing for what is there already."""
    return milestones, "_met", lambda _turn, _targets: []


def _measures(**wrong: Any) -> Mutant:
    right = programs.measure_of
    return programs, "measure_of", lambda counts, *more: right(counts.model_copy(update=wrong), *more)


def count_every_line() -> Mutant:
    """Lines that are no part of what a milestone counts count, too."""
    return _measures(skus=())


def count_every_event() -> Mutant:
    """A milestone has no frequency limit."""
    return _measures(at_most=None)


def keep_lines_that_came_back() -> Mutant:
    """Lines lower a milestone only when all of the bill is back."""
    right = returns.left_of

    def wrong(bill: Any, part: Any, value: int, parts: Any) -> int:
        return right(bill, part, value, parts) if part.returned_minor >= bill.amount_minor else value

    return returns, "left_of", wrong


CAUGHT_BY: Final[dict[Callable[[], Mutant], int]] = {
    forgive_no_grace: 238,
    freeze_nothing: 95,
    freeze_once_for_all: 238,
    reach_a_level_once: 7,
    break_what_is_counted: 126,
    excuse_nothing: 92,
    pause_for_ever: 241,
    take_in_everybody: 8,
    keep_who_leaves: 18,
    count_from_the_beginning: 294,
    ask_for_one_of_all: 7,
    ask_for_no_sum: 1,
    keep_unified_targets_up: 52,
    give_no_grace_days: 39,
    fall_to_the_first_tier: 17,
    rise_at_once: 17,
    ask_for_one_condition: 51,
    keep_by_one_condition: 33,
    hold_for_ever: 2,
    keep_tiers_after_returns: 513,
    lose_what_was_given: 95,
    count_for_two_terms: 5,
    count_for_a_year: 13,
    give_back_what_was_lost: 5,
    blame_returns_for_all: 51,
    start_with_timers_alone: 538,
    start_with_the_next_record: 28,
    look_at_no_milestone_again: 56,
    count_every_line: 5,
    count_every_event: 303,
    keep_lines_that_came_back: 263,
    track_a_day_more: 51,
}
