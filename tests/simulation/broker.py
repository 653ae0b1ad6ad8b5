"""The simulated log: `pipeline.log.port` over memory, with what goes wrong between a client and a Kafka cluster.

A request and its answer travel apart. A request may be lost, or arrive long after its caller gave up; an answer may be
lost though the request took effect; a transaction ends with markers that are written one by one, some of them late.
As in Kafka, the epoch of a transactional id is all that keeps a late request from a later transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

from pipeline.clock import Clock
from pipeline.log.partitioner import partition_for
from pipeline.log.port import (
    FETCH_BYTES_MAX,
    Committed,
    Fenced,
    LogError,
    Message,
    OutcomeUnknown,
    Outgoing,
    Partition,
    TopicSpec,
)
from tests.simulation.client import Client, slot_of
from tests.simulation.consumer import SimConsumer
from tests.simulation.groups import Group
from tests.simulation.lanes import Identity, Lane, Transaction
from tests.simulation.machine import Machine, Violation
from tests.simulation.producer import SimProducer


class SimBroker:
    """The log."""

    def __init__(self, machine: Machine, clock: Clock, *, undisturbed: bool = False) -> None:
        """`undisturbed`: no request is slow, and reads come in order."""
        self.machine = machine
        self.clock = clock
        self.undisturbed = undisturbed
        self.topics: dict[str, TopicSpec] = {}
        self.lanes: dict[Partition, Lane] = {}
        self.groups: dict[str, Group] = {}
        self.down_until = 0.0
        self.seek_seconds = 0.0
        """How long nothing comes after a seek: a client drops what it has and asks anew."""
        self.refuses: Callable[[Outgoing], bool] = lambda _: False
        """Which messages are refused by name, such as one that is too large."""
        self.begun: dict[str, str] = {}
        """By slot: the process that has begun as its producer last."""
        self._identities: dict[str, Identity] = {}
        self._turn = 0

    def consumer(
        self,
        group: str | None = None,
        *,
        member: str | None = None,
        session_timeout: float = 10.0,
        fetch_bytes_max: int = FETCH_BYTES_MAX,
    ) -> SimConsumer:
        """A consumer of the running process."""
        del fetch_bytes_max  # nothing is compressed here
        return SimConsumer(self, group, member, session_timeout)

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> SimProducer:
        """A producer of the running process."""
        return SimProducer(self, transactional_id, transaction_timeout)

    def create_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create those that are missing; the names created."""
        new = [spec for spec in topics if spec.name not in self.topics]
        for spec in new:
            self.topics[spec.name] = spec
            for number in range(spec.partitions):
                self.lanes[Partition(spec.name, number)] = Lane(Partition(spec.name, number))
        return [spec.name for spec in new]

    def describe_topics(self) -> dict[str, TopicSpec]:
        """Every topic."""
        return dict(self.topics)

    def topic_id(self, topic: str, timeout: float) -> str:
        """The same in every run of a seed: no topic is made anew here, so its name will do."""
        self.partitions(topic)
        Client(self).ask("topic id", timeout)
        return f"id of {topic}"

    def group_offsets(self, group: str, topics: Sequence[str]) -> dict[Partition, Committed]:
        """What a group has committed."""
        offsets = self.group(group).offsets
        return {one: offsets.get(one, Committed(None)) for topic in topics for one in self.partitions(topic)}

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        """The last stable offset of each, or its end."""
        lanes = {one: self.lane(one) for one in partitions}
        Client(self).ask("ends", timeout)
        found = {one: lane.stable if stable else lane.end for one, lane in lanes.items()}
        self.machine.step(f"ends {sorted(found.values())}")
        return found

    def unsettled(self, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
        """Where the last stable offset lies before the end."""
        lanes = {one: self.lane(one) for topic in topics for one in self.partitions(topic)}
        return {one: (lane.stable, lane.end) for one, lane in lanes.items() if lane.stable < lane.end}

    def close(self) -> None:
        """Nothing is held."""

    def group(self, name: str) -> Group:
        """A group, made at the first mention."""
        if name not in self.groups:
            self.groups[name] = Group(self.machine, self.partitions, lambda: self.down_until)
        return self.groups[name]

    def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic."""
        if topic not in self.topics:
            message = f"there is no topic {topic}"
            raise LogError(message)
        return [Partition(topic, number) for number in range(self.topics[topic].partitions)]

    def lane(self, partition: Partition) -> Lane:
        """The records of a partition."""
        if partition not in self.lanes:
            message = f"there is no {partition}"
            raise LogError(message)
        return self.lanes[partition]

    def place(self, message: Outgoing) -> Partition:
        """Where a message goes."""
        count = len(self.partitions(message.topic))
        number = message.partition
        if number is None and message.key is None:
            self._turn += 1
            number = self._turn % count
        elif number is None:
            number = partition_for(message.key or b"", count)
        return self.lane(Partition(message.topic, number)).partition

    def append(self, messages: Iterable[Outgoing], transaction: Transaction | None) -> dict[Partition, int]:
        """Write messages; the offset after the last one, by partition."""
        ends: dict[Partition, int] = {}
        for one in messages:
            topic, number = self.place(one)
            at = self.clock.wall() if one.timestamp is None else one.timestamp
            stored = Message(topic, number, 0, one.key, one.value, at, one.headers)
            lane = self.lanes[Partition(topic, number)]
            lane.append(stored, transaction)
            ends[lane.partition] = lane.end
        return ends

    def compact(self) -> None:
        """Let the cleaner run over every compacted topic."""
        for partition, lane in self.lanes.items():
            if self.topics[partition.topic].config.get("cleanup.policy") == "compact":
                lane.compact(self.machine.chance.randrange(20))

    def identity(self, transactional_id: str) -> Identity:
        """The transactional id's standing."""
        return self._identities.setdefault(transactional_id, Identity())

    def reaches(self, process: Any) -> float:
        """When the process can reach the log; now or earlier: at once."""
        return max(self.down_until, process.cut_until if process is not None else 0.0)

    def ongoing(self, identity: Identity, epoch: int, owner: str, timeout: float) -> Transaction | None:
        """The open transaction, begun if there is none; None while the last one is ending. Raises `Fenced`."""
        if identity.epoch != epoch:
            message = "another producer has taken over, or the transaction took too long"
            raise Fenced(message)
        transaction = identity.transaction
        if transaction is None:
            transaction = identity.transaction = Transaction()
            transaction.owner = owner
            self.machine.at(timeout, partial(self._expire, identity, transaction))
        return transaction if transaction.committed is None else None

    def end(self, identity: Identity, epoch: int, *, commit: bool) -> None:
        """EndTxn. Raises `Fenced`, or `OutcomeUnknown` for what cannot be."""
        if identity.epoch != epoch:
            message = "the producer's epoch is not the last one"
            raise Fenced(message)
        transaction = identity.transaction
        if transaction is not None and transaction.committed is None:
            self.decide(identity, commit=commit)
        elif (identity.ended if transaction is None else transaction.committed) != commit:
            message = "INVALID_TXN_STATE"
            raise OutcomeUnknown(message)

    def decide(self, identity: Identity, *, commit: bool) -> None:
        """The point of no return; the markers follow."""
        transaction = identity.transaction
        assert transaction is not None
        self.machine.note("commit" if commit else "abort")
        transaction.committed = commit
        marks: list[Callable[[], None]] = [partial(lane.mark, transaction) for lane in transaction.lanes]
        marks += [partial(self._mark_offsets, group, transaction) for group in transaction.offsets]
        transaction.markers_left = len(marks)
        for mark in marks:
            marked = partial(self._marked, identity, transaction, mark)
            if self.undisturbed:
                marked()
            else:
                slow = self.machine.faults.hit("slow marker")
                self.machine.at(self.machine.chance.random() * (4.0 if slow else 0.002), marked)
        if not marks:
            identity.transaction, identity.ended = None, commit

    def _marked(self, identity: Identity, transaction: Transaction, mark: Callable[[], None]) -> None:
        mark()
        transaction.markers_left -= 1
        if not transaction.markers_left:
            identity.transaction, identity.ended = None, transaction.committed
            self.machine.wake_all()

    def _mark_offsets(self, name: str, transaction: Transaction) -> None:
        group = self.group(name)
        for partition, committed in transaction.offsets[name].items():
            del group.pending[partition][transaction]
            if transaction.committed:
                group.commit(partition, committed)

    def _expire(self, identity: Identity, transaction: Transaction) -> None:
        if transaction is identity.transaction and transaction.committed is None:
            self.machine.note("transaction timed out")
            if self.begun.get(slot_of(transaction.owner), transaction.owner) != transaction.owner:
                message = f"{transaction.owner} left a transaction open, and its successor did not end it"
                raise Violation(message)
            identity.epoch += 1
            self.decide(identity, commit=False)
