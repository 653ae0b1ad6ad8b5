"""The writer: inserts rows so that the same token twice means the rows once."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from sinks.clickhouse.rows import COLUMNS, Rows

_ENCODER: Final = msgspec.msgpack.Encoder()
_SETTINGS: Final = {
    "async_insert": 0,  # an acknowledgement must mean that the rows are there
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a block with late events of many years is odd, but no error
}
_FIXARRAY_MAX: Final = 15
_ARRAY16_MAX: Final = 65_535


class ClickHouseWriter:
    """Inserts into the tables of the sink; belongs to one thread, as its client does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert the rows of one block, table after table; returns when ClickHouse has them.

        After an error the same rows must be inserted again with the same token. `None` is for tables without a
        deduplication window, whose rows may come again. Raises `clickhouse_connect`'s `ClickHouseError`.
        """
        settings: dict[str, Any] = dict(_SETTINGS)
        if token is not None:
            settings["insert_deduplication_token"] = token
        for table, values in rows.items():
            if values:
                self._client.raw_insert(
                    table, column_names=COLUMNS[table], insert_block=packed(values), settings=settings, fmt="MsgPack"
                )


def packed(values: list[Any]) -> bytes:
    """The values one after the other in MessagePack, as ClickHouse's MsgPack format reads rows."""
    encoded = _ENCODER.encode(values)
    count = len(values)
    header = 1 if count <= _FIXARRAY_MAX else 3 if count <= _ARRAY16_MAX else 5
    return encoded[header:]
