"""Buffers what one partition has delivered since its last commit, and cuts the next block to insert."""

from __future__ import annotations

from pipeline.failure import Failure
from pipeline.log.port import Committed, Message, Partition
from sinks.clickhouse.intents import Intent


class BlockGone(Failure):
    """A block that was begun cannot be read again: the log no longer has all of it."""


class Reading:
    """The messages of one partition that are not in ClickHouse yet, in order."""

    def __init__(
        self, partition: Partition, committed: int, begun: Intent | None, agreed: Committed, at: float
    ) -> None:
        self.partition = partition
        self.committed = committed
        """Everything before this offset is in ClickHouse."""
        self.agreed = agreed
        """The committed offset, as far as known."""
        self.agreed_at = at
        """When that was read, in monotonic seconds."""
        self.begun = begun
        """The block that an earlier run may have inserted, in whole or in part: it comes first."""
        self.messages: list[Message] = []
        self.size = 0
        """Bytes of the values waiting."""

    def agree(self, committed: Committed, at: float) -> None:
        """Notes what the group had committed at the given time."""
        self.agreed, self.agreed_at = committed, at

    def add(self, message: Message) -> None:
        """Adds a message, unless it was delivered before."""
        last = self.messages[-1].offset if self.messages else self.committed - 1
        if message.offset > last:
            self.messages.append(message)
            self.size += len(message.value or b"")

    def has_block(self) -> bool:
        """Whether there is something to insert: a begun block only when all of it is here."""
        if not self.messages:
            return False
        return self.begun is None or self.messages[-1].offset >= self.begun.last

    def block(self) -> list[Message]:
        """The messages to insert next; raises `BlockGone` when a begun block has lost its first or last message."""
        if self.begun is None:
            return list(self.messages)
        begun = self.begun
        block = [message for message in self.messages if message.offset <= begun.last]
        if not block or block[0].offset != begun.first or block[-1].offset != begun.last:
            have = f"{block[0].offset}-{block[-1].offset}" if block else "nothing"
            message = (
                f"{self.partition} was being inserted from {begun.first} to {begun.last} and the log now has {have} "
                "of it; compare the rows of these offsets with the log, then commit the group's offset past them"
            )
            raise BlockGone(message)
        return block

    def finish(self, block: list[Message]) -> None:
        """Removes a block that is in ClickHouse and committed."""
        self.committed = block[-1].offset + 1
        self.begun = None
        self.messages = self.messages[len(block) :]
        self.size = sum(len(message.value or b"") for message in self.messages)
