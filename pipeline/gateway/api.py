"""The routes of the gateway, its own pages, and how errors are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from pipeline.gateway.access import NotAllowed, same_org
from pipeline.gateway.answers import Asked
from pipeline.gateway.customer_pages import CustomerPages
from pipeline.gateway.customers import customer_view, stored_view
from pipeline.gateway.definitions import Invalid, definition_in, definition_out
from pipeline.gateway.desk import (
    READ_SECONDS,
    Desk,
    body_of,
    content_of,
    dumps,
    object_in,
    of_reply,
    patience,
    problem,
    told,
)
from pipeline.gateway.forms import BadForm
from pipeline.gateway.forwarding import Forwarding
from pipeline.gateway.histories import Histories
from pipeline.gateway.openapi import document
from pipeline.gateway.openloyalty import OpenLoyalty
from pipeline.gateway.outbox import NotNow
from pipeline.gateway.reports import Reports
from pipeline.gateway.requests import BODY_BYTES_MAX, Misread, Refused, messages_in, take, take_of_vendor
from pipeline.gateway.tables import Tables
from pipeline.gateway.transfers import Transfers
from pipeline.gateway.vendors import ROUTES, VendorRoute
from pipeline.intake.org_settings import event_entry, orgs_in
from pipeline.log.port import Log, LogError
from pipeline.runtime.roles.questions import Unanswered
from pipeline.runtime.roles.settings_writer import Change, write_settings
from pipeline.runtime.settings import Settings
from schemas.settings import EventDefinition

_RETRY_SECONDS: Final = 1
_DIGITS_MAX: Final = 16
_TOLD: Final = (
    NotAllowed,
    Misread,
    BadForm,
    NotNow,
    LogError,
    TimeoutError,
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, log: Log, settings: Settings, desk: Desk, tables: Tables, forwarding: Forwarding) -> None:
        self._log = log
        self._settings = settings
        self._desk = desk
        self._tables = tables
        self._forwarding = forwarding
        self._vendors = [
            web.post("/v2/events", self.post_definition),
            *(web.post(route.path, _named(self.post_to_vendor, route)) for route in ROUTES),
            *OpenLoyalty(desk, tables).routes(),
            *Transfers(desk, tables).routes(),
            *Reports(desk, tables).routes(),
            *CustomerPages(desk, tables, forwarding).routes(),
        ]
        self._openapi = document(self._vendors)

    def app(self) -> web.Application:
        """The application with all its routes."""
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._told])
        app.add_routes(
            [
                web.post("/v1/messages", self.post_messages),
                web.get("/v1/replies/{id}", self.get_reply),
                web.get(r"/v1/customers/{org:\d{1,16}}/{customer:\d{1,16}}", self.get_customer),
                *Histories(self._desk, self._tables).routes(),
                web.get("/healthcheck", self.healthcheck),
                web.get("/openapi.json", self.openapi),
                *self._vendors,
            ]
        )
        return app

    async def post_messages(self, request: web.Request) -> web.Response:
        """Take messages; answer when the log has them, and for commands when they are decided."""
        sender, body = await self._desk.sender(request)
        raw, many = messages_in(body)
        taken = [take(one, number if many else None, sender) for number, one in enumerate(raw)]
        results = await self._desk.send(taken, sender.org_id, patience(request))
        if many:
            return told({"results": results})
        (result,) = results
        location = (
            {"Location": f"/v1/replies/{quote(result['id'], safe='')}"}
            if result["status"] == HTTPStatus.ACCEPTED
            else {}
        )
        kind = "application/json" if result["status"] < HTTPStatus.BAD_REQUEST else "application/problem+json"
        return web.json_response(result, status=result["status"], headers=location, dumps=dumps, content_type=kind)

    async def post_to_vendor(self, route: VendorRoute, request: web.Request) -> web.Response:
        """Take one message as a vendor's document has it, and answer as the document does."""
        sender, body = await self._desk.sender(request)
        content, body = content_of(request, body)
        taken = take_of_vendor(body, route.dialect, request.match_info.get("store", ""), sender)
        if isinstance(taken, Refused):
            return told(route.refusal(taken.defects), HTTPStatus.BAD_REQUEST)
        await self._desk.send([taken], sender.org_id, 0)
        return told(route.answer(content, taken))

    async def post_definition(self, request: web.Request) -> web.Response:
        """Define a custom event as Capillary's document has it (S1), with its codes."""
        key = self._desk.key(request, "admin")
        body = object_in(await body_of(request))
        made: list[EventDefinition] = []

        def changes(entries: Mapping[bytes, bytes]) -> list[Change]:
            org = orgs_in(entries).get(key.org_id)
            if org is None:
                message = f"org {key.org_id} has no settings; an operator makes them with `accrue settings apply`"
                raise Misread(message)
            made.append(definition_in(body, org))
            name, value = event_entry(key.org_id, made[0])
            return [Change(name, entries.get(name), value)]

        try:
            await asyncio.to_thread(write_settings, self._log, self._settings, changes)
        except Invalid as error:
            errors = [{"code": code, "message": message} for code, message in error.errors]
            return told({"errors": errors, "warnings": []}, HTTPStatus.BAD_REQUEST)
        return told({"data": definition_out(made[0]), "errors": [], "warnings": []})

    async def get_reply(self, request: web.Request) -> web.Response:
        """The latest reply about a record, by its id."""
        key = self._desk.key(request, "produce")
        reply = self._desk.answers.known(Asked(key.org_id, request.match_info["id"]))
        if reply is None:
            return problem(
                HTTPStatus.NOT_FOUND,
                "there is no reply with this id: it is not decided yet, or was long ago; events that count have none",
            )
        return told(of_reply(reply))

    async def get_customer(self, request: web.Request) -> web.Response:
        """Where a customer stands; with `minSeq`, once the customer has so many facts."""
        key = self._desk.key(request, "read")
        org_id, customer_id = int(request.match_info["org"]), int(request.match_info["customer"])
        same_org(key, org_id)
        wanted = request.query.get("minSeq", "0")
        if not wanted.isdecimal() or len(wanted) > _DIGITS_MAX:
            message = f"minSeq is {wanted[:_DIGITS_MAX]!r}; write the seq of a reply"
            raise Misread(message)
        try:
            standing = await self._desk.look(org_id, customer_id, int(wanted))
        except (Unanswered, NotNow) as error:
            answer = await self._forwarding.answer(request, error)
            answer = answer or await self._stored(org_id, customer_id, int(wanted))
            if answer is None:
                raise NotNow(str(error)) from error
            return answer
        if standing is None:
            return problem(HTTPStatus.NOT_FOUND, f"nothing is known of customer {customer_id} of org {org_id}")
        return told(customer_view(standing))

    async def _stored(self, org_id: int, customer_id: int, seq: int) -> web.Response | None:
        """Where a customer of another worker stood, as ClickHouse knows; None where it does not, or not so far."""
        rows = await self._tables.rows(
            """
            SELECT * FROM customer_state_latest
            WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} ORDER BY program_id
            """,
            org=org_id,
            customer=customer_id,
        )
        if not rows or max(row["seq"] for row in rows) < seq:
            return None
        profiles = await self._tables.profiles(org_id, [customer_id])
        return told(stored_view(rows, profiles[customer_id]))

    async def healthcheck(self, _request: web.Request) -> web.Response:
        """204 where messages are taken, else 503."""
        is_well = self._desk.answers.fresh()
        return web.Response(status=HTTPStatus.NO_CONTENT if is_well else HTTPStatus.SERVICE_UNAVAILABLE)

    async def openapi(self, _request: web.Request) -> web.Response:
        """What is served, described."""
        return told(self._openapi)

    @web.middleware
    async def _told(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            detail = error.reason
            if isinstance(error, web.HTTPRequestEntityTooLarge):
                detail = f"the body is longer than {BODY_BYTES_MAX:,} bytes"
            answer = problem(error.status, detail)
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
            return answer
        except Unanswered as error:
            return await self._forwarding.answer(request, error) or _busy(str(error))
        except _TOLD as error:
            answer = _of_error(error)
            if isinstance(error.__cause__, web.RequestPayloadError):  # nobody knows where the next request begins
                answer.force_close()
            return answer


def _named(handler: Callable[[VendorRoute, web.Request], Awaitable[web.Response]], route: VendorRoute) -> Handler:
    handle = partial(handler, route)
    handle.__doc__ = f"{route.dialect}: {route.source}"
    return handle


def _busy(why: str) -> web.Response:
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}; nothing was done: send it again")
    answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


def _of_error(error: Exception) -> web.Response:
    match error:
        case NotAllowed():
            return problem(error.status, str(error))
        case NotNow():
            return _busy(str(error))
        case LogError():
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the log did not answer, so it is unknown whether it has the message; send it again with the same id "
                "or Idempotency-Key: it counts once",
            )
        case TimeoutError():
            return problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {READ_SECONDS:.0f} s")
        case _:
            return problem(HTTPStatus.BAD_REQUEST, str(error))
