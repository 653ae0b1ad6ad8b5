"""Reading from Kafka: batches, groups whose partitions wait for `seek`, and positions behind control records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import methodcaller
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.log.kafka_calls import within
from pipeline.log.kafka_errors import (
    END_OF_PARTITION,
    FATAL,
    NOT_A_MEMBER,
    NOT_STARTED,
    POLLED_TOO_LATE,
    UNKNOWN_TOPIC,
    UNREADABLE,
    port_error,
)
from pipeline.log.kafka_probe import Probe
from pipeline.log.port import Committed, Fenced, LogError, Message, Partition, Unavailable, Unreadable

_Callback = Callable[[Sequence[Partition]], None]

_NO_GROUP: Final = "accrue-without-group"  # librdkafka wants a name, and contacts no group under `assign`

# A call of `consume` that asks for many messages waits until it has them all; so the first is waited for alone.
_AT_ONCE: Final = 0.0
_SEEK_AGAIN_SECONDS: Final = 0.005
_METADATA_SECONDS: Final = 10.0
_LEAVE_SECONDS: Final = 3.0
_EXAMINE_SECONDS: Final = 20.0
"""How long the search for the end of unreadable messages may take."""
_FETCH_PARTITION_BYTES: Final = 1_000_000
_FETCH_BYTES_MIN: Final = 65_536
_QUEUED_KBYTES_MAX: Final = 65_536
_QUEUED_FETCHES: Final = 8
# Called so and not as a method: where the name of a header is no text, the client returns a list with holes beside the
# error, and the interpreter looks at both here only.
_headers_of: Final = methodcaller("headers")
_HEARTBEAT_SECONDS_MAX: Final = 1.0  # how late a member learns that another one joins


class KafkaConsumer:
    """A consumer over librdkafka's.

    librdkafka learns of a partition only when it is known from where to read it: within the rebalance when `assigned`
    calls `seek`, else at the first `seek` after it. So nothing can be fetched from a guessed offset, and nothing has
    to be paused.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        group: str | None,
        *,
        member: str | None,
        session_timeout: float,
        max_poll_interval: float,
        fetch_bytes_max: int,
    ) -> None:
        self._group = group
        self._static = member is not None
        self._reading = {
            **settings,
            "group.id": _NO_GROUP,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "enable.partition.eof": True,  # tells the position behind control records
            "check.crcs": True,  # what a disk or a network changed must not be taken for what was written
            "fetch.max.bytes": fetch_bytes_max,
            "fetch.message.max.bytes": min(fetch_bytes_max, _FETCH_PARTITION_BYTES),
            "message.max.bytes": min(fetch_bytes_max, _FETCH_PARTITION_BYTES),  # says nothing, but must not be more
            # Nothing is fetched while more than this waits, as long as it is once it is decompressed.
            "queued.max.messages.kbytes": min(_QUEUED_KBYTES_MAX, _QUEUED_FETCHES * fetch_bytes_max // 1_024),
        }
        self._client = Consumer(
            {
                **self._reading,
                **({} if member is None else {"group.instance.id": member}),
                **({} if group is None else {"group.id": group}),
                # All at once, by the members' names: a member that dies between the steps of a rebalance that has two
                # would leave partitions unassigned, as its successor takes its place without another rebalance.
                "partition.assignment.strategy": "range",
                "session.timeout.ms": int(session_timeout * 1_000),
                "heartbeat.interval.ms": int(min(session_timeout / 3, _HEARTBEAT_SECONDS_MAX) * 1_000),
                "max.poll.interval.ms": int(max(max_poll_interval, session_timeout) * 1_000),
                # While a round runs, new messages are fetched together: a fetch for each message that others send, and
                # for each partition that a transaction made visible, took a fifth of a busy broker's time.
                "fetch.min.bytes": min(_FETCH_BYTES_MIN, fetch_bytes_max // 2),
                "fetch.wait.max.ms": 20,  # how late a single message may be, and how often an idle consumer asks
                "fetch.queue.backoff.ms": 20,
                "topic.metadata.propagation.max.ms": 5_000,
            }
        )
        self._held: set[Partition] = set()
        self._positions: dict[Partition | tuple[str, int], int] = {}  # of the partitions that librdkafka reads
        self._unsought: dict[Partition, int] = {}  # what librdkafka was not ready to seek
        self._to_assign = False  # whether there are positions that librdkafka has not been told of
        self._starting: dict[Partition, int] | None = None  # what `seek` said while `assigned` runs
        self._stuck: dict[Partition | tuple[str, int], Unreadable | str] = {}
        """By partition: what is unreadable at its position; only the problem until its end is known."""
        self._failure: LogError | None = None
        self._fenced: Fenced | None = None
        self._closed = False
        self._waits_for_ever = False  # a call that did not return may still use the client

    def subscribe(self, topics: Sequence[str], *, assigned: _Callback, revoked: _Callback, lost: _Callback) -> None:
        """Join the group; the callbacks run inside `consume`."""
        if self._group is None:
            message = "cannot subscribe: the consumer was made without a group"
            raise LogError(message)

        def on_assign(_client: Consumer, places: list[TopicPartition]) -> None:
            self._take(_partitions(places), assigned)

        def on_revoke(_client: Consumer, places: list[TopicPartition]) -> None:
            self._give_up(_partitions(places), revoked)

        def on_lost(_client: Consumer, places: list[TopicPartition]) -> None:
            self._give_up(_partitions(places), lost)

        self._client.subscribe(list(topics), on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Read exactly these partitions, each from the offset given."""
        if positions:
            self._require_existing(positions)
        self._client.assign([TopicPartition(*partition, offset) for partition, offset in positions.items()])
        self._held = set(positions)
        self._unsought = {}
        self._stuck = {}
        self._positions = dict[Partition | tuple[str, int], int](positions.items())

    def consume(self, limit: int, timeout: float) -> list[Message]:
        """Up to `limit` messages; waits at most `timeout` seconds for the first."""
        deadline = time.monotonic() + timeout
        self._raise_failure()
        if self._to_assign:
            self._assign_positions()
        self._seek_unsought()
        messages = self._accept(self._poll(limit, _AT_ONCE))
        while not messages and (left := deadline - time.monotonic()) > 0:
            self._raise_failure()
            self._seek_unsought()
            messages = self._accept(self._poll(1, min(left, _SEEK_AGAIN_SECONDS) if self._unsought else left))
            if messages and limit > 1:
                try:
                    messages += self._accept(self._poll(limit - 1, _AT_ONCE))
                except LogError as error:  # what came before it is handed out first
                    self._failure = error
        if not messages:
            self._raise_failure()
        return messages

    def seek(self, partition: Partition, offset: int) -> None:
        """Deliver from `offset` on; also drops what was fetched ahead."""
        if partition not in self._held:
            message = f"cannot seek in {partition}: it is not assigned to this consumer"
            raise LogError(message)
        self._stuck.pop(partition, None)
        if self._starting is not None and partition in self._starting:
            self._starting[partition] = offset
            return
        if partition in self._positions and not self._to_assign:
            self._unsought[partition] = offset
            self._seek_unsought()
        else:
            self._to_assign = True
        self._positions[partition] = offset

    def examine(self, partition: Partition, timeout: float) -> None:
        """Probes with a separate client, as this one may wait for ever without an error."""
        position = self._positions.get(partition)
        if position is None or partition in self._stuck:
            return
        with Probe(self._reading, partition, timeout) as probe:
            problem = probe.problem_at(position)
        if problem is not None:
            self._stuck[partition] = problem.text

    def assignment(self) -> frozenset[Partition]:
        """The partitions this consumer holds now."""
        return frozenset(self._held)

    def committed(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
        """The group's committed offsets; read_committed makes the broker wait for transactions in flight."""
        if self._group is None:
            message = "no committed offsets: the consumer was made without a group"
            raise LogError(message)
        wanted = [TopicPartition(*partition) for partition in partitions]
        action = f"read the offsets of group {self._group}"
        try:
            places = self._client.committed(wanted, timeout) if wanted else []
        except KafkaException as error:
            raise port_error(action, error) from error
        for place in places:
            if place.error is not None:
                raise port_error(action, place.error)
        return {
            Partition(place.topic, place.partition): Committed(
                place.offset if place.offset >= 0 else None, place.metadata or ""
            )
            for place in places
        }

    def commit_offsets(self, offsets: Mapping[Partition, Committed], timeout: float) -> None:
        """Commit outside a transaction; after `Unavailable` it may still take effect, even later."""
        if self._group is None:
            message = "cannot commit offsets: the consumer was made without a group"
            raise LogError(message)
        action = f"commit offsets of group {self._group}"
        if self.group_metadata(offsets) is None:
            message = f"cannot {action}: it has moved on without this consumer"
            raise Fenced(message)
        if not offsets:
            return
        try:
            places: list[TopicPartition] | None = within(
                timeout, partial(self._client.commit, offsets=offset_places(offsets), asynchronous=False)
            )
        except TimeoutError as error:
            self._waits_for_ever = True
            message = f"cannot {action}: no answer in {timeout} s"
            raise Unavailable(message) from error
        except KafkaException as error:
            raise _commit_error(action, error.args[0]) from error
        for place in places or ():
            if place.error is not None:
                raise _commit_error(action, place.error)

    def bounds(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, tuple[int, int]]:
        """(first offset kept, last stable offset).

        Asked for one after the other, each for all partitions: librdkafka's own call for both takes one partition, can
        forget that one of them was refused, and gives the other twice.
        """
        wanted = list(partitions)
        firsts = self._offsets(wanted, OFFSET_BEGINNING, timeout)
        ends = self._offsets(wanted, OFFSET_END, timeout)
        return {partition: (firsts[partition], ends[partition]) for partition in wanted}

    def position(self, partition: Partition) -> int | None:
        """The offset after the last message delivered or skipped; None before a first offset is known."""
        return self._positions.get(partition)

    def close(self) -> None:
        """Leave the group and release everything; no callback is called."""
        if not self._closed:
            self._closed = True
            if self._static or self._waits_for_ever:
                self._leave()
            if not self._waits_for_ever:
                self._client.close()
            self._held.clear()
            self._positions.clear()

    def _leave(self) -> None:
        """Leave the group: closing alone would keep a static member's partitions for its return."""
        deadline = time.monotonic() + _LEAVE_SECONDS
        with suppress(KafkaException):  # a fenced member has no assignment to give up
            self._client.unsubscribe()
            while self._client.memberid() and time.monotonic() < deadline:
                self._client.consume(1, _SEEK_AGAIN_SECONDS)

    def group_metadata(self, partitions: Iterable[Partition]) -> Any | None:
        """This consumer's membership as the broker checks it; None without one, or when a partition is not held.

        The broker checks member and generation and not the partition, so that is checked here. A consumer that has
        left the group has no member id; it is looked at last, so that it vouches for the metadata.
        """
        metadata = self._client.consumer_group_metadata()
        member = self._group is not None and self._client.memberid() and self._held.issuperset(partitions)
        return metadata if member else None

    def _require_existing(self, partitions: Iterable[Partition]) -> None:
        """Librdkafka would wait for a missing topic in silence."""
        try:
            topics = self._client.list_topics(timeout=_METADATA_SECONDS).topics
        except KafkaException as error:
            action = "list topics"
            raise port_error(action, error) from error
        for topic, number in partitions:
            if topic not in topics or number not in topics[topic].partitions:
                message = f"there is no partition {number} of topic {topic}"
                raise LogError(message)

    def _offsets(self, partitions: Sequence[Partition], which: int, timeout: float) -> dict[Partition, int]:
        wanted = [TopicPartition(*partition, which) for partition in partitions]
        try:
            places = self._client.offsets_for_times(wanted, timeout) if wanted else []
        except KafkaException as error:
            action = f"read the bounds of {partitions[0]}" + (f" and {len(wanted) - 1} more" if wanted[1:] else "")
            raise port_error(action, error) from error
        found: dict[Partition, int] = {}
        for place in places:
            partition = Partition(place.topic, place.partition)
            action = f"read the bounds of {partition}"
            if place.error is not None:
                if place.error.code() == UNKNOWN_TOPIC:  # to a broker that has just come back and knows others already
                    message = f"cannot {action}: {place.error.str()}"
                    raise Unavailable(message)
                raise port_error(action, place.error)
            if place.offset < 0:
                message = f"cannot {action}: no answer in {timeout} s"
                raise Unavailable(message)
            found[partition] = place.offset
        return found

    def _seek_unsought(self) -> None:
        """Librdkafka cannot seek in a partition that is still starting; until it can, what it delivers is dropped."""
        for partition, offset in list(self._unsought.items()):
            try:
                self._client.seek(TopicPartition(*partition, offset))
            except KafkaException as error:
                if error.args[0].code() != NOT_STARTED:
                    action = f"seek in {partition}"
                    raise port_error(action, error) from error
            else:
                del self._unsought[partition]

    def _poll(self, limit: int, timeout: float) -> list[Any]:
        try:
            return self._client.consume(limit, timeout)
        except KafkaException as error:
            action = "consume"
            raise port_error(action, error) from error

    def _accept(self, received: list[Any]) -> list[Message]:
        """The messages among what was received; an error is kept until they have been handed out."""
        positions, stuck = self._positions, self._stuck
        messages: list[Message] = []
        message = tuple.__new__  # what `Message(…)` does, without a call of Python for each
        for each in received:
            topic, number, offset = each.topic(), each.partition(), each.offset()
            place = (topic, number)
            error = each.error()
            if error is not None:
                self._note(error, place, offset)
                continue
            expected = positions.get(place)
            if expected is None or offset < expected or place in self._unsought or place in stuck:
                continue  # given up in this very call, delivered twice, fetched before a seek, or behind a gap
            try:
                headers = _headers_of(each)
            except (SystemError, UnicodeDecodeError) as odd_name:
                stuck[place] = _without_headers(each, odd_name)
                continue
            positions[place] = offset + 1
            named = tuple((name, data or b"") for name, data in headers) if headers else ()
            messages.append(
                message(Message, (topic, number, offset, each.key(), each.value(), each.timestamp()[1], named))
            )
        return messages

    def _note(self, error: KafkaError, place: tuple[str, int], offset: int) -> None:
        reads_here = place in self._positions and place not in self._unsought
        if error.code() == END_OF_PARTITION:
            if reads_here:
                self._positions[place] = offset
        elif error.code() in UNREADABLE:
            if reads_here:
                self._stuck.setdefault(place, error.str())
        elif error.code() == FATAL:
            self._fenced = Fenced(f"cannot consume: {error.str()}")
        elif error.code() != POLLED_TOO_LATE:  # `lost` is called for that
            self._failure = port_error(f"consume from {place[0]}", error)

    def _raise_failure(self) -> None:
        failure, self._failure = self._fenced or self._failure, None
        if failure is not None:
            raise failure
        if self._stuck:
            place, found = next(iter(self._stuck.items()))
            if isinstance(found, str):
                found = self._stuck[place] = self._ended(Partition(*place), found)
            raise found

    def _ended(self, partition: Partition, problem: str) -> Unreadable:
        first = self._positions[partition]
        end = self._offsets([partition], OFFSET_END, _EXAMINE_SECONDS)[partition]
        with Probe(self._reading, partition, _EXAMINE_SECONDS) as probe:
            after = probe.end_of(first, end)
        return Unreadable(problem, partition=partition, first=first, after=after)

    def _take(self, partitions: list[Partition], assigned: _Callback) -> None:
        unknown = -1
        self._held.update(partitions)
        self._starting = dict.fromkeys(partitions, unknown)
        try:
            assigned(partitions)
        finally:
            sought = {partition: offset for partition, offset in self._starting.items() if offset != unknown}
            self._starting = None
            for partition, offset in sought.items():
                self._positions[partition] = offset
            self._assign_positions()

    def _give_up(self, partitions: list[Partition], told: _Callback) -> None:
        try:
            if not self._closed:
                told(partitions)
        finally:
            for partition in partitions:
                self._held.discard(partition)
                self._unsought.pop(partition, None)
                self._stuck.pop(partition, None)
                self._positions.pop(partition, None)
            self._client.unassign()

    def _assign_positions(self) -> None:
        """Passes start offsets to librdkafka; partitions that it reads already continue from their position."""
        self._to_assign = False
        self._unsought = {}
        try:
            positions = self._positions.items()
            self._client.assign([TopicPartition(topic, number, offset) for (topic, number), offset in positions])
        except KafkaException as error:
            action = "assign partitions"
            raise port_error(action, error) from error


def offset_places(offsets: Mapping[Partition, Committed]) -> list[TopicPartition]:
    """Converts offsets for librdkafka."""
    places = []
    for partition, (offset, metadata) in offsets.items():
        if offset is None:
            message = f"cannot commit an offset for {partition}: there is none"
            raise LogError(message)
        places.append(TopicPartition(*partition, offset, metadata=metadata))
    return places


def _without_headers(received: Any, error: BaseException) -> Unreadable:
    partition, offset = Partition(received.topic(), received.partition()), received.offset()
    cause = error if isinstance(error, UnicodeDecodeError) else error.__cause__
    problem = f"the name of a header is not UTF-8: {cause or error}"
    timestamp = received.timestamp()[1]
    message = Message(*partition, offset, received.key(), received.value(), timestamp, headers=())
    return Unreadable(problem, partition=partition, first=offset, after=offset + 1, message=message)


def _partitions(places: Iterable[TopicPartition]) -> list[Partition]:
    return [Partition(place.topic, place.partition) for place in places]


def _commit_error(action: str, error: KafkaError) -> LogError:
    if error.code() in NOT_A_MEMBER:
        return Fenced(f"cannot {action}: {error.str()} ({error.name()})")
    return port_error(action, error)
