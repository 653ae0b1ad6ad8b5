"""Reads topics for commands: everything up to now, or new messages as they arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from pipeline.log.port import Log, Message, Partition, Unavailable

_BATCH: Final = 10_000
_TIMEOUT: Final = 30.0
_POLL: Final = 0.5

Answer = TypeVar("Answer")


def partitions_of(topics: Sequence[str], count: int) -> list[Partition]:
    """Every partition of the topics."""
    return [Partition(topic, number) for topic in topics for number in range(count)]


def ends_of(log: Log, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The current end offsets."""
    return _answered(lambda: log.ends(partitions, _TIMEOUT))


def read_all(
    log: Log,
    partitions: Sequence[Partition],
    ends: Mapping[Partition, int] | None = None,
    firsts: Mapping[Partition, int] | None = None,
) -> Iterator[Message]:
    """Every message from `firsts` on and before `ends`, in order within each partition.

    By default: that is there when this is called. Raises `Unavailable` when the log falls silent.
    """
    consumer = log.consumer()
    try:
        bounds = _answered(partial(consumer.bounds, partitions, _TIMEOUT))
        wanted = ends or {partition: end for partition, (_, end) in bounds.items()}
        begin = {partition: max(first, (firsts or {}).get(partition, 0)) for partition, (first, _) in bounds.items()}
        consumer.assign(begin)
        missing = {partition for partition, first in begin.items() if first < wanted[partition]}
        heard = time.monotonic()
        while missing:
            messages = consumer.consume(_BATCH, _POLL)
            for message in messages:
                if message.offset < wanted[Partition(message.topic, message.partition)]:
                    yield message
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _TIMEOUT:
                silent = f"the log has not answered for {_TIMEOUT:.0f} s, {len(missing)} partitions are not read"
                raise Unavailable(silent)
            missing = {one for one in missing if (consumer.position(one) or 0) < wanted[one]}
    finally:
        consumer.close()


def follow(log: Log, ends: Mapping[Partition, int]) -> Iterator[Message]:
    """New messages after `ends`, for ever."""
    consumer = log.consumer()
    try:
        consumer.assign(ends)
        while True:
            yield from consumer.consume(_BATCH, _POLL)
    finally:
        consumer.close()


def _answered(question: Callable[[], Answer]) -> Answer:
    """Retries a call while a leader moves or a new topic has no leader yet."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            return question()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        threading.Event().wait(_POLL)
