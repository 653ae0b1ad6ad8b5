"""The port's promises about topics and partitioning, held against both adapters."""

from __future__ import annotations

import pytest

from pipeline.log.partitioner import partition_for
from pipeline.log.port import LogError, Outgoing, Partition, TopicSpec
from tests.log.desk import SECONDS, Desk, read, texts, transact, until


def test_topics_are_created_once_and_described_as_created(desk: Desk) -> None:
    compacted = TopicSpec(desk.prefix + "compacted", 3, {"cleanup.policy": "compact", "segment.bytes": "1048576"})
    plain = TopicSpec(desk.prefix + "plain", 1, {})
    assert desk.log.create_topics([compacted, plain]) == [compacted.name, plain.name]
    described = desk.log.describe_topics()
    assert (described[compacted.name], described[plain.name]) == (compacted, plain)


def test_an_existing_topic_is_left_as_it_is(desk: Desk) -> None:
    before = TopicSpec(desk.prefix + "topic", 2, {"retention.ms": "60000"})
    new = TopicSpec(desk.prefix + "new", 1, {})
    desk.log.create_topics([before])
    assert desk.log.create_topics([TopicSpec(before.name, 5, {}), new]) == [new.name]
    assert desk.log.describe_topics()[before.name] == before


def test_a_topic_keeps_its_id_and_no_other_has_it(desk: Desk) -> None:
    one, other = desk.topic(name="one"), desk.topic(name="other")

    ids = [desk.log.topic_id(topic, SECONDS) for topic in (one, other, one)]

    assert ids == [ids[0], ids[1], ids[0]]
    assert all(ids)
    assert ids[0] != ids[1]


def test_a_key_goes_to_the_partition_that_murmur2_says(desk: Desk) -> None:
    """With each way of sending, so that both adapters agree with each other and with Java."""
    topic = desk.topic(7)
    keys = [b"", b"21", "größe".encode(), *(b"org:customer-%d" % number for number in range(200))]
    producer = desk.transactional()
    transact(
        producer,
        *(Outgoing(topic, key, b"plain") for key in keys),
        *(Outgoing(topic, key, b"with headers", headers=(("a", b"b"),)) for key in keys),
    )
    messages = read(desk.reader(*(Partition(topic, number) for number in range(7))), 2 * len(keys))
    assert {(message.key, message.partition) for message in messages} == {(key, partition_for(key, 7)) for key in keys}


def test_messages_without_a_key_are_spread(desk: Desk) -> None:
    topic = desk.topic(2)
    producer = desk.producer()
    for _ in range(200):  # one by one: a batch may stay together, and so may what comes within a few milliseconds
        producer.produce(texts(topic, 1, partition=None))
        producer.flush(SECONDS)
    messages = read(desk.reader(Partition(topic, 0), Partition(topic, 1)), 200)
    assert {message.partition for message in messages} == {0, 1}


def test_the_partition_given_wins_over_the_key(desk: Desk) -> None:
    topic = desk.topic(3)
    desk.write(*(Outgoing(topic, b"key", b"x", number) for number in range(3)))
    assert len(read(desk.reader(*(Partition(topic, number) for number in range(3))), 3)) == 3


def test_a_topic_that_does_not_exist_is_an_error_to_read(desk: Desk) -> None:
    missing = Partition(desk.prefix + "missing", 0)
    with pytest.raises(LogError):
        read(desk.reader(missing), 1)


def test_a_topic_that_does_not_exist_is_an_error_to_subscribe_to(desk: Desk) -> None:
    with pytest.raises(LogError):
        desk.member([desk.prefix + "missing"])


def test_a_topic_that_does_not_exist_is_an_error_to_ask_about(desk: Desk) -> None:
    missing = Partition(desk.prefix + "missing", 0)
    with pytest.raises(LogError):
        desk.consumer().bounds([missing], SECONDS)
    with pytest.raises(LogError):
        desk.log.group_offsets(desk.prefix + "group", [missing.topic])
    with pytest.raises(LogError):
        desk.log.topic_id(missing.topic, SECONDS)


def test_a_topic_that_does_not_exist_is_an_error_to_write_to(desk: Desk) -> None:
    with pytest.raises(LogError):
        desk.write(*texts(desk.prefix + "missing", 1))


def test_a_partition_that_does_not_exist_is_an_error(desk: Desk) -> None:
    topic = desk.topic(2)
    with pytest.raises(LogError):
        desk.write(*texts(topic, 1, partition=2))
    with pytest.raises(LogError):
        read(desk.reader(Partition(topic, 2)), 1)
    with pytest.raises(LogError):
        desk.consumer().bounds([Partition(topic, 2)], SECONDS)
    with pytest.raises(LogError, match=f"{topic}.*2"):
        desk.consumer().bounds([Partition(topic, 0), Partition(topic, 2)], SECONDS)


def test_a_group_that_never_committed_has_no_offsets(desk: Desk) -> None:
    topic = desk.topic(2)
    offsets = desk.log.group_offsets(desk.prefix + "nobody", [topic])
    assert {partition: committed.offset for partition, committed in offsets.items()} == {
        Partition(topic, 0): None,
        Partition(topic, 1): None,
    }


def test_readers_wait_nowhere_when_every_transaction_has_ended(desk: Desk) -> None:
    topic = desk.topic(2)
    desk.write(*texts(topic, 3))
    producer = desk.transactional()
    transact(producer, *texts(topic, 3, partition=1))

    until(lambda: desk.log.unsettled([topic]) == {})


def test_a_topic_that_does_not_exist_is_an_error_to_look_for_open_transactions_in(desk: Desk) -> None:
    with pytest.raises(LogError):
        desk.log.unsettled([desk.prefix + "missing"])
