"""The pages of the gateway: what each request leads to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from pipeline.clock import Clock
from pipeline.gateway.access import NotAllowed, key_of, same_org
from pipeline.gateway.answers import Answers, Asked
from pipeline.gateway.customers import customer_view
from pipeline.gateway.definitions import Invalid, definition_in, definition_out
from pipeline.gateway.forms import BadForm, form_in
from pipeline.gateway.openapi import OPENAPI
from pipeline.gateway.outbox import NotNow, Outbox
from pipeline.gateway.points import command_of, program_of, status_of, transfer_in
from pipeline.gateway.requests import (
    BODY_BYTES_MAX,
    OTHER_ORG,
    Misread,
    Refused,
    Sender,
    Taken,
    messages_in,
    take,
    take_of_vendor,
)
from pipeline.gateway.vendor_ids import customer_of
from pipeline.gateway.vendors import ROUTES, VendorRoute, form_errors, id_of
from pipeline.intake.org_settings import event_entry, orgs_in
from pipeline.intake.verdict import Defect
from pipeline.log.port import Log, LogError
from pipeline.runtime.roles.following import SettingsFollower
from pipeline.runtime.roles.intake import limits_of
from pipeline.runtime.roles.questions import Questions, Standing, Unanswered
from pipeline.runtime.roles.settings_writer import Change, write_settings
from pipeline.runtime.settings import Settings
from schemas.facts import Refusal
from schemas.replies import Reply, ReplyOutcome
from schemas.settings import EventDefinition
from topics.catalog import Catalog

WAIT_SECONDS: Final = 5
WAIT_SECONDS_MAX: Final = 30
_WAITING_MAX: Final = 5_000
_RETRY_SECONDS: Final = 1
_READ_SECONDS: Final = 10.0
"""For the body of a request to come."""
_ANSWER_SECONDS: Final = 2.0
"""For where a customer stands."""
_DIGITS_MAX: Final = 16
_IDEMPOTENCY_KEY: Final = re.compile(r"[!-~]{1,100}")
_PREFER: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])")
_FORM: Final = "application/x-www-form-urlencoded"
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_STATUS: Final = {
    ReplyOutcome.DONE: HTTPStatus.OK,
    ReplyOutcome.HELD: HTTPStatus.ACCEPTED,
    ReplyOutcome.REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ReplyOutcome.REJECTED: HTTPStatus.BAD_REQUEST,
}


_TOLD: Final = (
    NotAllowed,
    Misread,
    BadForm,
    NotNow,
    Unanswered,
    LogError,
    TimeoutError,
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Result = dict[str, Any]


class Api:
    """Handles requests on the event loop of the gateway."""

    def __init__(
        self,
        log: Log,
        settings: Settings,
        follower: SettingsFollower,
        outbox: Outbox,
        answers: Answers,
        questions: Questions,
        clock: Clock,
    ) -> None:
        catalog = Catalog(settings.prefix, settings.partitions)
        self._log = log
        self._settings = settings
        self._follower = follower
        self._outbox = outbox
        self._answers = answers
        self._questions = questions
        self._clock = clock
        self._topic = catalog.name("gateway")
        self._limits = limits_of(settings)

    def app(self) -> web.Application:
        """The application with all its routes."""
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[_told])
        app.add_routes(
            [
                web.post("/v1/messages", self.post_messages),
                web.get("/v1/replies/{id}", self.get_reply),
                web.get(r"/v1/customers/{org:\d{1,16}}/{customer:\d{1,16}}", self.get_customer),
                web.post("/v2/events", self.post_definition),
                web.post("/api/{store}/points/transfer/{action:add|spend|block}", self.post_transfer),
                web.get("/api/{store}/admin/customer/{customer}/status", self.get_status),
                *(web.post(route.path, partial(self.post_to_vendor, route)) for route in ROUTES),
                web.get("/healthcheck", self.healthcheck),
                web.get("/openapi.json", _openapi),
            ]
        )
        return app

    async def post_messages(self, request: web.Request) -> web.Response:
        """Take messages; answer when the log has them, and for commands when they are decided."""
        sender, body = await self._sender(request)
        raw, many = messages_in(body)
        taken = [take(one, number if many else None, sender) for number, one in enumerate(raw)]
        results = await self._send(taken, sender.org_id, _patience(request))
        if many:
            return web.json_response({"results": results}, dumps=_dumps)
        (result,) = results
        location = (
            {"Location": f"/v1/replies/{quote(result['id'], safe='')}"}
            if result["status"] == HTTPStatus.ACCEPTED
            else {}
        )
        kind = "application/json" if result["status"] < HTTPStatus.BAD_REQUEST else "application/problem+json"
        return web.json_response(result, status=result["status"], headers=location, dumps=_dumps, content_type=kind)

    async def post_to_vendor(self, route: VendorRoute, request: web.Request) -> web.Response:
        """Take one message as a vendor's document has it, and answer as the document does."""
        sender, body = await self._sender(request)
        content, body = _content_of(request, body)
        taken = take_of_vendor(body, route.dialect, request.match_info.get("store", ""), sender)
        if isinstance(taken, Refused):
            return web.json_response(route.refusal(taken.defects), status=HTTPStatus.BAD_REQUEST, dumps=_dumps)
        await self._send([taken], sender.org_id, 0)
        return web.json_response(route.answer(content, taken), dumps=_dumps)

    async def post_transfer(self, request: web.Request) -> web.Response:
        """Add, spend or block points as Open Loyalty does (S2 l.7102): a command, answered when it is decided."""
        sender, body = await self._sender(request)
        content, _ = _content_of(request, body)
        found = transfer_in(content)
        if isinstance(found, list):
            return _form(found)
        customer_id, transfer = found
        program = program_of(await self._look(sender.org_id, customer_id))
        if program is None:
            return _form([Defect("transfer.customer", "is in no program", "register the customer first")])
        command = command_of(request.match_info["action"], customer_id, program.program_id, transfer)
        taken = take(msgspec.Raw(msgspec.json.encode(command)), None, sender)
        if isinstance(taken, Refused):
            return _form([defect._replace(path=f"transfer.{defect.path}") for defect in taken.defects])
        (result,) = await self._send([taken], sender.org_id, _patience(request))
        if result["status"] in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT):
            return _form([Defect("transfer.points", str(result["message"]), "nothing was done")])
        told = {"pointsTransferId": id_of(taken)}
        return web.json_response(told, status=min(result["status"], HTTPStatus.ACCEPTED), dumps=_dumps)

    async def get_status(self, request: web.Request) -> web.Response:
        """A customer's status as Open Loyalty tells it (S2 l.3258)."""
        key = key_of(request.headers, self._follower.keys, "read")
        customer_id = customer_of(request.match_info["customer"])
        standing = None if customer_id is None else await self._look(key.org_id, customer_id)
        program = program_of(standing)
        if standing is None or program is None:
            return problem(HTTPStatus.NOT_FOUND, "no customer with this id is in a program")
        return web.json_response(status_of(standing, program), dumps=_dumps)

    async def post_definition(self, request: web.Request) -> web.Response:
        """Define a custom event as Capillary's document has it (S1), with its codes."""
        key = key_of(request.headers, self._follower.keys, "admin")
        body = _object_in(await asyncio.wait_for(request.read(), _READ_SECONDS))
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
            return web.json_response({"errors": errors, "warnings": []}, status=HTTPStatus.BAD_REQUEST, dumps=_dumps)
        return web.json_response({"data": definition_out(made[0]), "errors": [], "warnings": []}, dumps=_dumps)

    async def get_reply(self, request: web.Request) -> web.Response:
        """The latest reply about a record, by its id."""
        key = key_of(request.headers, self._follower.keys, "produce")
        reply = self._answers.known(Asked(key.org_id, request.match_info["id"]))
        if reply is None:
            return problem(
                HTTPStatus.NOT_FOUND,
                "there is no reply with this id: it is not decided yet, or was long ago; events that count have none",
            )
        return web.json_response(_of_reply(reply), dumps=_dumps)

    async def get_customer(self, request: web.Request) -> web.Response:
        """Where a customer stands; with `minSeq`, once the customer has so many facts."""
        key = key_of(request.headers, self._follower.keys, "read")
        org_id, customer_id = int(request.match_info["org"]), int(request.match_info["customer"])
        same_org(key, org_id)
        wanted = request.query.get("minSeq", "0")
        if not wanted.isdecimal() or len(wanted) > _DIGITS_MAX:
            message = f"minSeq is {wanted[:_DIGITS_MAX]!r}; write the seq of a reply"
            raise Misread(message)
        standing = await self._look(org_id, customer_id, int(wanted))
        if standing is None:
            return problem(HTTPStatus.NOT_FOUND, f"nothing is known of customer {customer_id} of org {org_id}")
        return web.json_response(customer_view(standing), dumps=_dumps)

    async def _look(self, org_id: int, customer_id: int, seq: int = 0) -> Standing | None:
        """Where a customer stands, once they have so many facts. Raises `NotNow` and `Unanswered`."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while True:
                    standing = await asyncio.wrap_future(self._questions.ask(org_id, customer_id))
                    if (0 if standing is None else standing.head.seq) >= seq:
                        return standing
        except TimeoutError as error:
            message = "the customer's partition did not answer in time, or has not come so far"
            raise NotNow(message) from error

    async def healthcheck(self, _request: web.Request) -> web.Response:
        """204 where messages are taken, else 503."""
        return web.Response(status=HTTPStatus.NO_CONTENT if self._answers.fresh() else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _sender(self, request: web.Request) -> tuple[Sender, bytes]:
        """Who sends, and the body. Raises what `_told` tells."""
        if not self._answers.fresh():
            message = "the settings may have changed, and cannot be read"
            raise NotNow(message)
        key = key_of(request.headers, self._follower.keys, "produce")
        body = await asyncio.wait_for(request.read(), _READ_SECONDS)
        sender = Sender(
            org_id=key.org_id,
            idempotency_key=_idempotency_key(request),
            wall=self._clock.wall(),
            topic=self._topic,
            limits=self._limits._replace(orgs=self._follower.orgs),
            new_id=lambda: token_hex(16),
        )
        return sender, body

    async def _send(self, taken: Sequence[Taken | Refused], org_id: int, seconds: float) -> list[Result]:
        """Send what can be sent, and wait for the replies to commands; a result for each, in order."""
        good = [one for one in taken if isinstance(one, Taken)]
        asked = {id(one): Asked(org_id, one.id) for one in good if one.waits}
        if self._answers.waiting() + len(asked) > _WAITING_MAX:
            message = "too many requests wait already"
            raise NotNow(message)
        expected = {number: self._answers.expect(one) for number, one in asked.items()}
        try:
            if good:
                await asyncio.wrap_future(self._outbox.put([one.message for one in good]))
            replies = await _within(seconds, expected)
            known = {number: self._answers.known(one) for number, one in asked.items() if number not in replies}
            replies |= {number: reply for number, reply in known.items() if reply is not None}
        finally:
            for number, future in expected.items():
                self._answers.forget(asked[number], future)
        return [_of_refused(one) if isinstance(one, Refused) else _of_taken(one, replies.get(id(one))) for one in taken]


def problem(status: int, detail: str, **more: Any) -> web.Response:
    """An error as RFC 9457 has it."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return web.json_response(told, status=status, dumps=_dumps, content_type="application/problem+json")


def _busy(why: str) -> web.Response:
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}; nothing was done: send it again")
    answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
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
    except _TOLD as error:
        return _of_error(error)


def _of_error(error: Exception) -> web.Response:
    match error:
        case NotAllowed():
            return problem(error.status, str(error))
        case NotNow() | Unanswered():
            return _busy(str(error))
        case LogError():
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the log did not answer, so it is unknown whether it has the message; send it again with the same id "
                "or Idempotency-Key: it counts once",
            )
        case TimeoutError():
            return problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {_READ_SECONDS:.0f} s")
        case _:
            return problem(HTTPStatus.BAD_REQUEST, str(error))


async def _openapi(_request: web.Request) -> web.Response:
    return web.json_response(OPENAPI, dumps=_dumps)


async def _within(seconds: float, expected: dict[int, Future[Reply]]) -> dict[int, Reply]:
    """The replies that come in time."""
    if not expected:
        return {}
    wrapped = {number: asyncio.wrap_future(future) for number, future in expected.items()}
    await asyncio.wait(wrapped.values(), timeout=seconds)
    return {number: future.result() for number, future in wrapped.items() if future.done()}


def _content_of(request: web.Request, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The object that a vendor's caller sent as JSON or as a form, and the same as JSON."""
    if request.content_type == _FORM and not body.lstrip().startswith(b"{"):  # curl calls every body a form
        content = form_in(body)
        return content, msgspec.json.encode(content)
    return _object_in(body), body


def _form(defects: Sequence[Defect]) -> web.Response:
    return web.json_response(form_errors(defects), status=HTTPStatus.BAD_REQUEST, dumps=_dumps)


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the body is no JSON object: {error}"
        raise Misread(message) from error
    return content


def _idempotency_key(request: web.Request) -> str:
    sent = request.headers.get("Idempotency-Key", "").strip().strip('"')
    if sent and not _IDEMPOTENCY_KEY.fullmatch(sent):
        message = "Idempotency-Key has more than 100 characters, or others than visible ASCII; make it shorter"
        raise Misread(message)
    return sent


def _patience(request: web.Request) -> float:
    """How long the sender waits for a reply: `Prefer: wait=n` (RFC 7240), in seconds."""
    wanted = _PREFER.search(request.headers.get("Prefer", ""))
    return WAIT_SECONDS if wanted is None else min(int(wanted[1]), WAIT_SECONDS_MAX)


def _of_refused(refused: Refused) -> Result:
    return {
        "id": None,
        "status": HTTPStatus.FORBIDDEN if refused.reason == OTHER_ORG else HTTPStatus.BAD_REQUEST,
        "outcome": ReplyOutcome.REJECTED,
        "reason": refused.reason,
        "defects": [defect._asdict() for defect in refused.defects],
    }


def _of_taken(taken: Taken, reply: Reply | None) -> Result:
    if reply is not None:
        return _of_reply(reply)
    return {"id": taken.id, "status": HTTPStatus.ACCEPTED, "outcome": "accepted"}


def _of_reply(reply: Reply) -> Result:
    """What a reply says; a duplicate has the status of the record that came first."""
    status = _STATUS[reply.first_outcome or reply.outcome]
    if reply.reason == Refusal.ID_REUSED.text:
        status = HTTPStatus.CONFLICT
    return {"id": reply.record_id, "status": status, **msgspec.to_builtins(reply)}


def _dumps(told: Any) -> str:
    return msgspec.json.encode(told).decode()
