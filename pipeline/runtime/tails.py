"""Tails: what changelogs hold behind local stores that are what is committed.

There should be nothing. But a group may have lost what was committed later, and the store of a worker that had the
partition before then may be exactly what it went back to: the rounds that came after would be decided again.

A store that matches need not wait for that: what is decided on it is committed only when its tail has been read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.clock import Clock
from pipeline.log.port import Log, Partition, Unavailable
from pipeline.runtime.marker import MARKER_KEY, Mark, decode_marker

LATER_ROUND_OFFSETS: Final = 3
"""What a later round takes at least behind a marker: the control record of the marker's own, a marker, and another."""
_READ_RECORDS: Final = 2_000
_READ_SECONDS: Final = 0.02
_CALL_SECONDS: Final = 10.0


class Tails:
    """Reads the tails of several changelogs at once, while something else is done."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._reader = log.consumer()  # one for all and for long: it takes longer to make than to use
        self._starts: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        """Of the changelogs that are to be read: where each ended when it was added."""
        self._last: dict[Partition, Mark] = {}

    def add(self, changelog: Partition, position: int) -> None:
        """There is something to be read from `position` on, if it is enough for a round."""
        end = self._log.ends((changelog,), _CALL_SECONDS)[changelog]
        if end - position >= LATER_ROUND_OFFSETS:
            self._starts[changelog] = position
            self._ends[changelog] = end

    def drop(self, changelog: Partition) -> None:
        """This one need not be read."""
        for known in (self._starts, self._ends, self._last):
            known.pop(changelog, None)

    def begin(self) -> None:
        """Begin to read what was added; others go on from where they are."""
        if self._starts:
            reader = self._reader
            reader.assign({one: self._starts.get(one, reader.position(one) or 0) for one in self._ends})
            self._starts = {}

    def read(self, timeout: float) -> Mapping[Partition, Mark]:
        """Read all to their ends; the last state of each, where there is one. Raises `Unavailable` after `timeout`."""
        self.begin()
        reader, deadline = self._reader, self._clock.now() + timeout
        while any((reader.position(one) or 0) < end for one, end in self._ends.items()):
            if self._clock.now() > deadline:
                problem = f"the ends of {', '.join(map(str, self._ends))} are not to be had"
                raise Unavailable(problem)
            for message in reader.consume(_READ_RECORDS, _READ_SECONDS):
                if message.key == MARKER_KEY and message.value is not None:
                    self._last[Partition(*message[:2])] = decode_marker(message.value).mark
        if self._ends:
            reader.assign({})
        last, self._ends, self._last = self._last, {}, {}
        return last

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()
