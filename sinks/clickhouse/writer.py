"""The writer: inserts rows with a deduplication token, so that a retry stores nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, Error, ProgrammingError

from pipeline.log.port import Partition
from sinks.clickhouse.connect import CannotConnect, NoAnswer, reason
from sinks.clickhouse.tables import TABLES, Rows

_SETTINGS: Final = {
    "async_insert": 0,  # an acknowledgement must mean that the rows are stored
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a block with late events of many years is rare, but no error
}
_OTHER_TABLES: Final = frozenset({16, 20, 47, 53, 62, 115})
"""Errors about columns, types and settings that do not exist: no retry can make these rows fit."""
_ACCESS: Final = (
    "let the user of ACCRUE_CLICKHOUSE_DSN in, or restart the worker with the address of one that may insert and select"
)
_REMEDIES: Final = {
    60: "restore the table from a backup: a new one would lack what came before",
    81: "restore the database from a backup: a new one would lack what came before",
    164: _ACCESS,
    192: _ACCESS,
    193: _ACCESS,
    194: _ACCESS,
    243: "make room on ClickHouse's disk",
    497: _ACCESS,
    516: _ACCESS,
}
"""What an operator must do before a retry can succeed, by ClickHouse's error code."""


class NotInserted(Exception):
    """It is unknown which of the rows are stored: insert the same rows again with the same token."""


class Unfit(Exception):
    """ClickHouse's tables can never take these rows; the message says what to do."""


class Writer(Protocol):
    """What the sink needs of ClickHouse. Used by one thread."""

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert rows of one block, table after table; returns when ClickHouse has them.

        After `NotInserted` the same rows must be inserted again with the same token. `None` is for tables without a
        deduplication window, whose rows may come again. Raises `Unfit` when no retry can succeed.
        """

    def last_offsets(self, table: str, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The last offset that the table has a row of, for each of the partitions that it has any of.

        After `NoAnswer` the same may be asked again. Raises `Unfit` when no retry can succeed.
        """


class ClickHouseWriter:
    """Inserts into the tables of the sink and connects when it has to; used by one thread, as its client is."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._types: dict[str, Sequence[ClickHouseType]] = {}

    def open(self) -> Client:
        """Connect now; raises what `connect` raises."""
        client = self._client = self._connect()
        return client

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert rows of one block, table after table; returns when ClickHouse has them."""
        try:
            client = self._client or self.open()
            self._insert(client, rows, token)
        except CannotConnect as error:
            raise NotInserted(str(error)) from error
        except ClickHouseError as error:
            raise _verdict(error) from error
        except OSError as error:  # the embedded engine inserts by a temporary file
            message = f"the rows cannot be handed to ClickHouse: {error}"
            raise NotInserted(message) from error

    def last_offsets(self, table: str, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The last offset that the table has a row of, for each of the partitions that it has any of."""
        sql = (
            f"SELECT src_topic, src_partition, max(src_offset) FROM {table} "  # noqa: S608 - ours
            "WHERE (src_topic, src_partition) IN %(partitions)s GROUP BY src_topic, src_partition"
        )
        try:
            client = self._client or self.open()
            rows: Iterable[Any] = client.query(sql, parameters={"partitions": tuple(partitions)}).result_rows
        except CannotConnect as error:
            raise NoAnswer(str(error)) from error
        except ClickHouseError as error:
            verdict = _verdict(error)
            if isinstance(verdict, Unfit):
                raise verdict from error
            message = f"cannot read the last offsets in {table}: {verdict}"
            raise NoAnswer(message) from error
        return {Partition(topic, number): last for topic, number, last in rows}

    def _insert(self, client: Client, rows: Rows, token: str | None) -> None:
        settings: dict[str, Any] = dict(_SETTINGS)
        if token is not None:
            settings["insert_deduplication_token"] = token
        for table, items in rows.items():
            if items:
                client.insert(
                    table,
                    TABLES[table].values(items),
                    column_names=TABLES[table].names,
                    column_types=self._types_of(client, table),
                    column_oriented=True,
                    settings=settings,
                )

    def _types_of(self, client: Client, table: str) -> Sequence[ClickHouseType]:
        """The types of the columns, cached: they do not change while a process runs."""
        types = self._types.get(table)
        if types is None:
            context = client.create_insert_context(table, TABLES[table].names, column_oriented=True)
            types = self._types[table] = context.column_types
        return types


def _verdict(error: ClickHouseError) -> NotInserted | Unfit:
    """Whether a retry may succeed. What the client itself refused has no code."""
    code = error.code if isinstance(error, Error) else None
    if code in _OTHER_TABLES or (code is None and isinstance(error, DataError | ProgrammingError)):
        message = f"{reason(error)}; ClickHouse's tables are not those of this version: install the one that made them"
        return Unfit(message)
    remedy = _REMEDIES.get(code) if code is not None else None
    return NotInserted(f"{reason(error)}; {remedy}" if remedy else reason(error))
