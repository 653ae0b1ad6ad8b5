"""Running a sink in a test: to the end of the log, or until it dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from pipeline.log.port import Log
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.tables import TABLES
from sinks.clickhouse.writer import ClickHouseWriter
from tests.sinks.story import FACTS, JOURNAL, POINTS, REPLIES, STATE

SECONDS: Final = 60.0
"""Longer than anything here should ever take."""
_EPOCHS: Final = count()


def settings(**changed: Any) -> SinkSettings:
    """A sink of its own epoch that waits for nothing."""
    return SinkSettings(
        **{
            "group": "sink",
            "journal": JOURNAL,
            "facts": FACTS,
            "state": STATE,
            "notifications": (POINTS,),
            "replies": (REPLIES,),
            "epoch": f"test-{next(_EPOCHS)}",
            "linger_seconds": 0.0,
            "poll_seconds": 0.01,
            "backoff_seconds": 0.01,
        }
        | changed
    )


def sink_on(log: Log, client: Client, using: SinkSettings | None = None) -> ClickHouseSink:
    """A sink from the log into ClickHouse."""
    return ClickHouseSink(log, ClickHouseWriter(lambda: client), using or settings())


class Running:
    """A sink in a thread of its own, and what it died of."""

    def __init__(self, sink: ClickHouseSink) -> None:
        self.sink = sink
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def drain(self) -> None:
        """Wait until everything in the log is in ClickHouse."""
        self.wait_until(lambda: self.sink.lag() == 0)

    def wait_until(self, happened: Any) -> None:
        """Wait, with a deadline, for something that the sink brings about."""
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert self._thread.is_alive(), f"the sink died: {self.error!r}"
            assert time.monotonic() < deadline, f"nothing after {SECONDS} s; {self.sink.status()}"
            self._thread.join(0.01)

    def wait_for_death(self) -> None:
        """Wait until it has died by itself."""
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        self._stop.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.sink.run(self._stop)
        except BaseException as error:  # noqa: BLE001  # a test looks at it
            self.error = error


@contextmanager
def running_sink(sink: ClickHouseSink) -> Iterator[Running]:
    """A sink that runs meanwhile."""
    started = Running(sink)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def running(log: Log, client: Client, using: SinkSettings | None = None) -> Iterator[Running]:
    """A sink from the log into ClickHouse that runs meanwhile."""
    with running_sink(sink_on(log, client, using)) as started:
        yield started


def drain(log: Log, client: Client, using: SinkSettings | None = None) -> None:
    """Bring everything that is in the log into ClickHouse."""
    with running(log, client, using) as sink:
        sink.drain()
    assert sink.error is None


def contents(client: Client) -> dict[str, tuple[int, int]]:
    """By table: how many rows, and a hash of all of them, in whatever order."""
    client.command("OPTIMIZE TABLE customer_state FINAL")
    found = {}
    for table in TABLES.values():
        values = ", ".join(f"`{name}`" for name in table.names)
        sql = f"SELECT count(), groupBitXor(cityHash64(tuple({values}))) FROM {table.name}"
        found[table.name] = client.query(sql).result_rows[0]
    return found
