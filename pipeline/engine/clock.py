"""The clock of one journal partition, driven by its records.

In wall mode there is one source, the owner of the partition; in event mode (a partition that began with
`BackfillBegun`) the clock waits for every source and moves when the slowest does. Records never move it.
"""

from __future__ import annotations

import msgspec

from schemas.records import WALL_SOURCE, BackfillBegun, ClockAdvanced, CustomerRecord, Request


class PartitionClock(msgspec.Struct, array_like=True):
    """Stored in `$partition`; `time` is the instant up to which timers have been asked to fire."""

    time: int = 0
    sources: dict[str, int] = {}
    """Event mode: what each source last announced. Empty in wall mode."""
    done: list[str] = []
    """Sources that have announced their last time."""

    @property
    def event_mode(self) -> bool:
        """Whether the partition runs on event time."""
        return bool(self.sources)

    def begin_backfill(self, record: BackfillBegun) -> None:
        """Switches to event mode; the record must be the partition's first, else it has no effect."""
        if not self.sources and self.time == 0:
            self.sources = dict.fromkeys(record.sources, 0)

    def advance(self, record: ClockAdvanced) -> int | None:
        """Notes what a source announced; returns the partition's new time if that moves it, else None.

        In wall mode only the wall clock counts, in event mode only the sources named at the beginning.
        """
        if not self.sources:
            return self._move(record.time) if record.clock_source == WALL_SOURCE else None
        announced = self.sources.get(record.clock_source)
        if announced is None:
            return None
        if record.time > announced:
            self.sources[record.clock_source] = record.time
        if record.last and record.clock_source not in self.done:
            self.done.append(record.clock_source)
        moved = self._move(min(self.sources.values()))
        if len(self.done) == len(self.sources):
            self.sources = {}
            self.done = []
        return moved

    def as_of(self, record: CustomerRecord) -> int:
        """The instant at which a record is decided: received time, or in event mode event time.

        In event mode it is raised to what the record's own source announced before it. A request there comes from
        outside the history that is loaded, and moves no customer's clock.
        """
        if not self.sources:
            return record.received_at
        if isinstance(record, Request):
            return self.time
        return max(record.event_time, self.sources.get(record.source, 0))

    def _move(self, to: int) -> int | None:
        if to <= self.time:
            return None
        self.time = to
        return to
