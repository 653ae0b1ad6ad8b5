"""The simple job, as both peers do it: a point for every 1.00 spent, a balance, two tiers, two outputs per bill."""

from __future__ import annotations

import os
from typing import Final, NamedTuple, TypedDict

import msgspec

from schemas.records import TransactionAdded, decode_record

PER_MINOR: Final = 100
TIERS: Final = (0, 100)
"""Lifetime points at which each tier begins."""
FROM_JOURNAL: Final = "journal"


class Bill(NamedTuple):
    """What the job needs of a bill."""

    customer: str
    id: str
    bill_number: str
    at: int
    amount_minor: int


class Standing(TypedDict):
    """A customer's state."""

    balance: int
    tier: int


NOBODY: Final[Standing] = {"balance": 0, "tier": 1}


class Earned(TypedDict):
    """The first output: what was decided."""

    customer: str
    record: str
    at: int
    points: int
    balance: int
    tier: int
    upgraded: bool


class Peer(NamedTuple):
    """What the benchmark tells a peer."""

    bootstrap: str
    source: str
    """The input topic."""
    facts: str
    points: str
    format: str
    """`journal`: records in msgpack; else native JSON messages."""
    folder: str
    """Where it may keep its state."""


def peer() -> Peer:
    """From the environment that the benchmark sets."""
    return Peer(*(os.environ[f"BENCH_{name.upper()}"] for name in Peer._fields))


def of_record(raw: bytes) -> Bill | None:
    """The bill in a journal record; None for a record of another kind."""
    record = decode_record(raw)
    if not isinstance(record, TransactionAdded):
        return None
    customer = f"{record.org_id}:{record.customer_id}"
    return Bill(customer, record.id, record.bill_number, record.event_time, record.amount_minor)


def of_message(message: dict[str, object]) -> Bill | None:
    """The bill in a decoded JSON message; None for a message of another kind."""
    if message["type"] != "transactionAdded":
        return None
    return msgspec.convert(
        (
            f"{message['orgId']}:{message['customerId']}",
            message["id"],
            message["billNumber"],
            message["eventTime"],
            message["amountMinor"],
        ),
        Bill,
    )


def earn(standing: Standing, bill: Bill) -> Earned:
    """What the bill earns, with the customer's standing after it."""
    points = bill.amount_minor // PER_MINOR
    balance = standing["balance"] + points
    tier = sum(balance >= threshold for threshold in TIERS)
    return {
        "customer": bill.customer,
        "record": bill.id,
        "at": bill.at,
        "points": points,
        "balance": balance,
        "tier": tier,
        "upgraded": tier > standing["tier"],
    }


def notification(earned: Earned, bill: Bill) -> dict[str, object]:
    """The second output: what a downstream system is told."""
    return {
        "eventName": "pointsIssued",
        "eventId": f"pointsIssued/{bill.customer}/{bill.id}",
        "createdAt": bill.at,
        "customerId": bill.customer,
        "billNumber": bill.bill_number,
        "amountMinor": bill.amount_minor,
        "points": earned["points"],
        "balance": earned["balance"],
        "tierNumber": earned["tier"],
    }
