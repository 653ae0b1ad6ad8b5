"""Notifications about customers and their bills."""

from __future__ import annotations

from typing import Final

from pipeline.notify.context import Context
from pipeline.notify.numbers import major
from schemas.facts import CustomerChanged, CustomerRegistered, TransactionRecorded
from schemas.records import Profile, TransactionAdded

_FIELDS: Final = {
    "first_name": "firstName",
    "last_name": "lastName",
    "mobile": "mobile",
    "email": "email",
    "external_id": "externalId",
    "loyalty_type": "loyaltyType",
    "channel": "source",
    "extended": "extendedFields",
}
"""What downstream systems call the fields of a profile."""


def customer_added(fact: CustomerRegistered, context: Context) -> dict[str, object]:
    """The `data` of customerAdded."""
    return {**_profile(fact.profile), "enteredAt": fact.at, "customerIdentifiers": _identifiers(fact.profile, context)}


def customer_updated(fact: CustomerChanged, context: Context) -> dict[str, object]:
    """The `data` of customerUpdated: names of the fields that changed, not their values."""
    return {
        **_profile(fact.profile),
        "enteredAt": fact.at,
        "updatedFields": [{"fieldName": _FIELDS[name]} for name in fact.updated_fields],
        "customerIdentifiers": _identifiers(fact.profile, context),
    }


def transaction_added(fact: TransactionRecorded, context: Context) -> dict[str, object]:
    """The `data` of transactionAdded; the record of the context must be the bill."""
    bill = context.record
    if not isinstance(bill, TransactionAdded):
        message = f"bill {fact.bill_number!r} of {fact.cause!r} is rendered without its record"
        raise TypeError(message)
    activity = context.cause_of(fact).activity
    data: dict[str, object] = {
        "amount": major(fact.amount_minor, fact.currency),
        "billNumber": fact.bill_number,
        "enteredAt": fact.at,
        "transactionId": None if activity is None else activity.transaction_id,
        "billType": "REGULAR",
        "lineItemCount": len(bill.lines),
        "discount": major(bill.discount_minor, fact.currency),
        "currencyCode": fact.currency,
        "enteredBy": _entered_by(bill),
        "customerIdentifiers": context.customer,
    }
    if bill.gross_minor is not None:
        data["grossAmount"] = major(bill.gross_minor, fact.currency)
    return data


def _profile(profile: Profile) -> dict[str, object]:
    return {
        "loyaltyType": profile.loyalty_type or "LOYALTY",  # everybody we know is a member
        "source": profile.channel,
        "firstName": profile.first_name,
        "lastName": profile.last_name,
    }


def _identifiers(profile: Profile, context: Context) -> dict[str, object]:
    known = {"mobile": profile.mobile, "email": profile.email, "externalId": profile.external_id}
    instore = {key: value for key, value in known.items() if value}
    return {**context.customer, "instore": instore} if instore and context.house.identifiers else context.customer


def _entered_by(bill: TransactionAdded) -> dict[str, object]:
    places = (("till", bill.till), ("store", bill.store))
    return {place: {"code": code, "name": code} for place, code in places if code}
