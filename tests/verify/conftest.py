"""A history that a worker has decided on the embedded log, and a ClickHouse to bring it to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from tests.clickhouse import clickhouse, engine, folder
from tests.runtime.workshop import Workshop, history

__all__ = ["at_once", "clickhouse", "engine", "folder", "workshop"]


@pytest.fixture(autouse=True)
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed shows at once in the embedded log: nothing is worth waiting for."""
    if "kafka_log" not in request.fixturenames:
        monkeypatch.setattr("pipeline.verify.reading._SETTLE_SECONDS", 0.1)
        monkeypatch.setattr("pipeline.verify.partition._COMMIT_SECONDS", 0.1)


@pytest.fixture
def workshop(tmp_path: Path, embedded_log: EmbeddedLog) -> Iterator[Workshop]:
    """Everything decided."""
    workshop = Workshop(embedded_log, tmp_path, "v.")
    workshop.journal(*history())
    workshop.decide_all(transaction_records_max=40, tick_customers_max=3)
    yield workshop
    workshop.close()
