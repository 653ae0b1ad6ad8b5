"""What a role must do for the loop that runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pipeline.failure import Halted
from pipeline.log.port import Committed, Message, Outgoing, Partition, Unreadable
from pipeline.runtime.loop.holdings import Keeper

_SLICE_BYTES: Final = 1_000_000
"""Of one slice: nothing else of the host runs while it is decided."""


class Decided(NamedTuple):
    """What a role made of some messages."""

    messages: list[Outgoing]
    full: bool = False
    """End the round when all that was read has been looked at: other partitions' messages would not come again."""
    halt: Halted | None = None
    """End the round at once, and then the role: what comes next must not be decided."""


class Finished(NamedTuple):
    """The end of a round: what is still to be written, and the next offset of each touched partition."""

    messages: list[Outgoing]
    offsets: dict[Partition, Committed]
    """Of every partition the round touched, moved or not."""
    again: Sequence[Partition] = ()
    """Partitions that were read further than they got: they are read again from their offset."""


class Role(Keeper, Protocol):
    """What is done with messages. All calls of one role come one at a time."""

    name: str
    topics: Sequence[str]
    fetch_bytes_max: int
    """How much is fetched at once."""

    def wants_round(self) -> bool:
        """Whether there is something to do without any message."""

    def process(self, batch: Sequence[Message]) -> Decided:
        """Decide some messages of ready partitions, in order within each."""

    def pass_over(self, unreadable: Unreadable) -> Decided:
        """Decide what becomes of what cannot be read; raises it where nothing may be lost."""

    def finish(self) -> Finished:
        """End the round."""

    def committed(self, ends: Mapping[Partition, int]) -> None:
        """The round took effect; `ends` are the offsets after what it wrote, by partition, where they are known."""

    def aborted(self) -> None:
        """The round had no effect: forget it."""

    def close(self) -> None:
        """Release everything."""


def slices_of(batch: Sequence[Message], count: int) -> Iterator[Sequence[Message]]:
    """At most so many messages at once, and at most `_SLICE_BYTES` of them but for one; an empty batch is one slice."""
    start = size = 0
    for index, message in enumerate(batch):
        size += len(message.value or b"")
        if index - start == count or (size > _SLICE_BYTES and index > start):
            yield batch[start:index]
            start, size = index, len(message.value or b"")
    yield batch[start:]
