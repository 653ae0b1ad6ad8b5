"""The watch: reads what consumers read while faults happen, and knows how far the installation has come."""

from __future__ import annotations

import re
import threading
import time
from typing import Final, Self

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

_NEWS: Final = re.compile(r"[A-Za-z]+:n(\d+)")
_FACTS_PARTITION, _FACTS = 0, 7
_CAUSE: Final = 2
_POLL_SECONDS: Final = 0.1
_ANSWER_SECONDS: Final = 5.0


class Watch:
    """Follows topics from their beginning, read committed, in a thread of its own."""

    def __init__(self, bootstrap: str, facts: str, others: list[str], partitions: int) -> None:
        self._facts = facts
        self._places = [TopicPartition(topic, number, 0) for topic in (facts, *others) for number in range(partitions)]
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "watch",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "reconnect.backoff.max.ms": 200,
                "fetch.wait.max.ms": 50,
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        self._lock = threading.Lock()
        now = time.monotonic()
        self._decided = dict.fromkeys(range(partitions), 0)
        self._moved_at = dict.fromkeys(range(partitions), now)
        self._longest = dict.fromkeys(range(partitions), 0.0)
        self._ends: dict[tuple[str, int], int] = {}
        """Where each partition ended when it was last read to its end."""
        self._last: dict[tuple[str, int], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def has_decided(self, news: dict[int, int]) -> bool:
        """Whether facts have come of these numbers, by partition."""
        if not self._thread.is_alive():
            message = "the watch has ended; its thread has said why"
            raise RuntimeError(message)
        with self._lock:
            return all(self._decided[partition] >= number for partition, number in news.items())

    def longest_silence(self) -> float:
        """The longest time in seconds, since the last call, that no new facts came of a partition."""
        with self._lock:
            now = time.monotonic()
            longest = max(*self._longest.values(), *(now - at for at in self._moved_at.values()))
            self._longest = dict.fromkeys(self._longest, 0.0)
            self._moved_at = dict.fromkeys(self._moved_at, now)
            return longest

    def is_at_end(self) -> bool:
        """Whether everything that can be read now has been read."""
        with self._lock:
            ends = dict(self._ends)
        return all(
            ends.get((place.topic, place.partition)) == self._consumer.get_watermark_offsets(place, _ANSWER_SECONDS)[1]
            for place in self._places
        )

    def last_offsets(self) -> dict[tuple[str, int], int]:
        """Of the last message of each partition."""
        with self._lock:
            return dict(self._last)

    def _run(self) -> None:
        self._consumer.assign(self._places)
        while not self._stop.is_set():
            for message in self._consumer.consume(500, _POLL_SECONDS):
                if message.error() is None:
                    self._note(message.topic(), message.partition(), message.offset(), message.value())
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    with self._lock:
                        self._ends[message.topic(), message.partition()] = message.offset()

    def _note(self, topic: str, partition: int, offset: int, value: bytes) -> None:
        with self._lock:
            self._last[topic, partition] = offset
            if topic != self._facts:
                return
            decoded = msgspec.msgpack.decode(value[1:])
            of = decoded[_FACTS_PARTITION]
            numbers = [int(found[1]) for fact in decoded[_FACTS] if (found := _NEWS.fullmatch(fact[_CAUSE]))]
            if numbers and max(numbers) > self._decided[of]:
                now = time.monotonic()
                self._decided[of] = max(numbers)
                self._longest[of] = max(self._longest[of], now - self._moved_at[of])
                self._moved_at[of] = now
