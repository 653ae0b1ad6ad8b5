"""The port to the log: what the loops need of Kafka, and nothing else.

Two adapters implement it, `pipeline.log.kafka` and `pipeline.log.embedded`; one suite of contract tests holds
both to what the docstrings here promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pipeline.failure import Failure, Halted

Headers = tuple[tuple[str, bytes], ...]

FETCH_BYTES_MAX: Final = 50 * 2**20
"""Fetch size for topics that only Accrue writes."""


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        """Formats it as `topic:partition`."""
        return f"{self.topic}:{self.number}"


class Message(NamedTuple):
    """One message as stored in the log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    """Milliseconds since the epoch, as the producer set it."""
    headers: Headers


class Outgoing(NamedTuple):
    """One message to be produced. `partition=None` leaves the choice to the murmur2 partitioner over the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers = ()
    timestamp: int | None = None
    """Milliseconds since the epoch; None for the time of sending."""


class Committed(NamedTuple):
    """What a consumer group committed for a partition. `offset=None`: nothing so far."""

    offset: int | None
    metadata: str = ""


class LogError(Failure):
    """The log could not do what was asked; the message says what, where and why."""


class Unavailable(LogError):
    """The log did not answer in time and nothing was changed; the same call may be made again."""


class Aborted(LogError):
    """The transaction cannot be committed; abort it, rewind and continue with the same producer."""


class Fenced(LogError):
    """Another producer with the same transactional id has taken over; this producer is dead for good."""


class OutcomeUnknown(LogError):
    """It is unknown whether the commit or abort took effect; this producer must never be used again."""


class Unreadable(LogError, Halted):
    """What is stored at `partition` from `first` up to `after` cannot be read, now or later.

    A reader that may skip it seeks to `after`; any other must stop.
    """

    def __init__(
        self, problem: str, *, partition: Partition, first: int, after: int, message: Message | None = None
    ) -> None:
        """`message`: what of it can be read, where that is all but its headers."""
        there = f"offset {first}" if after == first + 1 else f"offsets {first} to {after - 1}"
        super().__init__(f"cannot read {there} of {partition}: {problem}")
        self.problem = problem
        self.partition = partition
        self.first = first
        self.after = after
        self.message = message


class TopicSpec(NamedTuple):
    """The required configuration of a topic."""

    name: str
    partitions: int
    config: Mapping[str, str]


class Consumer(Protocol):
    """Reads messages of committed transactions, in offset order within a partition.

    A consumer is made with a group (then `subscribe` shares partitions with the other members) or
    without one (then `assign` takes partitions for itself). It belongs to one thread.
    """

    def subscribe(
        self,
        topics: Sequence[str],
        *,
        assigned: Callable[[Sequence[Partition]], None],
        revoked: Callable[[Sequence[Partition]], None],
        lost: Callable[[Sequence[Partition]], None],
    ) -> None:
        """Join the group. The callbacks run inside `consume`; `assigned` and `revoked` get the change only.

        Newly assigned partitions deliver nothing until `seek` has said from where.
        """

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Read exactly these partitions, each from the offset given; no group is involved."""

    def consume(self, limit: int, timeout: float) -> list[Message]:
        """Up to `limit` messages; waits at most `timeout` seconds for the first. Errors are raised, not returned.

        Raises `Fenced`, from then on, when another consumer has taken the place of this member. Raises `Unreadable`
        at what cannot be read, after the messages before it; its partition then delivers nothing until `seek`.
        """

    def examine(self, partition: Partition, timeout: float) -> None:
        """Checks why a partition delivers none of its messages; `consume` raises `Unreadable` if they cannot be read.

        A client may meet such messages without an error. Raises `Unavailable` when that cannot be found out now.
        """

    def seek(self, partition: Partition, offset: int) -> None:
        """Deliver from `offset` on; also drops what was fetched ahead."""

    def assignment(self) -> frozenset[Partition]:
        """The partitions this consumer holds now."""

    def committed(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
        """The group's committed offsets with metadata, stable: waits for transactions in flight to end."""

    def commit_offsets(self, offsets: Mapping[Partition, Committed], timeout: float) -> None:
        """Commit outside a transaction. Raises `Fenced` when the group has moved on.

        After `Unavailable` it may still take effect, even after a commit that comes later.
        """

    def bounds(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, tuple[int, int]]:
        """(first offset kept, last stable offset): a read_committed reader at the second has read all there is."""

    def position(self, partition: Partition) -> int | None:
        """The offset after the last message delivered or skipped (control records too); None before the first."""

    def close(self) -> None:
        """Leave the group and release everything; a second call does nothing."""


class Producer(Protocol):
    """Writes messages; made with a `transactional_id`, it writes transactions. It belongs to one thread."""

    def init(self, timeout: float) -> None:
        """Fence older producers with the same transactional id and end what they left open."""

    def begin(self) -> None:
        """Begin a transaction."""

    def produce(self, messages: Sequence[Outgoing]) -> None:
        """Enqueue messages in order; blocks while the queue is full. Failures surface at the latest in `commit`."""

    def send_offsets(self, offsets: Mapping[Partition, Committed], consumer: Consumer, timeout: float) -> None:
        """Make the consumer's group offsets part of this transaction, checked against its group membership."""

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        """Commit: returns when it is durable, raises `Aborted`, `Fenced` or `OutcomeUnknown` when it is not.

        By partition: the offset after the last message of this transaction there, or a lower one, or none, where the
        client was not told: after it had to send messages twice, or where messages did not name their partition.
        """

    def abort(self, timeout: float) -> None:
        """Abort the open transaction; raises `Fenced` or `OutcomeUnknown` when that cannot be known."""

    def flush(self, timeout: float) -> None:
        """Without transactions: wait until all produced messages are acknowledged; raises if any is not."""

    def close(self) -> None:
        """Release everything without waiting for open work; a second call does nothing."""


class Log(Protocol):
    """One log: makes consumers and producers, and administers topics."""

    def consumer(
        self,
        group: str | None = None,
        *,
        member: str | None = None,
        session_timeout: float = 10.0,
        fetch_bytes_max: int = FETCH_BYTES_MAX,
    ) -> Consumer:
        """A read_committed consumer; auto-commit is off and an unknown position is an error, never a guess.

        A consumer with the name of a `member` that did not leave takes its place, and its partitions, at once.
        `fetch_bytes_max` is how much is fetched at once, as it is stored: what others compressed may be a thousand
        times as long, or more, once it is read.
        """

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> Producer:
        """An idempotent producer; transactional when an id is given."""

    def create_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Creates missing topics and returns their names; existing topics stay as they are."""

    def describe_topics(self) -> dict[str, TopicSpec]:
        """Every topic of the log with its partition count and the configuration this log knows of it."""

    def topic_id(self, topic: str, timeout: float) -> str:
        """Identifies this topic among all others, including earlier or later topics of the same name.

        It is stable for the topic's lifetime and the same for every reader. A copy of a whole log has the same ids.
        """

    def group_offsets(self, group: str, topics: Sequence[str]) -> dict[Partition, Committed]:
        """The group's committed offsets for the topics, read without joining it."""

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        """The last stable offset of each, in one request that does not wait for a running fetch; any thread may ask.

        `stable=False`: the offset after the last message, be its transaction still open or not.
        """

    def unsettled(self, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
        """Where readers wait for a transaction to end: (last stable offset, offset after the last message)."""

    def close(self) -> None:
        """Releases what the log holds; the callers that made consumers and producers close them."""
