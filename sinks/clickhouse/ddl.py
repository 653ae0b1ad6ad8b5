"""The DDL of the tables, from their descriptions: `python -m sinks.clickhouse.ddl` writes `0001_tables.sql`.

The file is committed, and a test holds it to the descriptions. Once a version is released its migrations stay as they
are: a column that comes later is a migration of its own, and the test that compares the tables stays.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from sinks.clickhouse.tables import TABLES
from sinks.clickhouse.tables.table import TOKENS_REMEMBERED, Column, Table

FILE: Final = Path(__file__).with_name("migrations") / "0001_tables.sql"
_HEAD: Final = f"""\
-- Written by `python -m sinks.clickhouse.ddl` from sinks/clickhouse/tables: do not edit it by hand.
-- Every row names the message it came from (src_topic, src_partition, src_offset) and its place in it (idx). Months
-- partition by event time. A table remembers the tokens of the last {TOKENS_REMEMBERED} blocks and drops a block with
-- a token that it knows; rows of customer_state replace one another instead.
"""


def tables_sql() -> str:
    """The migration that creates all tables."""
    return "\n".join([_HEAD, *(f"{create_table(table)};\n" for table in TABLES.values())])


def create_table(table: Table[Any]) -> str:
    """The statement that creates one table; it can run twice."""
    lines = [*map(_column, table.columns), *table.computed]
    columns = ",\n".join(f"    {line}" for line in lines)
    engine = f"ReplacingMergeTree({table.replaced_by})" if table.replaced_by else "MergeTree"
    partition = f" PARTITION BY {table.partition_by}" if table.partition_by else ""
    settings = "" if table.replaced_by else f"SETTINGS non_replicated_deduplication_window = {TOKENS_REMEMBERED}\n"
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} (\n{columns}\n"
        f") ENGINE = {engine}{partition} ORDER BY ({', '.join(table.order_by)})\n"
        f"{settings}COMMENT {_quoted(table.comment)}"
    )


def _column(column: Column[Any]) -> str:
    name = f"`{column.name}`" if "." in column.name else column.name
    codec = f" CODEC({column.codec})" if column.codec else ""
    comment = f" COMMENT {_quoted(column.comment)}" if column.comment else ""
    return f"{name} {column.type}{comment}{codec}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main() -> int:
    """Write the file."""
    FILE.write_text(tables_sql(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
