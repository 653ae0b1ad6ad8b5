"""Voucherify's custom event, as `POST /client/v1/events` takes it (S3).

Metadata are the attributes of the event. Referral and loyalty card are kept as the attributes `referral_code`,
`referral_referrer_id` and `loyalty_code`, and have no effect of their own. An event names no time (S3): it happened
when its message was sent.
"""

from __future__ import annotations

from typing import Final

from pipeline.intake.dialects.parts import Part, attributes_of
from pipeline.intake.dialects.vendor import Draft, Received, Site, normalise_with
from pipeline.intake.verdict import Accepted, Incoming, Limits, Rejected

_KEPT: Final = (
    ("referral", "code", "referral_code"),
    ("referral", "referrer_id", "referral_referrer_id"),
    ("loyalty", "code", "loyalty_code"),
)
_KNOWN: Final = frozenset({"event", "customer", "referral", "loyalty", "metadata"})


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The record of an event, or what is wrong with it."""
    return normalise_with(_event, message, wall, limits)


def _event(body: Part, _site: Site, received: Received) -> Draft:
    for name in body.fields.keys() - _KNOWN:
        body.wrong(name, "is not a known field", f"remove it; known are {', '.join(sorted(_KNOWN))}")
    draft = Draft("customEvent")
    draft.put("eventName", body.text("event", required="the event name"), "event")
    draft.put("eventTime", received.sent_at, "")
    _customer(body.part("customer", required="id or source_id"), draft)
    attributes = attributes_of(body.part("metadata"))
    for part, field, name in _KEPT:
        value = body.part(part).text(field)
        if value:
            attributes[name] = value
    draft.put("attributes", attributes or None, "metadata")
    return draft


def _customer(customer: Part, draft: Draft) -> None:
    draft.of(customer, "id")
    draft.identify("sourceId", customer.text("source_id"))
    draft.identify("email", customer.text("email"))
    draft.identify("mobile", customer.text("phone"))
