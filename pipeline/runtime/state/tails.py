"""Checks that the changelog has no rounds newer than a local store that matches the committed offset.

There should be nothing. But a group may have lost what was committed later, and the store of a worker that had the
partition before then may be exactly what it went back to: the rounds that came after would be decided again.

A store that matches need not wait for that: what is decided on it is committed only when its tail has been read, or
when it was seen to have no room for another round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipeline.clock import Clock
from pipeline.log.port import Log, Partition, Unavailable
from pipeline.runtime.state.marker import MARKER_KEY, Mark, decode_marker

LATER_ROUND_OFFSETS: Final = 3
"""What a later round takes at least behind a marker: the control record of the marker's own, a marker, and another."""
_CALL_SECONDS: Final = 1.0
_READ_RECORDS: Final = 2_000
_READ_SECONDS: Final = 0.02


class _Tail(NamedTuple):
    position: int
    """The offset from which there may be records."""
    end: int
    """Where it ended, be that stable or not, once the changelog's owner before us could not begin anything more."""


class Tails:
    """Checks several changelogs concurrently with other work."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._reader = log.consumer()  # one for all and for long: it takes longer to make than to use
        self._added: dict[Partition, int] = {}
        """The offset from which on the changelog has not been checked yet."""
        self._tails: dict[Partition, _Tail] = {}
        """What is being read."""
        self._last: dict[Partition, Mark] = {}

    def add(self, changelog: Partition, position: int) -> None:
        """Adds a changelog to check, from `position` on."""
        self._added[changelog] = position

    def drop(self, changelog: Partition) -> None:
        """Removes a changelog that need not be checked."""
        self._added.pop(changelog, None)
        self._last.pop(changelog, None)
        if self._tails.pop(changelog, None) is not None and not self._tails:
            self._assign({})

    def begin(self) -> None:
        """Begin to read what was added, where a later round may exist; reads that are running continue."""
        if not self._added:
            return
        ends = self._log.ends(self._added, _CALL_SECONDS, stable=False)
        longer = {
            one: _Tail(position, ends[one])
            for one, position in self._added.items()
            if ends[one] + 1 - position >= LATER_ROUND_OFFSETS  # the last control record may be still to come
        }
        if longer:
            going_on = {one: tail._replace(position=self._reached(one, tail)) for one, tail in self._tails.items()}
            self._assign(going_on | longer)
        self._added = {}

    def read(self, timeout: float) -> Mapping[Partition, Mark]:
        """Read all to their ends; the last state of each, where there is one.

        Raises `Unavailable` after `timeout`, or where a transaction is still to end: it may be a round whose offset the
        group has lost.
        """
        self.begin()
        deadline = self._clock.now() + timeout
        ends = self._log.ends(self._tails, timeout)
        if pending := [one for one, tail in self._tails.items() if ends[one] < tail.end]:
            problem = f"a transaction is still to end in {', '.join(map(str, sorted(pending)))}"
            raise Unavailable(problem)
        # To the very end: what is left may be no more than the marker of a round of which the rest was read.
        while any(self._reached(one, tail) < ends[one] for one, tail in self._tails.items()):
            if self._clock.now() > deadline:
                problem = f"the ends of {', '.join(map(str, ends))} are unavailable"
                raise Unavailable(problem)
            for message in self._reader.consume(_READ_RECORDS, _READ_SECONDS):
                changelog = Partition(*message[:2])
                if changelog in self._tails and message.key == MARKER_KEY and message.value is not None:
                    self._last[changelog] = decode_marker(message.value).mark
        last, self._last = self._last, {}
        if ends:
            self._assign({})
        return last

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()

    def _assign(self, tails: Mapping[Partition, _Tail]) -> None:
        self._reader.assign({one: tail.position for one, tail in tails.items()})
        self._tails = dict(tails)

    def _reached(self, changelog: Partition, tail: _Tail) -> int:
        reached = self._reader.position(changelog)
        return tail.position if reached is None else reached
