"""The clock: the only place where the shell asks the machine for the time, so that a simulation can be the machine."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> float:
        """Seconds since some moment, never falling."""

    def wall(self) -> int:
        """Milliseconds since the epoch."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let `seconds` pass, or less once `stop` is set; whether it is set."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `stop`, at most so long; whether it is set."""
        return stop.wait(seconds)


SYSTEM_CLOCK: Final = SystemClock()
