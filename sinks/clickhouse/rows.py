"""Rows: what goes into ClickHouse, as flat values by table.

A `Rows` holds for every table the values of its rows one after the other, each row in the order of `COLUMNS`. One list
a table is the cheapest thing to fill in Python, and a column is a slice of it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Rows = dict[str, list[Any]]
"""By table: all values of all rows, row after row."""


class Source(NamedTuple):
    """The message that rows came from."""

    topic: str
    partition: int
    offset: int


SOURCE_COLUMNS: Final = ("src_topic", "src_partition", "src_offset", "idx")
FACT_COLUMNS: Final = (
    "org_id",
    "customer_id",
    "seq",
    "cause",
    "at",
    *SOURCE_COLUMNS,
)
"""What every row made of a fact begins with."""
_PROGRAM: Final = ("program_id", "program_version")

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "journal": (
        "type",
        "org_id",
        "customer_id",
        "record_id",
        "at",
        "received_at",
        "source",
        "source_offset",
        "payload",
        *SOURCE_COLUMNS,
    ),
    "fact_messages": (
        "org_id",
        "customer_id",
        "first_seq",
        "facts",
        "recorded_at",
        "journal_partition",
        "journal_offset",
        "engine_version",
        *SOURCE_COLUMNS,
    ),
    "acceptances": (*FACT_COLUMNS, "clock", "digest", "forget_before"),
    "refusals": (*FACT_COLUMNS, "reason", "clock", *_PROGRAM, "subject"),
    "customers": (
        *FACT_COLUMNS,
        "kind",
        "first_name",
        "last_name",
        "mobile",
        "email",
        "external_id",
        "loyalty_type",
        "channel",
        "extended",
        "updated_fields",
    ),
    "bills": (
        *FACT_COLUMNS,
        "kind",
        "bill_number",
        "amount_minor",
        "currency",
        "returnable_until",
        "basis_minor",
        "returned_before_minor",
        "over_minor",
    ),
    "adoptions": (*FACT_COLUMNS, *_PROGRAM, "previous_version", "milestones", "streaks", "base_tier"),
    "purchases": (
        *FACT_COLUMNS,
        *_PROGRAM,
        "kind",
        "bill_number",
        "amount_minor",
        "purchases_minor",
        "returned_minor",
    ),
    "points_facts": (
        *FACT_COLUMNS,
        *_PROGRAM,
        "kind",
        "currency",
        "points",
        "balance",
        "issued_for",
        "reason",
        "subject",
        "expires_on",
        "value_minor",
        "due",
        "taken.lot_id",
        "taken.points",
    ),
    "ledger_entries": (*FACT_COLUMNS, *_PROGRAM, "leg", "account", "currency", "points"),
    "milestone_events": (
        *FACT_COLUMNS,
        *_PROGRAM,
        "kind",
        "milestone_id",
        "period",
        "period_ends_at",
        "added",
        "value",
        "target",
    ),
    "streak_events": (
        *FACT_COLUMNS,
        *_PROGRAM,
        "kind",
        "streak_id",
        "period",
        "run",
        "longest",
        "level",
        "starts_on",
        "ends_on",
        "levels",
    ),
    "tier_changes": (*FACT_COLUMNS, *_PROGRAM, "kind", "previous", "reached", "basis_value"),
    "notifications": ("org_id", "customer_id", "event_name", "at", "body", *SOURCE_COLUMNS),
    "customer_state": (
        "org_id",
        "customer_id",
        "program_id",
        "seq",
        "clock",
        "registered_at",
        "profile",
        "program_version",
        "tier",
        "transactions",
        "purchases_minor",
        "returned_minor",
        "accounts.currency",
        "accounts.balance",
        "accounts.lifetime",
        "accounts.issued",
        "accounts.redeemed",
        "accounts.expired",
        "accounts.reversed",
        "accounts.debited",
        "lots.currency",
        "lots.lot_id",
        "lots.issued_at",
        "lots.open_points",
        "lots.expires_on",
        "lots.closes_at",
        "milestones.milestone_id",
        "milestones.period",
        "milestones.ends_at",
        "milestones.value",
        "milestones.achieved",
        "streaks.streak_id",
        "streaks.run_first",
        "streaks.run_last",
        "streaks.longest",
        "streaks.levels",
        "streaks.ended",
        "streaks.ends_on",
        *SOURCE_COLUMNS,
    ),
}
"""The columns that the sink fills, by table. A test holds them to the migrations."""
