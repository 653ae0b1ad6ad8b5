"""Rolling windows: milestones that go by the last days, today among them, by the date of what counts.

RULE (met): a target is met on a day on which something counts and with which the window has as much as it asks for,
once in so many days: windows in which it was met share no day, so what was done counts for one of them at most.
RULE (late, and returns): what comes late or comes back counts on its own day, and the windows from there on are looked
at again. One more of them is met, or one fewer; one that only moves is told to nobody, and its reward stays. A reward
belongs to its place among them: the second window that is met pays the second reward, never a second time.
RULE (other targets): what was met before a target changed stays so, and a record meets one window at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.milestones.members import goal_of
from pipeline.engine.milestones.state import Progress
from pipeline.engine.programs import Target
from schemas.facts import Decision, WindowMoved


class Days(NamedTuple):
    """What counts on each day, and the last days of the windows in which the target was met."""

    values: Mapping[int, int]
    met: Sequence[int]
    """In order."""
    length: int
    """Of the window, in days."""

    def value(self, last: int) -> int:
        """Of the window that ends with a day."""
        return sum(value for day, value in self.values.items() if last - self.length < day <= last)

    def risen(self, day: int, goal: int) -> list[int]:
        """The windows that are met when more counts on a day."""
        before = [one for one in self.met if one < day]
        now = [*before, *self._from(day, before, goal)]
        return now if len(now) >= len(self.met) else list(self.met)

    def fallen(self, day: int, goal: int) -> list[int]:
        """The windows that are met when less counts on a day."""
        held = next((one for one in self.met if day <= one < day + self.length), None)
        if held is None or self.value(held) >= goal:
            return list(self.met)
        before = [one for one in self.met if one < held]
        now = [*before, *self._from(held, before, goal)]
        return now if len(now) >= len(self.met) - 1 else [one for one in self.met if one != held]

    def _from(self, first: int, before: Sequence[int], goal: int) -> Iterator[int]:
        """The windows that end on a day or later, each as early as it can be."""
        free = before[-1] + self.length if before else first
        for day in sorted(day for day, value in self.values.items() if day >= first and value):
            if day >= free and self.value(day) >= goal:
                yield day
                free = day + self.length


def days_of(periods: Mapping[int, Progress], length: int) -> Days:
    """The days that are kept of a milestone."""
    return Days(
        values={day: progress.value for day, progress in periods.items()},
        met=sorted(day for day, progress in periods.items() if progress.achieved),
        length=length,
    )


def window_on(periods: Mapping[int, Progress], length: int, today: int) -> Progress:
    """The window that ends today, and whether it shares a day with one that was met."""
    days = days_of(periods, length)
    met = any(today - length < last <= today for last in days.met)
    return Progress(ends_at=NEVER, value=days.value(today), achieved=met)


def days_in(turn: ProgramTurn, target: Target) -> Days:
    """The customer's days in the milestone."""
    return days_of(turn.section.milestones.get(target.milestone_id, {}), target.window)


def days_with(turn: ProgramTurn, target: Target, day: int, value: int) -> Days:
    """The same with another value on one day."""
    known = days_in(turn, target)
    return known._replace(values={**known.values, day: value})


class Change(NamedTuple):
    """What a change of one day does to the windows that are met."""

    met: int | None
    """The last day of the one that is met now."""
    lost: int | None
    """The last day of the one that is met no longer."""
    moved: list[Decision]


def risen(turn: ProgramTurn, target: Target, days: Days, day: int) -> Change:
    """More counts on a day."""
    return _change(target, days.met, days.risen(day, goal_of(turn, target)))


def fallen(turn: ProgramTurn, target: Target, days: Days, day: int) -> Change:
    """Less counts on a day."""
    return _change(target, days.met, days.fallen(day, goal_of(turn, target)))


def _change(target: Target, before: Sequence[int], now: Sequence[int]) -> Change:
    """The first that differs is the one that the day is in."""
    gone = [one for one in before if one not in now]
    new = [one for one in now if one not in before]
    met = new.pop(0) if len(now) > len(before) else None
    lost = gone.pop(0) if len(now) < len(before) else None
    moved: list[Decision] = [
        WindowMoved(milestone_id=target.milestone_id, period=last, to=to) for last, to in zip(gone, new, strict=False)
    ]
    return Change(met=met, lost=lost, moved=moved)


def met_so_far(turn: ProgramTurn, target: Target) -> int:
    """How many windows are met, those of days that are no longer kept among them."""
    return turn.section.windows.get(target.milestone_id, 0)
