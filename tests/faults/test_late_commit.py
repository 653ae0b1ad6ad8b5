"""A request to commit that librdkafka sent twice, and of which the first copy arrives in a later transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_producer import KafkaProducer
from pipeline.log.port import Consumer, Outgoing, Partition, TopicSpec
from tests.broker import HOW_TO_GET_ONE, Broker, can_run
from tests.faults.proxy import Proxy, Trap

TOPIC = "torn"
TRANSACTION_SECONDS = 2.0
CALL_SECONDS = 20.0
ARRIVED_SECONDS = 2.0


class Line(NamedTuple):
    """A producer behind a proxy, and a reader who reads past it."""

    producer: KafkaProducer
    proxy: Proxy
    reader: Consumer


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    if not can_run():
        pytest.skip(HOW_TO_GET_ONE)
    with Proxy() as proxy:
        broker = Broker(tmp_path, [proxy.address])
        broker.start()
        proxy.forward_to(broker.doors[0])
        log = KafkaLog(broker.bootstrap)
        log.create_topics([TopicSpec(TOPIC, 1, {})])
        reader = log.consumer()
        reader.assign({Partition(TOPIC, 0): 0})
        producer = KafkaLog(proxy.address).producer("torn", transaction_timeout=TRANSACTION_SECONDS)
        producer.init(CALL_SECONDS)
        try:
            yield Line(producer, proxy, reader)
        finally:
            producer.close()
            reader.close()
            broker.stop()


def send(producer: KafkaProducer, value: bytes) -> None:
    producer.begin()
    producer.produce([Outgoing(TOPIC, None, value, 0)])
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
    send(line.producer, b"first")
    end_it(lambda: line.producer.commit(CALL_SECONDS), line)
    send(line.producer, b"half")

    line.proxy.restore()

    assert read_for(ARRIVED_SECONDS, line.reader) == [b"first"]


def test_late_abort_does_not_abort_half_of_the_next_transaction(line: Line) -> None:
    send(line.producer, b"first")
    end_it(lambda: line.producer.abort(CALL_SECONDS), line)
    send(line.producer, b"half")
    line.proxy.restore()
    assert read_for(ARRIVED_SECONDS / 2, line.reader) == []

    line.producer.commit(CALL_SECONDS)

    assert read_for(ARRIVED_SECONDS, line.reader) == [b"half"]
