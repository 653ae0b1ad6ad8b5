"""The two envelopes, `flat` and `wrapped`. `seq` is ours: it orders a customer's events across topics.

Envelopes, and the `data` of what comes with every bill, are structs: built and encoded in half the time of a dict.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.notify.context import Cause, Context

_ENCODER: Final = msgspec.json.Encoder()


class _Flat(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    event_name: str
    event_id: str
    org_id: int
    ref_id: str
    api_request_id: str
    created_at: int
    data: object
    loyalty_event_id: str
    seq: int


class _Attributes(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    created_at: int
    data: object
    loyalty_event_id: str
    event_name: str
    ref_id: str
    api_request_id: str
    org_id: int
    seq: int


class _Wrapped(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    event_id: str
    event_type: str
    consumer_group_id: None
    action_type: str
    time_stamp: int
    attributes: _Attributes


def flat(event: str, event_id: str, data: object, seq: int, cause: Cause, context: Context) -> bytes:
    """Everything at the top."""
    token, created_at = cause.token, cause.created_at
    return _ENCODER.encode(_Flat(event, event_id, context.org_id, cause.ref_id, token, created_at, data, token, seq))


def wrapped(event: str, event_id: str, data: object, seq: int, cause: Cause, context: Context) -> bytes:
    """Everything but the event's identity in `attributes`; `timeStamp` is when the record or tick came that told us."""
    token, created_at = cause.token, cause.created_at
    attributes = _Attributes(created_at, data, token, event, cause.ref_id, token, context.org_id, seq)
    return _ENCODER.encode(_Wrapped(event_id, event, None, "START", context.recorded_at, attributes))
