"""Counts what is odd about messages that are taken all the same, by name, and warns of it about once a minute."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

LOGGER: Final = logging.getLogger(__name__)

NAMES_MAX: Final = 100
"""Names with a counter of their own; the rest share one, as producers may invent any number of names."""
REST: Final = ""
_SHOWN_MAX: Final = 5
_EVERY_SECONDS: Final = 60.0


class Oddities:
    """One kind of them, of one role. What an aborted round saw is not counted."""

    def __init__(self, what: str, remedy: str, clock: Callable[[], float] = time.monotonic) -> None:
        """A warning says `what` was seen, how often under which names, and the `remedy`; `clock` gives seconds."""
        self.counts: Counter[str] = Counter()
        """By name, since the start."""
        self._what = what
        self._remedy = remedy
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._told_at: float | None = None

    def saw(self, name: str, times: int = 1) -> None:
        """The open round has met this."""
        known = name in self._open or len(self._open) < NAMES_MAX
        self._open[name if known else REST] += times

    def committed(self) -> None:
        """The round took effect; warns where that is due."""
        if self._open:
            for name, times in self._open.items():
                known = name in self.counts or len(self.counts) < NAMES_MAX
                self.counts[name if known else REST] += times
                known = name in self._untold or len(self._untold) < NAMES_MAX
                self._untold[name if known else REST] += times
            self._open.clear()
        now = self._clock()
        if self._untold and (self._told_at is None or now - self._told_at >= _EVERY_SECONDS):
            LOGGER.warning("%s", self._warning())
            self._untold.clear()
            self._told_at = now

    def aborted(self) -> None:
        """The round had no effect."""
        self._open.clear()

    def _warning(self) -> str:
        names = [(name, times) for name, times in self._untold.most_common() if name != REST]
        shown = [f"{name} ({times:,})" for name, times in names[:_SHOWN_MAX]]
        more = len(names) - len(shown)
        others = ["others"] if REST in self._untold else [f"{more} more names"] if more > 0 else []
        return f"{self._untold.total():,} {self._what}: {', '.join([*shown, *others])}; {self._remedy}"
