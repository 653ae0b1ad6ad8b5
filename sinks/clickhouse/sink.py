"""The sink: follows the log and inserts every message into ClickHouse, each once.

A round, for all partitions at once:

1. commit the intents (first, last, epoch) as metadata of the unchanged offsets
2. insert each block, table after table, with its token
3. commit the offsets after the blocks

A crash after 1 or inside 2 leaves the intent: the next run, or the next owner of the partition, reads exactly those
messages and inserts them with the same token, of which ClickHouse drops what it has. A crash after 3 leaves nothing to
do. The changelog is compacted, so its blocks cannot be read again; its rows replace one another and need neither intent
nor token.

A sink that was frozen may have lost its partitions without knowing. So no step is begun on knowledge that is older than
the group takes to give partitions away: what is committed is read again before, and a partition that another owner has
moved on is dropped. What such a sink had already sent carries a token that the other owner has used, too.

A commit of its own may take effect late and move the group back. No sink follows it: one that runs commits again what
it has agreed on, and a successor continues after the rows that ClickHouse has (`placing` says what remains).

While ClickHouse or the log is away, the same step is tried again and again, and the sink stays a member of its group.
Where the group has lost its offsets, the sink halts rather than store again what ClickHouse has; where ClickHouse has
lost its last rows, it halts rather than leave a gap. Tables without any row of a partition are filled again.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import msgspec

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.failure import Halted
from pipeline.log.port import Committed, Consumer, Fenced, Log, Message, Partition
from schemas.records import UnknownVersion
from sinks.clickhouse.health import Health
from sinks.clickhouse.intents import Intent
from sinks.clickhouse.lag import Lag
from sinks.clickhouse.lost import require_messages, require_no_rows, require_offsets, require_rows, with_rows
from sinks.clickhouse.patience import Patience, Stopped
from sinks.clickhouse.placing import has_stored, is_late, start_again, start_of, start_of_state
from sinks.clickhouse.reading import Reading
from sinks.clickhouse.tables import (
    CUSTOMER_STATE,
    FACTS,
    JOURNAL,
    NOTIFICATIONS,
    REPLIES,
    TABLES,
    Rows,
    add_fact_message,
    add_heads,
    add_journal_record,
    add_notification,
    add_reply,
)
from sinks.clickhouse.writer import Writer

_LOG: Final = logging.getLogger(__name__)

_POLL_EVERY_SECONDS: Final = 5.0
"""How often a sink that does not read polls its group: the group waits for minutes, but a rebalance waits for us."""
_DISPLACED_SESSIONS: Final = 6
"""Fenced again within so many group sessions: another sink really has the same name."""


@dataclass(frozen=True)
class SinkSettings:
    """What the sink follows, and how much it takes at once."""

    group: str
    journal: str
    facts: str
    state: str
    notifications: tuple[str, ...] = ()
    """Topics of notifications to keep; none by default, as all of them can be rendered again.

    The log deletes their messages after a while, those of the other topics never.
    """
    replies: tuple[str, ...] = ()
    """Topics of replies to keep, which the log deletes after a while as well."""
    member: str | None = None
    """The member of the group that this sink is, over restarts; None: a new one each time."""
    epoch: str = "v1"
    messages_max: int = 30_000
    """Messages per round over all partitions: about 50 MB as rows."""
    bytes_max: int = 32 * 2**20
    linger_seconds: float = 1.0
    """How long a message may wait for others; ClickHouse wants few large inserts."""
    poll_seconds: float = 0.2
    """How long a round waits for messages: also how soon a stop is noticed."""
    patience_seconds: float = 3_600.0
    """How long one insert or commit is tried before the sink gives up."""
    backoff_seconds: float = 0.25
    """Before the second try; doubled before each that follows, up to `backoff_seconds_max`."""
    backoff_seconds_max: float = 5.0
    session_seconds: float = 10.0
    """How long this sink may be silent before its group gives its partitions away."""
    log_timeout_seconds: float = 10.0

    @property
    def trusted_seconds(self) -> float:
        """How long a committed offset that was read is trusted: less than the group waits for a silent member."""
        return self.session_seconds / 2


class Unreadable(Halted):
    """A message that only this project writes cannot be read: a newer version wrote it, or it is damaged."""


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
            **dict.fromkeys(settings.replies, add_reply),
        }
        self._first_tables = {
            settings.state: CUSTOMER_STATE.name,
            settings.journal: JOURNAL.name,
            settings.facts: FACTS.name,
            **dict.fromkeys(settings.notifications, NOTIFICATIONS.name),
            **dict.fromkeys(settings.replies, REPLIES.name),
        }
        self._health = Health(clock)
        self._lag = Lag(log, clock, self._health)
        self._patience = Patience(
            clock,
            self._health,
            seconds=settings.patience_seconds,
            first_wait=settings.backoff_seconds,
            longest_wait=settings.backoff_seconds_max,
        )
        self._readings: dict[Partition, Reading] = {}
        self._unplaced: list[Partition] = []
        self._waiting_since: float | None = None
        self._polled_at = clock.now()
        self._stored: dict[Partition, int] = {}
        self._hurry = False

    def run(self, stop: threading.Event) -> None:
        """Follows the log until `stop` is set; raises if ClickHouse or the log stays away, or a message is invalid.

        What was not committed by then is read again by the next run. Raises `Fenced` when another has its name.
        """
        displaced_at = -inf
        try:
            while not stop.is_set():
                try:
                    self._follow(stop)
                except Fenced as error:  # after a long silence it may have been an echo of our own that took our place
                    now = self._clock.now()
                    if now - displaced_at < _DISPLACED_SESSIONS * self._settings.session_seconds:
                        message = f"another sink runs as {self._settings.member}; give each worker a --slot of its own"
                        raise Fenced(message) from error
                    displaced_at = now
                    _LOG.warning("joining the group once more: %s", error)
            self._health.fails("stopped")
        except Stopped:
            self._health.fails("stopped")
        except BaseException as error:
            self._health.fails(f"{type(error).__name__}: {error}")
            raise

    def hurry(self) -> None:
        """From now on inserts at once, without waiting for larger blocks."""
        self._hurry = True

    def status(self) -> tuple[bool, str]:
        """Whether it has partitions, all placed, and makes progress; if not, why."""
        trouble = self._health.trouble()
        if trouble is not None:
            return False, trouble
        unplaced = len(self._unplaced)
        if unplaced:
            return False, f"{unplaced} partitions are not placed yet"
        if not self._stored:
            return False, "no partition is assigned"
        return True, ""

    def behind(self) -> Mapping[Partition, int]:
        """By partition of this member: offsets at the log's end that were not in ClickHouse at the last look."""
        return self._lag.behind

    def stored(self) -> Mapping[Partition, int]:
        """By partition of this member: everything before this offset is in ClickHouse."""
        return self._stored

    def lag(self) -> int:
        """Offsets at the log's end that are not in ClickHouse yet, of this member's partitions; 0 when drained.

        Before the first assignment nothing is known, which counts as 1. Raises `LogError` when the log does not say.
        """
        stored = self._stored
        if not stored:
            return 1
        ends = self._log.ends(stored, self._settings.log_timeout_seconds)
        return sum(max(0, ends[partition] - offset) for partition, offset in stored.items())

    def _follow(self, stop: threading.Event) -> None:
        """Runs as one consumer; raises `Fenced` when another has taken its place."""
        using = self._settings
        consumer = self._log.consumer(using.group, member=using.member, session_timeout=using.session_seconds)
        try:
            consumer.subscribe(
                [*self._row_makers, using.state],
                assigned=self._unplaced.extend,
                revoked=self._drop,
                lost=self._drop,
            )
            while not stop.is_set():
                self._round(consumer, stop)
        finally:
            consumer.close()
            self._forget_all()

    def _round(self, consumer: Consumer, stop: threading.Event) -> None:
        limit, poll = self._settings.messages_max, self._settings.poll_seconds
        self._take(self._patience.until_done("reading", lambda: consumer.consume(limit, poll), stop))
        self._polled_at = self._clock.now()
        try:
            if self._unplaced:
                self._patience.until_done("reading what was committed", lambda: self._place(consumer), stop)
            if self._is_due():
                self._flush(consumer, stop)
        except Fenced as error:  # what is still ours is read again from what was committed
            _LOG.warning("reading again from the committed offsets: %s", error)
            self._health.loses(str(error))
            self._readings.clear()
            self._unplaced[:] = consumer.assignment()
        self._stored = {
            partition: self._stored_before(consumer, reading) for partition, reading in self._readings.items()
        }
        self._lag.look(self._stored)

    def _take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            reading = self._readings.get(Partition(message.topic, message.partition))
            if reading is not None:
                reading.add(message)

    def _place(self, consumer: Consumer) -> None:
        """Begin at the committed offset of each new partition; a block that was begun there comes first.

        Where the group gives or takes partitions meanwhile, they stay unplaced until the next round.
        """
        self._stay(consumer)
        timeout = self._settings.log_timeout_seconds
        partitions = list(self._unplaced)
        asked_at = self._clock.now()
        found = consumer.committed(partitions, timeout)
        bounds = consumer.bounds(partitions, timeout)
        firsts = {partition: first for partition, (first, _) in bounds.items()}
        ends = {partition: end for partition, (_, end) in bounds.items()}
        require_messages(self._settings.group, found, firsts, (*self._settings.notifications, *self._settings.replies))
        stored: dict[Partition, int] = {}
        for table, asked in with_rows(self._first_tables, found, ends).items():
            self._stay(consumer)  # a look at a large table takes long
            if self._unplaced != partitions:
                return
            stored |= self._writer.last_offsets(table, asked)
        events = {each: last for each, last in stored.items() if each.topic in self._row_makers}
        require_rows(self._settings.group, found, events, firsts)
        emptied = [
            each
            for each in partitions
            if each.topic in self._row_makers and each not in stored and has_stored(found[each], firsts[each])
        ]
        self._require_new_tables(emptied)
        if events:
            # An intent comes before its rows: had another member just begun, the group would have an offset by now.
            found = consumer.committed(partitions, timeout)
            require_offsets(self._settings.group, found, events, self._log.ends(events, timeout))
        starts = {
            each: start_of(each, found[each], firsts[each], stored.get(each))
            if each.topic in self._row_makers
            else start_of_state(found[each], firsts[each], stored.get(each))
            for each in partitions
        }
        starts |= {each: start_again(found[each], firsts[each]) for each in emptied}
        warned = {partition: start for partition, start in starts.items() if start.warning}
        if warned:
            passed = {partition: Committed(start.offset) for partition, start in warned.items()}
            consumer.commit_offsets(passed, timeout)  # so that it is found, and told, only once
            found |= passed
        for partition, start in warned.items():
            _LOG.warning("%s: %s", partition, start.warning)
        for partition, (offset, begun, _) in starts.items():
            self._readings[partition] = Reading(partition, offset, begun, found[partition], asked_at)
            consumer.seek(partition, offset)
        self._unplaced.clear()

    def _require_new_tables(self, emptied: Sequence[Partition]) -> None:
        """Of partitions whose committed rows are gone from their first table, no other table may have rows."""
        if emptied:
            require_no_rows({table: self._writer.last_offsets(table, emptied) for table in TABLES})

    def _forget_all(self) -> None:
        self._readings.clear()
        self._unplaced.clear()
        self._waiting_since = None
        self._stored = {}
        self._lag.look(self._stored)

    def _drop(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            self._readings.pop(partition, None)
        self._unplaced[:] = [partition for partition in self._unplaced if partition not in partitions]

    def _is_due(self) -> bool:
        """Whether there are enough messages, or the oldest has waited long enough."""
        waiting = [reading for reading in self._readings.values() if reading.has_block()]
        if not waiting:
            self._waiting_since = None
            return False
        now = self._clock.now()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        return (
            self._hurry
            or now - self._waiting_since >= self._settings.linger_seconds
            or self._holds(1)
            or any(reading.begun is not None for reading in waiting)
        )

    def _holds(self, times: int) -> bool:
        """Whether the backlog is a given multiple of one round."""
        readings = self._readings.values()
        return (
            sum(len(reading.messages) for reading in readings) >= times * self._settings.messages_max
            or sum(reading.size for reading in readings) >= times * self._settings.bytes_max
        )

    def _flush(self, consumer: Consumer, stop: threading.Event) -> None:
        """One round of the three steps."""
        blocks = {reading: reading.block() for reading in self._readings.values() if reading.has_block()}
        # 1 intents
        intents = {
            reading: Intent(block[0].offset, block[-1].offset, self._settings.epoch)
            for reading, block in blocks.items()
            if reading.partition.topic != self._settings.state and reading.begun is None
        }
        for reading, intent in intents.items():
            reading.begun = intent
        begun = {reading: Committed(reading.committed, intent.metadata()) for reading, intent in intents.items()}
        self._commit(consumer, begun, stop)
        # 2 rows
        for reading, block in blocks.items():
            token = None if reading.begun is None else reading.begun.token(reading.partition)
            for table, items in self._rows(reading.partition.topic, block).items():
                self._insert(consumer, reading, {table: items}, token, stop)
        # 3 offsets
        self._commit(consumer, {reading: Committed(block[-1].offset + 1) for reading, block in blocks.items()}, stop)
        for reading, block in blocks.items():
            reading.finish(block)
        self._waiting_since = None
        if any(self._is_ours(reading) for reading in blocks):
            self._health.gets_on()
        else:
            self._health.loses("the group took its partitions meanwhile")

    def _insert(
        self, consumer: Consumer, reading: Reading, rows: Rows, token: str | None, stop: threading.Event
    ) -> None:
        """Inserts the blocks of partitions that this member still owns."""
        if stop.is_set():  # all blocks together may take longer than the stop timeout
            raise Stopped

        def attempt() -> None:
            self._stay(consumer)
            if self._is_ours(reading):
                self._require_standing(consumer, [reading])
                self._writer.insert(rows, token)

        self._patience.until_done(f"inserting into {', '.join(rows)}", attempt, stop)

    def _commit(self, consumer: Consumer, offsets: Mapping[Reading, Committed], stop: threading.Event) -> None:
        """Commits for the partitions that this member still owns."""

        def attempt() -> None:
            self._stay(consumer)
            ours = {reading: committed for reading, committed in offsets.items() if self._is_ours(reading)}
            if ours:
                self._require_standing(consumer, ours)
                asked_at = self._clock.now()
                by_partition = {reading.partition: committed for reading, committed in ours.items()}
                consumer.commit_offsets(by_partition, self._settings.log_timeout_seconds)
                for reading, committed in ours.items():
                    reading.agree(committed, asked_at)

        self._patience.until_done("committing offsets", attempt, stop)

    def _stay(self, consumer: Consumer) -> None:
        """Polls the group to stay a member and to release revoked partitions, keeping few messages."""
        if self._clock.now() - self._polled_at < _POLL_EVERY_SECONDS:
            return
        messages = consumer.consume(1, 0.0)
        self._polled_at = self._clock.now()
        if self._holds(2):
            for message in messages:
                consumer.seek(Partition(message.topic, message.partition), message.offset)
        else:
            self._take(messages)

    def _is_ours(self, reading: Reading) -> bool:
        """Whether the partition has been owned without interruption."""
        return self._readings.get(reading.partition) is reading

    def _require_standing(self, consumer: Consumer, readings: Iterable[Reading]) -> None:
        """Raise `Fenced` when another owner has committed since; it is asked only where that is possible.

        Where a commit of our own took effect late, what was agreed since is committed again.
        """
        asked_at = self._clock.now()
        doubtful = [each for each in readings if asked_at - each.agreed_at > self._settings.trusted_seconds]
        if not doubtful:
            return
        timeout = self._settings.log_timeout_seconds
        found = consumer.committed([each.partition for each in doubtful], timeout)
        late = {each: found[each.partition] for each in doubtful if is_late(found[each.partition], each.agreed)}
        for reading in doubtful:
            committed = found[reading.partition]
            if committed != reading.agreed and reading not in late:
                message = f"{reading.partition} has moved from {reading.agreed} to {committed}"
                raise Fenced(message)
        if late:
            consumer.commit_offsets({reading.partition: reading.agreed for reading in late}, timeout)
        for reading, committed in late.items():
            _LOG.warning(
                "%s: the group is back at offset %s, as a commit took effect late; offset %s is committed again",
                reading.partition,
                committed.offset,
                reading.agreed.offset,
            )
        for reading in doubtful:
            reading.agree(reading.agreed, asked_at)

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
            raise Unreadable(_why_unreadable(message, error)) from error
        return rows

    def _stored_before(self, consumer: Consumer, reading: Reading) -> int:
        if reading.messages or reading.begun is not None:
            return reading.committed
        return max(reading.committed, consumer.position(reading.partition) or 0)  # past control records too


def _why_unreadable(message: Message, error: msgspec.DecodeError | ValueError) -> str:
    where = f"{message.topic} partition {message.partition} offset {message.offset}"
    if isinstance(error, UnknownVersion | msgspec.ValidationError):
        return (
            f"{where} holds what this version does not know: {error}. A newer version wrote it: upgrade the sink, and "
            "from now on before what writes facts; it goes on at this message"
        )
    return (
        f"{where} cannot be decoded: {error}. The message is damaged, or something else writes to the topic: restore "
        "it from a copy of the log, or commit the group's offset past it and run `accrue verify`"
    )
