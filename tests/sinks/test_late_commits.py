"""A commit of offsets that takes effect late, over later ones: nobody follows it, and no row comes twice."""

from __future__ import annotations

from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Partition
from sinks.clickhouse.intents import Intent
from tests.sinks.running import drain, running, settings
from tests.sinks.story import POINTS, tell
from tests.sinks.test_sink import EVERYTHING, counts
from tests.wrapped import Wrapped

PLACE: Final = Partition(POINTS, 0)


@pytest.fixture(
    params=[
        pytest.param(Committed(0, Intent(0, 1, "late").metadata()), id="an intent"),
        pytest.param(Committed(0), id="an offset"),
        pytest.param(Committed(2), id="the offset that the block begins at"),
    ]
)
def late(request: pytest.FixtureRequest) -> Committed:
    """What takes effect late."""
    found: Committed = request.param
    return found


def commit_late(log: EmbeddedLog, committed: Committed) -> None:
    """What a broker does with a request that was held on its way."""
    with log._file.writing(10.0, "commit"):
        log._file.store_offsets("sink", {PLACE: committed})


def committed(log: EmbeddedLog) -> Committed:
    return log.group_offsets("sink", [POINTS])[PLACE]


def repeated(client: Client) -> Any:
    return client.query("SELECT count() FROM repeated_rows").result_rows


def test_a_commit_of_its_own_that_takes_effect_late_does_not_move_a_sink_that_runs(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture, late: Committed
) -> None:
    told = tell(embedded_log)
    using = settings(session_seconds=0.0)
    drain(embedded_log, clickhouse, using)
    told.notification(11, "pointsIssued", b"{}")
    held = [late]

    def insert(table: str, data: Any, **arguments: Any) -> None:
        clickhouse.insert(table, data, **arguments)
        if held:
            commit_late(embedded_log, held.pop())
            told.notification(11, "pointsIssued", b"{}")  # a block read again would be another

    drain(embedded_log, Wrapped(clickhouse, insert=insert), using)  # type: ignore[arg-type]

    assert counts(clickhouse) == EVERYTHING | {"notifications": 4}
    assert repeated(clickhouse) == [(0,)]
    assert committed(embedded_log) == Committed(4)
    assert f"{POINTS}:0: the group is back at offset {late.offset}, as a commit took effect late" in caplog.text


def test_a_commit_that_takes_effect_late_does_not_move_the_heir_of_a_sink(
    clickhouse: Client, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture, late: Committed
) -> None:
    told = tell(embedded_log)
    using = settings()
    with running(embedded_log, clickhouse, using) as sink:
        for _ in range(2):
            sink.drain()
            told.notification(11, "pointsIssued", b"{}")
        sink.drain()
    commit_late(embedded_log, late)
    told.notification(11, "pointsIssued", b"{}")

    drain(embedded_log, clickhouse, using)

    assert counts(clickhouse) == EVERYTHING | {"notifications": 5}
    assert repeated(clickhouse) == [(0,)]
    assert committed(embedded_log) == Committed(5)
    assert f"{POINTS}:0: the group is at offset {late.offset} and ClickHouse has rows up to 3" in caplog.text
