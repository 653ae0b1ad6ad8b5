"""A group that has lost its offsets: what ClickHouse has is not stored again, and the sink says how to go on."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Consumer, Partition, TopicSpec
from sinks.clickhouse.connect import NoAnswer
from sinks.clickhouse.lost import OffsetsLost
from sinks.clickhouse.tables.notifications import NotificationRow
from sinks.clickhouse.tables.table import Source
from sinks.clickhouse.writer import ClickHouseWriter, Unfit
from tests.sinks.running import SECONDS, Running, drain, running, settings, sink_on
from tests.sinks.story import FACTS, JOURNAL, POINTS, REPLIES, STATE, Told, activated, bought, tell
from tests.sinks.test_sink import EVERYTHING, STEPS, Death, Steps, client_with, counts, log_with
from tests.wrapped import Wrapped

GROUP = "sink"
RARE = "test.notifications.rare"


def forget_offsets(log: EmbeddedLog) -> None:
    """What Kafka does after `offsets.retention.minutes`."""
    with log._file.writing(10.0, "forget") as connection:
        connection.execute("DELETE FROM group_offsets")


def refusal(log: EmbeddedLog, client: Client, **changed: Any) -> str:
    """What a sink says that halts."""
    sink = Running(sink_on(log, client, settings(**changed)))
    sink.wait_for_death()
    assert isinstance(sink.error, OffsetsLost)
    assert sink.sink.status() == (False, f"OffsetsLost: {sink.error}")
    return str(sink.error)


def do_as_told(log: EmbeddedLog, told: str) -> None:
    """Give the group the offsets that a refusal names."""
    lines = re.findall(r"(\S+),(\d+),(\d+)", told)
    with log._file.writing(10.0, "reset offsets"):
        log._file.store_offsets(GROUP, {Partition(name, int(at)): Committed(int(next_)) for name, at, next_ in lines})


def asked_of(client: Client, asked: list[tuple[str, Partition]]) -> Any:
    """A client that notes which tables are asked for the last offsets of which partitions."""

    def query(sql: str, **arguments: Any) -> Any:
        for table in re.findall(r"max\(src_offset\) FROM (\w+)", sql):
            asked.extend((table, partition) for partition in arguments["parameters"]["partitions"])
        return client.query(sql, **arguments)

    return Wrapped(client, query=query)


def log_where(log: EmbeddedLog, *happenings: Callable[[], None]) -> Any:
    """A log where something happens each time that a consumer has been told what is committed."""
    left = list(happenings)

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = log.consumer(group, **named)

        def committed(partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
            found = inner.committed(partitions, timeout)
            if left:
                left.pop(0)()
            return found

        return Wrapped(inner, committed=committed)

    return Wrapped(log, consumer=consumer)


def test_offsets_that_are_lost_halt_the_sink_which_says_what_to_do(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    forget_offsets(embedded_log)

    told = refusal(embedded_log, clickhouse)

    assert told.startswith(
        f"ClickHouse has rows of {FACTS}:0 up to offset 6, {JOURNAL}:0 up to offset 3, {POINTS}:0 up to offset 1, "
        f"{REPLIES}:0 up to offset 0, and group {GROUP} has no offset there, so they would be stored again."
    )
    assert (
        f" write {FACTS},0,7 {JOURNAL},0,4 {POINTS},0,2 {REPLIES},0,1 to a file, one a line, run `kafka-consumer"
        in told
    )
    assert counts(clickhouse) == EVERYTHING


def test_with_the_offsets_that_it_names_the_sink_goes_on(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    story = tell(embedded_log)
    drain(embedded_log, clickhouse)
    forget_offsets(embedded_log)
    story.journal(bought(11, "B3", 100, "2011-04-20 10:00"))

    do_as_told(embedded_log, refusal(embedded_log, clickhouse))
    drain(embedded_log, clickhouse)

    assert counts(clickhouse) == EVERYTHING | {"journal": 5}


@pytest.mark.parametrize("fatal", range(1, STEPS))
def test_nothing_comes_twice_when_a_block_was_half_stored_as_the_offsets_were_lost(
    clickhouse: Client, embedded_log: EmbeddedLog, fatal: int
) -> None:
    tell(embedded_log)
    steps = Steps(fatal, done=True)
    dying = Running(sink_on(log_with(embedded_log, steps), client_with(clickhouse, steps)))
    dying.wait_for_death()
    assert isinstance(dying.error, Death)
    stored = {table: rows for table, rows in counts(clickhouse).items() if rows and table != "customer_state"}
    forget_offsets(embedded_log)

    do_as_told(embedded_log, refusal(embedded_log, clickhouse))
    drain(embedded_log, clickhouse)

    found = counts(clickhouse)
    assert {table: found[table] for table in stored} == stored
    assert clickhouse.query("SELECT count() FROM repeated_rows").result_rows == [(0,)]


def test_another_group_does_not_store_into_the_same_tables(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)

    assert "and group other has no offset there" in refusal(embedded_log, clickhouse, group="other")
    assert counts(clickhouse) == EVERYTHING


def test_rows_that_the_log_cannot_have_given_halt_the_sink_which_names_no_offsets(
    clickhouse: Client, embedded_log: EmbeddedLog, tmp_path: Path
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    another = EmbeddedLog(tmp_path / "another")
    another.create_topics([TopicSpec(topic, 1, {}) for topic in (JOURNAL, FACTS, STATE, POINTS, REPLIES)])
    Told(another).journal(activated())

    told = refusal(another, clickhouse)

    another.close()
    assert told.startswith(
        f"ClickHouse has rows of {FACTS}:0 up to offset 6 where the log ends at 0, {JOURNAL}:0 up to offset 3 where "
        f"the log ends at 1, {POINTS}:0 up to offset 1 where the log ends at 0, {REPLIES}:0 up to offset 0 where the "
        "log ends at 0, so they came from another log"
    )
    assert "--reset-offsets" not in told
    assert counts(clickhouse) == EVERYTHING


def test_of_a_partition_without_messages_clickhouse_is_asked_only_while_the_group_is_new(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    embedded_log.create_topics([TopicSpec(RARE, 1, {})])
    using = settings(notifications=(POINTS, RARE))
    new: list[tuple[str, Partition]] = []
    later: list[tuple[str, Partition]] = []

    drain(embedded_log, asked_of(clickhouse, new), using)
    drain(embedded_log, asked_of(clickhouse, later), using)

    assert set(new) - set(later) == {("notifications", Partition(RARE, 0))}
    assert {partition.topic for _, partition in later} == {JOURNAL, FACTS, STATE, POINTS, REPLIES}


def test_a_topic_that_is_new_to_the_group_is_stored_from_its_beginning(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse, settings(notifications=()))
    without = counts(clickhouse)

    drain(embedded_log, clickhouse)

    assert (without, counts(clickhouse)) == (EVERYTHING | {"notifications": 0}, EVERYTHING)


def test_a_member_that_began_while_this_one_asked_is_no_loss(
    clickhouse: Client, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.sink._POLL_EVERY_SECONDS", SECONDS)
    tell(embedded_log)
    using = settings()
    asked_again = threading.Event()
    log = log_where(embedded_log, lambda: drain(embedded_log, clickhouse, using), asked_again.set)

    with running(log, clickhouse, using) as sink:
        assert asked_again.wait(SECONDS)

    assert sink.error is None
    assert counts(clickhouse) == EVERYTHING


def test_partitions_that_are_taken_while_this_member_asks_are_not_placed(
    clickhouse: Client, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.sink._POLL_EVERY_SECONDS", 0.0)
    tell(embedded_log)
    using = settings()
    taken = threading.Event()
    asked: list[tuple[str, Partition]] = []

    def take() -> None:
        drain(embedded_log, clickhouse, using)
        taken.set()

    with running(log_where(embedded_log, take), asked_of(clickhouse, asked), using) as sink:
        assert taken.wait(SECONDS)
        sink.wait_until(lambda: sink.sink.status() == (False, "no partition is assigned"))

    assert (sink.error, asked) == (None, [])
    assert counts(clickhouse) == EVERYTHING


def test_the_last_offsets_are_those_of_the_partitions_asked_for(clickhouse: Client) -> None:
    writer = ClickHouseWriter(lambda: clickhouse)
    stored = [(POINTS, 0, 3), (POINTS, 0, 5), (POINTS, 1, 9), (RARE, 1, 7), (RARE, 2, 8)]
    rows = [
        NotificationRow(org_id=1, customer_id=11, event_name="pointsIssued", at=0, body=b"{}", src=Source(*place))
        for place in stored
    ]
    writer.insert({"notifications": rows}, None)

    last = writer.last_offsets("notifications", [Partition(POINTS, 0), Partition(RARE, 1), Partition(RARE, 3)])

    assert last == {Partition(POINTS, 0): 5, Partition(RARE, 1): 7}


@pytest.mark.parametrize(
    ("table", "error", "remedy"),
    [
        pytest.param("schema_migrations", Unfit, "not those of this version", id="other columns"),
        pytest.param("nowhere", NoAnswer, "restore the table from a backup", id="no table"),
    ],
)
def test_a_table_that_cannot_be_asked_is_judged_as_one_that_takes_no_rows(
    clickhouse: Client, table: str, error: type[Exception], remedy: str
) -> None:
    with pytest.raises(error, match=remedy):
        ClickHouseWriter(lambda: clickhouse).last_offsets(table, [Partition(POINTS, 0)])
