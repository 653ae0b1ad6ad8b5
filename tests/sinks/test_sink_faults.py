"""The sink and a ClickHouse over HTTP that fails: nothing is lost or doubled, and it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.cli.place import Place
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.settings import Settings
from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.sink import ClickHouseSink
from sinks.clickhouse.tables import TABLES
from sinks.clickhouse.writer import ClickHouseWriter, Unfit
from tests.sinks.running import Running, contents, running_sink, settings
from tests.sinks.server import Fault, Kind, Server, serving
from tests.sinks.story import tell
from tests.sinks.test_sink import EVERYTHING

QUICK: list[tuple[Kind, str]] = [
    (kind, table)
    for kind in ("drop", "refuse", "error")
    for table in ("journal", "facts", "notifications", "customer_state")
]
SILENT: list[tuple[Kind, str]] = [(kind, table) for kind in ("mute", "hold") for table in ("facts", "customer_state")]
"""Each takes seconds: the client must give up first."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("clickhouse")) as started:
        yield started


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """For looking at the tables, empty at first; a sink's own client waits a second for an answer."""
    opened = open_clickhouse(server.dsn)
    for table in TABLES:
        opened.command(f"TRUNCATE TABLE {table}")
    monkeypatch.setattr("sinks.clickhouse.connect._ANSWER_SECONDS", 1)
    yield opened
    server.heal()
    opened.close()


def counts(client: Client) -> dict[str, int]:
    return {table: rows for table, (rows, _) in contents(client).items()}


def sink_on(log: EmbeddedLog, server: Server, **changed: float) -> ClickHouseSink:
    return ClickHouseSink(log, ClickHouseWriter(lambda: open_clickhouse(server.dsn)), settings(**changed))


@pytest.mark.parametrize(("kind", "table"), [*QUICK, *SILENT])
def test_an_insert_that_fails_is_made_again_until_it_is_there_once(
    server: Server, client: Client, embedded_log: EmbeddedLog, kind: Kind, table: str
) -> None:
    tell(embedded_log)
    server.fault(kind, f"INSERT INTO {table}", times=2)  # the client by itself tries again once

    with running_sink(sink_on(embedded_log, server)) as sink:
        sink.drain()
        server.heal()  # what was held arrives late

    assert sink.error is None
    assert counts(client) == EVERYTHING


def test_a_server_killed_in_the_middle_of_an_insert_and_started_again_has_every_row_once(
    server: Server, client: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    unanswered = Fault("mute", "INSERT INTO", times=1)
    server.fault(*unanswered)
    with running_sink(sink_on(embedded_log, server, backoff_seconds_max=0.1)) as sink:
        for faults in ([unanswered], []):
            sink.wait_until(lambda: server.pending() == 0)
            server.kill()
            sink.wait_until(lambda: "Connection refused" in sink.sink.status()[1])
            server.start(*faults)
        sink.drain()
        sink.wait_until(lambda: sink.sink.status() == (True, ""))

    assert sink.error is None
    assert counts(client) == EVERYTHING


def test_a_sink_may_start_before_its_server(tmp_path: Path, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    with serving(tmp_path) as server:
        server.kill()
        with running_sink(sink_on(embedded_log, server)) as sink:
            sink.wait_until(lambda: "ClickHouse at 127.0.0.1 does not answer" in sink.sink.status()[1])
            server.start()
            sink.drain()

        assert sink.error is None
        assert counts(open_clickhouse(server.dsn)) == EVERYTHING


@pytest.mark.parametrize("kind", ["refuse", "error"])
def test_a_sink_may_start_while_its_server_does_not_make_the_tables(
    server: Server, client: Client, embedded_log: EmbeddedLog, kind: Kind
) -> None:
    place = Place(Settings(clickhouse_dsn=server.dsn))
    tell(embedded_log)
    server.fault(kind, "SELECT version FROM schema_migrations", times=1_000, code=241)

    with ExitStack() as opened:
        writer = ClickHouseWriter(lambda: opened.enter_context(place.clickhouse()))
        with running_sink(ClickHouseSink(embedded_log, writer, settings())) as sink:
            sink.wait_until(lambda: "the tables" in sink.sink.status()[1])
            server.heal()
            sink.drain()

    assert sink.error is None
    assert counts(client) == EVERYTHING


def test_a_sink_asks_again_what_is_stored_while_its_server_is_away(
    server: Server, client: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    server.fault("refuse", "SELECT src_topic", times=1_000)

    with running_sink(sink_on(embedded_log, server)) as sink:
        sink.wait_until(lambda: sink.sink.status()[1].startswith("reading what was committed is tried again"))
        asked = sink.sink.status()[1]
        server.heal()
        sink.drain()

    assert "cannot read the last offsets in journal: " in asked
    assert sink.error is None
    assert counts(client) == EVERYTHING


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        pytest.param(60, "restore the table from a backup: a new one would lack what came before", id="no table"),
        pytest.param(243, "make room on ClickHouse's disk", id="disk full"),
        pytest.param(
            516,
            "let the user of ACCRUE_CLICKHOUSE_DSN in, or restart the worker with the address of one that may insert "
            "and select",
            id="not let in",
        ),
    ],
)
def test_a_sink_says_what_somebody_must_do_and_goes_on_when_it_is_done(
    server: Server, client: Client, embedded_log: EmbeddedLog, code: int, remedy: str
) -> None:
    tell(embedded_log)
    server.fault("error", "INSERT INTO ledger_entries", times=1_000, code=code)

    with running_sink(sink_on(embedded_log, server)) as sink:
        sink.wait_until(lambda: sink.sink.status()[1].endswith(f"; {remedy}"))
        server.heal()
        sink.drain()
        sink.wait_until(lambda: sink.sink.status() == (True, ""))

    assert sink.error is None
    assert counts(client) == EVERYTHING


def test_rows_that_the_tables_cannot_take_end_the_sink(
    server: Server, client: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    client.command("ALTER TABLE ledger_entries RENAME COLUMN points TO other")
    try:
        sink = Running(sink_on(embedded_log, server))
        sink.wait_for_death()
    finally:
        client.command("ALTER TABLE ledger_entries RENAME COLUMN other TO points")

    assert isinstance(sink.error, Unfit)
    assert str(sink.error).endswith("ClickHouse's tables are not those of this version: install the one that made them")
