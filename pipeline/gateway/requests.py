"""From the body of a request to messages for intake: pure, so that every body can be tried without a server.

The org is that of the access key. What the sender left out is filled in: the id by `Idempotency-Key`, by the number of
a bill, or anew; the time by the clock. What intake would make a dead letter of is refused here, with the same defects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.intake.dialects.registry import read
from pipeline.intake.letters.letter import (
    DIALECT_HEADER,
    ORG_HEADER,
    REQUEST_HEADER,
    STORE_HEADER,
    TIME_FILLED_HEADER,
    origin_of,
)
from pipeline.intake.verdict import Defect, Limits, Rejected
from pipeline.log.port import Message, Outgoing
from schemas.records import CommandRecord, CustomerRecord, KnownBy, LinkIdentifiers, ResolveCustomer, as_sent

BODY_BYTES_MAX: Final = 2**20
"""The longest body that is read."""
MESSAGES_MAX: Final = 1_000
"""Messages in one request."""
OTHER_ORG: Final = "OTHER_ORG"
"""The reason why a message is refused that names another org than that of its access key."""

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


Headers = tuple[tuple[str, bytes], ...]


class Misread(Exception):
    """The body is no message, and no list of messages."""


class Sender(NamedTuple):
    """What is known of who sends, beside the messages."""

    org_id: int
    idempotency_key: str
    """Empty: the sender gave none."""
    wall: int
    """When the request came, milliseconds since the epoch."""
    topic: str
    """The full name of the topic that the messages go to."""
    limits: Limits
    """What intake holds messages to."""
    new_id: Callable[[], str]


class Taken(NamedTuple):
    """A message as it goes to intake."""

    message: Outgoing
    record: CustomerRecord
    """What intake makes of it."""

    id: str
    """What its sender knows it by."""

    identifiers: tuple[KnownBy, ...] = ()
    """Who it is about, where it has no customer id; in the order in which they decide."""

    @property
    def waits(self) -> bool:
        """Whether the sender wants to know what became of it: it is a command, or says whose identifiers are."""
        return isinstance(self.record, CommandRecord | LinkIdentifiers)


class Refused(NamedTuple):
    """A message that intake would not take."""

    reason: str
    defects: Sequence[Defect]


def messages_in(body: bytes) -> tuple[Sequence[msgspec.Raw], bool]:
    """The messages of a body, and whether it is a list of them. Raises `Misread`."""
    try:
        whole = _RAW.decode(body)
        many = bytes(whole).lstrip().startswith(b"[")
        found = _LIST.decode(body) if many else [whole]
    except _NO_JSON as error:
        message = f"the body is not JSON: {error}"
        raise Misread(message) from error
    if not 1 <= len(found) <= MESSAGES_MAX:
        message = f"the body has {len(found)} messages; send 1 to {MESSAGES_MAX} at once"
        raise Misread(message)
    return found, many


def take_command(command: Mapping[str, Any], sender: Sender) -> Taken | Refused:
    """A native command that a vendor's request comes to."""
    return take(msgspec.Raw(msgspec.json.encode(command)), None, sender)


def take(raw: msgspec.Raw, place: int | None, sender: Sender) -> Taken | Refused:
    """One message; `place`: in a list of them."""
    try:
        fields: dict[str, Any] = _OBJECT.decode(str(bytes(raw), "utf-8"))
    except _NO_JSON:
        return _judge(bytes(raw), (), sender)
    if _value(fields, "orgId", sender.org_id) != sender.org_id:
        return Refused(OTHER_ORG, (Defect("orgId", "is another org than that of the access key", "leave it out"),))
    fields.setdefault("orgId", sender.org_id)
    filled = () if "eventTime" in fields else ((TIME_FILLED_HEADER, b""),)
    fields.setdefault("eventTime", sender.wall)
    if sender.idempotency_key:
        own = sender.idempotency_key if place is None else f"{sender.idempotency_key}#{place}"
    else:
        own = _value(fields, "id", None) or _number_of_bill(fields) or sender.new_id()
    taken = _judge(msgspec.json.encode({**fields, "id": own}), filled, sender)
    return taken._replace(id=own) if isinstance(taken, Taken) else taken


def take_of_vendor(body: bytes, dialect: str, store: str, sender: Sender) -> Taken | Refused:
    """One message in a vendor's dialect, as it came.

    RULE: a message without a number of its own and without `Idempotency-Key` counts once for each request.
    """
    headers: Headers = (
        (DIALECT_HEADER, dialect.encode()),
        (ORG_HEADER, str(sender.org_id).encode()),
        *(((STORE_HEADER, store.encode()),) if store else ()),
    )
    taken = _judge(body, headers, sender)
    if isinstance(taken, Refused):
        return taken
    if taken.record.event_time == sender.wall:  # the message names no time, so that of the request was taken
        headers = (*headers, (TIME_FILLED_HEADER, b""))
    if sender.idempotency_key:
        headers = (*headers, (REQUEST_HEADER, sender.idempotency_key.encode()))
    elif taken.record.id == origin_of(_message(body, headers, sender)):
        headers = (*headers, (REQUEST_HEADER, sender.new_id().encode()))
    return _judge(body, headers, sender)


def _message(value: bytes, headers: Headers, sender: Sender) -> Message:
    return Message(sender.topic, 0, 0, None, value, sender.wall, headers)


def _judge(value: bytes, headers: Headers, sender: Sender) -> Taken | Refused:
    message = _message(value, headers, sender)
    verdict = read(message, wall=sender.wall, limits=sender.limits)
    if isinstance(verdict, Rejected):
        return Refused(verdict.reason.value, verdict.defects)
    if not isinstance(verdict.record, CustomerRecord):
        defect = Defect("type", "is about no customer", "send it to Kafka; only backfills move the time")
        return Refused("UNKNOWN_TYPE", (defect,))
    record = as_sent(verdict.record)
    identifiers = verdict.record.identifiers if isinstance(verdict.record, ResolveCustomer) else ()
    outgoing = Outgoing(sender.topic, verdict.key, value, None, headers, sender.wall)
    return Taken(message=outgoing, record=record, id=record.id, identifiers=identifiers)


def _number_of_bill(fields: Mapping[str, Any]) -> str | None:
    """An id that says which bill it is: the same one, sent again, has the same."""
    kind, number = _value(fields, "type", None), _value(fields, "billNumber", None)
    if kind not in ("transactionAdded", "transactionReturned") or not isinstance(number, str) or not number:
        return None
    return f"{kind}:{_value(fields, 'store', '')}:{number}"


def _value(fields: Mapping[str, Any], name: str, missing: Any) -> Any:
    """A number that nobody can read, such as 1e400, stays as it was written: intake refuses it in words."""
    try:
        return msgspec.json.decode(fields[name]) if name in fields else missing
    except msgspec.DecodeError:
        return fields[name]
