"""Many bills over several partitions: what was sent, and whether ClickHouse has each of them once."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from pipeline.log.port import Log, Outgoing, TopicSpec
from schemas.facts import (
    Award,
    Envelope,
    FactMessage,
    Group,
    IssuedFor,
    LotOpened,
    PointsIssued,
    PurchaseCounted,
    encode_facts,
)
from schemas.records import encode_record
from tests.sinks.story import ORG, PROGRAM, bought, instant

SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_MONTHS: Final = 5
"""A block spans so many, and ClickHouse makes one part of each."""


class Feed:
    """Topics of its own, and what was sent to them."""

    def __init__(self, log: Log, prefix: str, partitions: int) -> None:
        self._log = log
        self._partitions = partitions
        self._sent = 0
        self._group = f"{prefix}sink"
        self._journal, self._facts, self._state = (f"{prefix}{name}" for name in ("journal", "facts", "state"))
        kept = {"retention.ms": "-1"}  # the bills are old
        log.create_topics([TopicSpec(topic, partitions, kept) for topic in (self._journal, self._facts, self._state)])

    @property
    def settings(self) -> dict[str, Any]:
        """What a sink of these topics is told."""
        names = {"group": self._group, "journal": self._journal, "facts": self._facts, "state": self._state}
        return {**names, "epoch": self._group}

    def token(self, topic: str, partition: int, first: int, last: int) -> str:
        """What a block is inserted with; `topic` is `journal` or `facts`."""
        return f"{self._group}:{self.settings[topic]}:{partition}:{first}-{last}"

    def send(self, count: int) -> None:
        """Append so many bills and their facts to each partition."""
        producer = self._log.producer()
        producer.produce(
            [
                message
                for number in range(self._sent, self._sent + count)
                for partition in range(self._partitions)
                for message in self._bill(partition, number)
            ]
        )
        producer.flush(SECONDS)
        producer.close()
        self._sent += count

    def _bill(self, partition: int, number: int) -> list[Outgoing]:
        """A bill of a penny more than its number, which earns as many points: each moves some."""
        at = f"2011-{1 + number % _MONTHS:02}-05 10:00"
        customer, bill, when = 1 + partition, f"B{partition}-{number}", instant(at)
        pence = number + 1
        envelope = Envelope(cause=bill, at=when, as_of=when, program_id=PROGRAM, version=1)
        counted = PurchaseCounted(
            bill_number=bill, amount_minor=pence, transactions=1, purchases_minor=pence, returned_minor=0
        )
        issued = PointsIssued(
            currency="POINTS",
            points=pence,
            activity="",
            awards=(Award(issued_for=IssuedFor.SPEND, rule_id="spend", points=pence, lot_id=number + 1),),
            lots=(LotOpened(lot_id=number + 1, points=pence, expires_on=None, closes_at=None),),
            balance=0,
            lifetime=0,
            bill_number=bill,
        )
        message = FactMessage(
            journal_partition=partition,
            journal_offset=number,
            engine_version=1,
            org_id=ORG,
            customer_id=customer,
            first_seq=2 * number + 1,
            recorded_at=when,
            groups=(Group(envelope=envelope, decisions=(counted, issued)),),
        )
        record = bought(customer, bill, pence, at)
        return [
            Outgoing(self._journal, b"key", encode_record(record), partition, (), when),
            Outgoing(self._facts, b"key", encode_facts(message), partition, (), when),
        ]

    def wait_until_stored(self) -> None:
        """Wait until the group has committed everything."""
        deadline = time.monotonic() + SECONDS
        topics = [self._journal, self._facts]
        while True:
            committed = self._log.group_offsets(self._group, topics)
            if all(each.offset == self._sent and not each.metadata for each in committed.values()):
                return
            assert time.monotonic() < deadline, f"of {self._sent} a partition, {committed}"
            threading.Event().wait(_POLL_SECONDS)

    def expected(self) -> dict[str, list[tuple[int, ...]]]:
        """What `found` should say."""
        count, total = self._sent, sum(range(self._sent + 1))
        places = [(partition, count, count, 0, count - 1) for partition in range(self._partitions)]
        twice = [(partition, 2 * count, count, 0, count - 1) for partition in range(self._partitions)]
        return {
            "journal": places,
            "facts": twice,
            "ledger_entries": twice,
            "sums": [(total * self._partitions, total * self._partitions, total * self._partitions, 0)],
        }

    def found(self, client: Client) -> dict[str, list[tuple[int, ...]]]:
        """By table and partition: rows, distinct offsets, the first and the last; and what the rows add up to."""
        found = {}
        for table in ("journal", "facts", "ledger_entries"):
            topic = self._journal if table == "journal" else self._facts
            found[table] = self._rows(
                client,
                "SELECT src_partition, count(), uniqExact(src_offset), min(src_offset), max(src_offset) "
                f"FROM {table} WHERE src_topic = '{topic}' GROUP BY 1 ORDER BY 1",
            )
        found["sums"] = self._rows(
            client,
            f"""
            SELECT
                (SELECT sum(JSONExtractInt(payload, 'amount_minor')) FROM journal WHERE src_topic = '{self._journal}'),
                (SELECT sum(amount_minor) FROM purchases WHERE src_topic = '{self._facts}'),
                (SELECT sum(points) FROM points_facts WHERE src_topic = '{self._facts}'),
                (SELECT sum(points) FROM ledger_entries WHERE src_topic = '{self._facts}')
            """,
        )
        return found

    def _rows(self, client: Client, sql: str) -> list[tuple[int, ...]]:
        return [tuple(int(value) for value in row) for row in client.query(sql).result_rows]
