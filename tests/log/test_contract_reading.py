"""The port's promises about reading, positions and bounds, held against both adapters."""

from __future__ import annotations

import time

import pytest

from pipeline.log.port import Consumer, LogError, Message, Outgoing, Partition
from tests.log.desk import (
    QUIET_SECONDS,
    SECONDS,
    Desk,
    Membership,
    from_nowhere,
    read,
    texts,
    transact,
    until,
    values,
)


def test_a_message_comes_back_as_it_was_sent(desk: Desk) -> None:
    topic = desk.topic()
    headers = (("eventName", b"pointsIssued"), ("empty", b""), ("eventName", b"again"))
    desk.write(Outgoing(topic, b"key", b"value", 0, headers, 1_700_000_000_123))
    assert read(desk.reader(Partition(topic, 0)), 1) == [
        Message(topic, 0, 0, b"key", b"value", 1_700_000_000_123, headers)
    ]


def test_the_time_of_sending_stands_in_for_a_timestamp(desk: Desk) -> None:
    topic = desk.topic()
    before = time.time() * 1_000 - 1
    desk.write(*texts(topic, 1))
    (message,) = read(desk.reader(Partition(topic, 0)), 1)
    assert before <= message.timestamp <= time.time() * 1_000 + 1


def test_null_and_empty_keys_and_values_are_kept_apart(desk: Desk) -> None:
    topic = desk.topic()
    pairs = [(None, None), (None, b""), (b"", None), (b"", b""), (b"key", None)]
    desk.write(*(Outgoing(topic, key, value, 0) for key, value in pairs))
    desk.write(*(Outgoing(topic, key, value, 0, timestamp=1) for key, value in pairs))
    assert [(message.key, message.value) for message in read(desk.reader(Partition(topic, 0)), 10)] == pairs * 2


def test_messages_with_and_without_headers_keep_their_order(desk: Desk) -> None:
    topic = desk.topic()
    sent = [
        Outgoing(topic, None, b"%d" % number, 0, (("n", b"%d" % number),) if number % 3 else ()) for number in range(99)
    ]
    transact(desk.transactional(), *sent)
    messages = read(desk.reader(Partition(topic, 0)), 99)
    assert [(message.value, message.headers) for message in messages] == [(each.value, each.headers) for each in sent]


def test_a_large_batch_arrives_complete_and_in_order(desk: Desk) -> None:
    topic = desk.topic(4)
    sent = [Outgoing(topic, None, b"%d" % number, number % 4) for number in range(60_000)]
    transact(desk.transactional(), *sent)
    lanes: dict[int, list[int]] = {number: [] for number in range(4)}
    for message in read(desk.reader(*(Partition(topic, number) for number in range(4))), 60_000):
        lanes[message.partition].append(int(message.value or b""))
    assert lanes == {number: list(range(number, 60_000, 4)) for number in range(4)}


def test_consume_gives_no_more_than_its_limit(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 10))
    reader = desk.reader(Partition(topic, 0))
    until(lambda: reader.position(Partition(topic, 0)) == 10, reader)
    reader.seek(Partition(topic, 0), 0)
    assert values(read(reader, 1)) == [b"message-0"]
    while batch := reader.consume(3, QUIET_SECONDS):
        assert len(batch) <= 3


def test_consume_waits_for_the_first_message_and_not_for_all(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 2))
    started = time.monotonic()
    assert desk.reader(Partition(topic, 0)).consume(1_000, SECONDS)
    assert time.monotonic() - started < SECONDS / 2


def test_consume_returns_empty_when_nothing_comes(desk: Desk) -> None:
    topic = desk.topic()
    reader = desk.reader(Partition(topic, 0))
    started = time.monotonic()
    assert reader.consume(10, 0.3) == []
    assert 0.25 <= time.monotonic() - started < 5


def test_a_reader_may_start_in_the_middle(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 1_200))
    assert values(read(desk.reader(Partition(topic, 0), offset=1_198), 2)) == [b"message-1198", b"message-1199"]


def test_seek_rewinds(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 5))
    reader = desk.reader(Partition(topic, 0))
    first = read(reader, 5)
    reader.seek(Partition(topic, 0), 2)
    assert read(reader, 3) == first[2:]


def test_seek_drops_what_was_fetched_ahead(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    desk.write(*texts(topic, 2_000))
    reader = desk.reader(partition)
    for offset in (1_500, 3, 1_990, 700, 0, 1_200):
        read(reader, 1)
        reader.seek(partition, offset)
        assert [message.offset for message in read(reader, 1)] == [offset]


def test_seek_touches_one_partition_only(desk: Desk) -> None:
    topic = desk.topic(2)
    rewound, other = Partition(topic, 0), Partition(topic, 1)
    desk.write(*texts(topic, 3, "rewound", 0), *texts(topic, 3, "other", 1))
    reader = desk.reader(rewound, other)
    read(reader, 6)
    reader.seek(rewound, 1)
    desk.write(*texts(topic, 1, "more", 1))
    assert sorted(map(bytes.decode, filter(None, values(read(reader, 3))))) == ["more-0", "rewound-1", "rewound-2"]
    assert reader.position(other) == 4


def test_partitions_of_a_group_deliver_nothing_until_seek(desk: Desk) -> None:
    topic = desk.topic(2)
    sought, waiting = Partition(topic, 0), Partition(topic, 1)
    desk.write(*texts(topic, 3, "sought", 0), *texts(topic, 3, "waiting", 1))
    member = desk.member([topic], start=from_nowhere)
    assert member.consumer.assignment() == {sought, waiting}
    assert member.consumer.consume(10, QUIET_SECONDS) == []
    member.consumer.seek(sought, 1)
    assert values(read(member.consumer, 2)) == [b"sought-1", b"sought-2"]
    assert member.consumer.consume(10, QUIET_SECONDS) == []
    member.consumer.seek(waiting, 2)
    assert values(read(member.consumer, 1)) == [b"waiting-2"]


def test_a_seek_after_a_seek_wins(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 10))
    member = desk.member([topic], start=lambda consumer, partition: consumer.seek(partition, 3))
    member.consumer.seek(Partition(topic, 0), 7)
    member.consumer.seek(Partition(topic, 0), 5)
    assert values(read(member.consumer, 1)) == [b"message-5"]


def test_seek_may_be_called_while_partitions_are_being_assigned(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 10))
    member = Membership(desk.consumer("group"), [topic], lambda consumer, partition: consumer.seek(partition, 8))
    assert values(read(member.consumer, 2)) == [b"message-8", b"message-9"]


def test_seek_straight_after_assign_wins(desk: Desk) -> None:
    topic = desk.topic(4)
    partitions = [Partition(topic, number) for number in range(4)]
    desk.write(*(each for number in range(4) for each in texts(topic, 30, partition=number)))
    reader = desk.reader(*partitions)
    for offset in range(8):
        reader.assign(dict.fromkeys(partitions, 0))
        for partition in partitions:
            reader.seek(partition, offset + 1)
        first: dict[int, int] = {}
        for message in until_each_came(reader, partitions):
            first.setdefault(message.partition, message.offset)
        assert first == dict.fromkeys(range(4), offset + 1)


def test_seek_in_a_partition_not_held_is_refused(desk: Desk) -> None:
    topic = desk.topic(2)
    reader = desk.reader(Partition(topic, 0))
    with pytest.raises(LogError):
        reader.seek(Partition(topic, 1), 0)


def test_an_offset_beyond_the_end_is_an_error_and_not_a_guess(desk: Desk) -> None:
    topic = desk.topic()
    desk.write(*texts(topic, 3))
    with pytest.raises(LogError):
        read(desk.reader(Partition(topic, 0), offset=100), 1)


def test_bounds_end_before_an_open_transaction(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    reader = desk.reader(partition)
    assert reader.bounds([partition], SECONDS) == {partition: (0, 0)}
    desk.write(*texts(topic, 3))
    assert reader.bounds([partition], SECONDS) == {partition: (0, 3)}
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 2))
    assert reader.bounds([partition], SECONDS) == {partition: (0, 3)}
    assert desk.log.ends([partition], SECONDS) == {partition: 3}
    producer.commit(SECONDS)
    until(lambda: reader.position(partition) == 6, reader)  # two messages and the control record
    assert reader.bounds([partition], SECONDS) == {partition: (0, 6)}
    assert desk.log.ends([partition], SECONDS) == {partition: 6}


def test_bounds_of_several_partitions_are_each_its_own(desk: Desk) -> None:
    topic = desk.topic(2)
    desk.write(*texts(topic, 3, partition=0), *texts(topic, 1, partition=1))
    assert desk.consumer().bounds([Partition(topic, 1), Partition(topic, 0)], SECONDS) == {
        Partition(topic, 0): (0, 3),
        Partition(topic, 1): (0, 1),
    }
    assert desk.consumer().bounds([], SECONDS) == {}


def test_position_reaches_the_end_behind_control_records(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    producer = desk.transactional()
    for number in range(3):
        transact(producer, *texts(topic, 1, f"round-{number}"))
    reader = desk.reader(partition)
    messages = until(lambda: reader.position(partition) == 6, reader)  # the last control record may come a little later
    assert [message.offset for message in messages] == [0, 2, 4]
    assert reader.bounds([partition], SECONDS) == {partition: (0, 6)}


def test_position_of_an_empty_partition_is_its_end(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    reader = desk.reader(partition)
    until(lambda: reader.position(partition) == 0, reader)


def test_position_follows_delivery_and_not_fetching(desk: Desk) -> None:
    topic = desk.topic()
    partition = Partition(topic, 0)
    desk.write(*texts(topic, 10))
    reader = desk.reader(partition)
    read(reader, 4)
    assert reader.position(partition) == 4
    reader.seek(partition, 2)
    read(reader, 1)
    assert reader.position(partition) == 3


def test_position_is_unknown_before_seek(desk: Desk) -> None:
    topic = desk.topic()
    member = desk.member([topic], start=from_nowhere)
    assert member.consumer.position(Partition(topic, 0)) is None


def test_assign_replaces_what_was_assigned(desk: Desk) -> None:
    topic = desk.topic(2)
    desk.write(*texts(topic, 2, "first", 0), *texts(topic, 2, "second", 1))
    reader = desk.reader(Partition(topic, 0))
    read(reader, 1)
    reader.assign({Partition(topic, 1): 1})
    assert reader.assignment() == {Partition(topic, 1)}
    assert values(read(reader, 1)) == [b"second-1"]
    assert reader.consume(10, QUIET_SECONDS) == []


def test_a_consumer_without_a_group_has_no_offsets(desk: Desk) -> None:
    topic = desk.topic()
    reader = desk.reader(Partition(topic, 0))
    with pytest.raises(LogError):
        reader.committed([Partition(topic, 0)], SECONDS)
    with pytest.raises(LogError):
        reader.commit_offsets({}, SECONDS)


def test_closing_twice_does_nothing(desk: Desk) -> None:
    topic = desk.topic()
    member = desk.member([topic])
    member.consumer.close()
    member.consumer.close()
    assert member.gone == []
    producer = desk.transactional()
    producer.close()
    producer.close()


def until_each_came(reader: Consumer, partitions: list[Partition]) -> list[Message]:
    before = {partition: reader.position(partition) for partition in partitions}
    return until(lambda: all(reader.position(each) != before[each] for each in partitions), reader)
