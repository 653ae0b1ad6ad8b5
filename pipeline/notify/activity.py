"""Activities: what a customer did that made something happen, as `triggeringActivity` names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pipeline.notify.identity import number_of
from schemas.records import (
    AdjustPoints,
    CustomerAdded,
    CustomerRecord,
    CustomerUpdated,
    CustomEventReceived,
    RedeemPoints,
    TransactionAdded,
    TransactionReturned,
)

Pairs = list[dict[str, str]]
"""A list of `{key, value}`."""


class Activity(msgspec.Struct, frozen=True):
    """One record, as an activity."""

    name: str
    identifiers: Pairs
    event_number: int | None = None
    """Capillary's number of the kind of activity, where it is published."""
    transaction_id: int | None = None
    """The bill that was paid or returned."""


def transaction_id(org_id: int, bill_number: str) -> int:
    """The number of a bill."""
    return number_of(f"bill:{org_id}:{bill_number}")


def pair(key: str, value: object) -> dict[str, str]:
    """One entry of a list of `{key, value}`."""
    return {"key": key, "value": str(value)}


def activity_of(record: CustomerRecord) -> Activity:
    """What the record is called and known by downstream."""
    return ACTIVITIES[type(record)](record)


def _purchase(record: TransactionAdded) -> Activity:
    number = transaction_id(record.org_id, record.bill_number)
    return Activity("TransactionAdd", [pair("BillId", number), pair("billNumber", record.bill_number)], 15, number)


def _return(record: TransactionReturned) -> Activity:
    number = transaction_id(record.org_id, record.of_bill)
    return Activity("ReturnBill", [pair("billId", number), pair("billNumber", record.of_bill)], None, number)


def _event(record: CustomEventReceived) -> Activity:
    return Activity("CustomEvent", [pair("CustomerId", record.customer_id), pair("eventName", record.event_name)])


def _redemption(record: RedeemPoints) -> Activity:
    bill = transaction_id(record.org_id, record.bill_number) if record.bill_number else -1
    return Activity("PointsRedemption", [pair("billId", bill), pair("redemptionId", record.id)])


def _adjustment(record: AdjustPoints) -> Activity:
    return Activity("PointsAdjustment", [pair("CustomerId", record.customer_id)])


def _joining(record: CustomerAdded) -> Activity:
    return Activity("CustomerAdd", [pair("CustomerId", record.customer_id)])


def _update(record: CustomerUpdated) -> Activity:
    return Activity("CustomerUpdate", [pair("CustomerId", record.customer_id)])


ACTIVITIES: Final[dict[type[CustomerRecord], Callable[[Any], Activity]]] = {
    TransactionAdded: _purchase,
    TransactionReturned: _return,
    CustomEventReceived: _event,
    RedeemPoints: _redemption,
    AdjustPoints: _adjustment,
    CustomerAdded: _joining,
    CustomerUpdated: _update,
}
"""Every customer record is an activity."""
