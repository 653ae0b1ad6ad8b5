"""Excuses: stretches of periods, paused or frozen by request, in which a missed one breaks no run.

RULE: what is frozen stays so when a pause ends, also where the pause lay over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.streaks.runs import Run
from pipeline.engine.streaks.state import StreakRuns

EXCUSES_MAX: Final = 100
"""Of one customer in one streak."""
_KEPT: Final = 400
"""An excuse from before the first run is kept for so many periods: a late record may still count before it."""


def excusing(streak: StreakRuns, first: int, last: int) -> list[Run]:
    """The excuses and one more, joined where they touch, without those that no run can need any more."""
    joined = _joined([*streak.excused, (first, last)])
    oldest = min(streak.runs[0][0] if streak.runs else first, first - _KEPT)
    return [one for one in joined if one[1] >= oldest]


def until(excused: list[Run], last: int) -> list[Run]:
    """The excuses, of which the pause ends with a period; it goes where it would begin later."""
    return _joined((first, last if end == NEVER else end) for first, end in excused if end != NEVER or first <= last)


def _joined(excused: Iterable[Run]) -> list[Run]:
    """In order, those that have an end joined where they touch."""
    joined: list[Run] = []
    pauses: list[Run] = []
    for first, last in sorted(excused):
        if last == NEVER:
            pauses.append((first, last))
        elif joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return sorted(joined + pauses)
