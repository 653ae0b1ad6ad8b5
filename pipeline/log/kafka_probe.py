"""Finds where messages that cannot be read end.

librdkafka names the batch that it cannot read by its first offset, not by its last, and stays in front of it for ever.
Of a batch whose records it cannot tell apart it does not even speak. So a client of its own reads from one offset after
the other, with steps that double and then halve, until the first offset is found that can be read from.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import Consumer, TopicPartition

from pipeline.log.kafka_errors import END_OF_PARTITION, UNREADABLE, port_error
from pipeline.log.port import Partition, Unavailable

_POLL_SECONDS: Final = 0.05
_STATISTICS_MS: Final = 50
_FETCHES_IN_VAIN: Final = 3
"""So many empty answers in a row mean that the batch is unreadable; a single one may belong to an earlier fetch."""
_SILENT: Final = "its records cannot be told apart"


class Problem(NamedTuple):
    """Why nothing can be read from an offset on."""

    text: str
    batch: int | None
    """The first offset of the batch, where the client named it."""


class Probe:
    """Reads one partition from given offsets, to see what can be read; a context manager."""

    def __init__(self, settings: Mapping[str, Any], partition: Partition, timeout: float) -> None:
        """After `timeout` seconds every call raises `Unavailable`."""
        self._partition = partition
        self._deadline = time.monotonic() + timeout
        self._wanted = -1
        """The offset that the client asks for, as it told last."""
        self._unread_before = self._unread = 0
        """Counts of unreadable answers: at the start of this fetch, and now."""
        self._client = Consumer(
            {
                **settings,
                "fetch.error.backoff.ms": 10,
                "statistics.interval.ms": _STATISTICS_MS,
                "stats_cb": self._note,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def problem_at(self, offset: int) -> Problem | None:
        """Why nothing can be read from this offset on; None where something can, or nothing is there."""
        self._client.assign([TopicPartition(*self._partition, offset)])
        self._wanted = -1
        while time.monotonic() < self._deadline:
            message = self._client.poll(_POLL_SECONDS)
            if message is None:
                if self._wanted >= offset and self._unread - self._unread_before >= _FETCHES_IN_VAIN:
                    return Problem(_SILENT, None)
                continue
            error = message.error()
            if error is None or error.code() == END_OF_PARTITION:
                return None
            if error.code() not in UNREADABLE:
                action = f"read from offset {offset} of {self._partition}"
                raise port_error(action, error)
            return Problem(error.str(), message.offset())
        text = f"{self._partition} did not answer in time from offset {offset} on"
        raise Unavailable(text)

    def end_of(self, first: int, end: int) -> int:
        """The offset after those that cannot be read, of which `first` is one; `end` at most."""
        unreadable, step = first, 1
        readable = end
        while (offset := unreadable + step) < readable:
            after = self._belongs(offset, first)
            if after is None:
                unreadable, step = offset, 2 * step
            else:
                readable = after
        while readable - unreadable > 1:
            offset = (unreadable + readable) // 2
            after = self._belongs(offset, first)
            if after is None:
                unreadable = offset
            else:
                readable = after
        return readable

    def _belongs(self, offset: int, first: int) -> int | None:
        """None if this offset is the first unreadable one; else an offset at or after the first readable one."""
        problem = self.problem_at(offset)
        if problem is None:
            return offset
        return problem.batch if problem.batch is not None and problem.batch > first else None

    def _note(self, text: str) -> None:
        told = json.loads(text)
        topic, number = self._partition
        place = told["topics"].get(topic, {}).get("partitions", {}).get(str(number))
        if place is not None:
            self._unread = sum(broker["rxpartial"] for broker in told["brokers"].values())
            if place["next_offset"] != self._wanted:  # it got on, or has only now heard what it is asked
                self._wanted, self._unread_before = place["next_offset"], self._unread
