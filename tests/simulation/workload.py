"""What the simulated shop sends: records of the journal, or the messages that intake makes it of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.intake.native import input_key
from pipeline.log.port import Outgoing
from schemas.records import CustomerRecord, Record, encode_record
from tests.runtime.workshop import DAY, START, activation, backfill, bill, clock, giving_back, redemption
from topics.catalog import Catalog

_DAYS = 12
_CUSTOMERS = 7


def journal(catalog: Catalog, *, backfilled: bool) -> list[Outgoing]:
    """A journal that nobody but the workers adds to: bills, returns, redemptions, repeats, ticks, and rubbish."""
    records: list[Record] = [backfill(), activation()] if backfilled else [activation()]
    number = 0
    for day in range(_DAYS):
        for customer in range(1, _CUSTOMERS + 1):
            at = START + day * DAY + customer * 60_000
            if (day + customer) % 3:
                continue
            number += 1
            records.append(bill(customer, number, at, pounds=1 + (number * 7) % 50))
            if number % 3 == 0:
                records.append(giving_back(customer, number, number, at + 1_000, pounds=1))
            if number % 4 == 0:
                records.append(redemption(customer, number, at + 2_000, 1 + number % 9))
            if number % 5 == 0:
                records.append(bill(customer, number, at, pounds=1 + (number * 7) % 50))
        if day % 2:
            records.append(clock(START + (day + 1) * DAY))
    records.append(clock(START + 95 * DAY))
    return [one for record in records for one in _written(catalog, record)] + [
        Outgoing(catalog.name("journal"), b"1:1", b"rubbish", 0)
    ]


def inputs(catalog: Catalog, chance: random.Random) -> list[Outgoing]:
    """The same for intake, one stream for each partition of transactions, and messages that nobody can read."""
    out = [
        Outgoing(catalog.name("journal"), None, encode_record(one), number)
        for number in range(catalog.partitions)
        for one in (_all_sources(catalog), activation())
    ]
    topic = catalog.name("transactions")
    number = 0
    for day in range(_DAYS):
        for customer in range(1, _CUSTOMERS + 1):
            if (day + customer) % 3:
                continue
            number += 1
            at = START + day * DAY + customer * 60_000
            bill_ = {"billNumber": f"B{number}", "amountMinor": 100 * (1 + number * 7 % 50), "currency": "GBP"}
            sent = [{"type": "transactionAdded", "id": f"t{number}", "eventTime": at, **bill_}]
            if number % 4 == 0:
                asked = {"type": "redeemPoints", "programId": 7, "points": 1 + number % 9}
                sent.append({**asked, "id": f"p{number}", "eventTime": at + 1})
            if number % 5 == 0:
                sent.append(dict(sent[0]))
            if number % 7 == 0:
                sent.append({"type": "transactionAdded"})
            place = customer % catalog.partitions
            key = input_key(1, customer)
            out += [Outgoing(topic, key, _json({**one, "orgId": 1, "customerId": customer}), place) for one in sent]
        tick = _json({"type": "advanceClock", "time": START + (day + 1) * DAY})
        out += [Outgoing(topic, None, tick, place) for place in range(catalog.partitions)]
    if chance.random() < 0.5:
        out.append(Outgoing(catalog.name("events"), b"1:1", b"{", 0))
    return out


def in_pieces(messages: Sequence[Outgoing], chance: random.Random) -> list[list[Outgoing]]:
    """The messages in a few deliveries."""
    pieces: list[list[Outgoing]] = []
    rest = list(messages)
    while rest:
        size = chance.randint(1, len(messages))
        pieces.append(rest[:size])
        rest = rest[size:]
    return pieces


def _all_sources(catalog: Catalog) -> Record:
    sources = tuple(f"{catalog.name('transactions')}:{number}" for number in range(catalog.partitions))
    return msgspec.structs.replace(backfill(), sources=sources)


def _written(catalog: Catalog, record: Record) -> list[Outgoing]:
    topic, value = catalog.name("journal"), encode_record(record)
    if isinstance(record, CustomerRecord):
        key = input_key(record.org_id, record.customer_id)
        return [Outgoing(topic, key, value, record.customer_id % catalog.partitions)]
    return [Outgoing(topic, None, value, number) for number in range(catalog.partitions)]


def _json(content: dict[str, Any]) -> bytes:
    return msgspec.json.encode(content)
