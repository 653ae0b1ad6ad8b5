"""A group that has lost its offsets: what ClickHouse has is not stored again, and the sink says how to go on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Consumer, Partition
from sinks.clickhouse.lost import OffsetsLost
from tests.sinks.running import Running, drain, settings, sink_on
from tests.sinks.story import FACTS, JOURNAL, POINTS, bought, tell
from tests.sinks.test_sink import EVERYTHING, STEPS, Death, Steps, Wrapped, client_with, counts, log_with

GROUP = "sink"


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


def test_offsets_that_are_lost_halt_the_sink_which_says_what_to_do(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    forget_offsets(embedded_log)

    told = refusal(embedded_log, clickhouse)

    assert told.startswith(
        f"ClickHouse has rows of {FACTS}:0 up to offset 6, {JOURNAL}:0 up to offset 3, {POINTS}:0 up to offset 1, "
        f"and group {GROUP} has no offset there, so they would be stored again."
    )
    assert f" write {FACTS},0,7 {JOURNAL},0,4 {POINTS},0,2 to a file, one a line, and run `kafka-consumer" in told
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


def test_a_member_that_began_while_this_one_asked_is_no_loss(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    using = settings()
    before = [True]

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)

        def committed(partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
            found = inner.committed(partitions, timeout)
            if before and before.pop():
                assert {one.offset for one in found.values()} == {None}
                drain(embedded_log, clickhouse, using)
            return found

        return Wrapped(inner, committed=committed)

    drain(Wrapped(embedded_log, consumer=consumer), clickhouse, using)  # type: ignore[arg-type]

    assert counts(clickhouse) == EVERYTHING
