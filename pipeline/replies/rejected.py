"""Replies to messages that became dead letters, as far as their bytes say whom they are about."""

from __future__ import annotations

from typing import Final
from uuid import uuid5

import msgspec

from pipeline.replies.replies import NAMESPACE, iso
from pipeline.replies.vendor import REJECTION_CODES
from schemas.messages import Identity
from schemas.replies import Reply, ReplyOutcome

OF_INTAKE: Final = (("accrue.stage", b"intake"),)
"""The headers of these replies: unlike all others they do not follow from the journal."""
_ID_MAX: Final = 128
_TYPE_MAX: Final = 64


class _Address(msgspec.Struct, rename="camel"):
    org_id: Identity
    customer_id: Identity


class _Named(msgspec.Struct):
    id: str


class _Typed(msgspec.Struct):
    type: str


_ADDRESS: Final = msgspec.json.Decoder(_Address)
_NAMED: Final = msgspec.json.Decoder(_Named)
_TYPED: Final = msgspec.json.Decoder(_Typed)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """What can be read of a message that is wrong otherwise."""

    org_id: int
    customer_id: int
    record_id: str
    type: str


def addressed(value: bytes, origin: str) -> Addressed | None:
    """Whom the message is about, and its id (`origin` without one) and type; None where no customer can be named."""
    try:
        address = _ADDRESS.decode(value)
    except _UNREADABLE:
        return None
    try:
        type_name = _TYPED.decode(value).type[:_TYPE_MAX]
    except _UNREADABLE:
        type_name = ""
    return Addressed(
        org_id=address.org_id, customer_id=address.customer_id, record_id=record_id_in(value, origin), type=type_name
    )


def record_id_in(value: bytes, origin: str) -> str:
    """The id of the message, `origin` where it has none."""
    try:
        return _NAMED.decode(value).id[:_ID_MAX] or origin
    except _UNREADABLE:
        return origin


def reply_to_rejected(about: Addressed, origin: str, reason: str, why: str, at: int) -> Reply:
    """The reply to a dead letter. `origin`: `topic:partition:offset` of the message; `why`: what is wrong with it."""
    return Reply(
        reply_id=str(uuid5(NAMESPACE, f"rejected:{origin}")),
        request_id=origin,
        record_id=about.record_id,
        org_id=about.org_id,
        customer_id=about.customer_id,
        type=about.type,
        outcome=ReplyOutcome.REJECTED,
        first_outcome=None,
        reason=reason,
        vendor_code=REJECTION_CODES.get(reason),
        message=f"Rejected: {why}.",
        at=iso(at),
        seq=0,
        result=[],
    )
