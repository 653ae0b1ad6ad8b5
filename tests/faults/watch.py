"""The watch: reads what consumers read while faults happen, and knows how far the installation has come."""

from __future__ import annotations

import re
import threading
import time
from typing import Final, Self

import msgspec
from confluent_kafka import Consumer, TopicPartition

_NEWS: Final = re.compile(r"[A-Za-z]+:n(\d+)")
_PARTITION, _GROUPS = 0, 7
_ENVELOPE, _CAUSE = 0, 0
"""Places in a message of facts, in a group and in its envelope."""
_POLL_SECONDS: Final = 0.1


class Watch:
    """Follows the facts from their beginning, read committed, in a thread of its own."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._places = [TopicPartition(topic, number, 0) for number in range(partitions)]
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "watch",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "reconnect.backoff.max.ms": 200,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._lock = threading.Lock()
        now = time.monotonic()
        self._decided = dict.fromkeys(range(partitions), 0)
        self._moved_at = dict.fromkeys(range(partitions), now)
        self._longest = dict.fromkeys(range(partitions), 0.0)
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

    def _run(self) -> None:
        self._consumer.assign(self._places)
        while not self._stop.is_set():
            for message in self._consumer.consume(500, _POLL_SECONDS):
                if message.error() is None:
                    self._note(message.value())

    def _note(self, value: bytes) -> None:
        decoded = msgspec.msgpack.decode(value[1:])
        of = decoded[_PARTITION]
        causes = [group[_ENVELOPE][_CAUSE] for group in decoded[_GROUPS]]
        numbers = [int(found[1]) for cause in causes if (found := _NEWS.fullmatch(cause))]
        with self._lock:
            if numbers and max(numbers) > self._decided[of]:
                now = time.monotonic()
                self._decided[of] = max(numbers)
                self._longest[of] = max(self._longest[of], now - self._moved_at[of])
                self._moved_at[of] = now
