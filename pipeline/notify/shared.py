"""The fields that notifications about points and tiers share."""

from __future__ import annotations

import msgspec

from pipeline.notify.activity import Activity, return_of, triggered_by, update_of
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


def points_fields(envelope: Envelope, context: Context) -> dict[str, object]:
    """The beginning of `data` where it is about points: as above, with what the customer can be reached by."""
    return {**program_fields(envelope, context), "customerIdentifiers": context.contact_in(envelope)}


def taken_back_by(envelope: Envelope, context: Context, of_bill: str) -> Activity:
    """The activity that takes points of a bill back: its return, or an update that corrects it."""
    activity = (update_of if envelope.correction_of else return_of)(context.org_id, context.customer_id, of_bill)
    return entered_as(activity, envelope, context)


def entered_as(activity: Activity, envelope: Envelope, context: Context) -> Activity:
    """An activity by whoever entered the record that led to the facts, if one did."""
    own = context.cause_of(envelope).activity
    return activity if own is None else msgspec.structs.replace(activity, entered_by=own.entered_by)
