"""Notifications about customers and their bills."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.context import Context
from pipeline.notify.numbers import major
from pipeline.notify.parts import CustomerIdentifiers
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


class TransactionAddedData(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The `data` of transactionAdded."""

    amount: float
    bill_number: str
    entered_at: int
    transaction_id: int | None
    bill_type: str
    line_item_count: int
    discount: float
    currency_code: str
    entered_by: dict[str, _Place]
    customer_identifiers: CustomerIdentifiers
    gross_amount: float | UnsetType


class _Place(msgspec.Struct, frozen=True, gc=False):
    code: str
    name: str


def transaction_added(fact: TransactionRecorded, context: Context) -> TransactionAddedData:
    """The record of the context must be the bill."""
    bill = context.record
    if not isinstance(bill, TransactionAdded):
        message = f"bill {fact.bill_number!r} of {fact.cause!r} is rendered without its record"
        raise TypeError(message)
    activity = context.cause_of(fact).activity
    return TransactionAddedData(
        major(fact.amount_minor, fact.currency),
        fact.bill_number,
        fact.at,
        None if activity is None else activity.transaction_id,
        "REGULAR",
        len(bill.lines),
        major(bill.discount_minor, fact.currency),
        fact.currency,
        _entered_by(bill),
        context.customer,
        UNSET if bill.gross_minor is None else major(bill.gross_minor, fact.currency),
    )


def _profile(profile: Profile) -> dict[str, object]:
    return {
        "loyaltyType": profile.loyalty_type or "LOYALTY",  # everybody we know is a member
        "source": profile.channel,
        "firstName": profile.first_name,
        "lastName": profile.last_name,
    }


def _identifiers(profile: Profile, context: Context) -> CustomerIdentifiers:
    known = {"mobile": profile.mobile, "email": profile.email, "externalId": profile.external_id}
    instore = {key: value for key, value in known.items() if value}
    if not (instore and context.house.identifiers):
        return context.customer
    return CustomerIdentifiers(context.customer_id, instore)


def _entered_by(bill: TransactionAdded) -> dict[str, _Place]:
    places = (("till", bill.till), ("store", bill.store))
    return {place: _Place(code, code) for place, code in places if code}
