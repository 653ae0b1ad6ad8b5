"""What was decided about a customer, and why they have the points that they have: as ClickHouse has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from pipeline.gateway.access import same_org
from pipeline.gateway.asked import only_known, positive, text
from pipeline.gateway.desk import Desk, told
from pipeline.gateway.openapi import FACTS_MAX
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row, Tables
from pipeline.trial.times import iso

_CUSTOMER: Final = r"/v1/customers/{org:\d{1,16}}/{customer:\d{1,16}}"
_PARAMETERS: Final = frozenset({"after", "limit"})
_LIMIT: Final = 100
_DIGITS_MAX: Final = 16
_MILLISECONDS: Final = 1_000

_DECIDED: Final = """
    SELECT seq, at, kind, cause, program_id, program_version, data FROM facts
    WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} AND seq > {after:Int64}
    ORDER BY seq LIMIT {limit:UInt64}
"""
_MOVED: Final = """
    SELECT seq, at, kind, cause, program_id, program_version, currency, points, balance, reason, subject, issued_for,
        standing, expires_on
    FROM points_facts
    WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} AND seq IN (
        SELECT DISTINCT seq FROM points_decisions
        WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} AND seq > {after:Int64}
        ORDER BY seq LIMIT {limit:UInt64}
    )
    ORDER BY seq, currency, lot_id
"""


class Histories:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, desk: Desk, tables: Tables) -> None:
        self._desk = desk
        self._tables = tables

    def routes(self) -> list[web.RouteDef]:
        """Of ours."""
        return [
            web.get(f"{_CUSTOMER}/history", self.get_history),
            web.get(f"{_CUSTOMER}/explain", self.explain),
        ]

    async def get_history(self, request: web.Request) -> web.Response:
        """What was decided about a customer, in order: `limit` facts after the one that `after` counts."""
        org_id, rows = await self._rows(request, _DECIDED)
        decisions = await self._tables.opened(org_id, [row["data"] for row in rows])
        facts = [_fact(row) | {"decision": one} for row, one in zip(rows, decisions, strict=True)]
        return _told(request, "facts", facts)

    async def explain(self, request: web.Request) -> web.Response:
        """Why a customer has the points that they have: each award, and each decision that moved points otherwise."""
        _, rows = await self._rows(request, _MOVED)
        return _told(request, "movements", [_fact(row) | _movement(row) for row in rows])

    async def _rows(self, request: web.Request, sql: str) -> tuple[int, Sequence[Row]]:
        key = self._desk.key(request, "read")
        org_id = int(request.match_info["org"])
        same_org(key, org_id)
        only_known(request.query, _PARAMETERS)
        after = text(request.query, "after") or "0"
        if not (after.isascii() and after.isdecimal() and len(after) <= _DIGITS_MAX):
            message = f"after is {after[:_DIGITS_MAX]!r}; write the seq of a fact"
            raise Misread(message)
        return org_id, await self._tables.rows(
            sql,
            org=org_id,
            customer=int(request.match_info["customer"]),
            after=int(after),
            limit=positive(request.query, "limit", _LIMIT, FACTS_MAX),
        )


def _told(request: web.Request, name: str, rows: Sequence[dict[str, Any]]) -> web.Response:
    """RULE: of a customer of whom nothing is stored there is nothing to tell, which is no error."""
    who = {"orgId": int(request.match_info["org"]), "customerId": int(request.match_info["customer"])}
    return told({**who, "source": "clickhouse", name: rows, "last": rows[-1]["seq"] if rows else None})


def _fact(row: Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "at": iso(round(row["at"].timestamp() * _MILLISECONDS)),
        "kind": row["kind"],
        "cause": row["cause"],
        "programId": row["program_id"] or None,
        "programVersion": row["program_version"] or None,
    }


def _movement(row: Row) -> dict[str, Any]:
    expires_on = row["expires_on"]
    return {
        **{name: row[name] for name in ("currency", "points", "balance", "reason", "subject")},
        "issuedFor": row["issued_for"] or None,
        "standing": row["standing"] or None,
        "expiresOn": None if expires_on is None else f"{expires_on:%Y-%m-%d}",
    }
