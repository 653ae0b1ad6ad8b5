"""State as a worker would have left it: a changelog of many customers, and the committed offsets that belong to it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from threading import Event
from typing import Final, NamedTuple

import msgspec
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.cluster import PARTITIONS, Cluster
from bench.samples import DAY_MS, FIRST_CUSTOMER, TEN_RULES, three_line_bills
from pipeline.engine.bills.state import Bill
from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import decide
from pipeline.engine.ledger.expiry import EXPIRY
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head, encode_state
from pipeline.intake.dialects.naming import input_key
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Outgoing
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, committed_with, encode_marker, program_key
from schemas.program import ProgramDefinition
from topics.catalog import Catalog

LOTS: Final = 10
PROGRAM: Final = TEN_RULES.model_copy(update={"rules": TEN_RULES.rules[:1]})
"""One spend rule, so that each bill gives one lot; the milestone, its streak and the tiers stay."""
ONE_IN: Final = 50
"""One customer in so many has points that expire soon."""
_MARK: Final = Mark(0, 1)
_HOUR_MS: Final = 3_600_000


class Typical(NamedTuple):
    """One customer of ten bills over the last ten months, decided by the engine."""

    head: Head
    bill: Bill
    """The last of the bills, as it is kept for returns."""


class Instants(NamedTuple):
    """When things fall due in the state, milliseconds since the epoch."""

    clock: int
    """Where the partitions stand: ahead of the wall, so that the worker writes no ticks of its own."""
    due: int
    """When the points of one customer in `ONE_IN` expire; those of all others expire long after it."""


def instants(now: int) -> Instants:
    """The clock an hour from now, and the second midnight after it."""
    return Instants(now + _HOUR_MS, ((now + _HOUR_MS) // DAY_MS + 2) * DAY_MS)


def typical(now: int) -> Typical:
    """The sample that all customers are variations of."""
    return sample_of(PROGRAM, now)


def sample_of(program: ProgramDefinition, now: int) -> Typical:
    """The same in another program."""
    programs = Programs().activate(program)
    head = Head(program.org_id, 1)
    entries: dict[str, Bill] = {}
    first = now - 30 * LOTS * DAY_MS
    for bill in three_line_bills(LOTS, 1, start=first, days=30 * (LOTS - 1)):
        before = msgspec.structs.replace(bill, id=f"before-{bill.id}")  # else the bills to come were repeats of it
        state = CustomerState(head, {})
        decide(state, before, programs, bill.event_time)
        entries = state.entries
    lots = len(head.sections[program.program_id].accounts[program.points.name].lots)
    (last,) = entries.values()
    if lots != LOTS or last.forgotten_at <= instants(now).due:
        message = f"the sample has {lots} open lots, not {LOTS}, or a bill that is forgotten too soon"
        raise AssertionError(message)
    return Typical(head, last)


def leave_behind(cluster: Cluster, now: int, customers: int, *, bills: bool) -> None:
    """Write the changelog of so many customers, with one bill each or none, and commit the offsets beside it."""
    catalog = Catalog()
    cluster.write(changelog(catalog.name("state"), typical(now), instants(now), customers, bills=bills))
    commit(cluster.bootstrap, catalog.name("journal"))


def changelog(topic: str, sample: Typical, at: Instants, customers: int, *, bills: bool) -> Iterator[Outgoing]:
    """The customers, the program, and each partition's marker last."""
    chance = random.Random(1)  # noqa: S311 - a seeded sample, not a secret
    head = sample.head
    account = head.sections[PROGRAM.program_id].accounts[PROGRAM.points.name]
    first = account.lots[0]
    later, soon = (first.expires_on, first.closes_at), (at.due // DAY_MS - 1, at.due)
    bill = encode_state(sample.bill)
    for number in range(customers):
        head.customer_id = FIRST_CUSTOMER + number
        for lot in account.lots:
            lot.open_points = chance.randrange(5, 50)
        points = sum(lot.open_points for lot in account.lots)
        account.totals[LedgerAccount.ISSUED] = -points
        account.totals[LedgerAccount.CURRENT] = account.totals[LedgerAccount.LIFETIME] = points
        first.expires_on, first.closes_at = later if number % ONE_IN else soon
        head.timers[EXPIRY.kind] = first.closes_at
        key = input_key(head.org_id, head.customer_id)
        partition = partition_for(key, PARTITIONS)
        yield Outgoing(topic, key, encode_state(head), partition)
        if bills:
            yield Outgoing(topic, key + b"#bill:b-%d" % number, bill, partition)
    yield from last_of(topic, PROGRAM, at.clock)


def last_of(topic: str, program: ProgramDefinition, clock: int) -> Iterator[Outgoing]:
    """What ends the changelog of each partition: the program, and a marker with the clock."""
    version = (program.org_id, program.program_id, program.version)
    marker = encode_marker(Marker(_MARK.next_offset, _MARK.round, PartitionClock(clock), ((*version, 0),)))
    for number in range(PARTITIONS):
        yield Outgoing(topic, program_key(*version), program.model_dump_json().encode(), number)
        yield Outgoing(topic, MARKER_KEY, marker, number)


def commit(bootstrap: str, journal: str) -> None:
    """What that worker would have committed beside it."""
    offset, metadata = committed_with(_MARK)
    places = [TopicPartition(journal, number, offset or 0, metadata) for number in range(PARTITIONS)]
    group = ConsumerGroupTopicPartitions("accrue.loyalty", places)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    deadline = time.monotonic() + 30.0
    while True:  # the first commit of all makes the topic of offsets, and may come before it is there
        answers = [one.result(30.0) for one in admin.alter_consumer_group_offsets([group]).values()]
        errors = [place.error for answer in answers for place in answer.topic_partitions if place.error is not None]
        if not errors:
            return
        if time.monotonic() > deadline:
            raise KafkaException(errors[0])
        Event().wait(0.2)
