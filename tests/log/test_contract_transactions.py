"""The port's promises about transactions and committed offsets, held against both adapters."""

from __future__ import annotations

import pytest

from pipeline.log.port import Aborted, Committed, Fenced, LogError, Outgoing, Partition, Producer, TopicSpec
from tests.log.desk import (
    QUIET_SECONDS,
    SECONDS,
    Desk,
    Membership,
    from_nowhere,
    from_the_beginning,
    read,
    texts,
    transact,
    until,
    values,
)


def test_messages_become_visible_with_the_commit_and_not_before(desk: Desk) -> None:
    topic = desk.topic()
    reader = desk.reader(Partition(topic, 0))
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 3))
    assert reader.consume(10, QUIET_SECONDS) == []
    producer.commit(SECONDS)
    assert values(read(reader, 3)) == [b"message-0", b"message-1", b"message-2"]


def test_messages_of_an_aborted_transaction_are_never_seen(desk: Desk) -> None:
    topic = desk.topic()
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 3, "aborted"))
    producer.abort(SECONDS)
    transact(producer, *texts(topic, 2, "committed"))
    assert values(read(desk.reader(Partition(topic, 0)), 2)) == [b"committed-0", b"committed-1"]


def test_a_transaction_over_several_topics_and_partitions_is_seen_whole(desk: Desk) -> None:
    one, other = desk.topic(2, "one"), desk.topic(2, "other")
    places = [Partition(topic, number) for topic in (one, other) for number in (0, 1)]
    transact(desk.transactional(), *(Outgoing(place.topic, None, b"x", place.number) for place in places))
    messages = read(desk.reader(*places), 4)
    assert sorted((message.topic, message.partition) for message in messages) == sorted(places)


def test_a_message_may_be_as_long_as_its_topic_takes(desk: Desk) -> None:
    longest = 2 * 2**20
    topic = desk.prefix + "long"
    desk.log.create_topics([TopicSpec(topic, 1, {"max.message.bytes": str(longest)})])
    long = Outgoing(topic, b"key", b"x" * (longest - 1_000), 0, (("header", b"x" * 500),))
    transact(desk.transactional(), long, long._replace(headers=()))
    assert values(read(desk.reader(Partition(topic, 0)), 2)) == [long.value, long.value]


def test_many_transactions_of_one_producer_keep_their_order(desk: Desk) -> None:
    topic = desk.topic()
    producer = desk.transactional()
    for number in range(20):
        transact(producer, *texts(topic, 5, f"round-{number:02}"))
    messages = read(desk.reader(Partition(topic, 0)), 100)
    assert values(messages) == [f"round-{number:02}-{index}".encode() for number in range(20) for index in range(5)]


def test_a_commit_tells_where_its_partitions_go_on(desk: Desk) -> None:
    topic = desk.topic(3)
    zero, one, two = (Partition(topic, number) for number in range(3))
    producer = desk.transactional()
    assert transact(producer, *texts(topic, 3, partition=0), *texts(topic, 2, partition=1)) == {zero: 3, one: 2}
    control_record = 1
    assert transact(producer, *texts(topic, 1, partition=1), *texts(topic, 2, partition=2)) == {
        one: 2 + control_record + 1,
        two: 2,
    }


def test_an_empty_transaction_commits(desk: Desk) -> None:
    producer = desk.transactional()
    producer.begin()
    producer.commit(SECONDS)
    producer.begin()
    producer.abort(SECONDS)


def test_offsets_and_metadata_are_committed_with_the_messages(desk: Desk) -> None:
    source, sink = desk.topic(2, "source"), desk.topic(1, "sink")
    first, second = Partition(source, 0), Partition(source, 1)
    member = desk.member([source])
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(sink, 1))
    producer.send_offsets({first: Committed(5, "round 7")}, member.consumer, SECONDS)
    producer.commit(SECONDS)
    expected = {first: Committed(5, "round 7"), second: Committed(None)}
    assert member.consumer.committed([first, second], SECONDS) == expected
    assert desk.log.group_offsets(desk.prefix + "group", [source]) == expected
    assert values(read(desk.reader(Partition(sink, 0)), 1)) == [b"message-0"]


def test_offsets_of_an_aborted_transaction_are_not_committed(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    member = desk.member([topic])
    producer = desk.transactional()
    producer.begin()
    producer.send_offsets({partition: Committed(5, "aborted")}, member.consumer, SECONDS)
    producer.abort(SECONDS)
    assert member.consumer.committed([partition], SECONDS) == {partition: Committed(None)}


def test_an_offset_that_did_not_move_can_be_sent_with_new_metadata(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    member = desk.member([topic])
    producer = desk.transactional()
    for metadata in ("round 1", "round 2"):
        producer.begin()
        producer.send_offsets({partition: Committed(0, metadata)}, member.consumer, SECONDS)
        producer.commit(SECONDS)
    assert member.consumer.committed([partition], SECONDS) == {partition: Committed(0, "round 2")}


def test_offsets_can_be_committed_outside_transactions(desk: Desk) -> None:
    topic = desk.topic(2)
    first, second = Partition(topic, 0), Partition(topic, 1)
    member = desk.member([topic])
    offsets = {first: Committed(3, "intent 3-9"), second: Committed(0)}
    member.consumer.commit_offsets(offsets, SECONDS)
    assert member.consumer.committed([first, second], SECONDS) == offsets


def test_a_second_producer_with_the_same_id_fences_the_first(desk: Desk) -> None:
    topic = desk.topic()
    first = desk.transactional("same")
    first.begin()
    first.produce(texts(topic, 1, "first"))
    second = desk.transactional("same")
    with pytest.raises(Fenced):
        first.commit(SECONDS)
    transact(second, *texts(topic, 1, "second"))
    assert values(read(desk.reader(Partition(topic, 0)), 1)) == [b"second-0"]


def test_init_ends_what_an_older_producer_left_open(desk: Desk) -> None:
    """A reader is not held up by the dead producer's transaction."""
    topic = desk.topic()
    first = desk.transactional("same")
    first.begin()
    first.produce(texts(topic, 1, "left-open"))
    first.close()
    desk.transactional("same")
    desk.write(*texts(topic, 1, "after"))
    assert values(read(desk.reader(Partition(topic, 0)), 1)) == [b"after-0"]


def test_offsets_for_a_partition_that_another_member_has_now_are_refused(desk: Desk) -> None:
    topic = desk.topic(2)
    older = desk.member([topic])
    until(lambda: len(older.assigned) == 2, older.consumer)
    newer = Membership(desk.consumer("group"), [topic], from_the_beginning)
    until(lambda: newer.assigned and older.gone, older.consumer, newer.consumer)
    taken = newer.assigned[0]
    producer = desk.transactional()
    producer.begin()
    with pytest.raises(Aborted):
        producer.send_offsets({taken: Committed(1)}, older.consumer, SECONDS)
    producer.abort(SECONDS)
    with pytest.raises(Fenced):
        older.consumer.commit_offsets({taken: Committed(1)}, SECONDS)
    assert taken not in older.consumer.assignment()
    newer.consumer.commit_offsets({taken: Committed(2)}, SECONDS)
    transact(producer, *texts(topic, 1))


def test_a_transaction_whose_offsets_were_refused_cannot_commit(desk: Desk) -> None:
    topic = desk.topic()
    member = desk.member([topic])
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 1))
    with pytest.raises(Aborted):
        producer.send_offsets({Partition(topic, 7): Committed(1)}, member.consumer, SECONDS)
    with pytest.raises(Aborted):
        producer.commit(SECONDS)
    producer.abort(SECONDS)
    assert desk.reader(Partition(topic, 0)).consume(1, QUIET_SECONDS) == []


def test_a_new_member_of_the_group_finds_what_the_last_one_committed(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    last = desk.member([topic])
    last.consumer.commit_offsets({partition: Committed(4, "left here")}, SECONDS)
    last.consumer.close()
    new = desk.member([topic], start=from_nowhere)
    assert new.consumer.committed([partition], SECONDS) == {partition: Committed(4, "left here")}


def test_a_failure_to_produce_surfaces_in_the_commit_at_the_latest(desk: Desk) -> None:
    topic = desk.topic()
    producer = desk.transactional()
    producer.begin()
    with pytest.raises(LogError):
        produce_and_commit_to(producer, Outgoing(topic, None, b"x", 99))
    producer.abort(SECONDS)
    transact(producer, *texts(topic, 1))
    assert values(read(desk.reader(Partition(topic, 0)), 1)) == [b"message-0"]


def test_calls_out_of_turn_are_refused(desk: Desk) -> None:
    producer = desk.log.producer(desk.prefix + "early")
    with pytest.raises(LogError):
        producer.begin()
    producer.close()
    ready = desk.transactional()
    with pytest.raises(LogError):
        ready.commit(SECONDS)
    with pytest.raises(LogError):
        ready.produce(texts(desk.topic(), 1))
    ready.begin()
    with pytest.raises(LogError):
        ready.begin()


def produce_and_commit_to(producer: Producer, message: Outgoing) -> None:
    producer.produce([message])
    producer.commit(SECONDS)
