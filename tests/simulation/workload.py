"""What the simulated shop sends: records of the journal, or the messages that intake makes it of."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Outgoing
from schemas import messages
from schemas.program import Expiry, ProgramDefinition, Tier, TierBasis, Tiers
from schemas.records import (
    ClockAdvanced,
    CustomerRecord,
    ProgramActivated,
    Record,
    TransactionAdded,
    TransactionReturned,
    encode_record,
)
from tests.runtime.workshop import (
    DAY,
    PROGRAM,
    START,
    activation,
    backfill,
    bill,
    clock,
    gift,
    giving_back,
    history,
    redemption,
)
from tests.simulation.consumer import UNREADABLE
from topics.catalog import Catalog


class Terms(NamedTuple):
    """What a version of the program gives."""

    points_a_pound: int
    expiry_days: int


TERMS: Final = {1: Terms(points_a_pound=1, expiry_days=10), 2: Terms(points_a_pound=2, expiry_days=20)}
"""By version."""
SECOND: Final = ProgramDefinition.model_validate_json(
    PROGRAM.model_copy(
        update={
            "version": 2,
            "rules": (PROGRAM.rules[0].model_copy(update={"points": TERMS[2].points_a_pound}),),
            "points": PROGRAM.points.model_copy(update={"expiry": Expiry(days=TERMS[2].expiry_days)}),
            "tiers": Tiers(basis=TierBasis.NET_PURCHASES, levels=(Tier(name="Member", threshold=0),)),
        }
    ).model_dump_json()
)
_DAYS = 12
_CUSTOMERS = 7
_DORMANT: Final = range(_CUSTOMERS + 1, _CUSTOMERS + 4)
"""Members who have nothing, and no timer, when the second version starts."""
_LATE_BILLS, _RETURNS, _NEW_BILLS, _EARLY_RETURNS = 4, 4, 2, 4
_FIRST_LATE, _FIRST_NEW, _FIRST_EARLY, _FIRST_GIFT, _FIRST_DORMANT = 100, 200, 300, 400, 500
_GIFT, _TOO_MUCH = 3, 10_000
_MINUTE = 60_000
_BILLS_PER_RUBBISH = 7
_MADE_BY_INTAKE = {"received_at", "source", "offset", "digest", "site", "words"}


def journal(catalog: Catalog, *, backfilled: bool) -> list[Outgoing]:
    """A journal that nobody but the workers adds to, then a tick long after it, and rubbish."""
    before = history(_CUSTOMERS, _DAYS, backfilled=backfilled, days_per_tick=2)
    gifts = () if backfilled else _gifts()  # which nobody may give while history is loaded
    records = [*before, *_under_the_second_version(before), *gifts, clock(START + 95 * DAY)]
    return [one for record in records for one in _written(catalog, record, by_key=not backfilled)] + [
        Outgoing(catalog.name("journal"), b"1:1", b"rubbish", 0)
    ]


def inputs(catalog: Catalog, chance: random.Random) -> list[Outgoing]:
    """The same for intake, one stream for each partition of transactions, and messages that nobody can read."""
    begun = [
        Outgoing(catalog.name("journal"), None, encode_record(one), number)
        for number in range(catalog.partitions)
        for one in (_all_sources(catalog), activation())
    ]
    _, *before = history(_CUSTOMERS, _DAYS, backfilled=False)
    out = [*begun, *_sent(catalog, [*before, *_under_the_second_version(before)])]
    if chance.random() < 0.5:
        out.append(Outgoing(catalog.name("events"), b"1:1", b"{", 0))
    return out


def _under_the_second_version(before: Sequence[Record]) -> Iterator[Record]:
    """Members who have nothing, and a second version of the program, which gives every member a tier.

    Then late bills, returns of earlier bills, returns before their bills, and new bills. The last of the early returns
    waits in vain. The points of the late bills were due to expire before the second version began.
    """
    now = START + _DAYS * DAY
    for customer in _DORMANT:
        yield redemption(customer, _FIRST_DORMANT + customer, now - DAY, _TOO_MUCH)
    yield activation(SECOND)
    for customer in range(1, _LATE_BILLS + 1):
        yield bill(customer, _FIRST_LATE + customer, START + customer * _MINUTE, pounds=9)
    returned = {record.of_bill for record in before if isinstance(record, TransactionReturned)}
    bills = [one for one in before if isinstance(one, TransactionAdded) and one.bill_number not in returned]
    for place, one in enumerate(bills[-_RETURNS:]):
        yield giving_back(one.customer_id, _FIRST_LATE + place, one.offset, now + place * _MINUTE, pounds=1)
    for customer in range(1, _EARLY_RETURNS + 1):
        yield giving_back(customer, _FIRST_EARLY + customer, _FIRST_EARLY + customer, now + DAY, pounds=3)
    for customer in range(1, _EARLY_RETURNS):
        yield bill(customer, _FIRST_EARLY + customer, now + customer * _MINUTE, pounds=9)
    for customer in range(1, _NEW_BILLS + 1):
        yield bill(customer, _FIRST_NEW + customer, now + DAY + customer * _MINUTE, pounds=9)


def _gifts() -> Iterator[Record]:
    """From each customer to the next, and one of more than there is."""
    now = START + _DAYS * DAY
    for customer in range(1, _CUSTOMERS + 1):
        to = customer % _CUSTOMERS + 1
        yield gift(customer, to, _FIRST_GIFT + customer, now + DAY + customer * _MINUTE, _GIFT * customer)
    yield gift(1, 2, _FIRST_GIFT, now + DAY + _MINUTE, _TOO_MUCH)


def in_pieces(out: Sequence[Outgoing], chance: random.Random) -> list[list[Outgoing]]:
    """The messages in a few deliveries."""
    pieces: list[list[Outgoing]] = []
    rest = list(out)
    while rest:
        size = chance.randint(1, len(out))
        pieces.append(rest[:size])
        rest = rest[size:]
    return pieces


def _all_sources(catalog: Catalog) -> Record:
    sources = tuple(f"{catalog.name('transactions')}:{number}" for number in range(catalog.partitions))
    return msgspec.structs.replace(backfill(), sources=sources)


def _written(catalog: Catalog, record: Record, *, by_key: bool = False) -> list[Outgoing]:
    """`by_key`: in the partition where requests to the customer go."""
    topic, value = catalog.name("journal"), encode_record(record)
    if isinstance(record, CustomerRecord):
        key = input_key(record.org_id, record.customer_id)
        return [Outgoing(topic, key, value, None if by_key else record.customer_id % catalog.partitions)]
    return [Outgoing(topic, None, value, number) for number in range(catalog.partitions)]


def _sent(catalog: Catalog, records: Sequence[Record]) -> Iterator[Outgoing]:
    """The messages of which intake makes these records, and now and then some that it can make nothing of."""
    topic = catalog.name("transactions")
    bills = 0
    for record in records:
        if isinstance(record, CustomerRecord):
            key, place = input_key(record.org_id, record.customer_id), record.customer_id % catalog.partitions
            yield Outgoing(topic, key, _as_sent(record), place)
            bills += isinstance(record, TransactionAdded)
            if isinstance(record, TransactionAdded) and bills % _BILLS_PER_RUBBISH == 0:
                yield Outgoing(topic, key, b'{"type": "transactionAdded"}', place)
                yield Outgoing(topic, key, UNREADABLE, place)
        elif isinstance(record, ProgramActivated):
            yield from _written(catalog, record)
        elif isinstance(record, ClockAdvanced):
            tick = msgspec.json.encode(messages.AdvanceClock(time=record.time))
            yield from (Outgoing(topic, None, tick, number) for number in range(catalog.partitions))


def _as_sent(record: CustomerRecord) -> bytes:
    kind = getattr(messages, type(record).__name__)
    said = {name: getattr(record, name) for name in record.__struct_fields__ if name not in _MADE_BY_INTAKE}
    return msgspec.json.encode(kind(**said))
