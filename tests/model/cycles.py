"""The cycles of goals: which one a day lies in, what people call it, and when it is over."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from itertools import count

from tests.model.dates import MONTHS, first_day, months_later, period_name, period_of, start_of
from tests.model.purse import NEVER
from tests.model.words import Cycle

DAYS = {"day": 1, "week": 7}


@cache
def cycle_on(cycle: str | Cycle, day: date, own: date | None) -> int | None:
    """The number of the cycle that a day lies in, if it lies in one; `own` is where those of the customer begin."""
    if isinstance(cycle, str):
        return period_of(cycle, day)
    if cycle.kind == "lifetime":
        return 1
    if cycle.kind == "windows":
        return next((number for number, (first, last) in enumerate(cycle.windows, 1) if first <= day <= last), None)
    first = _first(cycle, own)
    if first is None or day < first:
        return None
    return next(number for number in count(1) if day < _begins(cycle, first, number + 1))


def cycle_from(cycle: str | Cycle, day: date) -> int:
    """The number of the cycle that a day lies in, else of the next one that begins."""
    if isinstance(cycle, Cycle) and cycle.kind == "windows":
        return 1 + sum(last < day for _, last in cycle.windows)
    return cycle_on(cycle, day, None) or 1


def begun_by(cycle: str | Cycle, day: date) -> int:
    """The number of the last cycle that has begun by a day; 0 for none."""
    if isinstance(cycle, Cycle) and cycle.kind == "windows":
        return sum(first <= day for first, _ in cycle.windows)
    return cycle_on(cycle, day, None) or 0


def cycle_end(cycle: str | Cycle, number: int, own: date | None, zone: str) -> int:
    """The instant at which a cycle is over."""
    if isinstance(cycle, str):
        return start_of(first_day(cycle, number + 1), zone)
    if cycle.kind == "lifetime":
        return NEVER
    if cycle.kind == "windows":
        return start_of(cycle.windows[number - 1][1] + timedelta(days=1), zone)
    first = _first(cycle, own)
    assert first is not None
    return start_of(_begins(cycle, first, number + 1), zone)


def cycle_name(cycle: str | Cycle, number: int) -> str:
    """What people call a cycle."""
    return period_name(cycle, number) if isinstance(cycle, str) else f"Cycle_{number}"


def _first(cycle: Cycle, own: date | None) -> date | None:
    return own if cycle.kind == "own" else cycle.first


def _begins(cycle: Cycle, first: date, number: int) -> date:
    units = (number - 1) * cycle.every
    if cycle.unit in MONTHS:
        return months_later(first, units * MONTHS[cycle.unit])
    return first + timedelta(days=units * DAYS[cycle.unit])
