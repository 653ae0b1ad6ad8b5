"""Open Loyalty's custom event (S0) and transaction (S2 l.8576), as JSON bodies.

Local times are the store's, and amounts are in its currency, as no body names one. RULE: a document number counts once
in its store; the value of an item is of all its units (S2 says neither).
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.intake.dialects.parts import Part, attributes_of
from pipeline.intake.dialects.vendor import Draft, Received, Site, local_time, normalise_with
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Rejected

_SELL: Final = "sell"
_RETURN: Final = "return"
_OF_LINES: Final = (
    ("sku", "sku.code"),
    ("amountMinor", "grossValue"),
    ("quantity", "quantity"),
    ("category", "category"),
)


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The record of an event, a sale or a return, or what is wrong with it."""
    return normalise_with(_read, message, wall, limits)


def _read(body: Part, site: Site, received: Received) -> Draft | None:
    if "event" in body.fields:
        return _event(body.part("event"), site, received)
    if "transaction" in body.fields:
        return _transaction(body.part("transaction"), site, received)
    body.defects.append(Defect("", "has neither `event` nor `transaction`", "wrap the body in one of them"))
    return None


def _event(event: Part, site: Site, received: Received) -> Draft:
    draft = Draft("customEvent")
    draft.put("eventName", event.text("type", required="the name of the event"), event.at("type"))
    _time(draft, event, "eventDate", site, received)
    _customer(event.part("customerData", required="email, phone or loyaltyCardNumber"), draft)
    draft.put("attributes", attributes_of(event.part("body")) or None, event.at("body"))
    return draft


def _transaction(transaction: Part, site: Site, received: Received) -> Draft | None:
    data = transaction.part("transactionData", required="documentNumber and documentType")
    kind = data.text("documentType", required=f"{_SELL} or {_RETURN}")
    if kind not in {_SELL, _RETURN}:
        if kind:
            data.wrong("documentType", f"is {kind!r}", f"write {_SELL} or {_RETURN}")
        return None
    draft = Draft("transactionAdded" if kind == _SELL else "transactionReturned")
    number = data.text("documentNumber", required="the number of the document")
    draft.put("billNumber", number, data.at("documentNumber"))
    draft.put("id", f"{site.store}/{kind}/{number}", data.at("documentNumber"))
    if kind == _RETURN:
        sale = transaction.text("revisedDocument", required="the number of the sale")
        draft.put("ofBill", sale, transaction.at("revisedDocument"))
    _time(draft, data, "purchaseDate", site, received)
    items = transaction.parts("items")
    lines = [_line(item, site.currency) for item in items]
    for place, item in enumerate(items):
        for native, vendor in _OF_LINES:
            draft.trace(f"lines[{place}].{native}", f"{item.path}.{vendor}")
    if not lines:
        transaction.wrong("items", "holds no item", "add at least one item with its grossValue")
    draft.put("lines", lines, transaction.at("items"))
    draft.put("amountMinor", sum(line.get("amountMinor") or 0 for line in lines), transaction.at("items"))
    draft.put("currency", site.currency, "")
    draft.put("store", site.store, "")
    _customer(transaction.part("customerData", required="email, phone or loyaltyCardNumber"), draft)
    return draft


def _line(item: Part, currency: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "sku": item.part("sku", required="code").text("code", required="the SKU code"),
        "amountMinor": item.minor("grossValue", currency, required="the value of the item"),
        "category": item.text("category") or None,
        "quantity": item.whole("quantity"),
    }
    return {name: value for name, value in line.items() if value is not None}


def _time(draft: Draft, part: Part, name: str, site: Site, received: Received) -> None:
    text = local_time(part.text(name))
    if not text:
        draft.put("eventTime", received.sent_at, "")
        return
    draft.put("eventTime", text, part.at(name))
    if _is_local(text):
        draft.put("zone", site.zone, part.at(name))


def _is_local(text: str) -> bool:
    """Whether a time names no offset."""
    time_of_day = text.partition("T")[2]
    return not (time_of_day.endswith(("Z", "z")) or "+" in time_of_day or "-" in time_of_day)


def _customer(customer: Part, draft: Draft) -> None:
    draft.of(customer, "customerId")
    draft.identify("email", customer.text("email"))
    draft.identify("mobile", customer.text("phone"))
    draft.identify("cardNumber", customer.text("loyaltyCardNumber"))
