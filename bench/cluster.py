"""The broker's side of a benchmark: a backlog is written, outputs are watched from outside and read at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Message, Outgoing, Partition, TopicSpec

PARTITIONS: Final = 4
_CALL_SECONDS: Final = 30.0
_SLICE: Final = 10_000
_TAIL: Final = 100

Ends = dict[tuple[str, int], int]


class Cluster:
    """One broker, as the harness uses it."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.log = KafkaLog(bootstrap, {"log_level": 0})
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def create(self, topics: Iterable[str]) -> None:
        """Make plain topics of four partitions."""
        self.log.create_topics([TopicSpec(topic, PARTITIONS, {}) for topic in topics])

    def write(self, messages: Iterable[Outgoing]) -> int:
        """Write them all; how many there were."""
        producer = self.log.producer()
        remaining = iter(messages)
        count = 0
        while some := list(islice(remaining, _SLICE)):
            producer.produce(some)
            count += len(some)
        producer.flush(_CALL_SECONDS)
        producer.close()
        return count

    def ends(self, topics: Sequence[str], *, visible: bool) -> Ends:
        """The end of each partition: of all that is written, or of what a read_committed reader sees."""
        level = IsolationLevel.READ_COMMITTED if visible else IsolationLevel.READ_UNCOMMITTED
        wanted = {
            TopicPartition(topic, number): OffsetSpec.latest() for topic in topics for number in range(PARTITIONS)
        }
        deadline = time.monotonic() + _CALL_SECONDS
        while True:
            try:
                answers = self._admin.list_offsets(wanted, isolation_level=level)
                return {(one.topic, one.partition): end.result(_CALL_SECONDS).offset for one, end in answers.items()}
            except KafkaException:  # a busy broker may be without leaders for a moment
                if time.monotonic() > deadline:
                    raise

    def next_offsets(self, topics: Sequence[str]) -> Ends:
        """The offset after the last message of each partition, which the markers of transactions don't move."""
        ends = self.ends(topics, visible=True)
        found: Ends = {}
        for (topic, number), end in ends.items():
            start = max(0, end - _TAIL)
            offsets = [message.offset for message in self._read({Partition(topic, number): start})]
            if not offsets and start:
                message = f"the last {_TAIL} offsets of {topic}:{number} hold no message"
                raise LookupError(message)
            found[topic, number] = offsets[-1] + 1 if offsets else 0
        return found

    def committed(self, group: str, topics: Sequence[str]) -> Ends:
        """Where a group stands."""
        return {
            (partition.topic, partition.number): committed.offset or 0
            for partition, committed in self.log.group_offsets(group, topics).items()
        }

    def read(self, topic: str) -> Iterator[Message]:
        """All visible messages of a topic, partition by partition."""
        for number in range(PARTITIONS):
            yield from self._read({Partition(topic, number): 0})

    def count(self, topics: Iterable[str]) -> int:
        """How many messages of these topics are visible."""
        return sum(_count(self.bootstrap, topic, self.ends([topic], visible=True)) for topic in topics)

    def _read(self, positions: dict[Partition, int]) -> Iterator[Message]:
        consumer = self.log.consumer()
        try:
            left = {one: end for one, (_, end) in consumer.bounds(positions, _CALL_SECONDS).items()}
            consumer.assign(positions)
            while any((consumer.position(one) or 0) < end for one, end in left.items()):
                yield from consumer.consume(_SLICE, 1.0)
        finally:
            consumer.close()


def _count(bootstrap: str, topic: str, ends: Ends) -> int:
    """Messages before the ends, counted without decoding anything."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-count",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    wanted = {number for (_, number), end in ends.items() if end}
    consumer.assign([TopicPartition(topic, number, 0) for number in wanted])
    count = 0
    while wanted:
        for message in consumer.consume(_SLICE, 0.2):
            if message.error() is None:
                count += 1
            else:
                wanted.discard(message.partition())
    consumer.close()
    return count


def reached(here: Callable[[], Ends], there: Ends) -> Callable[[], bool]:
    """A question: has `here` come as far as `there`?"""

    def answer() -> bool:
        now = here()
        return all(now.get(partition, 0) >= end for partition, end in there.items())

    return answer
