"""Views: compares what the analysts' views say of each customer with the state that the engine keeps.

The views add up facts, the engine folds them into the state: two ways to the same figures. A customer is compared where
the last fact in ClickHouse is the last one that the state has seen.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

_FIGURES: Final = {
    "transactions": "transactions",
    "purchases": "purchases_minor",
    "returned": "returned_minor",
    "issued": "arraySum(`accounts.issued`)",
    "redeemed": "arraySum(`accounts.redeemed`)",
    "expired": "arraySum(`accounts.expired`)",
    "reversed": "arraySum(`accounts.reversed`)",
    "debited": "arraySum(`accounts.adjusted`)",
    "balance": "arraySum(`accounts.balance`)",
    "blocked": "arraySum(`accounts.blocked`)",
    "tier": "tier",
}
"""By column of `customer_summary`: the same figure of `customer_state`."""
_SETTLED: Final = """(org_id, customer_id) IN (
    SELECT f.org_id, f.customer_id
    FROM (SELECT org_id, customer_id, max(seq) AS seq FROM facts GROUP BY ALL) AS f
    JOIN (SELECT org_id, customer_id, max(seq) AS seq FROM customer_state GROUP BY ALL) AS s
        USING (org_id, customer_id, seq)
)"""


class Disagreement(NamedTuple):
    """A customer of whom view and state say different things."""

    where: str
    what: str


def customers_compared(client: Client) -> int:
    """How many customers are compared."""
    sql = f"SELECT uniqExact(org_id, customer_id) FROM customer_state WHERE {_SETTLED}"  # noqa: S608 - ours
    return int(client.query(sql).result_rows[0][0])


def disagreements(client: Client) -> list[Disagreement]:
    """Customers of whom `customer_summary` and the state say different things, or only one of them anything."""
    names = ", ".join(_FIGURES)
    figures = ", ".join(f"{figure} AS {name}" for name, figure in _FIGURES.items())
    rows = client.query(
        f"""
        SELECT org_id, customer_id, program_id, groupArray((side, figures))
        FROM (
            SELECT 'view' AS side, org_id, customer_id, program_id, [{names}]::Array(Int64) AS figures
            FROM customer_summary
            WHERE {_SETTLED}
            UNION ALL
            SELECT 'state', org_id, customer_id, program_id, [{names}]::Array(Int64)
            FROM (SELECT org_id, customer_id, program_id, {figures} FROM customer_state_latest)
            WHERE program_id != 0 AND {_SETTLED}
        )
        GROUP BY org_id, customer_id, program_id
        HAVING uniqExact(figures) != 1 OR count() != 2
        ORDER BY org_id, customer_id, program_id
        """  # noqa: S608 - ours
    ).result_rows
    return [
        Disagreement(where=f"customer {org}:{customer}", what=f"in program {program}, {_difference(dict(sides))}")
        for org, customer, program, sides in rows
    ]


def _difference(sides: dict[str, list[int]]) -> str:
    """Where the sides differ, in words."""
    if "view" not in sides:
        return "customer_summary does not have them, and the state does"
    if "state" not in sides:
        return "the state does not have them, and customer_summary does"
    return ", ".join(
        f"{name} is {told} in customer_summary and {kept} in the state"
        for name, told, kept in zip(_FIGURES, sides["view"], sides["state"], strict=True)
        if told != kept
    )
