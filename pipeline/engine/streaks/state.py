"""What streaks keep of one customer in one program."""

from __future__ import annotations

import msgspec

from pipeline.engine.calendar import NEVER
from schemas.facts import StreakStanding


class StreakRuns(msgspec.Struct, array_like=True):
    """The periods that count in a streak, as runs of consecutive periods."""

    ends_at: int
    """The instant after the streak's last day; `NEVER` for a streak without an end."""
    runs: list[tuple[int, int]] = []
    """(first, last) period of each run, in order, by number without periods that the zone skipped; a run leaves when
    no late record can lengthen it any more."""
    longest: int = 0
    levels: list[int] = []
    """Levels reached, each as often as it is."""
    ended: bool = False
    ends_on: int | None = None
    ends_in: int | None = None
    """The place of the period that `ends_at` lies in, as `runs` have it."""
    settled: int = 0
    """What the runs that have left come to: the longest of them, or their sum where periods are only counted."""
    standing: StreakStanding | None = None
    """Where missed periods are forgiven, or periods are only counted; elsewhere it follows from the runs."""
    excused: list[tuple[int, int]] = []
    """(first, last) of each stretch of periods in which a missed one breaks no run, in order, as `runs` have them; one
    never ends while the streak is paused, and may lie over others."""
    since: int | None = None
    """The first period that counts; None for all."""
    left_at: int | None = None
    """When the customer left the streak; None while they take part."""

    risk_at: int | None = None
    """When the customer is next told that a run is about to break; None for never."""
    warned_at: int | None = None
    """When they were last told that; None for never."""

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return any(last == NEVER for _, last in self.excused)

    @property
    def will_end(self) -> bool:
        """Whether its end is still to be told: to everybody who takes part."""
        return not self.ended and self.left_at is None
