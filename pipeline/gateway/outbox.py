"""The outbox: messages of many requests go to the log together, and each request learns that its own are there.

One thread gathers for some milliseconds, produces, waits for the log's acknowledgement, and tells everybody.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from pipeline.clock import Clock
from pipeline.log.port import Log, LogError, Outgoing, Producer, Unavailable

_GATHER_SECONDS: Final = 0.005
_BATCH: Final = 1_000
_QUEUE_MAX: Final = 2_000
"""Requests that wait for the log; the next one is told to come back."""
_FLUSH_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 0.1


class NotNow(Exception):
    """Nothing of the request was done, for a reason that passes."""


class Outbox:
    """Takes messages from any thread; `run` in one of its own sends them."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._waiting: queue.Queue[tuple[Sequence[Outgoing], Future[None]]] = queue.Queue(_QUEUE_MAX)

    def put(self, messages: Sequence[Outgoing]) -> Future[None]:
        """Send the messages, in order; done when the log has them all, else `LogError`. Raises `NotNow`."""
        sent: Future[None] = Future()
        try:
            self._waiting.put_nowait((messages, sent))
        except queue.Full as error:
            message = "too many requests wait already"
            raise NotNow(message) from error
        return sent

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set and nothing waits."""
        producer: Producer | None = None
        try:
            while True:
                batch = self._gather()
                if not batch and stop.is_set():
                    return
                if batch:
                    producer = self._send(producer or self._log.producer(), batch)
        finally:
            if producer is not None:
                producer.close()

    def _gather(self) -> list[tuple[Sequence[Outgoing], Future[None]]]:
        try:
            batch = [self._waiting.get(timeout=_IDLE_SECONDS)]
        except queue.Empty:
            return []
        deadline = self._clock.now() + _GATHER_SECONDS
        while len(batch) < _BATCH and (left := deadline - self._clock.now()) > 0:
            try:
                batch.append(self._waiting.get(timeout=left))
            except queue.Empty:
                break
        return batch

    def _send(self, producer: Producer, batch: Sequence[tuple[Sequence[Outgoing], Future[None]]]) -> Producer | None:
        """Returns the producer, or None where another must take its place: what it holds may still arrive."""
        failed: LogError | None = None
        try:
            producer.produce([message for messages, _ in batch for message in messages])
            producer.flush(_FLUSH_SECONDS)
        except LogError as error:
            failed = error
            producer.close()
        for _, sent in batch:
            if failed is None:
                sent.set_result(None)
            else:
                sent.set_exception(Unavailable(str(failed)))
        return producer if failed is None else None
