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


class Tails:
    """Reads the tails of several changelogs at once, while something else is done."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._reader = log.consumer()  # one for all and for long: it takes longer to make than to use
        self._positions: dict[Partition, int] = {}
        """Of the changelogs that are to be read: from where on."""
        self._reading: set[Partition] = set()
        """Those of them that the reader has."""
        self._last: dict[Partition, Mark] = {}

    def add(self, changelog: Partition, position: int) -> None:
        """There may be something from `position` on."""
        self._positions[changelog] = position

    def drop(self, changelog: Partition) -> None:
        """This one need not be read."""
        self._positions.pop(changelog, None)
        self._last.pop(changelog, None)
        self._reading.discard(changelog)
        if not self._positions:
            self._reader.assign({})

    def begin(self) -> None:
        """Begin to read what was added; others go on from where they are."""
        if self._positions.keys() != self._reading:
            self._reader.assign({one: self._position(one) for one in self._positions})
            self._reading = set(self._positions)

    def read(self, timeout: float) -> Mapping[Partition, Mark]:
        """Read all to their ends; the last state of each, where there is one.

        Raises `Unavailable` after `timeout`, or where a transaction is still to end: it may be a round whose offset the
        group has lost.
        """
        self.begin()
        unsettled = self._log.unsettled(sorted({one.topic for one in self._positions}))
        if pending := self._positions.keys() & unsettled.keys():
            problem = f"a transaction is still to end in {', '.join(map(str, sorted(pending)))}"
            raise Unavailable(problem)
        ends, deadline = self._log.ends(self._positions, timeout), self._clock.now() + timeout
        while any(end - self._position(one) >= LATER_ROUND_OFFSETS for one, end in ends.items()):
            if self._clock.now() > deadline:
                problem = f"the ends of {', '.join(map(str, ends))} are not to be had"
                raise Unavailable(problem)
            for message in self._reader.consume(_READ_RECORDS, _READ_SECONDS):
                if message.key == MARKER_KEY and message.value is not None:
                    self._last[Partition(*message[:2])] = decode_marker(message.value).mark
        last, self._last = self._last, {}
        for changelog in ends:
            self.drop(changelog)
        return last

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()

    def _position(self, changelog: Partition) -> int:
        reached = self._reader.position(changelog) if changelog in self._reading else None
        return self._positions[changelog] if reached is None else reached
