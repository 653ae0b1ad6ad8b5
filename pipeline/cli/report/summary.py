"""The figures of a run, all from ClickHouse: totals, tiers, notifications, one row per customer, and the report."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from rich.table import Table

from pipeline.cli.output import summary_table
from pipeline.cli.printing import printable
from pipeline.cli.report.page import (
    Funnel,
    MetTogether,
    PointsOverTime,
    ReportData,
    StreakLengths,
    TierMoves,
    TiersOverTime,
    Tile,
)
from pipeline.trial.names import money
from schemas.program import ProgramDefinition
from schemas.succession import plural

TOTALS: Final = (
    "transactions",
    "purchases",
    "returned",
    "spend_points",
    "event_points",
    "milestone_points",
    "streak_points",
    "adjustment_points",
    "redeemed",
    "debited",
    "reversed",
    "expired",
    "balance",
)
"""Every movement of points is in one of these, so they add up to the balance."""
CUSTOMER_COLUMNS: Final = (
    "customer_id",
    "transactions",
    "purchases",
    "returned",
    "spend_points",
    "milestone_points",
    "streak_points",
    "reversed",
    "expired",
    "balance",
    "tier",
    "streak_run",
    "longest_run",
)
_MONEY: Final = {"purchases", "returned"}
_SUNDAY: Final = 7
_WHERE: Final = "WHERE org_id = {org:Int64} AND program_id = {program:Int64}"


class Summary:
    """What ClickHouse says about one program."""

    def __init__(self, client: Client, definition: ProgramDefinition) -> None:
        self._client = client
        self._definition = definition
        self.org = definition.org_id
        self._ids = {
            "org": definition.org_id,
            "program": definition.program_id,
            "currency": definition.points.name,
        }
        sums = ", ".join(f"sum({name})" for name in TOTALS)
        # One pass for all of these: the view is computed again for each query.
        [(customers, most_active, *totals)] = self._rows(
            f"SELECT count(), argMax(customer_id, (transactions, customer_id)), {sums} FROM customer_summary {_WHERE}"
        )
        self.customers: int = customers
        self.most_active: int = most_active
        """The customer with most transactions."""
        self.totals: dict[str, int] = dict(zip(TOTALS, totals, strict=True))
        self.tiers: dict[str, int] = {
            name: customers
            for name, customers in self._rows(f"SELECT name, customers FROM tier_distribution {_WHERE} ORDER BY tier")
            if name
        }
        self.notifications: dict[str, int] = {
            str(name): int(count)
            for name, count in self._rows(
                "SELECT event_name, notifications FROM notification_counts WHERE org_id = {org:Int64} "
                "ORDER BY notifications DESC, event_name"
            )
        }
        self.records: int = self._count("SELECT count() FROM journal")
        self.settled: str = str(self._rows("SELECT as_of FROM settlement")[0][0])[:19]

    def as_json(self) -> dict[str, object]:
        """The figures, for scripts."""
        return {
            "customers": self.customers,
            "totals": self.totals,
            "tiers": self.tiers,
            "notifications": self.notifications,
        }

    def tables(self) -> Iterator[Table]:
        """The figures, for people."""
        yield summary_table("Totals, from ClickHouse", [("customers", self.customers), *self._totals_shown()])
        yield summary_table("Tiers", list(self.tiers.items()))
        yield summary_table("Tiers, milestones and streaks over time", self._movements())
        yield summary_table("Notifications", list(self.notifications.items()))

    def write_customers(self, file: Path) -> None:
        """Write one CSV row per customer."""
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = [
                [printable(cell) if isinstance(cell, str) else cell for cell in row] for row in self.customer_rows()
            ]
            csv.writer(out, lineterminator="\n").writerows([CUSTOMER_COLUMNS, *rows])

    def customer_rows(self) -> list[Sequence[Any]]:
        """One row per customer, with the values of `CUSTOMER_COLUMNS`."""
        columns = ", ".join(
            {"tier": "tier_name", "streak_run": "ifNull(streak_run, 0)", "longest_run": "ifNull(longest_run, 0)"}.get(
                column, column
            )
            for column in CUSTOMER_COLUMNS
        )
        return self._rows(f"SELECT {columns} FROM customer_summary {_WHERE} ORDER BY customer_id")

    def report(self, source: str, lines: Sequence[tuple[str, int | str]] = ()) -> ReportData:
        """What the HTML report shows; `lines` says where imported lines went."""
        totals = self.totals
        tables: list[tuple[str, Sequence[tuple[str, int | str]]]] = [
            ("Totals", self._totals_shown()),
            ("Tiers, milestones and streaks", self._movements()),
            ("Notifications", list(self.notifications.items())),
        ]
        if lines:
            tables.append(("Imported lines", lines))
        return ReportData(
            program=self._definition.name,
            source=source,
            settled=f"{self.settled} UTC",
            tiles=(
                Tile("Customers", self.customers),
                Tile("Transactions", totals["transactions"]),
                Tile("Points issued", sum(value for name, value in totals.items() if name.endswith("_points"))),
                Tile("Outstanding points", totals["balance"], "the balance of all customers"),
                Tile("Notifications", sum(self.notifications.values())),
            ),
            points=self._points(),
            tiers=self._tiers_over_time(),
            moves=self._tier_moves,
            funnels=self._funnels,
            together=self._together,
            streaks=self._streaks,
            tables=tables,
        )

    def _totals_shown(self) -> list[tuple[str, int | str]]:
        return [
            (name, money(total, self._definition.currency) if name in _MONEY else total)
            for name, total in self.totals.items()
        ]

    def _movements(self) -> list[tuple[str, int | str]]:
        moves = self._tier_moves
        return [
            ("tiers reached", sum(moves.up)),
            ("tiers renewed", sum(moves.renewed)),
            ("tiers lost", sum(moves.down)),
            ("cycles of milestones begun", sum(one.cycles for one in self._funnels)),
            ("cycles of milestones met", sum(one.met for one in self._funnels)),
            ("milestones met together", sum(one.cycles for one in self._together)),
            ("streaks kept", sum(one.kept for one in self._streaks)),
            ("of them, a missed period forgiven", sum(one.forgiven for one in self._streaks)),
            ("streaks broken", sum(one.broken for one in self._streaks)),
        ]

    def _points(self) -> PointsOverTime:
        rows = self._rows(
            "SELECT toStartOfMonth(day) AS month, sum(issued), sum(redeemed), sum(expired), sum(reversed) "
            f"FROM points_by_day {_WHERE} AND currency = {{currency:String}} GROUP BY month ORDER BY month"
        )
        months, issued, redeemed, expired, reverses = zip(*rows, strict=True) if rows else ((),) * 5
        return PointsOverTime(months, issued, redeemed, expired, reverses)

    def _tiers_over_time(self) -> TiersOverTime:
        """By week, and on the last day."""
        rows = self._rows(f"SELECT day, name, customers FROM tier_distribution_by_day {_WHERE}")
        counted = {(day, name): int(customers) for day, name, customers in rows}
        every: list[date] = sorted({day for day, _ in counted})
        days = [day for day in every if day.isoweekday() == _SUNDAY or day == every[-1]]
        names = [tier.name for tier in self._definition.tiers.levels] if self._definition.tiers else []
        return TiersOverTime(days, [(name, [counted.get((day, name), 0) for day in days]) for name in names])

    @cached_property
    def _tier_moves(self) -> TierMoves:
        rows = self._rows(
            "SELECT toStartOfMonth(toDate32(formatDateTime(at, '%F', zone))) AS month, countIf(step > 0), "
            "countIf(step = 0), countIf(step < 0) FROM ("
            f"SELECT org_id, program_id, at, reached - previous AS step FROM tier_changes {_WHERE} "
            f"UNION ALL SELECT org_id, program_id, at, 0 FROM tier_terms {_WHERE} AND kind = 'renewed'"
            ") AS moves JOIN programs_in_force AS p USING (org_id, program_id) GROUP BY month ORDER BY month"
        )
        months, up, renewed, down = zip(*rows, strict=True) if rows else ((),) * 4
        return TierMoves(months, up, renewed, down)

    @cached_property
    def _funnels(self) -> list[Funnel]:
        rows = self._rows(
            "SELECT name, cycles, achievements, customers, progressed, achieved, achieved_twice, achieved_three_times "
            f"FROM milestone_funnel {_WHERE} ORDER BY milestone_id"
        )
        stages = ("in the program", "made progress", "reached it", "reached it twice", "three times or more")
        return [
            Funnel(name, tuple(zip(stages, counts, strict=True)), cycles, met) for name, cycles, met, *counts in rows
        ]

    @cached_property
    def _together(self) -> list[MetTogether]:
        counted = {
            unified_id: (int(cycles), int(customers))
            for unified_id, cycles, customers in self._rows(
                "SELECT unified_id, sum(met), uniqExactIf(customer_id, met > 0) FROM ("
                "SELECT unified_id, customer_id, if(number > 0, number, period) AS cycle, "
                "argMax(kind = 'achieved', seq) AS met "
                f"FROM unified_target_events {_WHERE} GROUP BY unified_id, customer_id, cycle) GROUP BY unified_id"
            )
        }
        return [MetTogether(one.name, *counted.get(one.id, (0, 0))) for one in self._definition.unified_targets]

    @cached_property
    def _streaks(self) -> list[StreakLengths]:
        milestones = {milestone.id: plural(milestone.cycles) for milestone in self._definition.milestones}
        kept = {
            streak_id: counts
            for streak_id, *counts in self._rows(
                "SELECT streak_id, toInt64(countIf(run > 0)), toInt64(countIf(run > in_a_row)), "
                f"toInt64(countIf(run = 0 AND longest > 0)) FROM customer_streaks {_WHERE} GROUP BY streak_id"
            )
        }
        found: list[StreakLengths] = []
        for streak in self._definition.streaks:
            rows = self._client.query(
                f"SELECT length, longest FROM streak_lengths {_WHERE} AND streak_id = {{streak:String}} "
                "AND longest > 0 ORDER BY length",
                parameters={**self._ids, "streak": streak.id},
            ).result_rows
            lengths = tuple((int(length), int(customers)) for length, customers in rows)
            found.append(
                StreakLengths(streak.name, milestones[streak.milestone], lengths, *kept.get(streak.id, (0, 0, 0)))
            )
        return found

    def _count(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def _rows(self, query: str) -> list[Sequence[Any]]:
        return list(self._client.query(query, parameters=self._ids).result_rows)
