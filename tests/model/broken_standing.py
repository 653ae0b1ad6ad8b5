"""Mutants about standing: the engine with one rule about streaks or unified targets broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from pipeline.engine import programs
from pipeline.engine.milestones import unified
from pipeline.engine.streaks import concern, extending, requests

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


CAUGHT_BY: Final[dict[Callable[[], Mutant], int]] = {
    forgive_no_grace: 238,
    freeze_nothing: 95,
    freeze_once_for_all: 238,
    reach_a_level_once: 7,
    break_what_is_counted: 126,
    excuse_nothing: 92,
    pause_for_ever: 193,
    take_in_everybody: 4,
    keep_who_leaves: 41,
    count_from_the_beginning: 5,
    ask_for_one_of_all: 7,
    ask_for_no_sum: 1,
    keep_unified_targets_up: 103,
}
