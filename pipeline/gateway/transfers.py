"""Open Loyalty's points transfers (S2 l.7099): commands, answered when they are decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from pipeline.gateway.desk import Desk, content_of, patience, problem, told
from pipeline.gateway.movements import movements_named, promised_for
from pipeline.gateway.openapi import NOT_YET, OK, answer, described, refusal
from pipeline.gateway.people import known_person
from pipeline.gateway.points import change_of, command_of, gift_of, program_of, transfer_in
from pipeline.gateway.requests import Refused, Sender, take_command
from pipeline.gateway.tables import Tables
from pipeline.gateway.vendors import form_errors, id_of
from pipeline.intake.dialects.vendor_ids import customer_of
from pipeline.intake.verdict import Defect

_OF_A_GIFT: Final = ("sender", "receiver")


class Transfers:
    """Handles requests on the event loop of the gateway."""

    def __init__(self, desk: Desk, tables: Tables) -> None:
        self._desk = desk
        self._tables = tables

    def routes(self) -> list[web.RouteDef]:
        """Each with the line at which it stands in S2."""
        transfer = "/api/{store}/points/transfer"
        return [
            web.post(f"{transfer}/{{action:add|spend|block}}", self.transfer),  # l.7102, l.7132, l.7410
            web.post("/api/{store}/admin/p2p-points-transfer", self.give),  # l.7162
            web.post(
                f"{transfer}/{{transfer}}/{{change:cancel|activate|expire}}", self.change
            ),  # l.7232, l.7260, l.7288
        ]

    @described(OK, NOT_YET)
    async def transfer(self, request: web.Request) -> web.Response:
        """Add, spend or block points: a command, answered when it is decided."""
        sender, body = await self._desk.sender(request)
        content, _ = content_of(request, body)
        found = transfer_in(content)
        if isinstance(found, list):
            return _form(found)
        customer_id, transfer = found
        program = program_of(await self._desk.look(sender.org_id, customer_id))
        if program is None:
            return _form([Defect("transfer.customer", "is in no program", "register the customer first")])
        command = command_of(request.match_info["action"], customer_id, program.program_id, transfer)
        return await self._move(request, sender, command)

    @described(OK, NOT_YET)
    async def give(self, request: web.Request) -> web.Response:
        """Give points of one customer to another: answered when the receiver has them, or cannot have them."""
        sender, body = await self._desk.sender(request)
        content, _ = content_of(request, body)
        transfer = content.get("transfer")
        given = transfer if isinstance(transfer, dict) else {}
        giver, receiver = [await self._person(request, sender, given.get(name)) for name in _OF_A_GIFT]
        if giver is None or receiver is None:
            unknown = [name for name, person in zip(_OF_A_GIFT, (giver, receiver), strict=True) if person is None]
            remedy = "write the id, the e-mail address or the phone number of a customer"
            return _form([Defect(f"transfer.{name}", "is nobody who is known here", remedy) for name in unknown])
        program = program_of(await self._desk.look(sender.org_id, giver))
        if program is None:
            return _form([Defect("transfer.sender", "is in no program", "register the customer first")])
        return await self._move(request, sender, gift_of(giver, receiver, program.program_id, given))

    @described(OK, NOT_YET, ("204", answer("done")), ("409", refusal("two customers have a transfer with this id")))
    async def change(self, request: web.Request) -> web.Response:
        """Cancel, activate or expire a transfer: a command about its points, answered when it is decided."""
        sender, _ = await self._desk.sender(request)
        change = request.match_info["change"]
        found = await movements_named(self._tables, sender.org_id, request.match_info["transfer"])
        if len(found) != 1:
            return _no_transfer(len(found))
        reference = await promised_for(self._tables, sender.org_id, found[0])
        command = change_of(change, found[0], reference)
        if command is None:
            return _form([Defect("", f"this transfer is none of which one can {change} the points", "choose another")])
        taken = take_command(command, sender)
        if isinstance(taken, Refused):
            return _form([defect._replace(path="") for defect in taken.defects])
        (result,) = await self._desk.send([taken], sender.org_id, patience(request))
        if result["status"] >= HTTPStatus.BAD_REQUEST:
            return _form([Defect("", str(result["message"]), "nothing was done")])
        if result["status"] == HTTPStatus.ACCEPTED:
            location = {"Location": f"/v1/replies/{quote(taken.id, safe='')}"}
            return web.Response(status=HTTPStatus.ACCEPTED, headers=location)
        return web.Response(status=HTTPStatus.OK if change == "cancel" else HTTPStatus.NO_CONTENT)

    async def _person(self, request: web.Request, sender: Sender, named: object) -> int | None:
        """Who an e-mail address, a phone number or an id names.

        RULE: digits alone are a phone number where somebody has it, else a customer id.
        """
        text = str(named or "")
        whom = (
            {"email": text, "mobile": text} if text.isdecimal() else {"customerId": text, "email": text, "mobile": text}
        )
        known = await known_person(self._desk, sender, request.match_info["store"], whom)
        return customer_of(text) if known is None else known

    async def _move(self, request: web.Request, sender: Sender, command: Mapping[str, Any]) -> web.Response:
        taken = take_command(command, sender)
        if isinstance(taken, Refused):
            return _form([defect._replace(path=f"transfer.{defect.path}") for defect in taken.defects])
        (result,) = await self._desk.send([taken], sender.org_id, patience(request))
        if result["status"] >= HTTPStatus.BAD_REQUEST:
            field = "receiver" if str(result["reason"]).startswith("receiver") else "points"
            return _form([Defect(f"transfer.{field}", str(result["message"]), "nothing was done")])
        return told({"pointsTransferId": id_of(taken)}, result["status"])


def _no_transfer(found: int) -> web.Response:
    if found:
        return problem(
            HTTPStatus.CONFLICT, "two customers have a transfer with this id; send another id with each message"
        )
    return problem(
        HTTPStatus.NOT_FOUND, "no transfer with this id is stored; one that was made just now is in a moment"
    )


def _form(defects: Sequence[Defect]) -> web.Response:
    return told(form_errors(defects), HTTPStatus.BAD_REQUEST)
