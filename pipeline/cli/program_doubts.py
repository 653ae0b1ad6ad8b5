"""Warnings about a valid program: what its author may not have meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from schemas.program import (
    Activity,
    Delivered,
    EarningRule,
    Milestone,
    MultiplierRule,
    ProgramDefinition,
    Streak,
    expiries,
    paths_of_currencies,
)

_FACTOR_USUAL: Final = 100


def doubts(program: ProgramDefinition, today: date) -> Iterator[str]:
    """The warnings, each with its place; `today` decides what is over."""
    yield from _nothing_to_earn(program)
    for index, rule in enumerate(program.rules):
        if isinstance(rule, MultiplierRule) and Fraction(rule.factor) > _FACTOR_USUAL:
            yield f"rules[{index}].factor: each line counts {rule.factor} times in every spend rule"
    yield from _expiry(program)
    yield from _deliveries(program)
    # A record this old is refused, so what ended before can only count while history is loaded.
    oldest = today - timedelta(days=program.repeat_window_days)
    for name, parts in (("rules", program.rules), ("milestones", program.milestones), ("streaks", program.streaks)):
        yield from _over(name, parts, oldest)


def _nothing_to_earn(program: ProgramDefinition) -> Iterator[str]:
    if any(not isinstance(rule, MultiplierRule) for rule in program.rules):
        return
    rewards = [milestone.points for milestone in program.milestones]
    rewards += [level.points for streak in program.streaks for level in streak.levels]
    if not any(rewards):
        yield "nothing gives points: there is no spend or event rule, and no milestone or streak level has points"
    elif program.rules:
        yield "rules: multipliers have no effect without a spend rule"


def _expiry(program: ProgramDefinition) -> Iterator[str]:
    places = list(expiries(program))
    for path, expiry in places:
        years = [one for one in expiry.dates if len(one) > len("12-31")]
        if years and len(years) == len(expiry.dates):
            yield f"{path}.dates: points issued after {max(years)} never expire; add a yearly date, such as 12-31"
    rolls = any(expiry.rolls for _, expiry in places)
    for path, currency in paths_of_currencies(program):
        if currency.reminders and not places:
            yield f"{path}.reminders: has no effect, as no points expire"
        activity = currency.activity
        if rolls and not (activity.transactions or activity.redemptions or activity.events):
            yield f"{path}.activity: nothing counts as activity, so no expiry is moved"
        elif not rolls and activity != Activity():
            yield f"{path}.activity: has no effect, as no points roll or expire with inactivity"


def _deliveries(program: ProgramDefinition) -> Iterator[str]:
    """Points that wait for a delivery nobody can tell: of bills that are not kept, no update is taken."""
    if program.returns is not None:
        return
    places: list[tuple[str, object]] = [("promised", program.promised)]
    places += [
        (f"rules[{index}].promised", rule.promised)
        for index, rule in enumerate(program.rules)
        if not isinstance(rule, MultiplierRule)
    ]
    for path, promised in places:
        if isinstance(promised, Delivered):
            yield (
                f"{path}: as returns is null, bills are not kept and no delivery is taken, unless another program "
                "of the org takes returns; give returns a window_days in which bills are delivered"
            )


def _over(name: str, parts: tuple[EarningRule | Milestone | Streak, ...], oldest: date) -> Iterator[str]:
    for index, part in enumerate(parts):
        last = part.validity.last
        if last is not None and last < oldest:
            yield f"{name}[{index}].validity.last: ended on {last}; only a backfill of that time counts in it"
