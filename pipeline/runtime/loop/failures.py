"""Counts failing rounds, to detect a round that can never succeed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pipeline.failure import Halted
from pipeline.log.port import Committed, Partition


class RoundRefused(Halted):
    """The log keeps refusing the output of the same messages."""


class Failures:
    """How often rounds failed without progress: in a row, and at the same first message.

    A round that commits is progress for the partitions that it moved. Others may commit between two failures at the
    same message, and rounds that read nothing, too.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._at: dict[Partition, tuple[int, int]] = {}
        """By partition that a failed round had read: from which offset, and how often it failed from there."""

    @property
    def repeated(self) -> bool:
        """Whether messages that failed more than once are still to come."""
        return any(count > 1 for _, count in self._at.values())

    def failed(self, read: Mapping[Partition, int]) -> int:
        """A round failed that read these partitions, each from this offset; how often without progress."""
        self._in_a_row += 1
        for partition, offset in read.items():
            before, count = self._at.get(partition, (offset, 0))
            self._at[partition] = (offset, count + 1 if before == offset else 1)
        return max(self._in_a_row, *(self._at[one][1] for one in read)) if read else self._in_a_row

    def committed(self, offsets: Mapping[Partition, Committed], again: Collection[Partition]) -> None:
        """A round was committed; the partitions in `again` got on within a message."""
        self._in_a_row = 0
        for partition, (offset, _) in offsets.items():
            known = self._at.get(partition)
            if known is not None and (partition in again or (offset or 0) > known[0]):
                del self._at[partition]

    def nothing_to_read(self) -> None:
        """Resets the counts: nothing is left that could fail, and a quiet role may not commit for days."""
        self._in_a_row = 0

    def taken(self, partitions: Iterable[Partition]) -> None:
        """Forgets partitions that went to another worker."""
        for partition in partitions:
            self._at.pop(partition, None)

    def worst(self) -> str:
        """The place that failed most often; empty if nothing was read."""
        if not self._at:
            return ""
        partition, (offset, _) = max(self._at.items(), key=lambda one: one[1][1])
        return f"{partition}:{offset}"
