"""Rolling windows: milestones that go by the last days, today among them, by the date of what counts.

RULE (met): a target is met on a day on which something counts and with which the window has as much as it asks for,
once in so many days: windows in which it was met share no day, so what was done counts for one of them at most.
RULE (things): of different things the window has those that any of its days has, each once, whichever day brought it.
RULE (late, and returns): what comes late or comes back counts on its own day, and the windows from there on are looked
at again. One more of them is met, or one fewer; one that only moves is told to nobody, and its reward stays. A reward
belongs to its place among them: the second window that is met pays the second reward, never a second time.
RULE (other targets): what was met before a target changed stays so, and a record meets one window at most.
RULE (time): a window that was met stays so when its days are over; then the next one can be met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.milestones.members import goal_of
from pipeline.engine.milestones.state import Progress, Tally
from pipeline.engine.programs import Target
from schemas.facts import MilestoneTallied

_NONE: Final[Mapping[int, Collection[int]]] = {}


class Windows(NamedTuple):
    """Windows of the last days: those that are met, and those that could be."""

    met: Sequence[int]
    """The last days of those that are met, in order; one that two customers met who became one stands there twice."""
    length: int
    """Of a window, in days."""
    days: Collection[int]
    """Those on which something counts: a window that is met ends with one of them."""
    holds: Callable[[int], bool]
    """Whether the window that ends with a day has what is asked for."""

    def risen(self, day: int) -> list[int]:
        """The windows that are met when more counts on a day."""
        before = [one for one in self.met if one < day]
        now = [*before, *self._from(day, before)]
        return now if len(now) >= len(self.met) else list(self.met)

    def fallen(self, day: int) -> list[int]:
        """The windows that are met when less counts on a day."""
        held = self._broken(day)
        return list(self.met) if held is None else self._without(held, held)

    def replaced(self, day: int) -> list[int]:
        """The windows that are met when something else counts on a day."""
        held = self._broken(day)
        return self.risen(day) if held is None else self._without(held, day)

    def _without(self, held: int, first: int) -> list[int]:
        """The windows that are met where one is broken, and those from a day on are looked at again."""
        before = [one for one in self.met if one < first]
        now = [*before, *self._from(first, before)]
        left = list(self.met)
        left.remove(held)
        return now if len(now) >= len(left) else left

    def _broken(self, day: int) -> int | None:
        """The window that is met, lies over the day, and has no longer what is asked for."""
        held = next((one for one in self.met if day <= one < day + self.length), None)
        return None if held is None or self.holds(held) else held

    def _from(self, first: int, before: Sequence[int]) -> Iterator[int]:
        """The windows that end on a day or later, each as early as it can be."""
        free = before[-1] + self.length if before else first
        for day in sorted(day for day in self.days if day >= first):
            if day >= free and self.holds(day):
                yield day
                free = day + self.length


class Days(NamedTuple):
    """What counts towards a milestone on each day, and the last days of the windows in which it was met."""

    values: Mapping[int, int]
    met: Sequence[int]
    length: int
    things: Mapping[int, Collection[int]] = _NONE
    """The different things that each day has, where such are counted."""

    def value(self, last: int) -> int:
        """Of the window that ends with a day."""
        first = last - self.length + 1
        value = sum(value for day, value in self.values.items() if first <= day <= last)
        if not self.things:
            return value
        some = [things for day, things in self.things.items() if first <= day <= last]
        return value - sum(map(len, some)) + len(set().union(*some))

    def windows(self, goal: int) -> Windows:
        """The windows that have so much."""
        days = [day for day, value in self.values.items() if value]
        return Windows(met=self.met, length=self.length, days=days, holds=lambda last: self.value(last) >= goal)


def days_of(
    periods: Mapping[int, Progress], length: int, tallies: Mapping[int, Tally], met_twice: Collection[int] = ()
) -> Days:
    """The days that are kept of a milestone."""
    met = [day for day, progress in periods.items() if progress.achieved]
    return Days(
        values={day: progress.value for day, progress in periods.items()},
        met=sorted((*met, *(day for day in met_twice if day in periods))),
        length=length,
        things={day: tally.keys for day, tally in tallies.items() if tally.keys},
    )


def window_on(periods: Mapping[int, Progress], length: int, today: int, tallies: Mapping[int, Tally]) -> Progress:
    """The window that ends today, and whether it shares a day with one that was met."""
    days = days_of(periods, length, tallies)
    met = any(today - length < last <= today for last in days.met)
    return Progress(ends_at=NEVER, value=days.value(today), achieved=met)


def days_in(turn: ProgramTurn, target: Target) -> Days:
    """The customer's days in the milestone."""
    section, name = turn.section, target.milestone_id
    return days_of(
        section.milestones.get(name, {}), target.window, section.tallies.get(name, {}), section.met_twice.get(name, ())
    )


def days_with(turn: ProgramTurn, target: Target, day: int, value: int, things: Collection[int]) -> Days:
    """The same with another value on one day, which has these things."""
    known = days_in(turn, target)
    return known._replace(values={**known.values, day: value}, things={**known.things, day: things})


def things_on(turn: ProgramTurn, target: Target, day: int) -> Mapping[int, int]:
    """The different things of a day, each with how many bills or events have it."""
    tally = turn.section.tallies.get(target.milestone_id, {}).get(day)
    return {} if tally is None else tally.keys


def things_with(turn: ProgramTurn, target: Target, day: int, tallied: MilestoneTallied | None) -> Collection[int]:
    """The different things of a day with those of one more record."""
    return {*things_on(turn, target, day), *(() if tallied is None else tallied.keys)}


class Change(NamedTuple):
    """What a change of one day does to the windows that are met."""

    met: int | None
    """The last day of the one that is met now."""
    lost: int | None
    """The last day of the one that is met no longer."""
    moved: Sequence[tuple[int, int]]
    """The last days that windows had, each with the one that it has now."""
    now: Sequence[int]
    """The last days of all that are met now."""


def risen(turn: ProgramTurn, target: Target, days: Days, day: int) -> Change:
    """More counts on a day."""
    return change(days.met, days.windows(goal_of(turn, target)).risen(day))


def fallen(turn: ProgramTurn, target: Target, days: Days, day: int) -> Change:
    """Less counts on a day."""
    return change(days.met, days.windows(goal_of(turn, target)).fallen(day))


def replaced(turn: ProgramTurn, target: Target, days: Days, day: int) -> Change:
    """Other things count on a day."""
    return change(days.met, days.windows(goal_of(turn, target)).replaced(day))


def change(before: Sequence[int], now: Sequence[int]) -> Change:
    """The first that differs is the one that the day is in."""
    gone = [*(Counter(before) - Counter(now)).elements()]
    new = [*(Counter(now) - Counter(before)).elements()]
    met = new.pop(0) if len(now) > len(before) else None
    lost = gone.pop(0) if len(now) < len(before) else None
    return Change(met=met, lost=lost, moved=[*zip(gone, new, strict=False)], now=now)


def met_so_far(turn: ProgramTurn, name: str) -> int:
    """How many windows are met, those of days that are no longer kept among them."""
    return turn.section.windows.get(name, 0)
