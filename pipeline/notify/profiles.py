"""The two profiles, `flat` and `wrapped`: how a notification's JSON is laid out around its `data`.

`seq` is ours: it orders a customer's events across topics. The layouts, and the `data` of what comes with every bill,
are structs: built and encoded in half the time of a dict.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.notify.context import Cause, Context

_ENCODER: Final = msgspec.json.Encoder()


class _Flat(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    event_name: str
    event_id: str
    org_id: int
    ref_id: str
    api_request_id: str
    created_at: int
    data: object
    loyalty_event_id: str
    seq: int


class _Attributes(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    created_at: int
    data: object
    loyalty_event_id: str
    event_name: str
    ref_id: str
    api_request_id: str
    org_id: int
    seq: int


class _Wrapped(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    event_id: str
    event_type: str
    consumer_group_id: None
    action_type: str
    time_stamp: int
    attributes: _Attributes


def flat(event: str, event_id: str, data: object, seq: int, cause: Cause, context: Context) -> bytes:
    """The JSON with every field at the top level."""
    return _ENCODER.encode(
        _Flat(
            event_name=event,
            event_id=event_id,
            org_id=context.org_id,
            ref_id=cause.ref_id,
            api_request_id=cause.token,
            created_at=cause.created_at,
            data=data,
            loyalty_event_id=cause.token,
            seq=seq,
        )
    )


def wrapped(event: str, event_id: str, data: object, seq: int, cause: Cause, context: Context) -> bytes:
    """The JSON with all but the event's id and name in `attributes`; `timeStamp` is when the record or tick came."""
    return _ENCODER.encode(
        _Wrapped(
            event_id=event_id,
            event_type=event,
            consumer_group_id=None,
            action_type="START",
            time_stamp=context.recorded_at,
            attributes=_Attributes(
                created_at=cause.created_at,
                data=data,
                loyalty_event_id=cause.token,
                event_name=event,
                ref_id=cause.ref_id,
                api_request_id=cause.token,
                org_id=context.org_id,
                seq=seq,
            ),
        )
    )
