"""A journal to write, roles to run over it in this thread, and everything they wrote to look at."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import SystemClock
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Headers, Log, Message, Outgoing, Partition, TopicSpec, Unavailable
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.intake import IntakeRole
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.settings import Settings
from schemas.program import ProgramDefinition
from schemas.records import (
    BackfillBegun,
    ClockAdvanced,
    CustomerRecord,
    ProgramActivated,
    Record,
    RedeemPoints,
    TransactionAdded,
    TransactionReturned,
    TransferPoints,
    encode_record,
)
from topics.catalog import Catalog

DAY = 86_400_000
START = 1_600_000_000_000 // DAY * DAY
CLOCK = "clock:0"
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 1.0

PROGRAM = ProgramDefinition.model_validate_json(
    json.dumps(
        {
            "org_id": 1,
            "program_id": 7,
            "version": 1,
            "name": "Tiny",
            "zone": "UTC",
            "currency": "GBP",
            "points": {"expiry": {"days": 10}},
            "returns": {"window_days": 40},
            "redemption": {"late_minutes": 0},
            "rules": [{"kind": "spend", "id": "spend", "points": 1, "per_minor": 100}],
        }
    )
)


class WallClock(SystemClock):
    """A wall clock that a test sets; all else passes as it does."""

    def __init__(self) -> None:
        self.shown = 0

    def wall(self) -> int:
        return self.shown


class Until(threading.Event):
    """Set as soon as a condition holds; fails when that takes too long."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition
        self._deadline = time.monotonic() + PATIENCE_SECONDS

    def is_set(self) -> bool:
        if time.monotonic() > self._deadline:
            pytest.fail("what was waited for did not come about")
        return super().is_set() or self._condition()


class Workshop:
    def __init__(self, log: Log, folder: Path, prefix: str, partitions: int = 2) -> None:
        self.log = log
        self.folder = folder
        self.settings = Settings(
            data_dir=folder, prefix=prefix, group=f"{prefix}accrue", partitions=partitions, web_port=None
        )
        self.catalog = Catalog(prefix, partitions)
        self.clock = WallClock()
        log.create_topics([TopicSpec(*spec[:3]) for spec in self.catalog.specs()])
        self._producer = log.producer()

    def close(self) -> None:
        self._producer.close()

    def topic(self, name: str) -> str:
        return self.catalog.name(name)

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int, headers: Headers = ()) -> None:
        self._producer.produce([Outgoing(self.topic(topic), key, value, partition, headers)])
        self._producer.flush(PATIENCE_SECONDS)

    def journal(self, *records: Record) -> None:
        """Write records: those about a customer to the customer's partition, others to every partition."""
        out = []
        for record in records:
            if isinstance(record, CustomerRecord):
                key = b"%d:%d" % (record.org_id, record.customer_id)
                number = partition_for(key, self.settings.partitions)
                out.append(Outgoing(self.topic("journal"), key, encode_record(record), number))
            else:
                out += [
                    Outgoing(self.topic("journal"), None, encode_record(record), number)
                    for number in range(self.settings.partitions)
                ]
        self._producer.produce(out)
        self._producer.flush(PATIENCE_SECONDS)

    def loyalty(self, **changes: Any) -> TransactionalLoop:
        settings = self.settings.model_copy(update=changes)
        progress = Progress("loyalty")
        role = LoyaltyRole(self.log, settings, progress, clock=self.clock)
        return TransactionalLoop(self.log, role, settings, progress=progress)

    def intake(self, **changes: Any) -> TransactionalLoop:
        settings = self.settings.model_copy(update=changes)
        progress = Progress("intake")
        role = IntakeRole(self.log, settings, progress, clock=self.clock)
        return TransactionalLoop(self.log, role, settings, progress=progress)

    def decide_all(self, **changes: Any) -> TransactionalLoop:
        """Run a loyalty worker until it has decided what is in the journal now."""
        loop = self.loyalty(**changes)
        loop.run(self.until_read("loyalty", "journal"))
        self._wait_until_settled([spec.name for spec in self.catalog.specs()])
        return loop

    def until_read(self, role: str, *topics: str) -> Until:
        """Set once the role's group has committed all that is in the topics now."""
        group = f"{self.settings.group}.{role}"
        ends: dict[Partition, int] = {}
        for message in self.read(*topics):
            ends[Partition(message.topic, message.partition)] = message.offset + 1

        def read() -> bool:
            with closing(self.log.consumer(group)) as observer:
                try:
                    committed = observer.committed(ends, LOOK_SECONDS)
                except Unavailable:  # the loop that asks may itself hold a transaction open
                    return False
            return all((committed[one].offset or 0) >= end for one, end in ends.items())

        return Until(read)

    def read(self, *topics: str) -> list[Message]:
        """All messages of topics, partition by partition."""
        self._wait_until_settled([self.topic(topic) for topic in topics])
        consumer = self.log.consumer()
        messages: list[Message] = []
        try:
            for topic in topics:
                for number in range(self.settings.partitions):
                    partition = Partition(self.topic(topic), number)
                    first, end = consumer.bounds([partition], PATIENCE_SECONDS)[partition]
                    if first == end:
                        continue
                    consumer.assign({partition: first})
                    deadline = time.monotonic() + PATIENCE_SECONDS
                    while (consumer.position(partition) or first) < end:
                        assert time.monotonic() < deadline
                        messages += consumer.consume(10_000, 0.2)
        finally:
            consumer.close()
        return messages

    def _wait_until_settled(self, topics: Sequence[str]) -> None:
        """Offsets may show as committed a moment before the last messages of the same transaction do."""
        settled, pause = Until(lambda: self._is_settled(topics)), threading.Event()
        while not settled.is_set():
            pause.wait(0.01)

    def _is_settled(self, topics: Sequence[str]) -> bool:
        try:
            return not self.log.unsettled(topics)
        except Unavailable:  # a new topic has no leader yet
            return False

    def told(self) -> list[tuple[str, int, bytes | None, bytes | None, Headers]]:
        """Facts, notifications and replies, in order within each topic and partition."""
        families = [name.removeprefix(self.settings.prefix) for name in self.catalog.notifications]
        return [
            (one.topic.removeprefix(self.settings.prefix), one.partition, one.key, one.value, one.headers)
            for one in self.read("facts", "replies", *families)
        ]

    def state(self) -> dict[tuple[int, bytes], bytes]:
        """What a compacted changelog keeps, markers aside: they count rounds."""
        latest = {(one.partition, one.key or b""): one.value for one in self.read("state")}
        return {key: value for key, value in latest.items() if value is not None and key[1] != b"$partition"}

    def forget_stores(self) -> None:
        shutil.rmtree(self.folder / "state")


def activation(definition: ProgramDefinition = PROGRAM) -> ProgramActivated:
    return ProgramActivated(
        START,
        "",
        0,
        definition.org_id,
        definition.program_id,
        definition.version,
        "",
        definition.model_dump_json(),
    )


def backfill() -> BackfillBegun:
    return BackfillBegun(START, "", 0, (CLOCK,))


def clock(at: int, *, last: bool = False) -> ClockAdvanced:
    return ClockAdvanced(at, CLOCK, 0, CLOCK, at, last)


def bill(customer: int, number: int, at: int, pounds: int = 10) -> TransactionAdded:
    return TransactionAdded(
        at, "in:0", number, 1, customer, f"t{number}", number, at, f"B{number}", pounds * 100, "GBP"
    )


def giving_back(customer: int, number: int, of: int, at: int, pounds: int = 5) -> TransactionReturned:
    return TransactionReturned(
        at, "in:0", number, 1, customer, f"r{number}", number, at, f"R{number}", f"B{of}", pounds * 100, "GBP"
    )


def redemption(customer: int, number: int, at: int, points: int) -> RedeemPoints:
    return RedeemPoints(at, "in:0", number, 1, customer, f"p{number}", number, at, 7, points)


def gift(customer: int, to: int, number: int, at: int, points: int) -> TransferPoints:
    return TransferPoints(at, "in:0", number, 1, customer, f"x{number}", number, at, 7, to, points)


def history(
    customers: int = 12, days: int = 40, *, backfilled: bool = True, days_per_tick: int = 1
) -> Sequence[Record]:
    """Bills, returns, redemptions and repeats of several customers, with midnights; as a backfill, or as it happens."""
    records: list[Record] = [backfill(), activation()] if backfilled else [activation()]
    number = 0
    for day in range(days):
        for customer in range(1, customers + 1):
            at = START + day * DAY + customer * 60_000
            if (day + customer) % 3:
                continue
            number += 1
            records.append(bill(customer, number, at, pounds=1 + (number * 7) % 50))
            if number % 4 == 0:
                records.append(giving_back(customer, number, number, at + 1_000, pounds=1))
            if number % 5 == 0:
                records.append(redemption(customer, number, at + 2_000, 1 + number % 9))
            if number % 6 == 0:
                records.append(bill(customer, number, at, pounds=1 + (number * 7) % 50))
        if (day + 1) % days_per_tick == 0:
            records.append(clock(START + (day + 1) * DAY))
    return records
