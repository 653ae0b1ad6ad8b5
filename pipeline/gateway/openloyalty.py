"""Open Loyalty's pages (S2) that more than one message answers: over commands, our own state and dry runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from pipeline.gateway.answers import Asked
from pipeline.gateway.assigning import ASSIGN_FORM, assigned_in, assignment_in, not_assigned
from pipeline.gateway.desk import Desk, body_of, content_of, patience, problem, told
from pipeline.gateway.openapi import NO_KEY, NOT_YET, OK, answer, described
from pipeline.gateway.outbox import NotNow
from pipeline.gateway.people import known_person
from pipeline.gateway.points import earned_in, program_of, sale_of, status_of
from pipeline.gateway.requests import Misread, Refused, Sender, Taken, take_command, take_of_vendor
from pipeline.gateway.tables import Tables
from pipeline.gateway.vendors import CUSTOMER_FORM, NO_FORM, Form, form_errors
from pipeline.intake.dialects.naming import NOBODY
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from pipeline.intake.verdict import Defect
from pipeline.runtime.roles.questions import Unanswered
from schemas.facts import Refusal

DIALECT: Final = "openloyalty"
_LOOK_SECONDS: Final = 0.05
"""Between two looks at whether somebody is known by the identifiers of who registers."""
_STRANGER: Final = -1
"""No customer has this id, so where one would stand is where everybody begins."""


class OpenLoyalty:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, desk: Desk, tables: Tables) -> None:
        self._desk = desk
        self._tables = tables

    def routes(self) -> list[web.RouteDef]:
        """Each with the line at which it stands in S2."""
        return [
            web.get("/api/", self.get_version),  # l.89
            web.get("/api/healthcheck", self.healthcheck),  # l.106
            web.post("/api/admin/login_check", self.log_in),  # l.160
            web.post("/api/token/refresh", self.renew),  # S0 l.83; S2 prints what it gives, and no request
            web.post("/api/{store}/customer/register", self.register),  # l.3788
            web.post("/api/{store}/admin/customer/register", self.register),  # l.5078
            web.put("/api/{store}/customer/{customer}", self.update),  # l.4017
            web.get("/api/{store}/admin/customer/{customer}/status", self.get_status),  # l.3258
            web.post("/api/{store}/admin/transaction/customer/assign", self.assign),  # l.7847
            web.post("/api/{store}/transaction/simulate", self.simulate),  # l.8854
        ]

    @described(is_open=True)
    async def get_version(self, _request: web.Request) -> web.Response:
        """What this is."""
        return told({"name": "Accrue", "version": version("accrue")})

    @described(
        ("204", answer("messages are taken")), ("503", answer("they are not, and why", {"type": "array"})), is_open=True
    )
    async def healthcheck(self, _request: web.Request) -> web.Response:
        """204 where messages are taken, else 503 and why they are not."""
        if self._desk.answers.fresh():
            return web.Response(status=HTTPStatus.NO_CONTENT)
        why = "the settings and the replies could not be read for half a minute"
        return told([{"name": "log", "status": "Problem", "message": why}], HTTPStatus.SERVICE_UNAVAILABLE)

    @described(OK, NO_KEY, is_open=True)
    async def log_in(self, request: web.Request) -> web.Response:
        """A token for an access key, by its id as `_username` (in S0 `username`) and its secret as `_password`."""
        key_id, secret = await _texts(request, ("_username", "username"), ("_password", "password"))
        return told(self._desk.access.login(key_id, secret))

    @described(OK, NO_KEY, is_open=True)
    async def renew(self, request: web.Request) -> web.Response:
        """New tokens for one that renews them."""
        (refresh_token,) = await _texts(request, ("refresh_token",))
        return told(self._desk.access.renew(refresh_token))

    @described(OK, NOT_YET)
    async def register(self, request: web.Request) -> web.Response:
        """Register a customer; answered once it is known who that is.

        RULE: who is known by one of the identifiers already is that customer, who then is brought up to date.
        """
        sender, body = await self._desk.sender(request)
        content, _ = content_of(request, body)
        taken = _take({"customer": content.get("customer", {})}, request, sender)
        if isinstance(taken, Refused):
            return _form(taken.defects, CUSTOMER_FORM)
        known = await self._who(sender.org_id, taken)  # where another worker knows it, nothing was sent yet
        await self._desk.send([taken], sender.org_id, 0)
        customer_id = known or await self._known_in_time(sender.org_id, taken, patience(request))
        email = content["customer"].get("email")
        if customer_id is None:
            answer = told({"customerId": None, "email": email}, HTTPStatus.ACCEPTED)
            answer.headers["Location"] = f"/v1/replies/{quote(taken.id, safe='')}"
            return answer
        return told({"customerId": uuid_of(customer_id), "email": email})

    async def update(self, request: web.Request) -> web.Response:
        """Change what is known of a customer."""
        sender, body = await self._desk.sender(request)
        content, _ = content_of(request, body)
        customer_id = customer_of(request.match_info["customer"])
        if customer_id is None:
            return problem(HTTPStatus.NOT_FOUND, "this is no customer id: write the number, or the UUID of an answer")
        taken = _take({"customer": content.get("customer", {}), "customerId": customer_id}, request, sender)
        if isinstance(taken, Refused):
            return _form(taken.defects, CUSTOMER_FORM)
        await self._desk.send([taken], sender.org_id, 0)
        return told({"customerId": uuid_of(customer_id)})

    @described(OK, NOT_YET)
    async def assign(self, request: web.Request) -> web.Response:
        """Say whose a transaction is that waits for a customer; answered when that is decided.

        RULE: the customer id decides, then card and phone as the org orders identifiers.
        """
        sender, body = await self._desk.sender(request)
        content, _ = content_of(request, body)
        store = request.match_info["store"]
        found = assignment_in(content)
        if isinstance(found, list):
            return _form(found, ASSIGN_FORM)
        number, named = found
        person = await known_person(self._desk, sender, store, named)
        if person is None:
            nobody = Defect("assign.customerId", "names nobody who is known here", "write the id, card or phone number")
            return _form([nobody], ASSIGN_FORM)
        message = {"type": "assignTransaction", "customerId": person, "billNumber": number, "store": store}
        taken = take_command(message, sender)
        if isinstance(taken, Refused):
            return _form([one._replace(path="assign.transactionDocumentNumber") for one in taken.defects], ASSIGN_FORM)
        (result,) = await self._desk.send([taken], sender.org_id, patience(request))
        if result["status"] < HTTPStatus.BAD_REQUEST:
            return told({"transactionId": assigned_in(result, sender.org_id, store, number)}, result["status"])
        is_sold = result["reason"] == Refusal.TRANSACTION_ASSIGNED.text or await self._is_sold(
            sender.org_id, store, number
        )
        return _form([not_assigned(result, is_sold=is_sold)], ASSIGN_FORM)

    async def get_status(self, request: web.Request) -> web.Response:
        """A customer's points, tier and progress."""
        key = self._desk.key(request, "read")
        customer_id = customer_of(request.match_info["customer"])
        standing = None if customer_id is None else await self._desk.look(key.org_id, customer_id)
        program = program_of(standing)
        if standing is None or program is None:
            return problem(HTTPStatus.NOT_FOUND, "no customer with this id is in a program")
        return told(status_of(standing, program))

    async def simulate(self, request: web.Request) -> web.Response:
        """How many points a transaction would earn: decided on the customer's own state, and forgotten.

        RULE: without any customer, as the document's example has it, one who is new.
        """
        sender, body = await self._desk.sender(request, "read")
        content, _ = content_of(request, body)
        sale, is_named = sale_of(content)
        taken = _take(sale, request, sender)
        if isinstance(taken, Refused):
            return _form([one._replace(path=one.path.replace("transactionData.", "")) for one in taken.defects])
        customer_id = await self._who(sender.org_id, taken) if is_named else _STRANGER
        if customer_id is None:
            nobody = "name nobody who is known here"
            return _form([Defect("transaction.customerData", nobody, "register the customer, or leave it out")])
        record = msgspec.structs.replace(taken.record, customer_id=customer_id)

        foreseen = await self._desk.ask(sender.org_id, customer_id, lambda known: known.foresee(record))  # type: ignore[arg-type]  # the union's cases
        return told({"points": earned_in(foreseen, record)})

    async def _is_sold(self, org_id: int, store: str, number: str) -> bool:
        """Whether a bill of a store has a customer, as far as ClickHouse knows."""
        try:
            found = await self._tables.rows(
                """
                SELECT 1 FROM journal WHERE org_id = {org:Int64} AND type = 'TransactionAdded' AND customer_id > 0
                    AND JSONExtractString(payload, 'bill_number') = {number:String}
                    AND JSONExtractString(payload, 'store') = {store:String} LIMIT 1
                """,
                org=org_id,
                number=number,
                store=store,
            )
        except NotNow:
            return False
        return bool(found)

    async def _known_in_time(self, org_id: int, taken: Taken, seconds: float) -> int | None:
        """Whom the identifiers of a message name, once it is taken in; None where that takes too long, or is nobody."""
        asked = Asked(org_id, taken.id)
        deadline = asyncio.get_running_loop().time() + seconds
        with suppress(NotNow, Unanswered):  # the message is sent, and its reply says what became of it
            while (found := await self._who(org_id, taken)) is None:
                if self._desk.answers.known(asked) is not None or asyncio.get_running_loop().time() > deadline:
                    return None
                await asyncio.sleep(_LOOK_SECONDS)
            return found
        return None

    async def _who(self, org_id: int, taken: Taken) -> int | None:
        """Whom a message is about, by its own customer id, else by what its identifiers name now."""
        if taken.record.customer_id != NOBODY:
            return taken.record.customer_id
        return await self._desk.ask(org_id, NOBODY, lambda known: known.named_by(org_id, taken.identifiers))


async def _texts(request: web.Request, *fields: Sequence[str]) -> list[str]:
    """The texts of these fields in the body, each under one of its names. Raises `Misread`."""
    content, _ = content_of(request, await body_of(request))
    texts = [next((content[name] for name in names if name in content), None) for names in fields]
    if not all(isinstance(text, str) for text in texts):
        message = f"the body needs {' and '.join(names[0] for names in fields)}, as texts"
        raise Misread(message)
    return texts  # type: ignore[return-value]  # all are texts


def _take(content: Mapping[str, Any], request: web.Request, sender: Sender) -> Taken | Refused:
    return take_of_vendor(msgspec.json.encode(content), DIALECT, request.match_info["store"], sender)


def _form(defects: Sequence[Defect], fields: Form = NO_FORM) -> web.Response:
    return told(form_errors(defects, fields), HTTPStatus.BAD_REQUEST)
