"""Intents: what the sink is about to insert, kept as metadata of the group's unchanged offset.

A block that was begun is inserted again after a restart, with the same messages and the same token, so ClickHouse
drops whatever of it is there already.
"""

from __future__ import annotations

import msgspec

from pipeline.failure import Failure
from pipeline.log.port import Committed, Partition


class Intent(msgspec.Struct, frozen=True):
    """One contiguous stretch of one partition, first and last offset inclusive."""

    first: int
    last: int
    epoch: str
    """Part of the token: another row format, or a deliberate second import, needs another epoch."""

    def token(self, partition: Partition) -> str:
        """What ClickHouse remembers the block by; the same in every table, each of which remembers for itself."""
        return f"{self.epoch}:{partition.topic}:{partition.number}:{self.first}-{self.last}"

    def metadata(self) -> str:
        """The intent as offset metadata."""
        return msgspec.json.encode(self).decode()


class ForeignMetadata(Failure):
    """The group's offset carries metadata that no sink wrote."""


def intent_of(partition: Partition, committed: Committed) -> Intent | None:
    """The block that was begun and perhaps not finished; None when there is none."""
    if not committed.metadata:
        return None
    try:
        return msgspec.json.decode(committed.metadata, type=Intent)
    except msgspec.DecodeError as error:
        message = f"the committed offset of {partition} carries {committed.metadata!r}, which no sink wrote: {error}"
        raise ForeignMetadata(message) from error
