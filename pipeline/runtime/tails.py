"""Tails: what changelogs hold behind local stores that already are what is committed.

There should be nothing. But a group may have lost what was committed later, and the store of a worker that had the
partition before then may be exactly what it went back to: the rounds that came after would be decided again.
"""

from __future__ import annotations

from typing import Final

from pipeline.log.port import Consumer, Log, Partition
from pipeline.runtime.marker import MARKER_KEY, Mark, decode_marker

LATER_ROUND_OFFSETS: Final = 3
"""What a later round takes at least behind a marker: the control record of the marker's own, a marker, and another."""
_READ_RECORDS: Final = 2_000
_READ_SECONDS: Final = 0.02
_CALL_SECONDS: Final = 10.0


class Tails:
    """Reads the tails of several changelogs with one reader: to make a reader takes longer than to read a tail."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reader: Consumer | None = None
        self._ends: dict[Partition, int] = {}
        """Of the changelogs that are being read: where each ended when its reading began."""
        self._last: dict[Partition, Mark] = {}
        """The last state that was read of each."""

    def begin(self, changelog: Partition, position: int) -> bool:
        """Begin to read from `position`; False where what lies behind it is too little for a round."""
        end = self._log.ends((changelog,), _CALL_SECONDS)[changelog]
        if end - position < LATER_ROUND_OFFSETS:
            return False
        if self._reader is None:
            self._reader = self._log.consumer()
        first, _ = self._reader.bounds(changelog, _CALL_SECONDS)
        self._read(self._reader, {changelog: max(first, position)})
        self._ends[changelog] = end
        return True

    def step(self, changelog: Partition) -> bool:
        """Read all of them for a moment; whether this one has been read to its end."""
        reader, end = self._reader, self._ends.get(changelog)
        if reader is None or end is None:
            return True
        if (reader.position(changelog) or 0) < end:
            for message in reader.consume(_READ_RECORDS, _READ_SECONDS):
                if message.key == MARKER_KEY and message.value is not None:
                    self._last[Partition(*message[:2])] = decode_marker(message.value).mark
        return (reader.position(changelog) or 0) >= end

    def last(self, changelog: Partition) -> Mark | None:
        """The last state that was read of it so far."""
        return self._last.get(changelog)

    def end(self, changelog: Partition) -> None:
        """Do not read this one any more."""
        self._last.pop(changelog, None)
        if self._ends.pop(changelog, None) is None or self._reader is None:
            return
        if self._ends:
            self._read(self._reader, {})
        else:
            self._reader.close()
            self._reader = None

    def _read(self, reader: Consumer, new: dict[Partition, int]) -> None:
        """Read those in hand from where they are, and new ones."""
        reader.assign({one: reader.position(one) or 0 for one in self._ends} | new)
