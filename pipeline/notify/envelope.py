"""The two envelopes, `flat` and `wrapped`. `seq` is ours: it orders a customer's events across topics."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.notify.context import Context
from schemas.facts import Fact

_ENCODER: Final = msgspec.json.Encoder()


def flat(event: str, event_id: str, data: dict[str, object], fact: Fact, context: Context) -> bytes:
    """Everything at the top."""
    cause = context.cause_of(fact)
    return _ENCODER.encode(
        {
            "eventName": event,
            "eventId": event_id,
            "orgId": context.org_id,
            "refId": cause.ref_id,
            "apiRequestId": cause.token,
            "createdAt": cause.created_at,
            "data": data,
            "loyaltyEventId": cause.token,
            "seq": fact.seq,
        }
    )


def wrapped(event: str, event_id: str, data: dict[str, object], fact: Fact, context: Context) -> bytes:
    """Everything but the event's identity in `attributes`; `timeStamp` is when the record or tick came that told us."""
    cause = context.cause_of(fact)
    return _ENCODER.encode(
        {
            "eventId": event_id,
            "eventType": event,
            "consumerGroupId": None,
            "actionType": "START",
            "timeStamp": context.recorded_at,
            "attributes": {
                "createdAt": cause.created_at,
                "data": data,
                "loyaltyEventId": cause.token,
                "eventName": event,
                "refId": cause.ref_id,
                "apiRequestId": cause.token,
                "orgId": context.org_id,
                "seq": fact.seq,
            },
        }
    )
