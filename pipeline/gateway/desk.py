"""What all pages of the gateway share: who asks, what is sent and answered, and how it is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from pipeline.clock import Clock
from pipeline.gateway.access import Access
from pipeline.gateway.answers import Answers, Asked
from pipeline.gateway.forms import form_in
from pipeline.gateway.outbox import NotNow, Outbox
from pipeline.gateway.requests import OTHER_ORG, Misread, Refused, Sender, Taken
from pipeline.intake.verdict import Limits
from pipeline.replies.vendor import REJECTION_CODES
from pipeline.runtime.roles.following import SettingsFollower
from pipeline.runtime.roles.questions import Known, Questions, Standing
from schemas.facts import Refusal
from schemas.replies import Reply, ReplyOutcome
from schemas.settings import AccessKey, Scope

READ_SECONDS: Final = 10.0
"""For the body of a request to come."""
WAIT_SECONDS: Final = 5
WAIT_SECONDS_MAX: Final = 30
_WAITING_MAX: Final = 5_000
_ANSWER_SECONDS: Final = 2.0
"""For the answer of a customer's partition."""
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

Result = dict[str, Any]
_Answer = TypeVar("_Answer")


class Desk:
    """Takes requests in, sends what they ask for, and waits for answers; on the event loop of the gateway."""

    def __init__(
        self,
        topic: str,
        limits: Limits,
        follower: SettingsFollower,
        access: Access,
        outbox: Outbox,
        answers: Answers,
        questions: Questions,
        clock: Clock,
    ) -> None:
        """`topic`: the full name of the topic that messages go to; `limits`: intake's, without the orgs."""
        self.follower = follower
        self.access = access
        self.answers = answers
        self._topic = topic
        self._limits = limits
        self._outbox = outbox
        self._questions = questions
        self._clock = clock

    def key(self, request: web.Request, scope: Scope) -> AccessKey:
        """The access key of a request. Raises `NotAllowed`."""
        return self.access.key_of(request.headers, scope)

    async def sender(self, request: web.Request, scope: Scope = "produce") -> tuple[Sender, bytes]:
        """Who sends, and the body. Raises `NotAllowed`, `NotNow`, `Misread` and `TimeoutError`."""
        if not self.answers.fresh():
            message = "the settings may have changed, and cannot be read"
            raise NotNow(message)
        key = self.key(request, scope)
        body = await body_of(request)
        sender = Sender(
            org_id=key.org_id,
            idempotency_key=_idempotency_key(request),
            wall=self._clock.wall(),
            topic=self._topic,
            limits=self._limits._replace(orgs=self.follower.orgs),
            new_id=lambda: token_hex(16),
        )
        return sender, body

    async def send(self, taken: Sequence[Taken | Refused], org_id: int, seconds: float) -> list[Result]:
        """Send what can be sent, and wait for the replies to commands; a result for each, in order."""
        good = [one for one in taken if isinstance(one, Taken)]
        waits = {id(one): one for one in good if one.waits}
        asked = {number: Asked(org_id, one.id) for number, one in waits.items()}
        if self.answers.waiting() + len(asked) > _WAITING_MAX:
            message = "too many requests wait already"
            raise NotNow(message)
        expected = {number: self.answers.expect(asked[number], one.record.customer_id) for number, one in waits.items()}
        try:
            if good:
                await asyncio.wrap_future(self._outbox.put([one.message for one in good]))
            replies = await _within(seconds, expected)
            for number, one in waits.items():
                known = self.answers.known(asked[number], one.record.customer_id)
                if number not in replies and known is not None:
                    replies[number] = known
        finally:
            for number, future in expected.items():
                self.answers.forget(asked[number], future)
        return [_of_refused(one) if isinstance(one, Refused) else _of_taken(one, replies.get(id(one))) for one in taken]

    async def look(self, org_id: int, customer_id: int, seq: int = 0) -> Standing | None:
        """Where a customer stands, once they have so many facts. Raises `NotNow` and `Unanswered`."""
        return await self.ask(
            org_id,
            customer_id,
            lambda known: known.standing(org_id, customer_id),
            lambda standing: (0 if standing is None else standing.head.seq) >= seq,
        )

    async def ask(
        self,
        org_id: int,
        customer_id: int,
        question: Callable[[Known], _Answer],
        is_enough: Callable[[_Answer], bool] = lambda _answer: True,
    ) -> _Answer:
        """Ask the partition of a customer, again until the answer is enough. Raises `NotNow` and `Unanswered`."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while True:
                    answer = await asyncio.wrap_future(self._questions.ask(org_id, customer_id, question))
                    if is_enough(answer):
                        return answer
        except TimeoutError as error:
            message = "the customer's partition did not answer in time, or has not come so far"
            raise NotNow(message) from error


async def _within(seconds: float, expected: dict[int, Future[Reply]]) -> dict[int, Reply]:
    """The replies that come in time."""
    if not expected:
        return {}
    wrapped = {number: asyncio.wrap_future(future) for number, future in expected.items()}
    await asyncio.wait(wrapped.values(), timeout=seconds)
    return {number: future.result() for number, future in wrapped.items() if future.done()}


async def body_of(request: web.Request) -> bytes:
    """The body of a request, unpacked. Raises `Misread`, `TimeoutError` and 413."""
    try:
        return await asyncio.wait_for(request.read(), READ_SECONDS)
    except web.RequestPayloadError as error:
        message = f"the body cannot be unpacked as its Content-Encoding says: {error}"
        raise Misread(message) from error


async def asked_in(request: web.Request) -> dict[str, Any]:
    """The parameters of a list: of its address, and those that some examples send as a body (S2 l.3612)."""
    return form_in(request.rel_url.raw_query_string.encode()) | form_in(await body_of(request))


def told(content: Any, status: int = HTTPStatus.OK) -> web.Response:
    """An answer as JSON."""
    return web.json_response(content, status=status, dumps=dumps)


def problem(status: int, detail: str, **more: Any) -> web.Response:
    """An error as RFC 9457 has it."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return web.json_response(content, status=status, dumps=dumps, content_type="application/problem+json")


def content_of(request: web.Request, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The object that a vendor's caller sent as JSON or as a form, and the same as JSON."""
    if request.content_type == _FORM and not body.lstrip().startswith(b"{"):  # curl calls every body a form
        content = form_in(body)
        return content, msgspec.json.encode(content)
    return object_in(body), body


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises `Misread`."""
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


def patience(request: web.Request) -> float:
    """How long the sender waits for a reply: `Prefer: wait=n` (RFC 7240), in seconds."""
    wanted = _PREFER.search(request.headers.get("Prefer", ""))
    return WAIT_SECONDS if wanted is None else min(int(wanted[1]), WAIT_SECONDS_MAX)


def _of_refused(refused: Refused) -> Result:
    return {
        "id": None,
        "status": HTTPStatus.FORBIDDEN if refused.reason == OTHER_ORG else HTTPStatus.BAD_REQUEST,
        "outcome": ReplyOutcome.REJECTED,
        "reason": refused.reason,
        "vendorCode": REJECTION_CODES.get(refused.reason),
        "defects": [defect._asdict() for defect in refused.defects],
    }


def _of_taken(taken: Taken, reply: Reply | None) -> Result:
    if reply is not None:
        return of_reply(reply)
    return {"id": taken.id, "status": HTTPStatus.ACCEPTED, "outcome": "accepted"}


def of_reply(reply: Reply) -> Result:
    """What a reply says; a duplicate has the status of the record that came first."""
    status = _STATUS[reply.first_outcome or reply.outcome]
    if reply.reason == Refusal.ID_REUSED.text:
        status = HTTPStatus.CONFLICT
    return {"id": reply.record_id, "status": status, **msgspec.to_builtins(reply)}


def dumps(content: Any) -> str:
    """As JSON."""
    return msgspec.json.encode(content).decode()
