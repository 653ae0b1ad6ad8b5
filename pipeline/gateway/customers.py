"""Where a customer stands, as `accrue try` shows it: one form for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.engine.state import CustomerState
from pipeline.gateway.tables import Row
from pipeline.runtime.roles.questions import Standing
from pipeline.trial.reader import customer_row
from pipeline.trial.times import iso
from schemas.messages import ProfileMessage

_NAMES: Final = {field.name: field.encode_name for field in msgspec.structs.fields(ProfileMessage)}
"""Fields of a profile as messages call them."""
_BALANCES: Final = {
    "current": "balance",
    **{
        name: name
        for name in (
            *("lifetime", "issued", "promised", "blocked", "deficit", "redeemed", "expired", "reversed"),
            *("transferred", "adjusted"),
        )
    },
}
"""Columns of accounts by what they are called there."""
_MILLISECONDS: Final = 1_000


def customer_view(standing: Standing) -> dict[str, Any]:
    """The customer in each program; records that wait for others are left out, as they lie apart."""
    head = standing.head
    row: dict[str, Any] = msgspec.to_builtins(
        customer_row(CustomerState(head, {}), standing.definitions, standing.as_of)
    )
    del row["parked"]
    profile = {_NAMES[name]: value for name, value in msgspec.structs.asdict(head.profile).items() if value}
    return {
        "orgId": head.org_id,
        "customerId": head.customer_id,
        "asOf": iso(standing.as_of),
        "source": "state",
        "profile": profile,
        **row,
    }


def stored_view(rows: Sequence[Row], profile: Mapping[str, Any]) -> dict[str, Any]:
    """The same as far as ClickHouse has it: rows of `customer_state`, one for each program, and the profile.

    It lacks what only the definitions of programs say: progress, milestones, streaks and trackers.
    """
    first = rows[0]
    registered_at = first["registered_at"]
    return {
        "orgId": first["org_id"],
        "customerId": first["customer_id"],
        "asOf": _iso(first["clock"]),
        "source": "clickhouse",
        "profile": {_NAMES[name]: value for name, value in profile.items() if value},
        "registeredAt": None if registered_at is None else _iso(registered_at),
        "status": first["status"],
        "seq": max(row["seq"] for row in rows),
        "programs": {str(row["program_id"]): _membership(row) for row in rows if row["program_id"]},
    }


def _membership(row: Row) -> dict[str, Any]:
    return {
        "version": row["program_version"],
        "transactions": row["transactions"],
        "purchasesMinor": row["purchases_minor"],
        "returnedMinor": row["returned_minor"],
        "tier": {"number": row["tier"]} if row["tier"] else None,
        "balances": {
            currency: {name: row[f"accounts.{column}"][place] for name, column in _BALANCES.items()}
            for place, currency in enumerate(row["accounts.currency"])
        },
    }


def _iso(at: datetime) -> str:
    return iso(round(at.timestamp() * _MILLISECONDS))
