"""The generator: sends straight to the broker while faults happen elsewhere, and keeps a ledger of what was taken."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import KafkaError, Producer

from tests.faults.messages import Messages

_TICK_SECONDS: Final = 0.02
_FLUSH_SECONDS: Final = 60.0


class Sent(NamedTuple):
    """A message that the broker has acknowledged, at its place in the input topic."""

    partition: int
    offset: int
    value: bytes


class Generator:
    """Sends `rate` messages a second from `start` to `stop`."""

    def __init__(self, bootstrap: str, topic: str, seed: int, rate: float) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.timeout.ms": 300_000,  # longer than any fault, so that every message is acknowledged
                "reconnect.backoff.max.ms": 500,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self._topic = topic
        self._messages = Messages(seed)
        self._rate = rate
        self._lock = threading.Lock()
        self._ledger: list[Sent] = []
        self._news: dict[int, int] = {}
        self._lost: list[str] = []
        self._told_to_stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="generator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait until all that was sent is acknowledged."""
        self._told_to_stop.set()
        self._thread.join(_FLUSH_SECONDS)
        left = self._producer.flush(_FLUSH_SECONDS)
        if left or self._lost:
            message = f"{left} messages without an answer, {len(self._lost)} refused: {self._lost[:3]}"
            raise RuntimeError(message)

    def ledger(self) -> list[Sent]:
        """What was acknowledged so far."""
        with self._lock:
            return list(self._ledger)

    def latest_news(self) -> dict[int, int]:
        """By partition: the number of the latest acknowledged message that must make facts."""
        with self._lock:
            return dict(self._news)

    def _run(self) -> None:
        begun, sent = time.monotonic(), 0
        while not self._told_to_stop.wait(_TICK_SECONDS):
            due = int((time.monotonic() - begun) * self._rate)
            for _ in range(due - sent):
                self._send()
            sent = max(sent, due)
            self._producer.poll(0)

    def _send(self) -> None:
        key, value, news = self._messages.next(time.time_ns() // 1_000_000)

        def answered(error: KafkaError | None, message: Any) -> None:
            with self._lock:
                if error is not None:
                    self._lost.append(str(error))
                    return
                self._ledger.append(Sent(message.partition(), message.offset(), value))
                if news is not None:
                    self._news[message.partition()] = news

        self._producer.produce(self._topic, value, key, on_delivery=answered)


def write_ledger(ledger: list[Sent], file: Path) -> None:
    """One JSON object a line, for a post-mortem."""
    with file.open("w") as out:
        for partition, offset, value in ledger:
            out.write(json.dumps({"partition": partition, "offset": offset, "value": value.decode()}) + "\n")
