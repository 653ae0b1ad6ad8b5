"""Capillary's events: transactionAdded, transactionUpdated (S4 l.100) and behavioural events (S1), in its envelopes.

Read are the envelope of the samples (`attributes.data`) and the flat one (`data`, S4 l.545). Spaces that the printed
page put into keys and codes are taken out. RULE: a bill is known by its `transactionId`, which updates name, as they
have no `billNumber`; an envelope with any other `eventName` is a behavioural event, and the fields of its `data` are
its attributes (S1 prints the definition of an event, and no body).

`enteredAt` is the store's wall clock, encoded as if it were in another zone (S4: 2.5 h after `createdAt` in Makassar),
which a setting of the topic names. It is read as the local time of the store; where that would be in the future,
`createdAt` holds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.intake.dialects.parts import Part, attributes_of
from pipeline.intake.dialects.vendor import Draft, Received, Site, customer_id, normalise_with
from pipeline.intake.times import instant_of
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Rejected

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT_MAX: Final = 253_402_300_799_999
_ADDED: Final = "transactionAdded"
_UPDATED: Final = "transactionUpdated"
_OUTSIDE: Final = frozenset(
    {
        "customerIdentifiers",
        "enteredAt",
        "enteredBy",
        "eventDateTime",
    }
)
"""What an event's data hold beside its attributes."""


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The record of an event or a bill, or what is wrong with it."""
    return normalise_with(_read, message, wall, limits)


def _read(body: Part, site: Site, received: Received) -> Draft | None:
    whole = _healed(body)
    inside = whole.part("attributes") if "attributes" in whole.fields else whole
    name = inside.text("eventName", required="the name of the event")
    data = inside.part("data", required="what happened")
    if name == _ADDED:
        draft = _bill(data, site)
    elif name == _UPDATED:
        draft = _update(data, site)
    else:
        draft = Draft("customEvent")
        draft.put("eventName", name, inside.at("eventName"))
        draft.put("attributes", attributes_of(data, without=_OUTSIDE) or None, data.path)
    if draft is None:
        return None
    draft.put("id", whole.text("eventId") or inside.text("eventId"), whole.at("eventId"))
    _time(draft, data, inside, site, received)
    _customer(data.part("customerIdentifiers", required="customerId"), draft)
    return draft


def _bill(data: Part, site: Site) -> Draft | None:
    kind = _code(data, "billType")
    if kind not in {"", "REGULAR"}:
        data.wrong("billType", f"is {kind}", "write REGULAR; a return names no bill in this event")
        return None
    draft = Draft(_ADDED)
    currency = _code(data, "currencyCode") or site.currency
    _number(draft, data)
    draft.put("currency", currency, data.at("currencyCode"))
    draft.put("amountMinor", data.minor("amount", currency, required="the net amount"), data.at("amount"))
    draft.put("discountMinor", data.minor("discount", currency), data.at("discount"))
    draft.put("grossMinor", data.minor("grossAmount", currency), data.at("grossAmount"))
    entered_by = data.part("enteredBy")
    for name in ("store", "till"):
        draft.put(name, entered_by.part(name).text("code"), entered_by.part(name).at("code"))
    return draft


def _update(data: Part, site: Site) -> Draft:
    draft = Draft(_UPDATED)
    _number(draft, data)
    draft.put("amountMinor", data.minor("amount", site.currency), data.at("amount"))
    draft.put("discountMinor", data.minor("discount", site.currency), data.at("discount"))
    draft.put("deliveryStatus", _code(data, "deliveryStatus"), data.at("deliveryStatus"))
    return draft


def _number(draft: Draft, data: Part) -> None:
    name = "transactionId" if "transactionId" in data.fields else "billNumber"
    draft.put("billNumber", data.text(name, required="the id of the transaction"), data.at(name))


def _time(draft: Draft, data: Part, inside: Part, site: Site, received: Received) -> None:
    created = inside.whole("createdAt")
    entered = data.whole("enteredAt")
    named = data.text("eventDateTime")
    if named:
        draft.put("eventTime", int(named) if named.isdecimal() else named, data.at("eventDateTime"))
        if isinstance(instant_of(draft.content["eventTime"], None), Defect):
            draft.put("zone", site.zone, data.at("eventDateTime"))
        return
    if entered is not None and 0 <= entered <= _INSTANT_MAX:
        instant = _undone(entered, site)
        if instant <= received.wall + received.future_ms or created is None:
            draft.put("eventTime", instant, data.at("enteredAt"))
            return
    draft.put("eventTime", received.sent_at if created is None else created, inside.at("createdAt"))


def _undone(entered: int, site: Site) -> int:
    """The instant at which the store's clock showed what `entered` shows in the zone that it was encoded by."""
    shown = (_EPOCH + timedelta(milliseconds=entered)).astimezone(ZoneInfo(site.entered_at_zone))
    return int((shown.replace(tzinfo=ZoneInfo(site.zone)) - _EPOCH) / timedelta(milliseconds=1))


def _customer(customer: Part, draft: Draft) -> None:
    draft.put("customerId", customer_id(customer, "customerId"), customer.at("customerId"))
    in_store = customer.part("Instore" if "Instore" in customer.fields else "instore")
    draft.trace("identifiers", customer.path)
    draft.identify("mobile", in_store.text("mobile"))
    draft.identify("email", in_store.text("email"))
    draft.identify("externalId", in_store.text("externalId"))


def _code(part: Part, name: str) -> str:
    """A code in a field, without the spaces that the page put into it."""
    return "".join(part.text(name).split()).upper()


def _healed(body: Part) -> Part:
    """The message with the spaces taken out of its keys."""
    return Part(_without_spaces(body.fields), body.path, body.defects)


def _without_spaces(value: Any) -> Any:
    if isinstance(value, dict):
        return {"".join(key.split()): _without_spaces(one) for key, one in value.items()}
    return [_without_spaces(one) for one in value] if isinstance(value, list) else value
