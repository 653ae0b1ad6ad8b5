"""A clock for tests in which no machine is too slow."""

from __future__ import annotations

from pipeline.clock import SystemClock


class StillClock(SystemClock):
    """Shows always the same, 100 s and the wall time 2,000 s; who waits for something waits all the same."""

    def now(self) -> float:
        return 100.0

    def wall(self) -> int:
        return 2_000_000
