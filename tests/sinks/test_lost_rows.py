"""ClickHouse that has lost rows: tables that are new are filled again, and a gap halts the sink."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Partition
from sinks.clickhouse.lost import RowsLost
from tests.sinks.running import Running, contents, drain, settings, sink_on
from tests.sinks.story import FACTS, JOURNAL, POINTS, STATE, bought, tell
from tests.sinks.test_lost_offsets import do_as_told
from tests.sinks.test_sink import EVERYTHING, counts


def empty(client: Client, *tables: str) -> None:
    """Lose all rows of these tables; `settings` give each sink tokens that ClickHouse has not seen."""
    for table in tables or EVERYTHING:
        client.command(f"TRUNCATE TABLE {table}")


def lose(client: Client, topic: str, offset: int) -> None:
    """Lose the rows of a topic from an offset on, as a copy of the database that is older does."""
    for table in EVERYTHING:
        client.command(
            f"ALTER TABLE {table} DELETE WHERE src_topic = '{topic}' AND src_offset >= {offset}",
            settings={"mutations_sync": 1},
        )


def refusal(log: EmbeddedLog, client: Client) -> str:
    """What a sink says that halts."""
    sink = Running(sink_on(log, client))
    sink.wait_for_death()
    assert isinstance(sink.error, RowsLost)
    return str(sink.error)


def test_tables_that_are_new_are_filled_again_though_the_group_has_its_offsets(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    before = contents(clickhouse)
    empty(clickhouse)

    drain(embedded_log, clickhouse)

    assert contents(clickhouse) == before
    assert f"{FACTS}:0: the group is at offset 7 and ClickHouse has no rows, so its tables are new" in caplog.text


def test_tables_that_were_filled_again_are_not_filled_a_third_time(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    told = tell(embedded_log)
    drain(embedded_log, clickhouse)
    empty(clickhouse)
    drain(embedded_log, clickhouse)
    caplog.clear()

    told.journal(bought(11, "B3", 100, "2011-04-20 10:00"))
    drain(embedded_log, clickhouse)

    assert counts(clickhouse) == EVERYTHING | {"journal": 5}
    assert caplog.text == ""


def test_rows_that_end_before_the_committed_offset_halt_the_sink_which_says_what_to_do(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    lose(clickhouse, FACTS, 4)

    told = refusal(embedded_log, clickhouse)

    assert told.startswith(
        f"ClickHouse has rows of {FACTS}:0 only up to offset 3 where group sink has committed offset 7, so rows are "
        "missing. Likely the database was restored from an older copy"
    )
    assert f" write {FACTS},0,4 to a file, one a line, run `kafka-consumer-groups.sh" in told
    assert "delete `clickhouse` in the data folder" in told


def test_with_the_offsets_that_it_names_the_sink_stores_what_an_older_copy_lacks(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    before = contents(clickhouse)
    for topic, offset in ((FACTS, 4), (JOURNAL, 2), (POINTS, 1), (STATE, 3)):
        lose(clickhouse, topic, offset)
    lacking = counts(clickhouse)

    do_as_told(embedded_log, refusal(embedded_log, clickhouse))
    drain(embedded_log, clickhouse)

    assert (lacking["customer_state"], contents(clickhouse)) == (1, before)


@pytest.mark.parametrize("emptied", ["facts", "journal", "notifications"])
def test_one_table_that_is_emptied_is_not_filled_again_at_the_cost_of_repeated_rows(
    clickhouse: Client, embedded_log: EmbeddedLog, emptied: str
) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    empty(clickhouse, emptied)

    if emptied == "facts":
        told = refusal(embedded_log, clickhouse)
        assert f"ClickHouse has rows in ledger_entries of {FACTS}:0, and none in the table" in told
        assert "that one was emptied. Rebuild ClickHouse: stop all workers" in told
    else:
        drain(embedded_log, clickhouse)
        assert counts(clickhouse) == EVERYTHING


def test_a_begun_block_of_a_new_group_is_inserted_with_its_token_although_there_are_no_rows(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    tell(embedded_log)
    with embedded_log._file.writing(10.0, "commit"):
        begun = {Partition(POINTS, 0): Committed(0, '{"first":0,"last":1,"epoch":"before"}')}
        embedded_log._file.store_offsets("sink", begun)

    drain(embedded_log, clickhouse, settings())

    assert counts(clickhouse) == EVERYTHING
    assert "its tables are new" not in caplog.text
