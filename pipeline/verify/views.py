"""Views: compares what the analysts' views say of each customer with the state that the engine keeps.

The views add up facts, the engine folds them into the state: two ways to the same figures. A customer is compared where
the last fact in ClickHouse is the last one that the state has seen.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

_POINTS: Final = {
    column: f"`accounts.{account}`[number]"
    for column, account in (
        ("issued", "issued"),
        ("redeemed", "redeemed"),
        ("expired", "expired"),
        ("reversed", "reversed"),
        ("debited", "adjusted"),
        ("balance", "balance"),
        ("promised", "promised"),
        ("blocked", "blocked"),
        ("transferred", "transferred"),
    )
}
"""By column of a view: the same figure of `customer_state`, of the account with that number."""


class _Compared(NamedTuple):
    """A view with the same figures as the state."""

    view: str
    key: str
    """What names a row beside org, customer and program; empty text where nothing does."""
    figures: dict[str, str]
    """By column: the same figure of `state`."""
    rows: str
    """Which of its rows are compared."""
    state: str
    """Where the state's figures come from."""


_MAIN: Final = "(SELECT DISTINCT org_id, program_id, currency FROM program_currencies WHERE main)"
_PERIOD: Final = "org_id, customer_id, program_id, milestone_id, period"
_PERIODS: Final = """(
    SELECT org_id, customer_id, program_id, milestone_id, period, value, achieved
    FROM customer_state_latest
    ARRAY JOIN `milestones.milestone_id` AS milestone_id, `milestones.period` AS period, `milestones.value` AS value,
        `milestones.achieved` AS achieved
)"""
"""Periods of milestones that the state has: those of which no record is accepted any more have left it."""
_COMPARED: Final = (
    _Compared(
        view="customer_summary",
        key="''",
        figures={
            "transactions": "transactions",
            "purchases": "purchases_minor",
            "returned": "returned_minor",
            **_POINTS,
            "tier": "tier",
        },
        rows="true",
        state=f"""(
            SELECT *, indexOf(`accounts.currency`, m.currency) AS number
            FROM customer_state_latest AS s LEFT JOIN {_MAIN} AS m USING (org_id, program_id)
        )""",  # noqa: S608 - ours
    ),
    _Compared(
        view="customer_points",
        key="currency",
        figures=_POINTS,
        rows=f"(org_id, program_id, currency) NOT IN {_MAIN}",
        state=f"""(
            SELECT *, account AS currency, number
            FROM customer_state_latest
            ARRAY JOIN `accounts.currency` AS account, arrayEnumerate(`accounts.currency`) AS number
            WHERE (org_id, program_id, account) NOT IN {_MAIN}
        )""",  # noqa: S608 - ours
    ),
    _Compared(
        view="customer_lifetime",
        key="currency",
        figures={"lifetime": "`accounts.lifetime`[number]"},
        rows="lifetime != 0",  # points that were only received never counted, and no fact says so
        state="""(
            SELECT *, account AS currency, number
            FROM customer_state_latest
            ARRAY JOIN `accounts.currency` AS account, arrayEnumerate(`accounts.currency`) AS number
            WHERE `accounts.lifetime`[number] != 0
        )""",
    ),
    _Compared(
        view="customer_milestones",
        key="concat(milestone_id, ' ', toString(period))",
        figures={"value": "value", "achieved": "achieved"},
        rows=f"(org_id, customer_id, program_id, milestone_id, period) IN (SELECT {_PERIOD} FROM {_PERIODS})",  # noqa: S608 - ours
        state=_PERIODS,
    ),
    _Compared(
        view="customer_targets",
        key="milestone_id",
        figures={"target": "target"},
        rows="true",
        state="""(
            SELECT org_id, customer_id, program_id, milestone_id, target
            FROM customer_state_latest
            ARRAY JOIN `own_targets.milestone_id` AS milestone_id, `own_targets.target` AS target
        )""",
    ),
    _Compared(
        view="customer_streaks",
        key="streak_id",
        figures={
            "longest": "longest",
            "level": "if(empty(levels), 0, arrayMax(levels))",
            "ended": "ended",
            "enrolled": "enrolled",
            "paused": "paused",
        },
        rows="true",
        state="""(
            SELECT org_id, customer_id, program_id, streak_id, longest, levels, ended, enrolled, paused
            FROM customer_state_latest
            ARRAY JOIN `streaks.streak_id` AS streak_id, `streaks.longest` AS longest, `streaks.levels` AS levels,
                `streaks.ended` AS ended, `streaks.enrolled` AS enrolled, `streaks.paused` AS paused
        )""",
    ),
)
_SETTLED: Final = """(org_id, customer_id) IN (
    SELECT f.org_id, f.customer_id
    FROM (SELECT org_id, customer_id, max(seq) AS seq FROM facts GROUP BY ALL) AS f
    JOIN (SELECT org_id, customer_id, max(seq) AS seq FROM customer_state GROUP BY ALL) AS s
        USING (org_id, customer_id, seq)
)"""


class Disagreement(NamedTuple):
    """A customer for whom view and state differ."""

    where: str
    what: str


def customers_compared(client: Client) -> int:
    """How many customers are compared."""
    sql = f"SELECT uniqExact(org_id, customer_id) FROM customer_state WHERE {_SETTLED}"  # noqa: S608 - ours
    return int(client.query(sql).result_rows[0][0])


def disagreements(client: Client) -> list[Disagreement]:
    """The customers for whom a view and the state differ, or only one of them has a row."""
    return [found for compared in _COMPARED for found in _disagreements(client, compared)]


def _disagreements(client: Client, compared: _Compared) -> list[Disagreement]:
    view, key, names = compared.view, compared.key, ", ".join(compared.figures)
    figures = ", ".join(f"{figure} AS {name}" for name, figure in compared.figures.items())
    rows = client.query(
        f"""
        SELECT org_id, customer_id, program_id, key, groupArray((side, figures))
        FROM (
            SELECT 'view' AS side, org_id, customer_id, program_id, {key} AS key, [{names}]::Array(Int64) AS figures
            FROM {view}
            WHERE {compared.rows} AND {_SETTLED}
            UNION ALL
            SELECT 'state', org_id, customer_id, program_id, key, [{names}]::Array(Int64)
            FROM (SELECT org_id, customer_id, program_id, {key} AS key, {figures} FROM {compared.state})
            WHERE program_id != 0 AND {_SETTLED}
        )
        GROUP BY org_id, customer_id, program_id, key
        HAVING uniqExact(figures) != 1 OR count() != 2
        ORDER BY org_id, customer_id, program_id, key
        """  # noqa: S608 - ours
    ).result_rows
    return [
        Disagreement(
            where=f"customer {org}:{customer}",
            what=f"in program {program}, {f'{named}: ' if named else ''}{_difference(compared, dict(sides))}",
        )
        for org, customer, program, named, sides in rows
    ]


def _difference(compared: _Compared, sides: dict[str, list[int]]) -> str:
    """Where the sides differ, in words."""
    view = compared.view
    if "view" not in sides:
        return f"{view} does not have them, and the state does"
    if "state" not in sides:
        return f"the state does not have them, and {view} does"
    return ", ".join(
        f"{name} is {told} in {view} and {kept} in the state"
        for name, told, kept in zip(compared.figures, sides["view"], sides["state"], strict=True)
        if told != kept
    )
