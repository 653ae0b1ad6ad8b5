"""Golden rows by name, of one decision of each kind. `python -m tests.sinks.golden` writes them anew; read the diff.

`tables.json` has by kind the rows in each table, `views.json` by view its rows.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from schemas.facts import AnyDecision
from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.schema import migrate
from sinks.clickhouse.tables import TABLES, Rows, add_facts
from sinks.clickhouse.writer import ClickHouseWriter
from tests.sinks.samples import ONE_OF_EACH, SOURCE, message_of

TABLE_FILE: Final = Path(__file__).parent / "golden" / "tables.json"
VIEW_FILE: Final = TABLE_FILE.with_name("views.json")
VIEWS: Final = (
    "target_events",
    "unified_target_events",
    "acceptances",
    "refusals",
    "customers",
    "bills",
    "parked_returns",
    "adoptions",
    "purchases",
    "award_corrections",
    "bill_lines",
    "award_terms",
    "tracked_lots",
    "kept_rewards",
    "points_decisions",
    "points_facts",
    "transfers",
    "merges",
    "merged_milestones",
    "merged_levels",
    "milestone_events",
    "tracker_events",
    "identifier_events",
    "ignored_values",
    "streak_events",
    "tier_changes",
    "tier_terms",
    "expiry_events",
)

Named = dict[str, Any]


def rows_of(*decisions: AnyDecision) -> Rows:
    """What the sink inserts for one message of these decisions."""
    rows: Rows = defaultdict(list)
    add_facts(rows, message_of(*decisions), SOURCE)
    return rows


def table_rows(decision: AnyDecision) -> dict[str, list[Named]]:
    """By table: its rows by column name."""
    return {
        table: [dict(zip(TABLES[table].names, row, strict=True)) for row in TABLES[table].rows(items)]
        for table, items in rows_of(decision).items()
        if items
    }


def view_rows(client: Client, view: str) -> list[Named]:
    """The rows of a view by column name, once `ONE_OF_EACH` is stored."""
    found = client.query(f"SELECT * FROM {view} ORDER BY ALL").named_results()
    return [{name: plain(value) for name, value in row.items()} for row in found]


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return value.decode()
        case list() | tuple():
            return [plain(each) for each in value]
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case _:
            return value


def store(client: Client, token: str) -> None:
    """One message with a decision of each kind."""
    ClickHouseWriter(lambda: client).insert(rows_of(*ONE_OF_EACH), token)


def all_table_rows() -> dict[str, dict[str, list[Named]]]:
    """By kind of decision and table."""
    return {type(decision).__name__: plain(table_rows(decision)) for decision in ONE_OF_EACH}


def _lines(rows: list[Named], indent: str) -> str:
    return "[" + ",".join(f"\n{indent}  {json.dumps(row, ensure_ascii=False)}" for row in rows) + f"\n{indent}]"


def _main() -> None:
    kinds = ",\n".join(
        f'  "{kind}": {{\n'
        + ",\n".join(f'    "{table}": {_lines(rows, "    ")}' for table, rows in tables.items())
        + "\n  }"
        for kind, tables in all_table_rows().items()
    )
    TABLE_FILE.write_text(f"{{\n{kinds}\n}}\n", "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        client = open_clickhouse(f"chdb://{folder}")
        migrate(client)
        store(client, "golden")
        views = ",\n".join(f'  "{view}": {_lines(view_rows(client, view), "  ")}' for view in VIEWS)
        client.close()
    VIEW_FILE.write_text(f"{{\n{views}\n}}\n", "utf-8")


if __name__ == "__main__":
    _main()
