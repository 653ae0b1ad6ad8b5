"""Open Loyalty's custom event (S0), transaction (S2 l.8576) and customer (S2 l.3788, l.4017), as JSON bodies.

Local times are the store's, and amounts are in its currency, as no body names one. RULE: a document number counts once
in its store; the value of an item is of all its units (S2 says neither). A customer who is updated stands beside the
`customer`, as `customerId`: in S2 in the address. `createdAt` is kept with the profile, and is no time of the message:
records from so long ago are refused.
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.intake.dialects.parts import Part, attributes_of
from pipeline.intake.dialects.vendor import DATE_LENGTH, Draft, Received, Site, local_time, normalise_with
from pipeline.intake.identifiers import normalised
from pipeline.intake.times import day_in
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Rejected

_SELL: Final = "sell"
_RETURN: Final = "return"
_OF_LINES: Final = (
    ("sku", "sku.code"),
    ("amountMinor", "grossValue"),
    ("quantity", "quantity"),
    ("category", "category"),
    ("name", "name"),
    ("maker", "maker"),
    ("labels", "labels"),
)
_PROFILE: Final = (
    ("firstName", "firstName"),
    ("lastName", "lastName"),
    ("email", "email"),
    ("phone", "mobile"),
)
"""Fields of a customer, and what a native profile calls them."""
_AGREEMENTS: Final = ("agreement1", "agreement2", "agreement3")
_EXTENDED: Final = (
    *("gender", "birthDate", "createdAt", "labels", "invitationToken", "loyaltyCardNumber"),
    *_AGREEMENTS,
)
"""Fields of a customer that are kept as they are."""
_COMPOUNDS: Final = {
    "address": ("street", "address1", "address2", "postal", "city", "province", "country"),
    "company": ("name", "nip"),
}
"""Fields of a customer that are updated as a whole."""
_GENDERS: Final = ("male", "female", "not_disclosed")


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The record of an event, a sale or a return, or what is wrong with it."""
    return normalise_with(_read, message, wall, limits)


def _read(body: Part, site: Site, received: Received) -> Draft | None:
    if "event" in body.fields:
        return _event(body.part("event"), site, received)
    if "transaction" in body.fields:
        return _transaction(body.part("transaction"), site, received)
    if "customer" in body.fields:
        return (
            _customer_update(body, site, received)
            if "customerId" in body.fields
            else _registration(body, site, received)
        )
    problem = "has neither `event` nor `transaction` nor `customer`"
    body.defects.append(Defect("", problem, "wrap the body in one of them"))
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
    draft.put("labels", _labels(transaction), transaction.at("labels"))
    _customer(transaction.part("customerData", required="email, phone or loyaltyCardNumber"), draft)
    return draft


def _registration(body: Part, site: Site, received: Received) -> Draft:
    customer = _as_form(body.part("customer", required="firstName, lastName, email and agreement1"))
    for name in ("firstName", "lastName", "email", "agreement1"):
        customer.text(name, required=f"the customer's {name}")
    draft = _profile(customer, "customerAdded", site, received)
    draft.of(customer, "customerId")
    return draft


def _customer_update(body: Part, site: Site, received: Received) -> Draft:
    """What is left out stays; what is left empty is cleared, as is the rest of an address of which a part is given."""
    customer = _as_form(body.part("customer"))
    draft = _profile(customer, "customerUpdated", site, received)
    draft.of(body, "customerId")
    empty = [native for name, native in _PROFILE if _is_empty(customer, name)]
    empty += [f"extended.{name}" for name in _EXTENDED if _is_empty(customer, name)]
    for whole, names in _COMPOUNDS.items():
        if whole in customer.fields:
            kept = draft.content.get("extended", {})
            fields = (f"{whole}.{name}" for name in names)
            empty += [f"extended.{field}" for field in fields if field not in kept]
    draft.put("clear", empty or None, customer.path)
    return draft


def _as_form(customer: Part) -> Part:
    """Agreements as forms write them: in JSON they are true and false, as lists show them (S2 l.3454)."""
    given = {name: customer.fields.get(name) for name in _AGREEMENTS}
    written = {name: str(int(value)) for name, value in given.items() if isinstance(value, bool)}
    return Part({**customer.fields, **written}, customer.path, customer.defects)


def _is_empty(part: Part, name: str) -> bool:
    return part.fields.get(name) == ""


def _profile(customer: Part, kind: str, site: Site, received: Received) -> Draft:
    draft = Draft(kind)
    draft.put("eventTime", received.sent_at, "")
    for name, native in _PROFILE:
        draft.put(native, customer.text(name), customer.at(name))
    draft.put("mobile", _phone(customer), customer.at("phone"))
    extended = {name: customer.text(name) for name in _EXTENDED}
    for whole, names in _COMPOUNDS.items():
        part = customer.part(whole)
        extended |= {f"{whole}.{name}": part.text(name) for name in names}
    _check(customer, extended, site)
    draft.put("extended", {name: text for name, text in extended.items() if text} or None, customer.path)
    draft.identify("email", customer.text("email"))
    draft.identify("mobile", _phone(customer))
    draft.identify("cardNumber", customer.text("loyaltyCardNumber"))
    draft.says_who = True
    return draft


def _phone(customer: Part) -> str:
    """The number; the `+` before it is a space where a form was not encoded, as in S2 l.4070."""
    text, raw = customer.text("phone"), customer.fields.get("phone")
    return f"+{text}" if text and isinstance(raw, str) and raw.startswith(" ") else text


def _check(customer: Part, extended: dict[str, str], site: Site) -> None:
    """RULE: a phone number with a country code must be valid (S2 l.4077); one without is taken as it is (l.3831)."""
    phone = _phone(customer)
    if phone.startswith("+") and not normalised("mobile", phone, site.org.org.country):
        customer.wrong("phone", "is not a valid phone number", "write it with its country code, such as +48234234000")
    if extended["gender"] and extended["gender"] not in _GENDERS:
        customer.wrong("gender", f"is {extended['gender'][:20]!r}", f"write one of {', '.join(_GENDERS)}")
    born = extended["birthDate"]
    if born and isinstance(day := day_in("birthDate", born[:DATE_LENGTH]), Defect):
        customer.wrong("birthDate", day.problem, day.remedy)
    for name in _AGREEMENTS:
        if extended[name] not in {"", "0", "1"}:
            customer.wrong(name, f"is {extended[name][:20]!r}", "write 1 for yes, 0 for no")


def _line(item: Part, currency: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "sku": item.part("sku", required="code").text("code", required="the SKU code"),
        "amountMinor": item.minor("grossValue", currency, required="the value of the item"),
        "category": item.text("category") or None,
        "quantity": item.whole("quantity"),
        "name": item.text("name") or None,
        "maker": item.text("maker") or None,
        "labels": _labels(item),
    }
    return {name: value for name, value in line.items() if value is not None}


def _labels(part: Part) -> list[dict[str, str]] | None:
    """Labels of a transaction or an item (S2 l.8598)."""
    named = "the key of the label"
    found = [{"key": one.text("key", required=named), "value": one.text("value")} for one in part.parts("labels")]
    return found or None


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
