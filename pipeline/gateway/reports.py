"""Open Loyalty's lists and analytics (S2), from ClickHouse: as of what its sink has stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from pipeline.gateway.asked import only_known
from pipeline.gateway.desk import Desk, asked_in, problem, told
from pipeline.gateway.levels import level_row, level_statistics
from pipeline.gateway.lists import (
    TRANSACTION_PARAMETERS,
    TRANSACTION_SORTS,
    TRANSFER_PARAMETERS,
    TRANSFER_SORTS,
    is_of_bill,
    transaction_of,
    transactions_where,
    transfer_of,
    transfers_where,
)
from pipeline.gateway.movements import MOVEMENTS
from pipeline.gateway.openapi import described
from pipeline.gateway.orgs import org_read, program_in_force
from pipeline.gateway.paging import PARAMETERS, page_of, shown
from pipeline.gateway.tables import Row, Tables
from pipeline.gateway.vendor_names import is_named, parameters_of
from pipeline.notify.numbers import major
from pipeline.trial.times import iso
from schemas.settings import Org

_DAYS: Final = (1, 7, 30, 365)
_MILLISECONDS: Final = 1_000
_INVITATION_PARAMETERS: Final = PARAMETERS | {
    *("referrerId", "referrerEmail", "referrerName", "recipientId", "recipientEmail", "recipientPhone"),
    *("recipientName", "status"),
}
"""Of a list of invitations (S2 l.6735)."""
_LEVEL_SORTS: Final = {"name": "name", "conditionValue": "threshold"}

_NUMBERED: Final = """
    SELECT org_id, customer_id, seq, cause, at, kind, bill_number, amount_minor, currency,
        if(kind = 'returned', return_number, bill_number) AS number
    FROM bills WHERE kind IN ('recorded', 'returned')
"""


class Reports:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, desk: Desk, tables: Tables) -> None:
        self._desk = desk
        self._tables = tables

    def routes(self) -> list[web.RouteDef]:
        """Each with the line at which it stands in S2."""
        analytics = "/api/{store}/admin/analytics/"
        return [
            web.get(f"{analytics}customers", self.count_customers),  # l.560
            web.get(f"{analytics}points", self.count_points),  # l.591
            web.get(f"{analytics}referrals", self.count_referrals),  # l.617
            web.get(f"{analytics}transactions", self.count_transactions),  # l.644
            web.get(f"{analytics}levels", self.count_levels),  # l.679
            web.get("/api/{store}/customer/level", self.list_levels),  # l.6021
            web.get("/api/{store}/invitations", self.list_invitations),  # l.6731
            web.get("/api/{store}/points/transfer", self.list_transfers),  # l.6811
            web.get("/api/{store}/transaction", self.list_transactions),  # l.8403
            web.get("/api/{store}/transaction/{transaction}", self.get_transaction),  # l.8912
        ]

    async def count_customers(self, request: web.Request) -> web.Response:
        """How many customers are registered, and how many of them since so many days."""
        org = org_read(self._desk, request)
        found = await self._tables.rows(
            f"""
            SELECT count() AS total, {_counts("since")}, (SELECT as_of FROM settlement) AS as_of
            FROM (
                SELECT min(assumeNotNull(registered_at)) AS since FROM customer_state_latest
                WHERE org_id = {{org:Int64}} AND customer_id > 0 AND isNotNull(registered_at) GROUP BY customer_id
            )
            """,  # noqa: S608 - ours
            org=org.org_id,
        )
        row = found[0]
        return _as_of(row, {"total": row["total"], "intervals": _intervals(row)})

    async def count_points(self, request: web.Request) -> web.Response:
        """How often points were spent or given to another customer, and how many; of the main currencies."""
        org = org_read(self._desk, request)
        found = await self._tables.rows(
            """
            SELECT count() AS transfers, sum(points) AS points, (SELECT as_of FROM settlement) AS as_of
            FROM points_decisions
            WHERE org_id = {org:Int64} AND kind IN ('redeemed', 'transferred') AND (org_id, program_id, currency) IN (
                SELECT org_id, program_id, currency FROM program_currencies WHERE main
            )
            """,
            org=org.org_id,
        )
        row = found[0]
        return _as_of(row, {"totalSpendingTransfers": row["transfers"], "totalPointsSpent": int(row["points"])})

    async def count_referrals(self, request: web.Request) -> web.Response:
        """RULE: no program of Accrue has referrals yet, so there are none."""
        org_read(self._desk, request)
        found = await self._tables.rows("SELECT as_of FROM settlement")
        return _as_of(found[0], {"total": 0, "totalCompleted": 0, "totalRegistered": 0})

    async def count_transactions(self, request: web.Request) -> web.Response:
        """How many bills there are, how many since so many days, and what they come to without what came back."""
        org = org_read(self._desk, request)
        found = await self._tables.rows(
            f"""
            SELECT countIf(kind = 'recorded') AS total, {_counts("at", "kind = 'recorded'")},
                sumIf(multiIf(kind = 'recorded', amount_minor, kind = 'updated', amount_minor - basis_minor,
                    -amount_minor), currency IN ('', {{currency:String}})) AS amount,
                (SELECT as_of FROM settlement) AS as_of
            FROM bills WHERE org_id = {{org:Int64}}
            """,  # noqa: S608 - ours
            org=org.org_id,
            currency=org.currency,
        )
        row = found[0]
        amount = major(int(row["amount"]), org.currency)
        return _as_of(
            row,
            {
                "total": row["total"],
                "countIntervals": _intervals(row),
                "amount": amount,
                "amountWithoutDeliveryCosts": amount,
                "currency": org.currency,
            },
        )

    async def count_levels(self, request: web.Request) -> web.Response:
        """How many customers each tier of the program has."""
        org = org_read(self._desk, request)
        program = await program_in_force(self._tables, org)
        found = await self._tables.rows(
            """
            SELECT tier, customers, (SELECT as_of FROM settlement) AS as_of
            FROM tier_distribution WHERE org_id = {org:Int64} AND program_id = {program:Int64}
            """,
            org=org.org_id,
            program=0 if program is None else program.program_id,
        )
        settled = await self._tables.rows("SELECT as_of FROM settlement")
        levels = level_statistics(program, {row["tier"]: row["customers"] for row in found})
        return _as_of(settled[0], {"total": len(levels), "levels": levels})

    @described(asked=PARAMETERS)
    async def list_levels(self, request: web.Request) -> web.Response:
        """The tiers of the program."""
        org = org_read(self._desk, request)
        asked = await asked_in(request)
        only_known(asked, PARAMETERS)
        page = page_of(asked, _LEVEL_SORTS)
        program = await program_in_force(self._tables, org)
        levels = [] if program is None or program.tiers is None else program.tiers.levels
        ordered = sorted(levels, key=lambda level: getattr(level, page.column), reverse=page.direction == "desc")
        listed = ordered[page.offset : page.offset + page.limit]
        rows = [level_row(one, program) for one in listed if program is not None]
        return told({"levels": rows, "total": len(levels)})

    @described(asked=_INVITATION_PARAMETERS)
    async def list_invitations(self, request: web.Request) -> web.Response:
        """RULE: nobody can invite others yet, so there are no invitations, whichever are asked for."""
        org_read(self._desk, request)
        only_known(await asked_in(request), _INVITATION_PARAMETERS)
        return told({"invitations": [], "total": 0})

    @described(asked=TRANSACTION_PARAMETERS)
    async def list_transactions(self, request: web.Request) -> web.Response:
        """Bills and returns that were taken."""
        org = org_read(self._desk, request)
        asked = await asked_in(request)
        page, where = page_of(asked, TRANSACTION_SORTS), transactions_where(asked, org)
        found = await shown(self._tables, _NUMBERED, where, page, "customer_id, seq")
        return told({"transactions": await self._transactions(found.rows, org), "total": found.total})

    async def get_transaction(self, request: web.Request) -> web.Response:
        """One bill or return, by the id that it was answered with."""
        org = org_read(self._desk, request)
        found = await self._tables.rows(
            f"SELECT * FROM ({_NUMBERED}) WHERE org_id = {{org:Int64}} AND {is_named('cause')} LIMIT 1",  # noqa: S608 - ours
            org=org.org_id,
            **parameters_of(request.match_info["transaction"]),
        )
        if not found:
            return problem(HTTPStatus.NOT_FOUND, "no transaction with this id was taken")
        (one,) = await self._transactions(found, org)
        return told(one)

    @described(asked=TRANSFER_PARAMETERS)
    async def list_transfers(self, request: web.Request) -> web.Response:
        """Movements of points, one for each award of a rule."""
        org = org_read(self._desk, request)
        asked = await asked_in(request)
        page = page_of(asked, TRANSFER_SORTS)
        program = await program_in_force(self._tables, org)
        if program is None:
            return told({"transfers": [], "total": 0})
        where = transfers_where(asked, org, program)
        found = await shown(self._tables, MOVEMENTS, where, page, "customer_id, seq, lot_id")
        records = await self._records(filter(is_of_bill, found.rows), org)
        profiles = await self._tables.profiles(org.org_id, (row["customer_id"] for row in found.rows))
        rows = [
            transfer_of(row, records.get(_cause(row), {}), profiles.get(row["customer_id"], {}), org, program.zone)
            for row in found.rows
        ]
        return told({"transfers": rows, "total": found.total})

    async def _records(self, found: Iterable[Row], org: Org) -> dict[tuple[int, str], dict[str, Any]]:
        """The records that rows came from, by customer and cause."""
        rows = await self._tables.rows(
            """
            SELECT customer_id, concat(type, ':', record_id) AS cause, any(payload) AS payload FROM journal
            WHERE org_id = {org:Int64} AND (customer_id, cause) IN {causes:Array(Tuple(Int64, String))}
            GROUP BY customer_id, cause
            """,
            org=org.org_id,
            causes=list(map(_cause, found)),
        )
        return {_cause(row): msgspec.json.decode(row["payload"]) for row in rows}

    async def _transactions(self, rows: Sequence[Row], org: Org) -> list[dict[str, Any]]:
        records = await self._records(rows, org)
        earned = await self._tables.rows(
            """
            SELECT customer_id, cause, sum(points) AS points FROM points_decisions
            WHERE org_id = {org:Int64} AND kind = 'issued'
                AND (customer_id, cause) IN {causes:Array(Tuple(Int64, String))}
                AND (org_id, program_id, currency) IN (
                    SELECT org_id, program_id, currency FROM program_currencies WHERE main
                )
            GROUP BY customer_id, cause
            """,
            org=org.org_id,
            causes=list(map(_cause, rows)),
        )
        points = {_cause(row): int(row["points"]) for row in earned}
        profiles = await self._tables.profiles(org.org_id, (row["customer_id"] for row in rows))
        return [
            transaction_of(
                row,
                records.get(_cause(row), {}),
                profiles.get(row["customer_id"], {}),
                points.get(_cause(row)),
                org,
            )
            for row in rows
        ]


def _cause(row: Row) -> tuple[int, str]:
    """Whose record a row came from, and which."""
    return row["customer_id"], row["cause"]


def _counts(column: str, only: str = "true") -> str:
    now = "(SELECT as_of FROM settlement)"
    counts = (f"countIf({only} AND {column} >= {now} - INTERVAL {days} DAY) AS in_{days}" for days in _DAYS)
    return ", ".join(counts)


def _intervals(row: Row) -> dict[str, int]:
    return {f"in_{days}_days": row[f"in_{days}"] for days in _DAYS}


def _as_of(row: Row, figures: Mapping[str, Any]) -> web.Response:
    """Figures, and the instant that they stand for."""
    return told({**figures, "asOf": iso(int(row["as_of"].timestamp() * _MILLISECONDS)), "source": "clickhouse"})
