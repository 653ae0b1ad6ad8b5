"""Capillary's events of customers (S4 l.5), transactions (S4 l.118) and behaviour (S1), in its envelopes.

Read are the envelope of the samples (`attributes.data`), the flat one (`data`, S4 l.545) and either of them inside a
recorded request. Spaces that the printed page put into keys and codes are taken out. RULE: a bill is known by its
`transactionId`, which updates name, as they have no `billNumber`; a return (`billType` RETURN, S4 l.130) has one of its
own and names what came back by `returnedBillNumber`, as our own notifications do, since the page says nothing of it; an
envelope with any other `eventName` is a behavioural event, and the fields of its `data` are its attributes (S1 prints
the definition of an event, and no body). Accounts elsewhere are kept with the profile (`schemas.accounts`), and name
the customer where no id does; of several of one kind the first one.

`enteredAt` is the store's wall clock, encoded as if it were in another zone (S4: 2.5 h after `createdAt` in Makassar),
which a setting of the topic names. It is read as the local time of the store, which `enteredBy` names; where that would
be in the future, `createdAt` holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.intake.dialects.parts import Part, attributes_of
from pipeline.intake.dialects.vendor import Content, Draft, Received, Site, customer_id, normalise_with
from pipeline.intake.times import instant_of
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Rejected
from schemas.accounts import SOURCES, KnownAt, field_of
from schemas.settings import IDENTIFIERS, Identifier

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENTERED_MAX: Final = 253_402_300_799_999 - 2 * 86_400_000
"""The last instant that clocks everywhere show within the year 9999."""
_INSTANT: Final = re.compile(r"[0-9]{1,16}")
_ADDED: Final = "transactionAdded"
_UPDATED: Final = "transactionUpdated"
_PROFILES: Final = frozenset({"customerAdded", "customerUpdated"})
_REGULAR: Final = "REGULAR"
_RETURN: Final = "RETURN"
_KINDS: Final[dict[str, Identifier]] = {one: one for one in IDENTIFIERS} | {"wechatId": "wechat"}
"""Types of identifiers by what accounts call them."""
_IN_STORE: Final[dict[Identifier, str]] = {
    "mobile": "mobile",
    "email": "email",
    "externalId": "externalId",
    "cardNumber": "card_number",
}
"""Types of identifiers, and what the store calls them (S4 l.13)."""
_IN_PROFILE: Final[tuple[Identifier, ...]] = ("mobile", "email", "externalId")
"""Those of them that a profile has."""
_OUTSIDE: Final = frozenset(
    {
        "customerIdentifiers",
        "enteredAt",
        "enteredBy",
        "eventDateTime",
    }
)
"""What an event's data hold beside its attributes."""


class _Customer(NamedTuple):
    """What an event says of its customer."""

    whole: Part
    names: Part
    in_store: Mapping[Identifier, str]
    """Each empty where it is not there."""
    accounts: Sequence[KnownAt]


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The record of an event, a bill or a customer, or what is wrong with it."""
    return normalise_with(_read, message, wall, limits, sent_in=_sent_in)


def _sent_in(content: Content) -> Content:
    """The event itself, also of a request that was recorded at its receiver (S4 l.2465)."""
    request = content.get("event")
    body = request.get("body") if isinstance(request, dict) else None
    return body if isinstance(body, dict) else content


def _read(body: Part, site: Site, received: Received) -> Draft | None:
    whole = _healed(body)
    inside = whole.part("attributes") if "attributes" in whole.fields else whole
    name = inside.text("eventName", required="the name of the event")
    data = inside.part("data", required="what happened")
    customer, entered_by = _customer_in(data), data.part("enteredBy")
    site = _where_entered(site, entered_by)
    if name == _ADDED:
        draft = _bill(data, site, entered_by)
    elif name == _UPDATED:
        draft = _update(data, site)
    elif name in _PROFILES:
        draft = _profile(name, data, customer, entered_by)
    else:
        draft = Draft("customEvent")
        draft.put("eventName", name, inside.at("eventName"))
        draft.put("attributes", attributes_of(data, without=_OUTSIDE) or None, data.path)
    if draft is None:
        return None
    draft.put("id", whole.text("eventId") or inside.text("eventId"), whole.at("eventId"))
    draft.put("enteredBy", entered_by.text("id"), entered_by.at("id"))
    _time(draft, data, inside, site, received)
    _name(customer, draft)
    return draft


def _where_entered(site: Site, entered_by: Part) -> Site:
    """The store that the event itself names, where the org has it."""
    code = entered_by.part("store").text("code")
    store = site.org.stores.get(code)
    if store is None:
        return site
    return site._replace(store=code, zone=store.zone or site.zone, currency=store.currency or site.currency)


def _bill(data: Part, site: Site, entered_by: Part) -> Draft | None:
    kind = _code(data, "billType") or _REGULAR
    if kind not in {_REGULAR, _RETURN}:
        data.wrong("billType", f"is {kind}", f"write {_REGULAR} or {_RETURN}")
        return None
    is_sale = kind == _REGULAR
    draft = Draft(_ADDED if is_sale else "transactionReturned")
    currency = _code(data, "currencyCode") or site.currency
    _number(draft, data)
    draft.put("currency", currency, data.at("currencyCode"))
    draft.put("amountMinor", data.minor("amount", currency, required="the net amount"), data.at("amount"))
    if is_sale:
        draft.put("discountMinor", data.minor("discount", currency), data.at("discount"))
        draft.put("grossMinor", data.minor("grossAmount", currency), data.at("grossAmount"))
    else:
        sale = data.text("returnedBillNumber", required="the transactionId of what came back")
        draft.put("ofBill", sale, data.at("returnedBillNumber"))
    _where(draft, entered_by)
    return draft


def _update(data: Part, site: Site) -> Draft:
    draft = Draft(_UPDATED)
    currency = _code(data, "currencyCode") or site.currency
    _number(draft, data)
    draft.put("amountMinor", data.minor("amount", currency), data.at("amount"))
    draft.put("discountMinor", data.minor("discount", currency), data.at("discount"))
    draft.put("deliveryStatus", _code(data, "deliveryStatus"), data.at("deliveryStatus"))
    return draft


def _profile(kind: str, data: Part, customer: _Customer, entered_by: Part) -> Draft:
    draft = Draft(kind)
    for name in ("firstName", "lastName"):
        draft.put(name, data.text(name), data.at(name))
    draft.put("loyaltyType", _code(data, "loyaltyType"), data.at("loyaltyType"))
    draft.put("channel", data.text("source"), data.at("source"))
    for name in _IN_PROFILE:
        draft.put(name, customer.in_store[name], customer.names.at(name))
    accounts = {field_of(one.source, one.account_id, one.kind): one.value for one in customer.accounts}
    draft.put("extended", accounts or None, customer.whole.path)
    draft.says_who = True
    _where(draft, entered_by)
    return draft


def _number(draft: Draft, data: Part) -> None:
    name = "transactionId" if "transactionId" in data.fields else "billNumber"
    draft.put("billNumber", data.text(name, required="the id of the transaction"), data.at(name))


def _where(draft: Draft, entered_by: Part) -> None:
    for name in ("store", "till"):
        place = entered_by.part(name)
        draft.put(name, place.text("code"), place.at("code"))


def _time(draft: Draft, data: Part, inside: Part, site: Site, received: Received) -> None:
    created = inside.whole("createdAt")
    entered = data.whole("enteredAt")
    named = data.text("eventDateTime")
    if named:
        draft.put("eventTime", int(named) if _INSTANT.fullmatch(named) else named, data.at("eventDateTime"))
        if isinstance(instant_of(draft.content["eventTime"], None), Defect):
            draft.put("zone", site.zone, data.at("eventDateTime"))
        return
    if entered is not None and 0 <= entered <= _ENTERED_MAX:
        instant = _undone(entered, site)
        if instant <= received.wall + received.future_ms or created is None:
            draft.put("eventTime", instant, data.at("enteredAt"))
            return
    draft.put("eventTime", received.sent_at if created is None else created, inside.at("createdAt"))


def _undone(entered: int, site: Site) -> int:
    """The instant at which the store's clock showed what `entered` shows in the zone that it was encoded by."""
    shown = (_EPOCH + timedelta(milliseconds=entered)).astimezone(ZoneInfo(site.entered_at_zone))
    return int((shown.replace(tzinfo=ZoneInfo(site.zone)) - _EPOCH) / timedelta(milliseconds=1))


def _name(customer: _Customer, draft: Draft) -> None:
    """Note whom the message is about."""
    whole = customer.whole
    draft.put("customerId", customer_id(whole, "customerId"), whole.at("customerId"))
    draft.trace("identifiers", whole.path)
    for name, value in customer.in_store.items():
        draft.identify(name, value)
    for one in customer.accounts:
        kind = _KINDS.get(one.kind)
        if kind is not None and kind not in draft.identifiers:
            draft.identify(kind, one.value)


def _customer_in(data: Part) -> _Customer:
    whole = data.part("customerIdentifiers", required="customerId")
    names = whole.part("Instore" if "Instore" in whole.fields else "instore")
    return _Customer(
        whole=whole,
        names=names,
        in_store={kind: names.text(name) for kind, name in _IN_STORE.items()},
        accounts=tuple(_accounts(whole)),
    )


def _accounts(customer: Part) -> Iterator[KnownAt]:
    for source in SOURCES:
        for account in customer.part(source).parts("accounts"):
            account_id = account.text("accountId", required="the id of the account")
            for one in account.parts("identifiers"):
                kind = one.text("identifierType", required="the type of the identifier")
                value = one.text("identifierValue", required="the identifier")
                yield KnownAt(source=source, account_id=account_id, kind=kind, value=value)


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
