"""A probe: a read_committed reader in a thread of the harness, which notes when each message could be seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from bench.cluster import Cluster

_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 10.0

Seen = Callable[[Any, float], None]
"""Is told of each message (as confluent-kafka gives it) and its monotonic seconds."""


@contextmanager
def probe(cluster: Cluster, topics: Sequence[str], seen: Seen) -> Iterator[None]:
    """Read from where the topics end now, as long as the block runs."""
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": "bench-probe",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign([TopicPartition(*place, end) for place, end in cluster.ends(topics, visible=True).items()])
    stop = threading.Event()
    thread = threading.Thread(target=_read, args=(consumer, seen, stop), name="bench-probe", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_STOP_SECONDS)
        consumer.close()


def _read(consumer: Consumer, seen: Seen, stop: threading.Event) -> None:
    while not stop.is_set():
        message = consumer.poll(_POLL_SECONDS)
        if message is None:
            continue
        error = message.error()
        if error is None:
            seen(message, time.monotonic())
        elif error.code() != KafkaError._TRANSPORT:  # noqa: SLF001 - how the client names its own errors
            raise RuntimeError(error.str())
