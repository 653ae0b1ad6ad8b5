"""What consumers of notifications notice of a worker that is killed and at once started again: next to nothing."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.broker import HOW_TO_GET_ONE, can_run
from tests.faults.crew import PARTITIONS, Crew
from tests.faults.evidence import INPUT, NOTIFICATIONS
from tests.faults.generator import Generator
from tests.faults.schedule import Fault, Kind

USUAL_SECONDS = 8.0
AFTERWARDS_SECONDS = 8.0
MORE_SECONDS_MAX = 2.0
DOWN_SECONDS = 0.2
START_SECONDS = 90.0
A_SECOND = 80.0
AS_SHIPPED: dict[str, str] = {}
"""Sessions of 10 s and transactions of 15 s, for which nobody may have to wait."""


class Arrivals:
    """Reads the notification topics, read committed, and knows the longest time without one by partition."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "arrivals",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        self._lock = threading.Lock()
        self._latest = dict.fromkeys(range(PARTITIONS), 0.0)
        self._longest = dict.fromkeys(range(PARTITIONS), 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def have_begun(self) -> bool:
        """Whether something has come of every partition."""
        with self._lock:
            return all(self._latest.values())

    def longest_wait(self, seconds: float) -> float:
        """The longest time without a notification of some partition in the seconds from now on."""
        with self._lock:
            self._longest = dict.fromkeys(range(PARTITIONS), 0.0)
        threading.Event().wait(seconds)
        with self._lock:
            now = time.monotonic()
            return max(*self._longest.values(), *(now - at for at in self._latest.values()))

    def _run(self) -> None:
        self._consumer.assign([TopicPartition(topic, one, 0) for topic in NOTIFICATIONS for one in range(PARTITIONS)])
        while not self._stop.is_set():
            for message in self._consumer.consume(500, 0.1):
                if message.error() is None:
                    with self._lock:
                        now, partition = time.monotonic(), message.partition()
                        if self._latest[partition]:
                            self._longest[partition] = max(self._longest[partition], now - self._latest[partition])
                        self._latest[partition] = now


@pytest.mark.skipif(not can_run(), reason=HOW_TO_GET_ONE)
@pytest.mark.parametrize("workers", [1, 2])
def test_worker_killed_and_started_again_at_once_keeps_no_consumer_waiting(workers: int, tmp_path: Path) -> None:
    with Crew(tmp_path, 1, AS_SHIPPED) as crew:
        for slot in range(workers):
            crew.start(slot)
        bootstrap = crew.broker.bootstrap
        with Generator(bootstrap, INPUT, 1, A_SECOND), Arrivals(bootstrap) as arrivals:
            assert crew.wait(lambda: crew.is_ready() and arrivals.have_begun(), START_SECONDS), crew.readiness()
            usual = arrivals.longest_wait(USUAL_SECONDS)
            killing = threading.Thread(target=crew.do, args=(Fault(0, Kind.KILL, 0, DOWN_SECONDS, 0.0),))
            killing.start()
            longest = arrivals.longest_wait(AFTERWARDS_SECONDS)
            killing.join()

    assert longest <= usual + MORE_SECONDS_MAX, f"{longest:.1f} s after the kill, {usual:.1f} s before"
    assert not crew.violations
