"""Reads one partition up to its end at the last look; later messages wait for the next look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from pipeline.log.port import Log, Message, Partition, Unavailable

_BATCH: Final = 2_000
_POLL_SECONDS: Final = 0.2
_SILENT_SECONDS: Final = 30.0
_SETTLE_SECONDS: Final = 10.0
"""How long after an offset was committed its transaction may take to show in every partition."""


class Reading:
    """A reader of one partition; it belongs to one thread."""

    def __init__(self, log: Log, partition: Partition, first: int = 0) -> None:
        """From `first`, or from the first offset that is kept where that is higher."""
        self.partition = partition
        self._consumer = log.consumer()
        self._ahead: list[Message] = []
        try:
            self.kept_from, self.end = self._consumer.bounds((partition,), _SILENT_SECONDS)[partition]
            self.first = min(max(self.kept_from, first), self.end)
            self._consumer.assign({partition: self.first})
        except BaseException:
            self._consumer.close()
            raise

    def take(self) -> list[Message]:
        """The next messages; none once the end is reached. Raises `Unavailable` when the log falls silent."""
        heard = time.monotonic()
        while not self._ahead:
            position = self._consumer.position(self.partition)
            if (self.first if position is None else position) >= self.end:
                return []
            self._ahead = self._consumer.consume(_BATCH, _POLL_SECONDS)
            if not self._ahead and time.monotonic() - heard > _SILENT_SECONDS:
                message = f"{name_of(self.partition)}: the log has not answered for {_SILENT_SECONDS:.0f} s"
                raise Unavailable(message)
        ready = list(takewhile(lambda message: message.offset < self.end, self._ahead))
        self._ahead = self._ahead[len(ready) :]
        return ready

    def all(self) -> Iterator[Message]:
        """All that is left up to the end."""
        while messages := self.take():
            yield from messages

    def settle(self) -> list[Message]:
        """Messages that were committed already and did not show yet, awaited for a while; none if none come."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not (messages := self._look_again()):
            if time.monotonic() > deadline:
                return []
        return messages

    def look_again(self) -> None:
        """Moves the end to the partition's current end."""
        _, self.end = self._consumer.bounds((self.partition,), _SILENT_SECONDS)[self.partition]

    def _look_again(self) -> list[Message]:
        if not self._ahead:
            self._ahead = self._consumer.consume(_BATCH, _POLL_SECONDS)
        self.look_again()
        return self.take()

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def name_of(partition: Partition, offset: int | None = None) -> str:
    """Formats a place in the log."""
    return f"{partition.topic}[{partition.number}]" + ("" if offset is None else f"@{offset}")
