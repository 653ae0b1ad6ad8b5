"""The embedded log: one SQLite file in a folder, with real transactions and without a server.

A transaction takes one offset more in every partition it writes to, where Kafka puts its control record, so nothing
that works here can lean on offsets without gaps.

It is no broker: one machine, no network, and a group has one member, the latest to subscribe. One process may work on
it while any number of others read and send. A commit survives the end of any process; like a broker that answers
before its disk does, it does not promise to survive a loss of power.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from pipeline.folders import private_folder
from pipeline.log.logfile import BUSY_SECONDS, LogFile, Owner, Stored
from pipeline.log.partitioner import partition_for
from pipeline.log.port import (
    FETCH_BYTES_MAX,
    Aborted,
    Committed,
    Consumer,
    Fenced,
    LogError,
    Message,
    OutcomeUnknown,
    Outgoing,
    Partition,
    TopicSpec,
)

FILE_NAME: Final = "log.sqlite3"


class EmbeddedLog:
    """The log in one folder, which is created if it is missing."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self._path = (folder / FILE_NAME).resolve()
        self._file = LogFile(self._path)

    def consumer(
        self,
        group: str | None = None,
        *,
        member: str | None = None,
        session_timeout: float = 10.0,
        fetch_bytes_max: int = FETCH_BYTES_MAX,
    ) -> EmbeddedConsumer:
        """A consumer with its own connection; the latest one is the group's only member and never times out."""
        del member, session_timeout, fetch_bytes_max  # nothing in the file is compressed
        return EmbeddedConsumer(LogFile(self._path), group)

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> EmbeddedProducer:
        """A producer with its own connection; an open transaction blocks no other client, so it does not time out."""
        del transaction_timeout
        return EmbeddedProducer(LogFile(self._path), transactional_id)

    def create_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Creates missing topics, all or none; returns the names created."""
        sql = """INSERT INTO topics (name, partitions, config, identity)
            VALUES (?, ?, ?, lower(hex(randomblob(16)))) ON CONFLICT DO NOTHING"""
        with self._file.writing(BUSY_SECONDS, "create topics") as connection:
            return [
                name
                for name, partitions, config in topics
                if connection.execute(sql, (name, partitions, msgspec.json.encode(dict(config)).decode())).rowcount
            ]

    def describe_topics(self) -> dict[str, TopicSpec]:
        """Every topic with its partition count and the configuration it was created with."""
        sql = "SELECT name, partitions, config FROM topics ORDER BY name"
        try:
            return {
                name: TopicSpec(name, partitions, msgspec.json.decode(config, type=dict[str, str]))
                for name, partitions, config in self._file.rows(sql, (), str, int, str)
            }
        except msgspec.DecodeError as error:
            message = f"the log {self._path} is damaged: its topics are not as written; put a copy of it in its place"
            raise LogError(message) from error

    def topic_id(self, topic: str, timeout: float) -> str:
        """The random id that the topic was given when it was created; readers do not wait for writers."""
        del timeout
        return self._file.topic(topic).identity

    def group_offsets(self, group: str, topics: Sequence[str]) -> dict[Partition, Committed]:
        """The group's committed offsets for every partition of the topics."""
        return self._file.offsets(group, _partitions(self._file, topics))

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        """The end of each; readers do not wait for writers, and the file holds no open transactions."""
        del timeout, stable
        return {partition: self._file.end(self._file.place(partition)) for partition in partitions}

    def unsettled(self, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
        """None ever: a transaction is written when it ends."""
        _partitions(self._file, topics)
        return {}

    def close(self) -> None:
        """Close the log's own connection."""
        self._file.close()


class EmbeddedConsumer:
    """Reads whole batches and hands out their messages, partition by partition in turn."""

    def __init__(self, file: LogFile, group: str | None) -> None:
        self.group = group
        self._membership: Owner | None = None
        self._file = file
        self._topics: Sequence[str] = ()
        self._assigned: Callable[[Sequence[Partition]], None] | None = None
        self._lost: Callable[[Sequence[Partition]], None] | None = None
        self._readers: dict[Partition, _Reader | None] = {}
        self._turn = 0

    def subscribe(
        self,
        topics: Sequence[str],
        *,
        assigned: Callable[[Sequence[Partition]], None],
        revoked: Callable[[Sequence[Partition]], None],
        lost: Callable[[Sequence[Partition]], None],
    ) -> None:
        """Take over the group at the first `consume`; `lost` is called once another consumer has."""
        del revoked  # this log never revokes partitions: they are only ever lost
        if self.group is None:
            message = "cannot subscribe: the consumer was made without a group"
            raise LogError(message)
        self._topics, self._assigned, self._lost = tuple(topics), assigned, lost
        self._readers = {}
        self._membership = None

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Reads exactly these partitions, each from the given offset."""
        self._topics = ()
        self._readers = {partition: _Reader(self._file, partition, offset) for partition, offset in positions.items()}

    def consume(self, limit: int, timeout: float) -> list[Message]:
        """Up to `limit` messages; waits at most `timeout` seconds for the first."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self._file.changes()
            self._keep_membership()
            if messages := self._read(limit):
                return messages
            if not self._file.wait_for_change(seen, deadline):
                return []

    def seek(self, partition: Partition, offset: int) -> None:
        """Continues at `offset`; messages that were read ahead are dropped."""
        if partition not in self._readers:
            message = f"cannot seek in {partition}: it is not assigned to this consumer"
            raise LogError(message)
        self._readers[partition] = _Reader(self._file, partition, offset)

    def examine(self, partition: Partition, timeout: float) -> None:
        """Nothing to probe: the file delivers every message as it was written."""

    def assignment(self) -> frozenset[Partition]:
        """The partitions this consumer holds now."""
        return frozenset(self._readers)

    def committed(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
        """The group's committed offsets; a transaction in flight has written nothing yet, so they are stable."""
        if self.group is None:
            message = "no committed offsets: the consumer was made without a group"
            raise LogError(message)
        self._file.wait_at_most(timeout)
        return self._file.offsets(self.group, partitions)

    def commit_offsets(self, offsets: Mapping[Partition, Committed], timeout: float) -> None:
        """Commit outside a transaction; `Fenced` when this consumer is not the group's member any more."""
        if self.group is None:
            message = "cannot commit offsets: the consumer was made without a group"
            raise LogError(message)
        with self._file.writing(timeout, "commit offsets"):
            if not self.owns(offsets):
                message = f"cannot commit offsets: another consumer has taken over group {self.group}"
                raise Fenced(message)
            self._file.store_offsets(self.group, offsets)

    def bounds(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, tuple[int, int]]:
        """Nothing is ever deleted, so the first offset kept is 0."""
        self._file.wait_at_most(timeout)
        return {partition: (0, self._file.end(self._file.place(partition))) for partition in partitions}

    def position(self, partition: Partition) -> int | None:
        """The offset after the last message delivered or skipped; None before a first offset is known."""
        reader = self._readers.get(partition)
        return None if reader is None else reader.position

    def close(self) -> None:
        """Close the connection; the group stays with this consumer until another one subscribes."""
        self._readers = {}
        self._file.close()

    def owns(self, partitions: Iterable[Partition]) -> bool:
        """Whether the group, and in it these partitions, are still this consumer's."""
        held = self._membership is not None and self._file.holds(self._membership)
        return held and self._readers.keys() >= set(partitions)

    def _keep_membership(self) -> None:
        if self._topics and self._membership is None:
            partitions = _partitions(self._file, self._topics)
            self._membership = self._file.claim("group", str(self.group), BUSY_SECONDS)
            self._readers = dict.fromkeys(partitions)
            if self._assigned is not None:
                self._assigned(partitions)
        elif self._topics and self._readers and not self.owns(()):
            partitions = list(self._readers)
            self._readers = {}
            if self._lost is not None:
                self._lost(partitions)

    def _read(self, limit: int) -> list[Message]:
        readers = [reader for reader in self._readers.values() if reader is not None]
        self._turn += 1
        messages: list[Message] = []
        for index in range(len(readers)):
            if len(messages) < limit:
                messages += readers[(self._turn + index) % len(readers)].read(limit - len(messages))
        return messages


class EmbeddedProducer:
    """Gathers a transaction in memory and writes it at once, so that the file is locked only for the commit."""

    def __init__(self, file: LogFile, transactional_id: str | None) -> None:
        self._file = file
        self._transactional_id = transactional_id
        self._claim: Owner | None = None
        self._open = False
        self._failure: LogError | None = None
        self._pending: dict[str, list[list[Stored]]] = {}
        self._offsets: list[tuple[EmbeddedConsumer, Mapping[Partition, Committed]]] = []
        self._turns = count()

    def init(self, timeout: float) -> None:
        """Takes over the transactional id and fences every other producer that uses it."""
        if self._transactional_id is None:
            message = "cannot init: the producer was made without a transactional id"
            raise LogError(message)
        self._claim = self._file.claim("transactional id", self._transactional_id, timeout)

    def begin(self) -> None:
        """Begin a transaction."""
        if self._claim is None or self._open:
            raise LogError("cannot begin: " + ("a transaction is open" if self._open else "call init first"))
        self._open = True

    def produce(self, messages: Sequence[Outgoing]) -> None:
        """Gather the messages of a transaction; without a transactional id, write them now."""
        if self._transactional_id is None:
            try:
                self._gather(messages)
                with self._file.writing(BUSY_SECONDS, "produce"):
                    self._append(control_records=0)
            finally:
                self._pending.clear()
            return
        self._require_open("produce")
        try:
            self._gather(messages)
        except LogError as error:
            self._failure = error
            raise

    def send_offsets(self, offsets: Mapping[Partition, Committed], consumer: Consumer, timeout: float) -> None:
        """Commit these offsets with the transaction, as long as the consumer is still the group's member."""
        self._require_open("send offsets")
        if not isinstance(consumer, EmbeddedConsumer) or consumer.group is None:
            message = "cannot send offsets: not a consumer of a group of this log"
            raise LogError(message)
        self._file.wait_at_most(timeout)
        self._offsets.append((consumer, dict(offsets)))
        self._refuse_if_lost(consumer, offsets)

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        """Make messages and offsets visible together, or neither."""
        self._require_open("commit")
        if self._failure is not None:
            message = f"cannot commit: {self._failure}"
            raise Aborted(message) from self._failure
        try:
            with self._file.writing(timeout, "commit"):
                self._refuse_if_fenced("commit")
                for consumer, offsets in self._offsets:
                    self._refuse_if_lost(consumer, offsets)
                    self._file.store_offsets(str(consumer.group), offsets)
                ends = self._append(control_records=1)
        except (Aborted, Fenced, OutcomeUnknown):
            raise
        except LogError as error:  # rolled back: nothing of it was written
            raise Aborted(str(error)) from error
        self._forget()
        return ends

    def abort(self, timeout: float) -> None:
        """Forget what the open transaction gathered."""
        self._require_open("abort")
        self._forget()
        self._file.wait_at_most(timeout)
        self._refuse_if_fenced("abort")

    def flush(self, timeout: float) -> None:
        """Do nothing: without a transaction, `produce` has written the messages."""

    def close(self) -> None:
        """Forget an open transaction and close the connection."""
        self._forget()
        self._file.close()

    def _gather(self, messages: Sequence[Outgoing]) -> None:
        now = time.time_ns() // 1_000_000
        pending = self._pending
        for topic, key, value, chosen, headers, timestamp in messages:
            lanes = pending.get(topic)
            if lanes is None:
                lanes = pending[topic] = [[] for _ in range(self._file.topic(topic).partitions)]
            if chosen is None:
                number = next(self._turns) % len(lanes) if key is None else partition_for(key, len(lanes))
            elif 0 <= chosen < len(lanes):
                number = chosen
            else:
                message = f"topic {topic} has no partition {chosen}"
                raise LogError(message)
            lanes[number].append((key, value, now if timestamp is None else timestamp, headers))

    def _append(self, *, control_records: int) -> dict[Partition, int]:
        """By partition: the offset after the last message of those that were gathered for it."""
        ends: dict[Partition, int] = {}
        for topic, lanes in self._pending.items():
            for number, messages in enumerate(lanes):
                if messages:
                    partition = Partition(topic, number)
                    place = self._file.place(partition)
                    ends[partition] = self._file.append(place, messages, control_records=control_records)
        return ends

    def _require_open(self, action: str) -> None:
        if not self._open:
            message = f"cannot {action}: no transaction is open"
            raise LogError(message)

    def _refuse_if_fenced(self, action: str) -> None:
        if self._claim is None or not self._file.holds(self._claim):
            message = f"cannot {action}: another producer has taken over {self._transactional_id}"
            raise Fenced(message)

    def _refuse_if_lost(self, consumer: EmbeddedConsumer, offsets: Mapping[Partition, Committed]) -> None:
        if not consumer.owns(offsets):
            self._failure = Aborted(f"cannot send offsets: another consumer has taken over group {consumer.group}")
            raise self._failure

    def _forget(self) -> None:
        self._open = False
        self._failure = None
        self._pending = {}
        self._offsets = []


class _Reader:
    """The read position of one partition, and the messages read ahead."""

    def __init__(self, file: LogFile, partition: Partition, offset: int) -> None:
        self._file = file
        self._partition = partition
        self._place = file.place(partition)
        if not 0 <= offset <= (end := file.end(self._place)):
            message = f"cannot read {partition} from offset {offset}: it ends at {end}"
            raise LogError(message)
        self.position = offset
        self._next = offset
        self._ahead: list[Message] = []

    def read(self, limit: int) -> list[Message]:
        """The next messages, at most `limit`."""
        topic, number = self._partition
        ready = self._ahead
        if len(ready) < limit:
            for first, after, messages in self._file.batches(self._place, self._next):
                start = max(first, self._next)
                ready += [
                    Message(topic, number, offset, *message)
                    for offset, message in enumerate(messages[start - first :], start)
                ]
                self._next = after
                if len(ready) >= limit:
                    break
        given, self._ahead = ready[:limit], ready[limit:]
        self.position = self._ahead[0].offset if self._ahead else self._next
        return given


def _partitions(file: LogFile, topics: Sequence[str]) -> list[Partition]:
    return [Partition(topic, number) for topic in topics for number in range(file.topic(topic).partitions)]
