"""The transactional loop: one thread, one consumer, one producer, and one role that decides.

A role's output is committed in one transaction with the offsets that it read, or not at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Final

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.failure import Halted
from pipeline.log.port import (
    Aborted,
    Committed,
    Consumer,
    Fenced,
    Log,
    LogError,
    Message,
    OutcomeUnknown,
    Partition,
    Producer,
    Unavailable,
    Unreadable,
)
from pipeline.runtime.loop.failures import Failures, RoundRefused
from pipeline.runtime.loop.holdings import Gone, Holdings
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Role, slices_of
from pipeline.runtime.settings import Settings
from pipeline.runtime.slot import SlotInUse
from pipeline.runtime.state.store_port import StoreFailed

LOGGER: Final = logging.getLogger(__name__)

_CALL_SECONDS: Final = 10.0
"""How long one call to the log may take before its outcome counts as unknown."""
_INIT_SECONDS: Final = 5.0
"""How long one attempt to begin as a producer may take: a stop is noticed after each."""
_AGAIN_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0
"""How long one look at the lag may take: the messages wait meanwhile."""
_EXAMINE_SECONDS: Final = 3.0
"""How long it may take to find out why a partition is silent: the messages of others wait meanwhile."""
_SLICES_MAX: Final = 4
"""Of one batch: each is handed to another thread, which costs as much as some records do."""
_IDLE_SECONDS: Final = 0.1
_LAG_SECONDS: Final = 1.0
_FAILURES_MAX: Final = 20
"""Rounds that fail without progress, with growing pauses (about a minute), before the role gives up."""
_FENCES_MAX: Final = 2
_DISPLACED_SESSIONS: Final = 3
"""Fenced again within so many group sessions: another worker really has the same slot."""


@dataclass(slots=True)
class _Round:
    """The state of the open round."""

    records: int = 0
    size: int = 0
    """Bytes of the values read."""
    sent: int = 0
    deadline: float = 0.0
    """When it ends, monotonic seconds; of no round that has not begun a transaction."""
    full: bool = False
    halt: Halted | None = None


class _Displaced(LogError):
    """Another consumer has taken this worker's place in the group."""


class TransactionalLoop:
    """Runs one role until told to stop.

    One round is one transaction: 1 consume a batch → 2 the role decides a slice of it → 3 produce, so that it leaves
    while the next slice is decided; once more from 1 while batches come full and the round is not → 4 send the offsets
    of all touched partitions → 5 commit → 6 the role stores what took effect. So a round takes one message at once when
    there is one, and thousands when they wait.

    A crash before 5 leaves no trace: the log aborts. A crash between 5 and 6 leaves a local store that is behind by a
    transaction and catches up from the changelog. A round that cannot be committed is rolled back and its messages are
    read again. Where nobody can say whether 5 took effect, the producer is thrown away and everything is read again
    from the log, as it is after the loss of a partition and when the local store fails.
    """

    def __init__(
        self,
        log: Log,
        role: Role,
        settings: Settings,
        *,
        progress: Progress | None = None,
        process: Callable[[Sequence[Message]], Decided] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`process` replaces the role's own method, for example to call it in another thread."""
        self.progress = progress or Progress(role.name)
        self._clock = clock
        self._log = log
        self._role = role
        self._settings = settings
        self._process = process or role.process
        self._group = f"{settings.group}.{role.name}"
        self._transactional_id = settings.transactional_id(role.name)
        self._session = _seconds(settings.session_timeout)
        self._consumer = self._new_consumer()
        self._producer: Producer | None = None
        self._open = False
        """Whether a transaction is open."""
        self._broken = False
        """Whether partitions of the open transaction were taken away."""
        self._holdings = self._new_holdings()
        self._displaced_at = -inf
        """When this worker was last fenced, in monotonic seconds."""
        self._rest: list[Message] = []
        """Messages that were read but not decided when the round ended."""
        self._failures = Failures()
        self._fences = 0
        self._look_due = 0.0
        """When to look at the lag again, monotonic seconds."""

    def run(self, stop: threading.Event) -> None:
        """Runs until `stop` is set, then ends the round and leaves the group. Raises if it cannot continue."""
        try:
            self._subscribe()
            while not stop.is_set():
                self._turn(stop)
        finally:
            self._leave()

    def _turn(self, stop: threading.Event) -> None:
        try:
            if self._producer is None:
                self._producer = self._fresh_producer(stop)
                if self._producer is None:
                    return
            try:
                self._holdings.make_ready()
                if (partition := self._holdings.overdue()) is not None:
                    self._settle(self._producer, partition)
                self._round(self._producer, stop)
            except (Aborted, Unavailable) as error:
                self._rewind(self._producer, error, stop)
            else:
                self._works()
        except (OutcomeUnknown, StoreFailed, Unavailable) as error:
            self._start_over(error, stop)
        except _Displaced as error:
            self._come_back(error, stop)
        except Fenced as error:
            self._fences += 1
            if self._fences >= _FENCES_MAX:
                raise self._slot_in_use(error) from error
            self._start_over(error, stop)

    def _works(self) -> None:
        if not self._failures.repeated:  # a round without the messages that fail proves nothing
            self.progress.trouble = ""

    def _settle(self, producer: Producer, partition: Partition) -> None:
        """Unblocks committed offsets that the group's coordinator holds back though their transaction has ended.

        Seen on Kafka 4.1 after a broker was killed: until they end, committed offsets are unavailable. The marker of
        any transaction of the same producer ends them, so one with an offset is begun and aborted.
        """
        LOGGER.warning(
            "%s: committed offset of %s has been unavailable for 5 s; unblocking it with an empty transaction",
            self._role.name,
            partition,
        )
        producer.begin()
        self._open = True
        producer.send_offsets({partition: Committed(0)}, self._consumer, _CALL_SECONDS)
        producer.abort(_CALL_SECONDS)
        self._open = False

    def _round(self, producer: Producer, stop: threading.Event) -> None:
        round_ = _Round()
        wanted = self._role.wants_round()
        timeout = 0.0 if wanted or self._holdings.unready else _IDLE_SECONDS
        settings = self._settings
        while True:
            # 1 consume a batch
            limit = min(settings.batch_records_max, settings.transaction_records_max - round_.records)
            batch, unreadable = self._consume(limit, timeout)
            if self._broken:
                message = "partitions were taken away in the middle of a round"
                raise Aborted(message)
            if not batch and unreadable is None and not wanted:
                break
            if not self._open:
                producer.begin()
                self._open = True
                round_.deadline = self._clock.now() + _seconds(settings.transaction_span)
            if unreadable is not None:
                self._produce(producer, self._role.pass_over(unreadable), round_)
                round_.records += 1
            self._decide(producer, batch, round_)
            if (
                len(batch) < limit  # no more for now: those waiting for these messages should not wait for others
                or round_.full
                or round_.halt is not None
                or round_.records >= settings.transaction_records_max
                or round_.size >= settings.transaction_bytes_max
                or self._clock.now() >= round_.deadline
                or stop.is_set()
            ):
                break
            wanted = False
            timeout = 0.0
        if self._open:
            self._commit(producer, round_.records, round_.sent)
        if round_.halt is not None:
            raise round_.halt
        self._look_at_lag()

    def _decide(self, producer: Producer, batch: Sequence[Message], round_: _Round) -> None:
        """Decides slice by slice until the round is full."""
        looked_at = 0
        for some in slices_of(batch, max(self._settings.slice_records_min, -(-len(batch) // _SLICES_MAX))):
            # 2 the role decides
            began = self._clock.now()
            decided = self._process(some)
            # 3 produce
            self.progress.durations["process"].took(self._clock.now() - began)
            self._produce(producer, decided, round_)
            looked_at += len(some)
            round_.size += sum(len(message.value or b"") for message in some)
            if round_.halt is not None or self._clock.now() >= round_.deadline:
                break
        self._rest = list(batch[looked_at:])
        round_.records += looked_at

    def _produce(self, producer: Producer, decided: Decided, round_: _Round) -> None:
        began = self._clock.now()
        producer.produce(decided.messages)
        self.progress.durations["send"].took(self._clock.now() - began)
        round_.sent += len(decided.messages)
        round_.full = round_.full or decided.full
        round_.halt = round_.halt or decided.halt

    def _commit(self, producer: Producer, records: int, sent: int) -> None:
        finished = self._role.finish()
        producer.produce(finished.messages)
        began = self._clock.now()
        # 4 send the offsets of all touched partitions, moved or not: a worker that lost one of them is refused
        if finished.offsets:
            producer.send_offsets(finished.offsets, self._consumer, _CALL_SECONDS)
        # 5 commit
        ends = producer.commit(_CALL_SECONDS)
        self.progress.durations["commit"].took(self._clock.now() - began)
        self._open = False
        # 6 the role stores what took effect
        self._role.committed(ends)
        self._failures.committed(finished.offsets, finished.again)
        self._fences = 0
        self._holdings.moved(finished.offsets, finished.again)
        self._forget(finished.again)
        self.progress.round_committed(records, self._clock.now(), sent + len(finished.messages), finished.offsets)

    def _consume(self, limit: int, timeout: float) -> tuple[list[Message], Unreadable | None]:
        """Messages to decide, or what cannot be read where the next one would be."""
        if self._rest:
            rest, self._rest = self._rest[:limit], self._rest[limit:]
            return rest, None
        began = self._clock.now()
        try:
            messages = self._consumer.consume(limit, timeout)
        except Unreadable as error:
            return [], error if self._holdings.pass_over(error) else None
        except Fenced as error:
            raise _Displaced(str(error)) from error
        if messages:
            self.progress.durations["poll"].took(self._clock.now() - began)
        batch = self._holdings.new(messages)
        if batch:
            self.progress.timestamp = batch[-1].timestamp
        return batch, None

    def _rewind(self, producer: Producer, error: LogError, stop: threading.Event) -> None:
        """Rewinds to the committed offsets, with the same producer."""
        LOGGER.info("%s: round aborted: %s", self._role.name, error)
        if self._open:
            producer.abort(_CALL_SECONDS)
        self._open = self._broken = False
        self._role.aborted()
        self._rest = []
        read = self._holdings.read()
        self._holdings.rewind()
        self._failed(error, read, stop)

    def _start_over(self, error: LogError | StoreFailed, stop: threading.Event) -> None:
        """Starts over with a new producer, and with offsets and state from the log."""
        LOGGER.warning("%s: starting over: %s", self._role.name, error)
        if self._producer is not None:
            self._producer.close()
            self._producer = None
        self._open = self._broken = False
        self._role.aborted()
        self._rest = []
        read = self._holdings.read()
        self._holdings.begin_anew()
        self._failed(error, read, stop)

    def _taken(self, partitions: Sequence[Partition]) -> None:
        """Partitions went to another worker: whatever of them is in the open round must not be committed."""
        self._broken = self._open
        self._forget(partitions)
        self._holdings.taken(partitions)
        self._failures.taken(partitions)

    def _forget(self, partitions: Collection[Partition]) -> None:
        """Drops undecided messages of these partitions: their next owner reads them again."""
        if self._rest:
            self._rest = [one for one in self._rest if (one.topic, one.partition) not in partitions]

    def _come_back(self, error: _Displaced, stop: threading.Event) -> None:
        """Join the group once more: after a long sleep it may have been an echo of our own that took our place."""
        now = self._clock.now()
        if now - self._displaced_at < _DISPLACED_SESSIONS * self._session:
            raise self._slot_in_use(error) from error
        self._displaced_at = now
        self._holdings.taken(self._consumer.assignment())  # no other log line will say so
        self._start_over(error, stop)
        self._consumer.close()
        self._consumer = self._new_consumer()
        self._holdings = self._new_holdings()
        self._subscribe()

    def _new_consumer(self) -> Consumer:
        member = f"{self._role.name}-{self._settings.slot}"
        return self._log.consumer(
            self._group, member=member, session_timeout=self._session, fetch_bytes_max=self._role.fetch_bytes_max
        )

    def _new_holdings(self) -> Holdings:
        patience = _seconds(self._settings.patience)
        return Holdings(self._consumer, self._role, self.progress, self._clock, patience)

    def _subscribe(self) -> None:
        assigned = self._holdings.assigned
        self._consumer.subscribe(self._role.topics, assigned=assigned, revoked=self._taken, lost=self._taken)

    def _failed(self, error: LogError | StoreFailed, read: Mapping[Partition, int], stop: threading.Event) -> None:
        self.progress.round_aborted(error)
        failures = self._failures.failed(read)
        if failures > _FAILURES_MAX:
            if not isinstance(error, Aborted):
                raise error
            place = self._failures.worst()
            message = (
                f"the round{f' from {place} on' if place else ''} failed {failures} times, the last time because: "
                f"{error}. Nothing of it took effect; once the reason is gone, start the worker again"
            )
            raise RoundRefused(message) from error
        if failures > 1:  # once is a rebalance
            self.progress.trouble = str(error)
            self._clock.wait(stop, min(0.01 * 2**failures, 5.0))

    def _fresh_producer(self, stop: threading.Event) -> Producer | None:
        """Initialises a producer, fencing others with its id; None if stopped before."""
        deadline = self._clock.now() + _seconds(self._settings.patience)
        producer = self._log.producer(
            self._transactional_id, transaction_timeout=_seconds(self._settings.transaction_timeout)
        )
        while True:
            try:
                producer.init(_INIT_SECONDS)
            except Unavailable as error:
                self.progress.trouble = str(error)
                if self._clock.wait(stop, _AGAIN_SECONDS):
                    producer.close()
                    return None
                if self._clock.now() > deadline:
                    producer.close()
                    message = f"no producer for {self._transactional_id}: {error}"
                    raise Gone(message) from error
            except LogError:
                producer.close()
                raise
            else:
                return producer

    def _look_at_lag(self) -> None:
        now = self._clock.now()
        ready = self._holdings.ready()
        if ready and (now >= self._look_due or ready != self.progress.lag.keys()):
            self._look_due = now + _LAG_SECONDS
            with suppress(LogError):  # a real loss shows when reading
                self._holdings.look(self._log.ends(ready, _LOOK_SECONDS))
                if (silent := self._holdings.silent()) is not None:
                    self._consumer.examine(silent, _EXAMINE_SECONDS)
                if not any(self.progress.lag.values()):
                    self._failures.nothing_to_read()

    def _slot_in_use(self, error: LogError) -> SlotInUse:
        slot, name = self._settings.slot, self._role.name
        return SlotInUse(f"slot {slot} is in use: another {name} worker has taken over ({error})")

    def _leave(self) -> None:
        if self._producer is not None:
            with suppress(LogError):
                if self._open:
                    self._producer.abort(_CALL_SECONDS)
        self._open = False
        try:
            self._consumer.close()
            if self._producer is not None:
                self._producer.close()
        finally:
            self._role.close()
        self.progress.ready = False


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
