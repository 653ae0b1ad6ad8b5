"""The evidence of a run: everything that a plain consumer reads in the topics, and what ClickHouse answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.faults.generator import Sent

INPUT: Final = "loyalty.transactions"
JOURNAL: Final = "loyalty.journal"
FACTS: Final = "loyalty.facts"
STATE: Final = "loyalty.state"
REPLIES: Final = "loyalty.replies"
DEAD_LETTERS: Final = "loyalty.deadletters"
NOTIFICATIONS: Final = tuple(
    f"loyalty.notifications.{family}" for family in ("points", "tiers", "milestones", "streaks", "customers", "rewards")
)
_READ_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 1.0


class Read(NamedTuple):
    """One message as a consumer got it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


@dataclass
class Evidence:
    """What the checker judges."""

    ledger: list[Sent]
    topics: dict[str, list[Read]]
    """In offset order within a partition."""
    hanging: list[str]
    """Partitions whose readers wait for a transaction that nobody ends."""
    tables: dict[str, list[list[Any]]]
    """The answers to the queries of `tables.py`."""


def read_topics(bootstrap: str, names: tuple[str, ...], partitions: int) -> tuple[dict[str, list[Read]], list[str]]:
    """Everything committed in these topics, and the partitions in which a transaction hangs."""
    topics: dict[str, list[Read]] = {name: [] for name in names}
    places = [TopicPartition(name, number, 0) for name in names for number in range(partitions)]
    committed, everything = (_consumer(bootstrap, level) for level in ("read_committed", "read_uncommitted"))
    try:
        hanging = [
            f"{place.topic}:{place.partition}"
            for place in places
            if committed.get_watermark_offsets(place)[1] != everything.get_watermark_offsets(place)[1]
        ]
        committed.assign(places)
        unfinished = {(place.topic, place.partition) for place in places}
        deadline = time.monotonic() + _READ_SECONDS
        while unfinished:
            if time.monotonic() > deadline:
                message = f"cannot read to the end of {sorted(unfinished)}"
                raise TimeoutError(message)
            for message in committed.consume(1_000, _POLL_SECONDS):
                if message.error() is None:
                    headers = dict(message.headers() or ())
                    read = Read(message.partition(), message.offset(), message.key(), message.value() or b"", headers)
                    topics[message.topic()].append(read)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    unfinished.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(message.error())
    finally:
        committed.close()
        everything.close()
    return topics, hanging


def _consumer(bootstrap: str, level: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "evidence",
            "isolation.level": level,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
