"""What cannot be read is named with its place, after all before it, and the client goes on behind it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Consumer, Message, Outgoing, Partition, TopicSpec, Unavailable, Unreadable
from tests.log import raw_batches
from tests.log.desk import QUIET_SECONDS, SECONDS, read, until, values
from tests.log.mock_cluster import MockCluster
from tests.log.odd_batches import CASES, FORGED, GOOD, ODD_NAME, Case, bomb
from tests.log.raw_batches import ZSTD, RawRecord, batch

PATIENCE_SECONDS: Final = 2.0


def passing_over(consumer: Consumer, partition: Partition, count: int) -> tuple[list[Message], list[Unreadable]]:
    """So many messages, and what could not be read before, between and behind them."""
    messages: list[Message] = []
    unreadable: list[Unreadable] = []
    deadline = time.monotonic() + SECONDS
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages came, and {unreadable}"
        try:
            some = consumer.consume(count - len(messages), PATIENCE_SECONDS)
            messages += some
            if not some:
                consumer.examine(partition, SECONDS)
        except Unreadable as error:
            unreadable.append(error)
            consumer.seek(error.partition, error.after)
    return messages, unreadable


def write(bootstrap: str, topic: str, case: Case) -> None:
    """A good message, then what cannot be read, then a good one."""
    now = time.time_ns() // 1_000_000
    good = batch(GOOD, timestamp=now)
    for one in (good, case.batch(now), good):
        raw_batches.produce(bootstrap, topic, 0, one)


def check(consumer: Consumer, topic: str, case: Case) -> None:
    """The good messages come, and what lies between them is named."""
    place, count = Partition(topic, 0), case.count
    consumer.assign({place: 0})
    messages, unreadable = passing_over(consumer, place, 2)
    assert [(one.offset, one.value) for one in messages] == [(0, b"good"), (1 + count, b"good")]
    assert [(one.partition, one.first, one.after) for one in unreadable] == [(place, 1, 1 + count)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    """It takes whatever it is given."""
    with MockCluster() as cluster:
        yield cluster


@pytest.fixture
def consumer(cluster: MockCluster) -> Iterator[Consumer]:
    consumer = KafkaLog(cluster.bootstrap, {"log_level": 0}).consumer()
    yield consumer
    consumer.close()


@pytest.mark.parametrize("case", (CASES | FORGED).values(), ids=CASES | FORGED)
def test_what_comes_before_and_after_is_delivered(
    cluster: MockCluster, consumer: Consumer, case: Case, prefix: str
) -> None:
    topic = f"{prefix}topic"
    cluster.topic(topic)
    write(cluster.bootstrap, topic, case)
    check(consumer, topic, case)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_so_on_a_real_kafka(kafka_bootstrap: str, kafka_log: KafkaLog, case: Case, prefix: str) -> None:
    topic = f"{prefix}topic"
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    write(kafka_bootstrap, topic, case)
    consumer = kafka_log.consumer()
    try:
        check(consumer, topic, case)
    finally:
        consumer.close()


def test_of_a_message_with_an_odd_header_name_all_else_is_known(
    cluster: MockCluster, consumer: Consumer, prefix: str
) -> None:
    cluster.topic(prefix)
    now = time.time_ns() // 1_000_000
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch([ODD_NAME], timestamp=now))
    consumer.assign({Partition(prefix, 0): 0})

    with pytest.raises(Unreadable, match=r"offset 0 of .*: the name of a header is not UTF-8: .* byte 0xe9") as found:
        consumer.consume(1, SECONDS)

    assert found.value.message == Message(prefix, 0, 0, b"key", b"value", now, ())


def test_among_many_messages_with_headers_only_the_odd_one_is_not_read(
    cluster: MockCluster, consumer: Consumer, prefix: str
) -> None:
    """An interpreter that has seen a call often enough makes it another way."""
    cluster.topic(prefix)
    plain = [RawRecord(b"%d" % number, headers=[(b"name", b"value")]) for number in range(100)]
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch([*plain, ODD_NAME, *plain], timestamp=0))
    place = Partition(prefix, 0)
    consumer.assign({place: 0})

    messages, unreadable = passing_over(consumer, place, 200)

    assert {one.headers for one in messages} == {(("name", b"value"),)}
    assert [one.offset for one in messages] == [*range(100), *range(101, 201)]
    assert [one.first for one in unreadable] == [100]


def test_it_is_said_again_until_somebody_seeks(cluster: MockCluster, consumer: Consumer, prefix: str) -> None:
    cluster.topic(prefix)
    write(cluster.bootstrap, prefix, CASES["zstd that says its length"])
    place = Partition(prefix, 0)
    consumer.assign({place: 1})

    for _ in range(2):
        with pytest.raises(Unreadable):
            consumer.consume(10, SECONDS)

    consumer.seek(place, 2)
    assert values(read(consumer, 1)) == [b"good"]
    consumer.seek(place, 1)
    with pytest.raises(Unreadable):
        consumer.consume(10, SECONDS)


def test_a_batch_that_was_read_in_part_before_is_passed_over_from_there(
    cluster: MockCluster, consumer: Consumer, prefix: str
) -> None:
    cluster.topic(prefix)
    write(cluster.bootstrap, prefix, CASES["zstd with many messages"])
    consumer.assign({Partition(prefix, 0): 7})

    with pytest.raises(Unreadable) as found:
        consumer.consume(1, SECONDS)

    assert (found.value.first, found.value.after) == (7, 302)


def test_two_batches_in_a_row_are_named_one_by_one(cluster: MockCluster, consumer: Consumer, prefix: str) -> None:
    cluster.topic(prefix)
    two = batch([*GOOD, *bomb()], ZSTD, timestamp=0)
    for one in (two, two, batch(GOOD, timestamp=0)):
        raw_batches.produce(cluster.bootstrap, prefix, 0, one)
    place = Partition(prefix, 0)
    consumer.assign({place: 0})

    messages, unreadable = passing_over(consumer, place, 1)

    assert [one.offset for one in messages] == [4]
    assert [(one.first, one.after) for one in unreadable] == [(0, 2), (2, 4)]


def test_the_last_that_there_is_may_be_unreadable(cluster: MockCluster, consumer: Consumer, prefix: str) -> None:
    cluster.topic(prefix)
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch([*bomb(), *GOOD], ZSTD, timestamp=0))
    place = Partition(prefix, 0)
    consumer.assign({place: 0})

    with pytest.raises(Unreadable) as found:
        consumer.consume(1, SECONDS)

    consumer.seek(place, found.value.after)
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch(GOOD, timestamp=0))
    assert [one.offset for one in read(consumer, 1)] == [2]


def test_other_partitions_go_on_where_one_was_passed_over(
    cluster: MockCluster, consumer: Consumer, prefix: str
) -> None:
    cluster.topic(prefix, 2)
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch(bomb(), ZSTD, timestamp=0))
    raw_batches.produce(cluster.bootstrap, prefix, 1, batch(GOOD, timestamp=0))
    consumer.assign({Partition(prefix, number): 0 for number in range(2)})

    messages, _ = passing_over(consumer, Partition(prefix, 0), 1)

    assert [(one.partition, one.value) for one in messages] == [(1, b"good")]


def test_a_partition_that_is_only_quiet_can_be_read(cluster: MockCluster, consumer: Consumer, prefix: str) -> None:
    cluster.topic(prefix)
    place = Partition(prefix, 0)
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch(GOOD, timestamp=0))
    consumer.assign({place: 0})
    read(consumer, 1)

    consumer.examine(place, SECONDS)

    assert consumer.consume(1, 0.0) == []


def test_a_partition_that_does_not_answer_is_not_taken_for_unreadable(
    cluster: MockCluster, consumer: Consumer, prefix: str
) -> None:
    cluster.topic(prefix)
    place = Partition(prefix, 0)
    raw_batches.produce(cluster.bootstrap, prefix, 0, batch(GOOD, timestamp=0))
    consumer.assign({place: 1})
    cluster.go_down()
    try:
        with pytest.raises(Unavailable):
            consumer.examine(place, PATIENCE_SECONDS)
    finally:
        cluster.come_up()


def test_a_long_transaction_that_was_aborted_is_not_taken_for_unreadable(kafka_log: KafkaLog, prefix: str) -> None:
    """Answer after answer holds nothing that is delivered, and ends within a batch."""
    topic = f"{prefix}topic"
    place = Partition(topic, 0)
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    producer = kafka_log.producer(f"{prefix}producer")
    consumer = kafka_log.consumer()
    try:
        producer.init(SECONDS)
        producer.begin()
        producer.produce([Outgoing(topic, None, random.Random(number).randbytes(900_000), 0) for number in range(30)])
        until(lambda: kafka_log.ends([place], SECONDS, stable=False)[place] == 30)
        producer.abort(SECONDS)
        consumer.assign({place: 0})
        consumer.examine(place, SECONDS)
        assert consumer.consume(1, QUIET_SECONDS) == []
        until(lambda: consumer.position(place) == 31, consumer)
    finally:
        producer.close()
        consumer.close()
