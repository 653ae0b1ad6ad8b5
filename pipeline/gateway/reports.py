"""Open Loyalty's lists and analytics (S2), from ClickHouse: as of what its sink has stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from pipeline.gateway.desk import Desk, problem, told
from pipeline.gateway.forms import form_in
from pipeline.gateway.levels import level_row, level_statistics
from pipeline.gateway.lists import (
    TRANSACTION_SORTS,
    TRANSFER_SORTS,
    only_known,
    page_of,
    transaction_of,
    transactions_where,
    transfer_of,
    transfers_where,
)
from pipeline.gateway.outbox import NotNow
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row, Tables
from pipeline.gateway.vendors import NAMESPACE
from pipeline.notify.numbers import major
from pipeline.trial.times import iso
from schemas.program import ProgramDefinition
from schemas.settings import AccessKey, Org

_DAYS: Final = (1, 7, 30, 365)
_MILLISECONDS: Final = 1_000
_LEVEL_PARAMETERS: Final = frozenset({"page", "perPage", "sort", "direction"})
_LEVEL_SORTS: Final = {"name": "name", "conditionValue": "threshold"}
_UUID_DIGITS: Final = 32

_NUMBERED: Final = """
    SELECT org_id, customer_id, seq, cause, at, kind, bill_number, amount_minor, currency,
        if(kind = 'returned', return_number, bill_number) AS number
    FROM bills WHERE kind IN ('recorded', 'returned')
"""
_STATED: Final = """
    SELECT *, multiIf(kind = 'issued' AND standing = 'promised', 'pending',
        kind = 'issued' AND expires_on < toDate32((SELECT as_of FROM settlement)), 'expired', 'active') AS state
    FROM points_facts
"""
# A UUID of version 5 is a SHA-1, but for the four bits of its version and the two of its variant.
_IS_NAMED: Final = """
    lower(hex(SHA1(concat(unhex({namespace:String}), toString(org_id), ':', cause)))) AS digest,
    concat(substring(digest, 1, 12), substring(digest, 14, 3), substring(digest, 18, 15)) AS named
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
            web.get("/api/{store}/points/transfer", self.list_transfers),  # l.6811
            web.get("/api/{store}/transaction", self.list_transactions),  # l.8403
            web.get("/api/{store}/transaction/{transaction}", self.get_transaction),  # l.8912
        ]

    async def count_customers(self, request: web.Request) -> web.Response:
        """How many customers are registered, and how many of them since so many days."""
        org = self._org(request)
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
        org = self._org(request)
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
        self._org(request)
        found = await self._tables.rows("SELECT as_of FROM settlement")
        return _as_of(found[0], {"total": 0, "totalCompleted": 0, "totalRegistered": 0})

    async def count_transactions(self, request: web.Request) -> web.Response:
        """How many bills there are, how many since so many days, and what they come to without what came back."""
        org = self._org(request)
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
        org = self._org(request)
        program = await self._program(org)
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

    async def list_levels(self, request: web.Request) -> web.Response:
        """The tiers of the program."""
        org = self._org(request)
        asked = await _asked(request)
        only_known(asked, _LEVEL_PARAMETERS)
        page = page_of(asked, _LEVEL_SORTS, "")
        program = await self._program(org)
        levels = [] if program is None or program.tiers is None else program.tiers.levels
        column, direction = page.order.rstrip(", ").split(" ")
        ordered = sorted(levels, key=lambda level: getattr(level, column), reverse=direction == "desc")
        shown = ordered[page.offset : page.offset + page.limit]
        rows = [level_row(one, program) for one in shown if program is not None]
        return told({"levels": rows, "total": len(levels)})

    async def list_transactions(self, request: web.Request) -> web.Response:
        """Bills and returns that were taken."""
        org = self._org(request)
        asked = await _asked(request)
        page, where = page_of(asked, TRANSACTION_SORTS, "seq"), transactions_where(asked, org)
        found = await self._tables.rows(
            f"""
            SELECT *, count() OVER () AS total FROM ({_NUMBERED}) WHERE {where.sql}
            ORDER BY {page.order} LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}
            """,  # noqa: S608 - ours
            **where.parameters,
            limit=page.limit,
            offset=page.offset,
        )
        total = found[0]["total"] if found else 0
        return told({"transactions": await self._transactions(found, org), "total": total})

    async def get_transaction(self, request: web.Request) -> web.Response:
        """One bill or return, by the id that it was answered with."""
        org = self._org(request)
        digits = request.match_info["transaction"].replace("-", "").lower()
        found = await self._tables.rows(
            f"""
            SELECT *, {_IS_NAMED} FROM ({_NUMBERED})
            WHERE org_id = {{org:Int64}} AND named = {{named:String}} LIMIT 1
            """,  # noqa: S608 - ours
            org=org.org_id,
            namespace=NAMESPACE.hex,
            named=digits[:12] + digits[13:16] + digits[17:] if len(digits) == _UUID_DIGITS else "",
        )
        if not found:
            return problem(HTTPStatus.NOT_FOUND, "no transaction with this id was taken")
        (one,) = await self._transactions(found, org)
        return told(one)

    async def list_transfers(self, request: web.Request) -> web.Response:
        """Movements of points, one for each award of a rule."""
        org = self._org(request)
        asked = await _asked(request)
        page = page_of(asked, TRANSFER_SORTS, "customer_id, seq, lot_id")
        program = await self._program(org)
        if program is None:
            return told({"transfers": [], "total": 0})
        where = transfers_where(asked, org.org_id, program)
        found = await self._tables.rows(
            f"""
            SELECT *, count() OVER () AS total FROM ({_STATED}) WHERE {where.sql}
            ORDER BY {page.order} LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}
            """,  # noqa: S608 - ours
            **where.parameters,
            limit=page.limit,
            offset=page.offset,
        )
        profiles = await self._tables.profiles(org.org_id, (row["customer_id"] for row in found))
        rows = [transfer_of(row, profiles.get(row["customer_id"], {}), org.org_id, program.zone) for row in found]
        return told({"transfers": rows, "total": found[0]["total"] if found else 0})

    async def _transactions(self, found: Iterable[Row], org: Org) -> list[dict[str, Any]]:
        rows = list(found)
        causes = [(row["customer_id"], row["cause"]) for row in rows]
        records = await self._tables.rows(
            """
            SELECT customer_id, concat(type, ':', record_id) AS cause, any(payload) AS payload FROM journal
            WHERE org_id = {org:Int64} AND (customer_id, cause) IN {causes:Array(Tuple(Int64, String))}
            GROUP BY customer_id, cause
            """,
            org=org.org_id,
            causes=causes,
        )
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
            causes=causes,
        )
        by_cause = {(row["customer_id"], row["cause"]): msgspec.json.decode(row["payload"]) for row in records}
        points = {(row["customer_id"], row["cause"]): int(row["points"]) for row in earned}
        profiles = await self._tables.profiles(org.org_id, (row["customer_id"] for row in rows))
        return [
            transaction_of(
                row,
                by_cause.get((row["customer_id"], row["cause"]), {}),
                profiles.get(row["customer_id"], {}),
                points.get((row["customer_id"], row["cause"])),
                org,
            )
            for row in rows
        ]

    async def _program(self, org: Org) -> ProgramDefinition | None:
        """The org's default program, else that of lowest number; None where it has none."""
        found = await self._tables.rows(
            "SELECT definition FROM programs_in_force WHERE org_id = {org:Int64} ORDER BY program_id", org=org.org_id
        )
        programs = [ProgramDefinition.model_validate_json(row["definition"]) for row in found]
        return next((one for one in programs if one.default), programs[0] if programs else None)

    def _org(self, request: web.Request) -> Org:
        """The settings of the key's org, which must have the store. Raises `NotAllowed`, `NotNow` and 404."""
        if not self._desk.answers.fresh():
            message = "the settings may have changed, and cannot be read"
            raise NotNow(message)
        key: AccessKey = self._desk.key(request, "read")
        known = self._desk.follower.orgs.get(key.org_id)
        if known is None:
            message = f"org {key.org_id} has no settings; an operator makes them with `accrue settings apply`"
            raise Misread(message)
        if request.match_info["store"] not in known.stores:
            raise web.HTTPNotFound(reason="the org has no such store")
        return known.org


async def _asked(request: web.Request) -> dict[str, Any]:
    """The parameters of a list: of its address, and those that some examples send as a body (S2 l.3612)."""
    return form_in(request.query_string.encode()) | form_in(await request.read())


def _counts(column: str, only: str = "true") -> str:
    now = "(SELECT as_of FROM settlement)"
    counts = (f"countIf({only} AND {column} >= {now} - INTERVAL {days} DAY) AS in_{days}" for days in _DAYS)
    return ", ".join(counts)


def _intervals(row: Row) -> dict[str, int]:
    return {f"in_{days}_days": row[f"in_{days}"] for days in _DAYS}


def _as_of(row: Row, figures: Mapping[str, Any]) -> web.Response:
    """Figures, and the instant that they stand for."""
    return told({**figures, "asOf": iso(int(row["as_of"].timestamp() * _MILLISECONDS)), "source": "clickhouse"})
