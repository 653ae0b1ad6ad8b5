"""ClickHouse for the tests of a module: the embedded engine, one folder at a time as a process can have only one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.schema import migrate
from sinks.clickhouse.tables import TABLES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that this process holds."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Client]:
    """The engine with all tables and views."""
    client = open_clickhouse(f"chdb://{folder}")
    migrate(client)
    yield client
    client.close()


@pytest.fixture
def clickhouse(engine: Client) -> Client:
    """All tables empty. ClickHouse goes on remembering tokens: a test that counts on them chooses its own epoch."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    return engine
