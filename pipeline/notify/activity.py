"""Activities: what a customer did that made something happen, as `triggeringActivity` names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pipeline.notify.identity import number_of
from pipeline.notify.parts import Pair
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


class Activity(msgspec.Struct, frozen=True, gc=False):
    """One record, as an activity."""

    name: str
    identifiers: list[Pair]
    event_number: int | None = None
    """Capillary's number of the kind of activity, where it is published."""
    transaction_id: int | None = None
    """The bill that was paid or returned."""


def transaction_id(record: CustomerRecord, bill_number: str) -> int:
    """The number of a bill of the record's customer: other customers may have bills of the same number."""
    return number_of(f"bill:{record.org_id}:{record.customer_id}:{bill_number}")


def activity_of(record: CustomerRecord) -> Activity:
    """What the record is called and known by downstream."""
    return ACTIVITIES[type(record)](record)


def _purchase(record: TransactionAdded) -> Activity:
    number = transaction_id(record, record.bill_number)
    return Activity("TransactionAdd", [Pair("BillId", str(number)), Pair("billNumber", record.bill_number)], 15, number)


def _return(record: TransactionReturned) -> Activity:
    number = transaction_id(record, record.of_bill)
    return Activity("ReturnBill", [Pair("billId", str(number)), Pair("billNumber", record.of_bill)], None, number)


def _event(record: CustomEventReceived) -> Activity:
    return Activity("CustomEvent", [Pair("CustomerId", str(record.customer_id)), Pair("eventName", record.event_name)])


def _redemption(record: RedeemPoints) -> Activity:
    bill = transaction_id(record, record.bill_number) if record.bill_number else -1
    return Activity("PointsRedemption", [Pair("billId", str(bill)), Pair("redemptionId", record.id)])


def _adjustment(record: AdjustPoints) -> Activity:
    return Activity("PointsAdjustment", [Pair("CustomerId", str(record.customer_id))])


def _joining(record: CustomerAdded) -> Activity:
    return Activity("CustomerAdd", [Pair("CustomerId", str(record.customer_id))])


def _update(record: CustomerUpdated) -> Activity:
    return Activity("CustomerUpdate", [Pair("CustomerId", str(record.customer_id))])


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
