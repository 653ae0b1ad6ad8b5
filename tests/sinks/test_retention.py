"""Retention deletes what the group's offset points to: the sink goes on from what is kept, and says what is not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Committed, Consumer, Log, LogError, Outgoing, Partition, TopicSpec
from sinks.clickhouse.intents import Intent
from sinks.clickhouse.lost import MessagesLost, OffsetsLost
from tests.retention import delete_before
from tests.sinks.running import SECONDS, Running, drain, running, settings, sink_on
from tests.sinks.story import FACTS, POINTS, tell
from tests.sinks.test_sink import EVERYTHING, STEPS, Death, Steps, client_with, counts, log_with
from tests.wrapped import Wrapped

GROUP = "sink"
PLACE = Partition(POINTS, 0)


def kept_from(log: EmbeddedLog, partition: Partition, first: int) -> Any:
    """The log as it is when retention has deleted what comes before an offset of a partition."""

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = log.consumer(group, **named)

        def bounds(asked: Iterable[Partition], timeout: float) -> dict[Partition, tuple[int, int]]:
            found = inner.bounds(asked, timeout)
            return {one: (first if one == partition else kept, end) for one, (kept, end) in found.items()}

        def seek(sought: Partition, offset: int) -> None:
            if sought == partition and offset < first:
                message = f"cannot consume from {sought.topic}: offset {offset} is out of range"
                raise LogError(message)
            inner.seek(sought, offset)

        return Wrapped(inner, bounds=bounds, seek=seek)

    return Wrapped(log, consumer=consumer)


def commit(log: EmbeddedLog, committed: Committed) -> None:
    """Make this what the group has committed for the notifications."""
    with log._file.writing(10.0, "commit"):
        log._file.store_offsets(GROUP, {PLACE: committed})


def tokens_of(client: Client, tokens: list[str]) -> Any:
    """A client that notes with which tokens notifications are inserted."""

    def insert(table: str, data: Any, **arguments: Any) -> None:
        if table == "notifications":
            tokens.append(arguments["settings"]["insert_deduplication_token"])
        client.insert(table, data, **arguments)

    return Wrapped(client, insert=insert)


def test_a_sink_goes_on_where_retention_has_passed_the_control_record_that_it_had_committed(
    clickhouse: Client,
    kafka_bootstrap: str,
    kafka_log: KafkaLog,
    prefix: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"{prefix}{name}" for name in ("journal", "facts", "state", "notifications", "replies")]
    kafka_log.create_topics([TopicSpec(name, 1, {}) for name in names])
    [journal, facts, state, notifications, replies] = names
    using = settings(
        group=f"{prefix}sink",
        journal=journal,
        facts=facts,
        state=state,
        notifications=(notifications,),
        replies=(replies,),
        epoch=prefix,
    )
    producer = kafka_log.producer(f"{prefix}worker")
    producer.init(SECONDS)

    def notify() -> None:
        producer.begin()
        producer.produce([Outgoing(notifications, b"1:11", b"{}", 0, (("eventName", b"pointsIssued"),))])
        producer.commit(SECONDS)

    def drain_kafka(log: Log, rows: int) -> None:
        with running(log, clickhouse, using) as sink:
            sink.wait_until(lambda: counts(clickhouse)["notifications"] == rows)
            sink.wait_until(lambda: sink.sink.status() == (True, ""))
        assert sink.error is None

    notify()
    drain_kafka(kafka_log, 1)
    before = kafka_log.group_offsets(using.group, [notifications])
    delete_before(kafka_bootstrap, notifications, 0, 2)

    drain_kafka(kafka_log, 1)  # the worker starts again
    between = kafka_log.group_offsets(using.group, [notifications])
    notify()
    drain_kafka(kafka_log, 2)

    place = Partition(notifications, 0)
    assert (before, between) == ({place: Committed(1)}, {place: Committed(2)})
    assert caplog.text.count(f"{notifications}:0: 1 offsets, 1 to 1, are deleted") == 1
    producer.close()


def test_messages_that_retention_deletes_before_they_are_stored_are_passed_and_told_once(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    told = tell(embedded_log)
    using = settings()
    drain(embedded_log, clickhouse, using)
    for _ in range(3):
        told.notification(11, "pointsIssued", b"{}")

    for _ in range(2):
        drain(kept_from(embedded_log, PLACE, 4), clickhouse, using)

    assert counts(clickhouse) == EVERYTHING | {"notifications": 3}
    assert caplog.text.count(f"{POINTS}:0: 2 offsets, 2 to 3, are deleted and ClickHouse may not have them") == 1
    assert "the sink goes on from offset 4" in caplog.text


@pytest.mark.parametrize("first", [pytest.param(1, id="in part"), pytest.param(2, id="all of it")])
@pytest.mark.parametrize("stored", [pytest.param(False, id="not stored"), pytest.param(True, id="stored")])
def test_a_begun_block_that_retention_has_deleted_is_not_stored_twice(
    clickhouse: Client, embedded_log: EmbeddedLog, first: int, *, stored: bool
) -> None:
    told = tell(embedded_log)
    using = settings()
    steps = Steps(STEPS - 1) if stored else Steps(0, done=True)
    dying = Running(sink_on(log_with(embedded_log, steps), client_with(clickhouse, steps), using))
    dying.wait_for_death()
    assert isinstance(dying.error, Death)
    told.notification(11, "pointsIssued", b"{}")

    drain(kept_from(embedded_log, PLACE, first), clickhouse, using)

    rows = 3 if stored else 3 - first
    assert counts(clickhouse) == EVERYTHING | {"notifications": rows}
    assert clickhouse.query("SELECT count() FROM repeated_rows").result_rows == [(0,)]


def test_a_begun_block_that_is_kept_is_read_again_though_what_is_committed_is_deleted(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    told = tell(embedded_log)
    drain(embedded_log, clickhouse)
    told.notification(11, "pointsIssued", b"{}")
    told.notification(11, "pointsIssued", b"{}")
    commit(embedded_log, Committed(2, Intent(3, 3, "before").metadata()))
    tokens: list[str] = []

    drain(kept_from(embedded_log, PLACE, 3), tokens_of(clickhouse, tokens))

    assert tokens == [f"before:{POINTS}:0:3-3"]
    assert "are deleted" not in caplog.text


def test_a_topic_that_is_kept_for_ever_and_has_deleted_messages_halts_the_sink_which_says_what_to_do(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    using = settings()
    drain(embedded_log, clickhouse, using)

    sink = Running(sink_on(kept_from(embedded_log, Partition(FACTS, 0), 9), clickhouse, using))
    sink.wait_for_death()

    assert isinstance(sink.error, MessagesLost)
    assert str(sink.error).startswith(f"the log has deleted messages of {FACTS}:0 from offset 7 to 8 that ClickHouse")
    assert f" write {FACTS},0,9 to a file, one a line, run `kafka-consumer-groups.sh" in str(sink.error)


def test_rows_of_another_log_are_told_though_the_group_has_an_offset(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    told = tell(embedded_log)
    drain(embedded_log, clickhouse)
    row = [1, 11, "pointsIssued", 0, "{}", POINTS, 0, 7, 0]
    clickhouse.insert("notifications", [row])
    told.notification(11, "pointsIssued", b"{}")

    sink = Running(sink_on(kept_from(embedded_log, PLACE, 3), clickhouse))
    sink.wait_for_death()

    assert isinstance(sink.error, OffsetsLost)
    assert f"{POINTS}:0 up to offset 7 where the log ends at 3, so they came from another log" in str(sink.error)
