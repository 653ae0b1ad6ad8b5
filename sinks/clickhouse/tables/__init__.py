"""The tables that the sink fills, each declared once, beside what makes its rows."""

from __future__ import annotations

from typing import Any, Final

from sinks.clickhouse.tables.customers import CUSTOMER_STATE, add_heads, is_head
from sinks.clickhouse.tables.facts import FACTS, LEDGER_ENTRIES, add_fact_message, add_facts
from sinks.clickhouse.tables.journal import JOURNAL, add_journal_record
from sinks.clickhouse.tables.notifications import NOTIFICATIONS, add_notification
from sinks.clickhouse.tables.replies import REPLIES, add_reply
from sinks.clickhouse.tables.table import SOURCE_NAMES, Rows, Source, Table

TABLES: Final[dict[str, Table[Any]]] = {
    table.name: table for table in (JOURNAL, FACTS, LEDGER_ENTRIES, NOTIFICATIONS, REPLIES, CUSTOMER_STATE)
}
"""By name."""

__all__ = [
    "CUSTOMER_STATE",
    "FACTS",
    "JOURNAL",
    "LEDGER_ENTRIES",
    "NOTIFICATIONS",
    "REPLIES",
    "SOURCE_NAMES",
    "TABLES",
    "Rows",
    "Source",
    "Table",
    "add_fact_message",
    "add_facts",
    "add_heads",
    "add_journal_record",
    "add_notification",
    "add_reply",
    "is_head",
]
