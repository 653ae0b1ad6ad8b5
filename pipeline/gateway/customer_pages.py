"""Open Loyalty's pages about customers (S2 l.3317): as they stand here, else as ClickHouse has them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from aiohttp import web

from pipeline.gateway.desk import Desk, asked_in, problem, told
from pipeline.gateway.forwarding import Forwarding
from pipeline.gateway.openapi import described
from pipeline.gateway.orgs import org_read, program_in_force
from pipeline.gateway.outbox import NotNow
from pipeline.gateway.paging import page_of, shown
from pipeline.gateway.people import known_person
from pipeline.gateway.points import program_of
from pipeline.gateway.registered import (
    CUSTOMER_PARAMETERS,
    CUSTOMER_SORTS,
    HISTORY_KINDS,
    customer_of,
    customers_where,
    details_of,
    event_of,
    row_of,
)
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row, Tables
from pipeline.intake.dialects import vendor_ids
from pipeline.runtime.roles.questions import Standing, Unanswered
from schemas.program import ProgramDefinition
from schemas.settings import Org

_EVENTS_MAX: Final = 1_000
_REGISTERED: Final = """
    SELECT c.*, u.updated_at AS updated_at, b.last_bill_at AS last_bill_at
    FROM (
        SELECT l.org_id AS org_id, l.customer_id AS customer_id, max(l.seq) AS seq,
            argMax(l.registered_at, l.seq) AS registered_at, argMax(l.status, l.seq) AS status,
            maxIf(l.tier, l.program_id = {program:Int64}) AS tier,
            maxIf(l.transactions, l.program_id = {program:Int64}) AS transactions,
            maxIf(l.purchases_minor - l.returned_minor, l.program_id = {program:Int64}) AS spent_minor,
            spent_minor / greatest(transactions, 1) AS average_minor
        FROM customer_state_latest AS l
        WHERE l.org_id = {org:Int64} AND l.customer_id > 0 AND isNotNull(l.registered_at)
        GROUP BY l.org_id, l.customer_id
    ) AS c
    LEFT JOIN (
        SELECT customer_id AS changed_id, max(toNullable(at)) AS updated_at FROM customers WHERE org_id = {org:Int64}
        GROUP BY customer_id
    ) AS u ON u.changed_id = c.customer_id
    LEFT JOIN (
        SELECT customer_id AS buyer_id, max(toNullable(at)) AS last_bill_at FROM bills
        WHERE org_id = {org:Int64} AND kind = 'recorded' GROUP BY customer_id
    ) AS b ON b.buyer_id = c.customer_id
"""
_EVENTS: Final = """
    SELECT at, seq, kind, points, balance, comment, bill FROM (
        SELECT at, seq, kind, toNullable(points) AS points, toNullable(balance) AS balance, reason AS comment,
            if(kind = 'issued' AND issued_for = 'spend', cause, '') AS bill
        FROM points_facts
        WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} AND program_id = {program:Int64}
            AND currency = {currency:String}
        UNION ALL
        SELECT at, seq, kind, NULL, NULL, if(kind = 'returned', return_number, bill_number), cause
        FROM bills WHERE org_id = {org:Int64} AND customer_id = {customer:Int64}
        UNION ALL
        SELECT at, seq, kind, NULL, NULL, '', ''
        FROM customers WHERE org_id = {org:Int64} AND customer_id = {customer:Int64}
    )
    WHERE kind IN {kinds:Array(String)} ORDER BY seq DESC LIMIT {most:UInt64}
"""


class Found(NamedTuple):
    """A customer."""

    row: Row
    profile: Mapping[str, Any]
    program: ProgramDefinition | None
    """In which they stand so."""


class CustomerPages:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, desk: Desk, tables: Tables, forwarding: Forwarding) -> None:
        self._desk = desk
        self._tables = tables
        self._forwarding = forwarding

    def routes(self) -> list[web.RouteDef]:
        """Each with the line at which it stands in S2."""
        return [
            web.get("/api/{store}/customer", self.list_customers),  # l.3379
            web.get("/api/{store}/admin/customer", self.list_customers),  # l.3583
            web.get("/api/{store}/customer/check", self.check),  # l.3758
            web.get("/api/{store}/customer/{customer}", self.get_details),  # l.3925
            web.get("/api/{store}/admin/customer/{customer}/history", self.get_history),  # l.3317
        ]

    @described(asked=CUSTOMER_PARAMETERS)
    async def list_customers(self, request: web.Request) -> web.Response:
        """Customers who are registered."""
        org = org_read(self._desk, request)
        asked = await asked_in(request)
        page = page_of(asked, CUSTOMER_SORTS)
        program = await program_in_force(self._tables, org)
        found = await shown(self._tables, _REGISTERED, customers_where(asked, org, program), page, "customer_id")
        profiles = await self._tables.profiles(org.org_id, (row["customer_id"] for row in found.rows))
        rows = [customer_of(row, profiles.get(row["customer_id"], {}), org, program) for row in found.rows]
        return told({"customers": rows, "total": found.total})

    @described(asked=("emailOrPhone",))
    async def check(self, request: web.Request) -> web.Response:
        """Whether a customer is known by an e-mail address or a phone number."""
        org_read(self._desk, request)
        sender, _ = await self._desk.sender(request, "read")
        address = request.query.get("emailOrPhone", "").strip()
        if not address:
            message = "emailOrPhone is missing; write an e-mail address or a phone number"
            raise Misread(message)
        person = await known_person(
            self._desk, sender, request.match_info["store"], {"email": address, "mobile": address}
        )
        return told({"total": 0 if person is None else 1})

    async def get_details(self, request: web.Request) -> web.Response:
        """What is known of one customer; of another worker's, if that one cannot be asked, by ClickHouse alone."""
        org = org_read(self._desk, request)
        customer_id = vendor_ids.customer_of(request.match_info["customer"])
        if customer_id is None:
            return _nobody()
        try:
            standing = await self._desk.look(org.org_id, customer_id)
        except (Unanswered, NotNow) as error:
            answer = await self._forwarding.answer(request, error)
            return answer or _details(org, await self._stored(org, customer_id))
        return _details(org, None if standing is None else await self._standing(org, standing))

    async def get_history(self, request: web.Request) -> web.Response:
        """What happened to one customer, the latest first."""
        org = org_read(self._desk, request)
        customer_id = vendor_ids.customer_of(request.match_info["customer"])
        program = await program_in_force(self._tables, org)
        events = await self._tables.rows(
            _EVENTS,
            org=org.org_id,
            customer=customer_id or 0,
            program=0 if program is None else program.program_id,
            currency="" if program is None else program.points.name,
            kinds=list(HISTORY_KINDS),
            most=_EVENTS_MAX,
        )
        if customer_id is None or not events:
            return problem(HTTPStatus.NOT_FOUND, "nothing is stored of a customer with this id")
        return told([event_of(row, customer_id, org) for row in events])

    async def _standing(self, org: Org, standing: Standing) -> Found | None:
        """A customer as they stand here, with what ClickHouse alone knows, where it can be asked."""
        program = program_of(standing)
        if program is None:
            return None
        row, profile = row_of(standing, program)
        with suppress(NotNow):
            stored = await self._stored(org, standing.head.customer_id)
            row = ({} if stored is None else stored.row) | row
        return Found(row, profile, program)

    async def _stored(self, org: Org, customer_id: int) -> Found | None:
        program = await program_in_force(self._tables, org)
        where = customers_where({}, org, program)
        rows = await self._tables.rows(
            f"SELECT * FROM ({_REGISTERED}) WHERE {where.sql} AND customer_id = {{customer:Int64}}",  # noqa: S608 - ours
            **where.parameters,
            customer=customer_id,
        )
        if not rows:
            return None
        profiles = await self._tables.profiles(org.org_id, [customer_id])
        return Found(rows[0], profiles.get(customer_id, {}), program)


def _details(org: Org, found: Found | None) -> web.Response:
    return _nobody() if found is None else told(details_of(found.row, found.profile, org, found.program))


def _nobody() -> web.Response:
    return problem(HTTPStatus.NOT_FOUND, "no customer with this id is registered")
