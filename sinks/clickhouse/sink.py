"""The sink: follows the log and inserts every message into ClickHouse, each once.

A round, for all partitions at once:

1. commit the intents (first, last, epoch) as metadata of the unchanged offsets
2. insert each block with its token
3. commit the offsets after the blocks

A crash after 1 or inside 2 leaves the intent: the next run reads exactly those messages and inserts them with the same
token, of which ClickHouse drops what it has. A crash after 3 leaves nothing to do. The changelog is compacted, so its
blocks cannot be read again; its rows replace one another and need neither intent nor token.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import msgspec

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.log.port import Committed, Consumer, Fenced, Log, Message, Partition, Unavailable
from sinks.clickhouse.intents import Intent, intent_of
from sinks.clickhouse.message_rows import add_fact_message, add_heads, add_journal_record, add_notification
from sinks.clickhouse.reading import Reading
from sinks.clickhouse.rows import Rows
from sinks.clickhouse.writer import NotInserted, Writer

Result = TypeVar("Result")
_LOG: Final = logging.getLogger(__name__)

_STUCK_SECONDS: Final = 30.0
"""So long without any step done while messages wait, or without an answer of the log, is not ready."""
_LOOK_SECONDS: Final = 1.0
_LAG_SECONDS: Final = 10.0


@dataclass(frozen=True)
class SinkSettings:
    """What the sink follows, and how much it takes at once."""

    group: str
    journal: str
    facts: str
    state: str
    notifications: tuple[str, ...] = ()
    """Topics of notifications to keep; none by default, as all of them can be rendered again."""
    epoch: str = "v1"
    messages_max: int = 30_000
    """Of all partitions together: about 50 MB as rows."""
    bytes_max: int = 32 * 2**20
    linger_seconds: float = 1.0
    """How long a message may wait for others; ClickHouse wants few large inserts."""
    poll_seconds: float = 0.2
    """How long a round waits for messages: also how soon a stop is noticed."""
    attempts_max: int = 8
    """For one insert or commit, with waits that double from `backoff_seconds`: 32 s in all."""
    backoff_seconds: float = 0.25
    log_timeout_seconds: float = 30.0


class Unreadable(Exception):
    """A message that only this project writes cannot be decoded: a newer version, or a bug."""


class _Stopped(Exception):
    """The sink was asked to stop in the middle of a round; the intents stand, so the next run goes on there."""


class ClickHouseSink:
    """One member of the sink's group. `run` belongs to one thread; `status` and `lag` may be called from any."""

    name = "sink"

    def __init__(self, log: Log, writer: Writer, settings: SinkSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._log = log
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._row_makers: dict[str, Callable[[Rows, Message], None]] = {
            settings.journal: add_journal_record,
            settings.facts: add_fact_message,
            **dict.fromkeys(settings.notifications, add_notification),
        }
        self._readings: dict[Partition, Reading] = {}
        self._unplaced: list[Partition] = []
        self._waiting_since: float | None = None
        self._stored: dict[Partition, int] = {}
        self._trouble: str | None = "not started"
        """Why the sink is not at work."""
        self._worked_at = self._clock.now()
        """When something last went well: a poll, an insert or a commit."""
        self._unheard_since: float | None = None
        """When the log first did not tell how far it goes; a poll of a log that is away just finds nothing."""
        self._look_due = 0.0
        self._behind: dict[Partition, int] = {}
        self._hurry = False

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set; raises when ClickHouse or the log stays away, or a message is no good.

        What was not committed by then is read again by the next run.
        """
        consumer = self._log.consumer(self._settings.group)
        try:
            consumer.subscribe(
                [*self._row_makers, self._settings.state],
                assigned=self._unplaced.extend,
                revoked=self._drop,
                lost=self._drop,
            )
            self._trouble = None
            while not stop.is_set():
                self._round(consumer, stop)
            self._trouble = "stopped"
        except _Stopped:
            self._trouble = "stopped"
        except BaseException as error:
            self._trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            consumer.close()

    def hurry(self) -> None:
        """From now on, insert what there is at once: nothing more is worth waiting for."""
        self._hurry = True

    def status(self) -> tuple[bool, str]:
        """Whether it has partitions, all of them placed, and gets on with what it has read; why not."""
        if self._trouble is not None:
            return False, self._trouble
        unplaced = len(self._unplaced)
        if unplaced:
            return False, f"{unplaced} partitions are not placed yet"
        if not self._stored:
            return False, "no partition is assigned"
        now = self._clock.now()
        unheard = now - (self._unheard_since or now)
        if unheard > _STUCK_SECONDS:
            return False, f"the log has not answered for {unheard:.0f} s"
        stuck = now - self._worked_at
        if self._waiting_since is not None and stuck > _STUCK_SECONDS:
            return False, f"nothing was inserted or committed for {stuck:.0f} s, and messages wait"
        return True, ""

    def behind(self) -> Mapping[Partition, int]:
        """By partition of this member: offsets at the log's end that were not in ClickHouse at the last look."""
        return self._behind

    def stored(self) -> Mapping[Partition, int]:
        """By partition of this member: everything before this offset is in ClickHouse."""
        return self._stored

    def lag(self, watch: Consumer) -> int:
        """Offsets at the log's end that are not in ClickHouse yet, of this member's partitions; 0 when drained.

        `watch` is a consumer of the calling thread; it may be without a group. Before the first assignment nothing is
        known, which counts as 1.
        """
        timeout = self._settings.log_timeout_seconds
        stored = self._stored
        if not stored:
            return 1
        return sum(max(0, watch.bounds(partition, timeout)[1] - offset) for partition, offset in stored.items())

    def _round(self, consumer: Consumer, stop: threading.Event) -> None:
        limit, poll = self._settings.messages_max, self._settings.poll_seconds
        messages = self._patiently(lambda: consumer.consume(limit, poll), stop)
        for message in messages:
            reading = self._readings.get(Partition(message.topic, message.partition))
            if reading is not None:
                reading.add(message)
        try:
            if self._unplaced:
                self._patiently(lambda: self._place(consumer), stop)
            if self._is_due():
                self._flush(consumer, stop)
        except Fenced:  # the group has moved on: what is still ours is read again from what was committed
            _LOG.warning("the group has moved on; reading again from the committed offsets")
            self._readings.clear()
            self._unplaced[:] = consumer.assignment()
        self._stored = {
            partition: self._stored_before(consumer, reading) for partition, reading in self._readings.items()
        }
        self._look_at_lag(consumer)

    def _look_at_lag(self, consumer: Consumer) -> None:
        now = self._clock.now()
        if now < self._look_due or not self._stored:
            return
        self._look_due = now + _LAG_SECONDS
        try:
            self._behind = {
                partition: max(0, consumer.bounds(partition, _LOOK_SECONDS)[1] - offset)
                for partition, offset in self._stored.items()
            }
        except Unavailable:
            self._unheard_since = self._unheard_since or now
        else:
            self._unheard_since = None

    def _place(self, consumer: Consumer) -> None:
        """Begin at the committed offset of each new partition; a block that was begun there comes first."""
        timeout = self._settings.log_timeout_seconds
        partitions = list(self._unplaced)
        committed = consumer.committed(partitions, timeout)
        for partition in partitions:
            intent = intent_of(partition, committed[partition])
            offset = committed[partition].offset
            if offset is None:
                offset, _ = consumer.bounds(partition, timeout)
            self._readings[partition] = Reading(partition, offset, intent)
            consumer.seek(partition, offset)
        self._unplaced.clear()
        self._look_due = 0.0

    def _drop(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            self._readings.pop(partition, None)
        self._behind = {partition: lag for partition, lag in self._behind.items() if partition not in partitions}
        self._unplaced[:] = [partition for partition in self._unplaced if partition not in partitions]

    def _is_due(self) -> bool:
        """Whether enough has come, or long enough ago."""
        waiting = [reading for reading in self._readings.values() if reading.has_block()]
        if not waiting:
            self._waiting_since = None
            return False
        now = self._clock.now()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        return (
            self._hurry
            or now - self._waiting_since >= self._settings.linger_seconds
            or sum(len(reading.messages) for reading in waiting) >= self._settings.messages_max
            or sum(reading.size for reading in waiting) >= self._settings.bytes_max
            or any(reading.begun is not None for reading in waiting)
        )

    def _flush(self, consumer: Consumer, stop: threading.Event) -> None:
        """One round of the three steps."""
        blocks = [(reading, reading.block()) for reading in self._readings.values() if reading.has_block()]
        intents = {
            reading.partition: Intent(block[0].offset, block[-1].offset, self._settings.epoch)
            for reading, block in blocks
            if reading.partition.topic != self._settings.state and reading.begun is None
        }
        # 1 intents
        for reading, _ in blocks:
            reading.begun = intents.get(reading.partition, reading.begun)
        self._commit(
            consumer,
            {
                partition: Committed(self._readings[partition].committed, intent.metadata())
                for partition, intent in intents.items()
            },
            stop,
        )
        # 2 rows
        for reading, block in blocks:
            if stop.is_set():  # all blocks together may take longer than whoever stops us is ready to wait
                raise _Stopped
            rows = self._rows(reading.partition.topic, block)
            token = None if reading.begun is None else reading.begun.token(reading.partition)
            self._patiently(partial(self._writer.insert, rows, token), stop)
        # 3 offsets
        self._commit(consumer, {reading.partition: Committed(block[-1].offset + 1) for reading, block in blocks}, stop)
        for reading, block in blocks:
            reading.finish(block)
        self._waiting_since = None

    def _rows(self, topic: str, block: list[Message]) -> Rows:
        rows: Rows = defaultdict(list)
        message = block[0]
        try:
            if topic == self._settings.state:
                add_heads(rows, block)
            else:
                add = self._row_makers[topic]
                for message in block:
                    add(rows, message)
        except (msgspec.DecodeError, ValueError) as error:
            problem = (
                f"{message.topic} partition {message.partition} offset {message.offset} cannot be decoded: {error}"
            )
            raise Unreadable(problem) from error
        return rows

    def _commit(self, consumer: Consumer, offsets: Mapping[Partition, Committed], stop: threading.Event) -> None:
        if offsets:
            timeout = self._settings.log_timeout_seconds
            self._patiently(lambda: consumer.commit_offsets(offsets, timeout), stop)

    def _patiently(self, attempt: Callable[[], Result], stop: threading.Event) -> Result:
        """What `attempt` gives; it is made again, as it was, while ClickHouse or the log is away, and then raises."""
        delay = self._settings.backoff_seconds
        left = self._settings.attempts_max
        while True:
            left -= 1
            try:
                result = attempt()
            except (NotInserted, Unavailable) as error:
                if not left:
                    raise
                self._trouble = f"trying again in {delay} s: {error}"
                _LOG.warning("trying again in %s s, %s attempts left: %s", delay, left, error)
                if self._clock.wait(stop, delay):
                    raise _Stopped from error
                delay *= 2
            else:
                self._trouble = None
                self._worked_at = self._clock.now()
                return result

    def _stored_before(self, consumer: Consumer, reading: Reading) -> int:
        if reading.messages or reading.begun is not None:
            return reading.committed
        return max(reading.committed, consumer.position(reading.partition) or 0)  # past control records too
