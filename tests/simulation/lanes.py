"""One partition of the simulated log: messages, control records, transactions, and what a reader may see of them."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from pipeline.log.port import Committed, LogError, Message, Partition


class Transaction:
    """One transaction as the log knows it."""

    def __init__(self) -> None:
        self.committed: bool | None = None
        """None while it is open."""
        self.lanes: list[Lane] = []
        self.offsets: dict[str, dict[Partition, Committed]] = {}
        """By group: what is committed with it."""
        self.markers_left = 0
        self.owner = ""
        """The process that began it."""


class _Record(NamedTuple):
    message: Message | None
    """None: a control record."""
    transaction: Transaction | None


class Lane:
    """The records of one partition."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.end = 0
        self.first = 0
        self._offsets: list[int] = []
        self._records: list[_Record] = []
        self._open: dict[Transaction, int] = {}
        """Transactions whose marker is not written yet, with their first offset."""

    @property
    def stable(self) -> int:
        """The last stable offset: before it, nothing is undecided."""
        return min(self._open.values(), default=self.end)

    def append(self, message: Message, transaction: Transaction | None) -> None:
        """Add one message."""
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = self.end
            transaction.lanes.append(self)
        self._add(message._replace(offset=self.end), transaction)

    def mark(self, transaction: Transaction) -> None:
        """Write the control record that ends the transaction here."""
        del self._open[transaction]
        self._add(None, transaction)

    def read(self, position: int, limit: int) -> tuple[list[Message], int]:
        """Up to `limit` committed messages from `position` on, and the position after them."""
        if not self.first <= position <= self.end:
            message = f"cannot read {self.partition} from offset {position}: it has {self.first} to {self.end}"
            raise LogError(message)
        stable = self.stable
        messages: list[Message] = []
        for index in range(bisect_left(self._offsets, position), len(self._records)):
            offset = self._offsets[index]
            if offset >= stable:
                break
            message, transaction = self._records[index]
            if message is not None and (transaction is None or transaction.committed):
                if len(messages) == limit:
                    return messages, offset
                messages.append(message)
        return messages, max(position, stable)

    def compact(self, kept: int) -> None:
        """Drop superseded and aborted records and markers, but for the last `kept` records."""
        size = max(0, bisect_left(self._offsets, self.stable) - kept)
        latest = {one.message.key: index for index, one in enumerate(self._records) if _lasts(one) and one.message}
        stays = [
            index
            for index, one in enumerate(self._records)
            if index >= size or (_lasts(one) and one.message and latest[one.message.key] == index)
        ]
        self._offsets = [self._offsets[index] for index in stays]
        self._records = [self._records[index] for index in stays]

    def _add(self, message: Message | None, transaction: Transaction | None) -> None:
        self._offsets.append(self.end)
        self._records.append(_Record(message, transaction))
        self.end += 1


def _lasts(record: _Record) -> bool:
    return record.message is not None and (record.transaction is None or bool(record.transaction.committed))


class Identity:
    """One transactional id as its coordinator knows it."""

    def __init__(self) -> None:
        self.epoch = 0
        self.transaction: Transaction | None = None
        self.ended: bool | None = None
        """Whether the last transaction was committed."""
