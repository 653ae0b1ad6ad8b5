"""The writer: inserts rows so that the same token twice means the rows once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.clickhouse.rows import COLUMNS, Rows

_SETTINGS: Final = {
    "async_insert": 0,  # an acknowledgement must mean that the rows are there
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a block with late events of many years is odd, but no error
}


class NotInserted(Exception):
    """Nobody can say which of the rows are there: the same rows with the same token may be inserted again."""


class Writer(Protocol):
    """What the sink needs of ClickHouse. It belongs to one thread."""

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert the rows of one block, table after table; returns when ClickHouse has them.

        After `NotInserted` the same rows must be inserted again with the same token. `None` is for tables without a
        deduplication window, whose rows may come again.
        """


class ClickHouseWriter:
    """Inserts into the tables of the sink; belongs to one thread, as its client does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._types: dict[str, Sequence[ClickHouseType]] = {}

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert the rows of one block, table after table; returns when ClickHouse has them."""
        try:
            self._insert(rows, token)
        except ClickHouseError as error:
            raise NotInserted(str(error)) from error

    def _insert(self, rows: Rows, token: str | None) -> None:
        settings: dict[str, Any] = dict(_SETTINGS)
        if token is not None:
            settings["insert_deduplication_token"] = token
        for table, values in rows.items():
            if values:
                names = COLUMNS[table]
                width = len(names)
                self._client.insert(
                    table,
                    [values[column::width] for column in range(width)],
                    column_names=names,
                    column_types=self._types_of(table),
                    column_oriented=True,
                    settings=settings,
                )

    def _types_of(self, table: str) -> Sequence[ClickHouseType]:
        """The types of the columns, asked for once: they do not change while a process runs."""
        types = self._types.get(table)
        if types is None:
            context = self._client.create_insert_context(table, COLUMNS[table], column_oriented=True)
            types = self._types[table] = context.column_types
        return types
