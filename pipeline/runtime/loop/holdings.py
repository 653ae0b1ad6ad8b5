"""Tracks each assigned partition through its lifecycle: committed offset → state restored → processing.

An assigned partition waits for its committed offset, then for its state; only then is it read, each message once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from pipeline.clock import Clock
from pipeline.failure import Failure
from pipeline.log.port import Committed, Consumer, Message, Partition, Unavailable, Unreadable
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.state.changelog import StateAhead

LOGGER: Final = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
"""How long one look at committed offsets may take: the other partitions wait meanwhile."""
_OVERDUE_SECONDS: Final = 5.0
"""How long to wait for committed offsets before something is done about it, and between two tries."""
_SILENT_SECONDS: Final = 15.0
"""After so long without a delivery although messages wait, the partition is probed for the cause.

A batch of a gigabyte is decompressed sooner, and would be decompressed once more to look.
"""
_SILENT_AGAIN_SECONDS: Final = 10.0
"""The interval between two probes."""
_NOT_YET: Final = 1 << 63
"""An offset beyond all others, expected of partitions that are not ready."""


class Gone(Failure):
    """The log has been unavailable for longer than the worker's patience."""


class Keeper(Protocol):
    """Keeps a role's state for each assigned partition."""

    def open(self, partition: Partition, committed: Committed, first: int) -> None:
        """Opens a newly assigned partition; `first` is the start offset unless the role knows one itself."""

    def restore(self, partition: Partition) -> int | None:
        """Restores for a moment; returns the start offset once the partition is ready."""

    def drop(self, partition: Partition) -> None:
        """The partition was revoked, or must be reopened."""


class Holdings:
    """The assigned partitions and the lifecycle of each. Belongs to the loop's thread."""

    def __init__(
        self, consumer: Consumer, keeper: Keeper, progress: Progress, clock: Clock, patience_seconds: float
    ) -> None:
        self._consumer = consumer
        self._keeper = keeper
        self._progress = progress
        self._clock = clock
        self._patience = patience_seconds
        self._waiting: dict[Partition, float] = {}
        """Partitions whose committed offsets are still to be read, until this instant."""
        self._overdue_at = 0.0
        """When committed offsets that are still waited for are overdue again, monotonic seconds."""
        self._restoring: set[Partition] = set()
        """Partitions that are opened and not ready."""
        self._durable: dict[Partition, int] = {}
        """Of ready partitions: the next offset, as committed."""
        self._expected: dict[tuple[str, int], int] = {}
        """For ready partitions: the next offset of this round. Messages below it were delivered already."""
        self._silent_at = 0.0
        """When to look again why a partition is silent, monotonic seconds."""

    @property
    def unready(self) -> int:
        """How many partitions are not ready."""
        return len(self._waiting) + len(self._restoring)

    def ready(self) -> Collection[Partition]:
        """The partitions that are read."""
        return self._durable.keys()

    def assigned(self, partitions: Iterable[Partition]) -> None:
        """Takes on newly assigned partitions: their committed offsets are read next."""
        deadline = self._clock.now() + self._patience
        self._waiting.update(dict.fromkeys(partitions, deadline))

    def taken(self, partitions: Iterable[Partition]) -> None:
        """Drops partitions that were assigned to another worker."""
        for partition in partitions:
            self._expected.pop(partition, None)
            self._waiting.pop(partition, None)
            if partition in self._restoring or partition in self._durable:
                self._keeper.drop(partition)
            self._restoring.discard(partition)
            self._durable.pop(partition, None)
            self._progress.lag.pop(partition, None)
            self._progress.committed_of.pop(partition, None)

    def overdue(self) -> Partition | None:
        """The next partition whose committed offset is overdue, rate-limited."""
        now = self._clock.now()
        for partition, deadline in self._waiting.items():
            if now - (deadline - self._patience) > _OVERDUE_SECONDS and now >= self._overdue_at:
                self._overdue_at = now + _OVERDUE_SECONDS
                return partition
        return None

    def make_ready(self) -> None:
        """Reads committed offsets of new partitions, and continues restoring those that are not ready.

        Raises `Gone` when committed offsets stay unavailable.
        """
        for partition, (committed, first) in self._committed().items():
            self._keeper.open(partition, committed, first)
            del self._waiting[partition]
            self._restoring.add(partition)
        for partition in sorted(self._restoring):
            self._restore(partition)
        self._progress.placed(ready=bool(self._durable) and not self.unready, restoring=self.unready)

    def new(self, messages: Sequence[Message]) -> list[Message]:
        """Keeps messages of ready partitions that are new: the client may deliver an offset again."""
        expected = self._expected
        batch: list[Message] = []
        for message in messages:
            partition = message[:2]
            offset = message[2]
            if offset >= expected.get(partition, _NOT_YET):
                expected[partition] = offset + 1
                batch.append(message)
        return batch

    def pass_over(self, unreadable: Unreadable) -> bool:
        """Skips unreadable messages; False if they were skipped before."""
        partition = unreadable.partition
        expected = self._expected.get(partition, _NOT_YET)
        if partition in self._expected:
            self._seek(partition, max(expected, unreadable.after))
        return unreadable.after > expected

    def moved(self, offsets: Mapping[Partition, Committed], again: Iterable[Partition]) -> None:
        """These offsets are committed; partitions in `again` were read further, and are read again from there."""
        for partition, (offset, _) in offsets.items():
            if offset is not None:
                self._durable[partition] = offset
        for partition in again:
            self._seek(partition, self._durable[partition])

    def read(self) -> dict[Partition, int]:
        """The partitions that the open round has read, each with the offset that it began from."""
        return {one: offset for one, offset in self._durable.items() if self._expected[one] != offset}

    def rewind(self) -> None:
        """Rewinds every partition that was read beyond its committed offset."""
        for partition, offset in self._durable.items():
            if self._expected[partition] != offset:
                self._seek(partition, offset)

    def begin_anew(self) -> None:
        """Reopens all partitions: offset and state are read again from the log."""
        for partition in (*self._durable, *self._restoring):
            self._keeper.drop(partition)
        for known in (self._durable, self._expected, self._restoring, self._waiting):
            known.clear()
        self.assigned(self._consumer.assignment())

    def look(self, ends: Mapping[Partition, int]) -> None:
        """Reckon the lag: control records are none, so what the consumer has passed over counts as read."""
        for partition, end in ends.items():
            reached = max(self._expected[partition], self._consumer.position(partition) or 0)
            self._progress.lag[partition] = max(0, end - reached)
        self._progress.looked(self._clock.now())

    def silent(self) -> Partition | None:
        """A partition that has messages to read and has delivered none for a while, now and then."""
        now, progress = self._clock.now(), self._progress
        if now < self._silent_at:
            return None
        for partition, offset in self._durable.items():
            moved_at = max(progress.ready_at, progress.committed_of.get(partition, 0.0))
            waits = progress.lag.get(partition) and self._expected[partition] == offset
            if waits and now - moved_at > _SILENT_SECONDS:
                self._silent_at = now + _SILENT_AGAIN_SECONDS
                return partition
        return None

    def _restore(self, partition: Partition) -> None:
        try:
            offset = self._keeper.restore(partition)
        except StateAhead:  # such as after a long sleep, in which another worker had the partition
            self._keeper.drop(partition)
            self._restoring.remove(partition)
            self.assigned([partition])
        else:
            if offset is not None:
                self._restoring.remove(partition)
                self._durable[partition] = offset
                self._seek(partition, offset)

    def _committed(self) -> Mapping[Partition, tuple[Committed, int]]:
        if not self._waiting:
            return {}
        try:
            found = self._consumer.committed(list(self._waiting), _LOOK_SECONDS)
            bounds = self._consumer.bounds(found, _LOOK_SECONDS)
            return {one: (committed, _first(one, committed, bounds[one][0])) for one, committed in found.items()}
        except Unavailable as error:  # such as a transaction of the owner before us that is still to end
            if self._clock.now() > min(self._waiting.values()):
                message = f"committed offsets of {', '.join(map(str, self._waiting))} are unavailable: {error}"
                raise Gone(message) from error
            return {}

    def _seek(self, partition: Partition, offset: int) -> None:
        self._consumer.seek(partition, offset)
        self._expected[partition] = offset


def _first(partition: Partition, committed: Committed, kept_from: int) -> int:
    """The start offset: the committed one, or the first that the log still has if that is higher.

    What a transaction wrote last is its control record. Once retention has passed all that was read, nothing is
    lost, and what is committed is not there any more all the same.
    """
    offset = committed.offset
    if offset is None:
        return kept_from
    if offset < kept_from:
        LOGGER.warning(
            "%s: offsets %d to %d are deleted and were never read: control records, or messages older than the "
            "topic's retention",
            partition,
            offset,
            kept_from - 1,
        )
    return max(offset, kept_from)
