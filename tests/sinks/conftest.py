"""ClickHouse for the tests of a module."""

from __future__ import annotations

from tests.clickhouse import clickhouse, engine, folder

__all__ = ["clickhouse", "engine", "folder"]
