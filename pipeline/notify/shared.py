"""The fields that notifications about points and tiers share."""

from __future__ import annotations

from pipeline.notify.activity import triggered_by
from pipeline.notify.context import Context
from schemas.facts import Envelope


def program_fields(envelope: Envelope, context: Context) -> dict[str, object]:
    """The beginning of `data`: customer, activity and program."""
    return {
        "customerIdentifiers": context.customer,
        "entityInformation": context.entity,
        "triggeringActivity": triggered_by(context.cause_of(envelope).activity, entity=context.entity),
        "loyaltyProgramDetails": context.program_of(envelope).details,
        "loyaltyProgramId": envelope.program_id,
    }
