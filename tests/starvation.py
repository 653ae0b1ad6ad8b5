"""A machine that gets no time: on a shared host, the hypervisor may give its processors to others for minutes.

A test that waits for a process gives up some time, and whether that process had any is not the product's doing. So what
fails while a good part of the time was taken from the machine is tried again once the machine has its time back.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
_STOLEN_FIELD: Final = 8
"""Of the line that sums up the processors: the ticks that others had."""
_STARVED_SHARE: Final = 0.15
_LOOK_SECONDS: Final = 5.0
_LOOKS_MAX: Final = 60


class Stretch:
    """A stretch of time from now on, and how much of it was taken from the machine."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._stolen = _stolen_seconds()

    def stolen_share(self) -> float:
        """What was taken, from 0 to 1; 0 on a machine that does not tell."""
        elapsed = time.monotonic() - self._begun
        return (_stolen_seconds() - self._stolen) / elapsed if elapsed else 0.0

    def given_seconds(self) -> float:
        """How much of the time since then the machine had for itself."""
        return time.monotonic() - self._begun - (_stolen_seconds() - self._stolen)

    def was_starved(self) -> bool:
        """Whether so much was taken that a test may fail of it."""
        return self.stolen_share() >= _STARVED_SHARE


def wait_for_better_times() -> None:
    """Return when little is taken from the machine, or after some minutes of waiting for that."""
    for _ in range(_LOOKS_MAX):
        look = Stretch()
        threading.Event().wait(_LOOK_SECONDS)
        if not look.was_starved():
            return


def _stolen_seconds() -> float:
    if not _STAT.exists():
        return 0.0
    fields = _STAT.read_text().split("\n", 1)[0].split()
    return int(fields[_STOLEN_FIELD]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
