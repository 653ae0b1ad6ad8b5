"""(i) How much longer consumers of notifications wait when a worker is killed and at once started again."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Final, Self

from confluent_kafka import Consumer, TopicPartition

from bench.report import progress, report
from tests.faults.crew import PARTITIONS, Crew
from tests.faults.evidence import INPUT, NOTIFICATIONS
from tests.faults.generator import Generator
from tests.faults.schedule import Fault, Kind

WORKERS: Final = (1, 2)
USUAL_SECONDS: Final = 8.0
AFTERWARDS_SECONDS: Final = 10.0
DOWN_SECONDS: Final = 0.2
START_SECONDS: Final = 90.0
A_SECOND: Final = 80.0
AS_SHIPPED: Final[dict[str, str]] = {}
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


def main() -> None:
    """Measure and report, at one and at two workers."""
    for workers in WORKERS:
        with tempfile.TemporaryDirectory(prefix="accrue-bench-") as folder, Crew(Path(folder), 1, AS_SHIPPED) as crew:
            for slot in range(workers):
                crew.start(slot)
            _measure(crew, workers)


def _measure(crew: Crew, workers: int) -> None:
    bootstrap = crew.broker.bootstrap
    with Generator(bootstrap, INPUT, 1, A_SECOND), Arrivals(bootstrap) as arrivals:
        if not crew.wait(lambda: crew.is_ready() and arrivals.have_begun(), START_SECONDS):
            message = f"nothing arrived within {START_SECONDS:.0f} s: {crew.readiness()}"
            raise TimeoutError(message)
        progress(f"{workers} workers are at work")
        usual = arrivals.longest_wait(USUAL_SECONDS)
        killing = threading.Thread(target=crew.do, args=(Fault(0, Kind.KILL, 0, DOWN_SECONDS, 0.0),))
        killing.start()
        longest = arrivals.longest_wait(AFTERWARDS_SECONDS)
        killing.join()
    report(
        "i",
        {
            "what": "longest time without a notification of some partition, read_committed, seconds",
            "workers": workers,
            "usual": round(usual, 2),
            "after_kill_and_restart": round(longest, 2),
            "longer": round(longest - usual, 2),
            "started_again_after": DOWN_SECONDS,
        },
    )


if __name__ == "__main__":
    main()
