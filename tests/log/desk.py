"""What the contract tests say things with: topics, consumers and producers of one log, named apart and closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from pipeline.log.port import Consumer, Log, Message, Outgoing, Partition, Producer, TopicSpec

SECONDS: Final = 20.0
"""Longer than anything here should ever take."""

QUIET_SECONDS: Final = 0.3
"""How long a test watches for messages that must not come."""


Start = Callable[[Consumer, Partition], None]
"""Says where a partition newly assigned begins."""


def from_the_beginning(consumer: Consumer, partition: Partition) -> None:
    """Start a partition at its first offset."""
    consumer.seek(partition, 0)


def from_nowhere(consumer: Consumer, partition: Partition) -> None:
    """Leave it open where a partition starts."""


class Membership:
    """A group's consumer and what its callbacks were told; `start` chooses where new partitions begin."""

    def __init__(self, consumer: Consumer, topics: Sequence[str], start: Start) -> None:
        self.consumer = consumer
        self.assigned: list[Partition] = []
        self.gone: list[Partition] = []
        self._start = start
        consumer.subscribe(topics, assigned=self._on_assigned, revoked=self.gone.extend, lost=self.gone.extend)

    def _on_assigned(self, partitions: Sequence[Partition]) -> None:
        self.assigned.extend(partitions)
        for partition in partitions:
            self._start(self.consumer, partition)


class Desk:
    """One log under test."""

    def __init__(self, log: Log, prefix: str) -> None:
        self.log = log
        self.prefix = prefix
        self._open = ExitStack()

    def close(self) -> None:
        """Close every consumer and producer made here."""
        self._open.close()

    def topic(self, partitions: int = 1, name: str = "topic") -> str:
        """A new topic."""
        self.log.create_topics([TopicSpec(self.prefix + name, partitions, {})])
        return self.prefix + name

    def consumer(self, group: str | None = None) -> Consumer:
        """A consumer, closed with the desk."""
        consumer = self.log.consumer(None if group is None else self.prefix + group)
        self._open.callback(consumer.close)
        return consumer

    def reader(self, *partitions: Partition, offset: int = 0) -> Consumer:
        """A consumer that reads these partitions."""
        consumer = self.consumer()
        consumer.assign(dict.fromkeys(partitions, offset))
        return consumer

    def member(self, topics: Sequence[str], group: str = "group", start: Start = from_the_beginning) -> Membership:
        """A member of a group that has been given partitions; it starts them after that, from their beginning."""
        member = Membership(self.consumer(group), topics, from_nowhere)
        until(lambda: member.assigned, member.consumer)
        for partition in member.assigned:
            start(member.consumer, partition)
        return member

    def producer(self) -> Producer:
        """A producer without transactions."""
        producer = self.log.producer()
        self._open.callback(producer.close)
        return producer

    def transactional(self, name: str = "producer") -> Producer:
        """A producer that may begin a transaction."""
        producer = self.log.producer(self.prefix + name)
        self._open.callback(producer.close)
        producer.init(SECONDS)
        return producer

    def write(self, *messages: Outgoing) -> None:
        """Write messages outside transactions."""
        producer = self.producer()
        producer.produce(messages)
        producer.flush(SECONDS)


def transact(producer: Producer, *messages: Outgoing) -> Mapping[Partition, int]:
    """One committed transaction; what its commit tells."""
    producer.begin()
    producer.produce(messages)
    return producer.commit(SECONDS)


def read(consumer: Consumer, count: int) -> list[Message]:
    """The next messages, exactly so many."""
    messages: list[Message] = []
    while len(messages) < count:
        more = consumer.consume(count - len(messages), SECONDS)
        assert more, f"after {len(messages)} of {count} messages nothing came for {SECONDS} s"
        messages += more
    return messages


def values(messages: Sequence[Message]) -> list[bytes | None]:
    """What the messages say."""
    return [message.value for message in messages]


def texts(topic: str, count: int, word: str = "message", partition: int | None = 0) -> list[Outgoing]:
    """Messages that can be told apart."""
    return [Outgoing(topic, None, f"{word}-{number}".encode(), partition) for number in range(count)]


def until(condition: Callable[[], object], *consumers: Consumer) -> list[Message]:
    """Consume, turn by turn, until the condition holds; what came meanwhile."""
    deadline = time.monotonic() + SECONDS
    messages: list[Message] = []
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        for consumer in consumers:
            messages += consumer.consume(1_000, 0.05)
        if not consumers:  # whoever it waits for may need the processor
            threading.Event().wait(0.01)
    return messages
