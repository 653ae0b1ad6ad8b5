"""Excuses: stretches of periods, paused or frozen by request, in which a missed one breaks no run."""

from __future__ import annotations

from typing import Final

from pipeline.engine.streaks.runs import Run
from pipeline.engine.streaks.state import StreakRuns

EXCUSES_MAX: Final = 100
"""Of one customer in one streak."""
_KEPT: Final = 400
"""An excuse from before the first run is kept for so many periods: a late record may still count before it."""


def excusing(streak: StreakRuns, first: int, last: int) -> list[Run]:
    """The excuses and one more, joined where they touch, without those that no run can need any more."""
    joined: list[Run] = []
    for begin, end in sorted([*streak.excused, (first, last)]):
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    oldest = min(streak.runs[0][0] if streak.runs else first, first - _KEPT)
    return [one for one in joined if one[1] >= oldest]


def until(excused: list[Run], last: int) -> list[Run]:
    """The excuses, of which the last one ends with a period; it goes where it would begin later."""
    return [(first, min(end, last)) for first, end in excused if first <= last]
