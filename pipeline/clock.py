"""The clock: the only place that reads the machine's time, so that a simulation can replace it."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """A source of time, and of waiting."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> int:
        """Milliseconds since the epoch."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Waits for `seconds`, or until `stop` is set; returns whether it is set."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Waits for `stop`, at most `seconds`; returns whether it is set."""
        return stop.wait(seconds)


SYSTEM_CLOCK: Final = SystemClock()
