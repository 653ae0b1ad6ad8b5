"""What streaks keep of one customer in one program."""

from __future__ import annotations

import msgspec


class StreakRuns(msgspec.Struct, array_like=True):
    """The periods that count in a streak, as runs of consecutive periods."""

    ends_at: int
    """The instant after the streak's last day; `NEVER` for a streak without an end."""
    runs: list[tuple[int, int]] = []
    """(first, last) period of each run, in order, by number without periods that the zone skipped; a run leaves when
    no late record can lengthen it any more."""
    longest: int = 0
    levels: list[int] = []
    """Levels reached, once per customer."""
    ended: bool = False
    ends_on: int | None = None
    ends_in: int | None = None
    """The place of the period that `ends_at` lies in, as `runs` have it."""
    settled: int = 0
    """The longest of the runs that have left."""
