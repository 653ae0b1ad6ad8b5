"""A request to commit that is not answered, or that librdkafka sent twice so that one arrives too late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_producer import KafkaProducer
from pipeline.log.port import Consumer, OutcomeUnknown, Outgoing, Partition, TopicSpec
from tests.faults.proxy import Direction, Proxy, Trap
from tests.log.desk import read, values
from tests.shared_broker import Shared

TRANSACTION_SECONDS = 2.0
CALL_SECONDS = 20.0
UNANSWERED_SECONDS = 0.5
ARRIVED_SECONDS = 2.0


class Line(NamedTuple):
    """A topic, a producer behind a proxy, and a reader who reads past it."""

    topic: str
    producer: KafkaProducer
    proxy: Proxy
    reader: Consumer


@pytest.fixture
def proxy(kafka: Shared) -> Iterator[Proxy]:
    """A proxy where the broker sends the clients of its door."""
    if kafka.door is None or kafka.proxied is None:
        pytest.skip("the broker of ACCRUE_TEST_KAFKA sends no clients to a proxy")
    with Proxy(int(kafka.proxied.rpartition(":")[2])) as proxy:
        proxy.forward_to(kafka.door)
        yield proxy


@pytest.fixture
def line(kafka: Shared, proxy: Proxy, prefix: str) -> Iterator[Line]:
    topic = f"{prefix}torn"
    log = KafkaLog(kafka.bootstrap)
    log.create_topics([TopicSpec(topic, 1, {})])
    reader = log.consumer()
    reader.assign({Partition(topic, 0): 0})
    producer = producer_through(proxy, topic)
    try:
        yield Line(topic, producer, proxy, reader)
    finally:
        producer.close()
        reader.close()


def producer_through(proxy: Proxy, name: str) -> KafkaProducer:
    producer = KafkaLog(proxy.address).producer(name, transaction_timeout=TRANSACTION_SECONDS)
    producer.init(CALL_SECONDS)
    return producer


def send(producer: KafkaProducer, topic: str, value: bytes) -> None:
    producer.begin()
    producer.produce([Outgoing(topic, None, value, 0)])
    assert producer._client is not None
    producer._client.flush(CALL_SECONDS)  # so that it is in the log before what comes late


def read_for(seconds: float, reader: Consumer) -> list[bytes | None]:
    deadline = time.monotonic() + seconds
    found: list[bytes | None] = []
    while (left := deadline - time.monotonic()) > 0:
        found += [message.value for message in reader.consume(10, left)]
    return found


def end_it(end: Callable[[], None], line: Line) -> None:
    """End a transaction whose first request to do so stays on its way."""
    line.proxy.set_trap(Trap.HOLD)
    ending = threading.Thread(target=end)
    ending.start()
    assert line.proxy.sprung.wait(CALL_SECONDS)
    ending.join(CALL_SECONDS)
    assert not ending.is_alive()


def test_late_commit_does_not_commit_half_of_the_next_transaction(line: Line) -> None:
    send(line.producer, line.topic, b"first")
    end_it(lambda: line.producer.commit(CALL_SECONDS), line)
    send(line.producer, line.topic, b"half")

    line.proxy.restore()

    assert read_for(ARRIVED_SECONDS, line.reader) == [b"first"]


def test_late_abort_does_not_abort_half_of_the_next_transaction(line: Line) -> None:
    send(line.producer, line.topic, b"first")
    end_it(lambda: line.producer.abort(CALL_SECONDS), line)
    send(line.producer, line.topic, b"half")
    line.proxy.restore()
    assert read_for(ARRIVED_SECONDS / 2, line.reader) == []

    line.producer.commit(CALL_SECONDS)

    assert read_for(ARRIVED_SECONDS, line.reader) == [b"half"]


@pytest.mark.parametrize(
    ("lost", "found"), [(Direction.TO_BROKER, [b"after"]), (Direction.TO_CLIENT, [b"first", b"after"])]
)
def test_commit_without_an_answer_leaves_the_outcome_unknown_and_the_producer_dead(
    lost: Direction, found: list[bytes], line: Line
) -> None:
    send(line.producer, line.topic, b"first")
    line.proxy.withhold(lost)

    for call in (line.producer.commit, line.producer.commit, line.producer.abort, line.producer.init):
        with pytest.raises(OutcomeUnknown):
            call(UNANSWERED_SECONDS)
    line.producer.close()
    line.proxy.reset()
    line.proxy.restore()
    another = producer_through(line.proxy, line.topic)
    send(another, line.topic, b"after")
    another.commit(CALL_SECONDS)
    another.close()

    assert values(read(line.reader, len(found))) == found
