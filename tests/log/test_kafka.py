"""What only Kafka can do to a client: time out, fall silent, throw it out of the group."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import AdminClient

from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Aborted, Committed, Fenced, LogError, Outgoing, Partition, TopicSpec, Unavailable
from tests.log.desk import (
    SECONDS,
    Desk,
    Membership,
    from_the_beginning,
    read,
    texts,
    transact,
    until,
    values,
)


@pytest.fixture
def desk(kafka_log: KafkaLog, prefix: str) -> Iterator[Desk]:
    desk = Desk(kafka_log, prefix)
    yield desk
    desk.close()


def test_topic_that_the_broker_does_not_know_among_others_may_be_asked_for_again(desk: Desk) -> None:
    topic, missing = desk.topic(), desk.prefix + "missing"
    with pytest.raises(Unavailable, match=missing):
        desk.consumer().bounds([Partition(topic, 0), Partition(missing, 0)], SECONDS)


def test_a_fenced_producer_stays_fenced(desk: Desk) -> None:
    topic = desk.topic()
    producer = desk.transactional("same")
    producer.begin()
    producer.produce(texts(topic, 1))
    desk.transactional("same")
    calls: tuple[Callable[[float], None], ...] = (producer.commit, producer.abort, producer.init)
    for call in calls:
        with pytest.raises(Fenced):
            call(SECONDS)


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    log = KafkaLog("127.0.0.1:1", {"log_level": 0})
    consumer = log.consumer("group")
    with pytest.raises(Unavailable):
        consumer.bounds([Partition("topic", 0)], 0.2)
    with pytest.raises(Unavailable):
        consumer.committed([Partition("topic", 0)], 0.2)
    with pytest.raises(Unavailable):
        log.producer("producer").init(0.2)
    with pytest.raises(Unavailable):
        log.topic_id("topic", 0.2)
    consumer.close()


def test_a_topic_that_was_deleted_and_made_anew_has_another_id(desk: Desk, kafka_bootstrap: str) -> None:
    topic = desk.topic()
    before = desk.log.topic_id(topic, SECONDS)
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    (deleted,) = admin.delete_topics([topic]).values()
    deleted.result(SECONDS)

    until(lambda: desk.log.create_topics([TopicSpec(topic, 1, {})]))

    assert desk.log.topic_id(topic, SECONDS) != before


def test_a_server_that_is_not_there_is_named_with_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.log.kafka._ADMIN_SECONDS", 0.5)
    log = KafkaLog("127.0.0.1:1")

    with pytest.raises(Unavailable) as raised:
        log.create_topics([TopicSpec("topic", 1, {})])

    (advice,) = raised.value.__notes__
    assert "cannot list the topics of Kafka at 127.0.0.1:1 (" in str(raised.value)
    assert "Connection refused" in str(raised.value)
    assert "ACCRUE_KAFKA_BOOTSTRAP" in advice
    assert capfd.readouterr().err == ""


def test_a_consumer_that_was_thrown_out_for_not_polling_cannot_send_offsets(kafka_bootstrap: str, prefix: str) -> None:
    log = KafkaLog(kafka_bootstrap, {"log_level": 0}, max_poll_interval=0.6)
    desk = Desk(log, prefix)
    topic = desk.topic()
    partition = Partition(topic, 0)
    consumer = log.consumer(prefix + "group", session_timeout=0.6)
    idle = Membership(consumer, [topic], from_the_beginning)
    until(lambda: idle.assigned, consumer)
    until(lambda: not consumer._client.memberid(), desk.reader(partition))
    producer = desk.transactional()
    producer.begin()
    with pytest.raises(Aborted):
        producer.send_offsets({partition: Committed(1)}, consumer, SECONDS)
    producer.abort(SECONDS)
    with pytest.raises(Fenced):
        consumer.commit_offsets({partition: Committed(1)}, SECONDS)
    until(lambda: idle.gone == [partition], consumer)
    consumer.close()
    desk.close()


def test_offsets_of_an_older_generation_are_refused_by_the_broker(desk: Desk) -> None:
    """A worker that slept through a rebalance still believes in its partitions, and sends what it knew before."""
    topic = desk.topic(2)
    sleeper = desk.member([topic])
    stale = sleeper.consumer.group_metadata([])  # type: ignore[attr-defined]
    other = Membership(desk.consumer("group"), [topic], from_the_beginning)
    until(lambda: other.assigned and sleeper.gone, sleeper.consumer, other.consumer)
    sleeper.consumer.group_metadata = lambda _partitions: stale  # type: ignore[attr-defined]
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 1))
    with pytest.raises(Aborted):
        producer.send_offsets({Partition(topic, 0): Committed(1)}, sleeper.consumer, SECONDS)
    producer.abort(SECONDS)
    transact(producer, *texts(topic, 1))


def test_a_full_queue_blocks_and_keeps_the_order(desk: Desk) -> None:
    topic = desk.topic(2)
    producer = desk.producer()
    producer.produce([Outgoing(topic, None, b"%d" % number, number % 2) for number in range(250_000)])
    producer.flush(SECONDS)
    lanes: tuple[list[int], list[int]] = ([], [])
    for message in read(desk.reader(Partition(topic, 0), Partition(topic, 1)), 250_000):
        lanes[message.partition].append(int(message.value or b""))
    assert lanes == (list(range(0, 250_000, 2)), list(range(1, 250_000, 2)))


def test_a_message_too_large_for_the_client_fails_its_transaction(desk: Desk) -> None:
    topic = desk.topic()
    producer = desk.transactional()
    producer.begin()
    with pytest.raises(Aborted):
        producer.produce([Outgoing(topic, None, bytes(9_000_000)), *texts(topic, 1)])
    with pytest.raises(Aborted):
        producer.commit(SECONDS)
    producer.abort(SECONDS)
    transact(producer, *texts(topic, 1, "after"))
    assert values(read(desk.reader(Partition(topic, 0)), 1)) == [b"after-0"]


def test_keyed_and_placed_messages_keep_their_order_within_a_partition(desk: Desk) -> None:
    topic = desk.topic(1)
    sent = [Outgoing(topic, b"key", b"%d" % number, 0 if number % 3 else None) for number in range(300)]
    transact(desk.transactional(), *sent)
    assert values(read(desk.reader(Partition(topic, 0)), 300)) == [each.value for each in sent]


def test_a_member_that_died_is_replaced_at_once_by_the_next_of_its_name_and_fenced_when_it_lives(desk: Desk) -> None:
    topic = desk.topic(2)
    frozen, successor = (desk.log.consumer(desk.prefix + "group", member="one", session_timeout=60.0) for _ in "12")
    old = Membership(frozen, [topic], from_the_beginning)
    until(lambda: old.assigned, frozen)

    new = Membership(successor, [topic], from_the_beginning)
    until(lambda: new.assigned, successor)

    assert sorted(new.assigned) == sorted(old.assigned) == [Partition(topic, 0), Partition(topic, 1)]
    for _ in range(2):
        with pytest.raises(Fenced):
            until(lambda: False, frozen)
    frozen.close()
    successor.close()


def test_a_member_with_a_name_leaves_its_partitions_to_the_others_when_it_is_closed(desk: Desk) -> None:
    topic = desk.topic(2)
    leaving, staying = (desk.log.consumer(desk.prefix + "group", member=each, session_timeout=60.0) for each in "ab")
    first = Membership(leaving, [topic], from_the_beginning)
    other = Membership(staying, [topic], from_the_beginning)
    until(lambda: first.assigned and other.assigned, leaving, staying)

    leaving.close()

    until(lambda: len(staying.assignment()) == 2, staying)
    staying.close()


def test_an_open_transaction_is_told_with_where_its_readers_wait(desk: Desk) -> None:
    topic = desk.topic(2)
    producer = desk.transactional()
    transact(producer, *texts(topic, 3, partition=1))
    producer.begin()
    producer.produce(texts(topic, 2, partition=1))

    until(lambda: desk.log.unsettled([topic]) == {Partition(topic, 1): (4, 6)})

    producer.abort(SECONDS)
    until(lambda: desk.log.unsettled([topic]) == {})


def test_an_option_that_the_client_does_not_have_is_refused_in_words() -> None:
    with pytest.raises(LogError, match=r'No such configuration property: "sasl\.pasword"; see ACCRUE_KAFKA_OPTIONS'):
        KafkaLog("127.0.0.1:1", {"sasl.pasword": "x"})
