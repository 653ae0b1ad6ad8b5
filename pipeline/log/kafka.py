"""The log on Apache Kafka, through confluent-kafka: settings of the clients, and topics."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not in its __all__
    AdminClient,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from pipeline.log.kafka_connections import Connections
from pipeline.log.kafka_consumer import KafkaConsumer
from pipeline.log.kafka_errors import port_error
from pipeline.log.kafka_producer import KafkaProducer
from pipeline.log.port import FETCH_BYTES_MAX, Committed, LogError, Partition, TopicSpec, Unavailable

Settings = Mapping[str, Any]

_ADMIN_SECONDS: Final = 15.0
_CRITICAL: Final = 2
"""The syslog level for librdkafka's own log lines; errors and `Connections` report what matters."""
_POLL_SECONDS: Final = 0.02
_NO_ID: Final = "A" * 22
"""The zero id, returned by brokers without topic ids."""
_EXISTS: Final = KafkaError.TOPIC_ALREADY_EXISTS
_NONE: Final[Settings] = MappingProxyType({})

_Result = TypeVar("_Result")


class KafkaLog:
    """The log at one bootstrap address.

    `settings` are passed to every client unchanged: addresses, security, names. A member of a group that does not call
    `consume` for `max_poll_interval` seconds loses its partitions.
    """

    def __init__(self, bootstrap: str, settings: Settings = _NONE, *, max_poll_interval: float = 60.0) -> None:
        self._settings: Settings = {"bootstrap.servers": bootstrap, "log_level": _CRITICAL, **settings}
        self._max_poll_interval = max_poll_interval
        self._bootstrap = bootstrap
        self._connections = Connections()
        try:
            admin_settings: dict[str, Any] = {**self._settings, "error_cb": self._connections.noted}
            self._admin = AdminClient(admin_settings)
        except KafkaException as error:
            message = f"no client can be made with these settings: {error.args[0].str()}; see ACCRUE_KAFKA_OPTIONS"
            raise LogError(message) from error

    def consumer(
        self,
        group: str | None = None,
        *,
        member: str | None = None,
        session_timeout: float = 10.0,
        fetch_bytes_max: int = FETCH_BYTES_MAX,
    ) -> KafkaConsumer:
        """A read_committed consumer; a `member` is a static one."""
        return KafkaConsumer(
            {**self._settings, "error_cb": self._connections.told},
            group,
            member=member,
            session_timeout=session_timeout,
            max_poll_interval=self._max_poll_interval,
            fetch_bytes_max=fetch_bytes_max,
        )

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> KafkaProducer:
        """An idempotent producer; transactional when an id is given."""
        return KafkaProducer(self._settings, transactional_id, transaction_timeout=transaction_timeout)

    def create_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Creates missing topics and waits until the cluster shows them; returns the names created."""
        existing = self._partition_counts()
        missing = [spec for spec in topics if spec.name not in existing]
        if not missing:
            return []
        wanted = [NewTopic(spec.name, spec.partitions, config=dict(spec.config)) for spec in missing]
        created = []
        for name, future in self._admin.create_topics(wanted, operation_timeout=_ADMIN_SECONDS).items():
            try:
                _result(f"create topic {name}", future)
                created.append(name)
            except LogError as error:
                cause = error.__cause__
                if not (isinstance(cause, KafkaException) and cause.args[0].code() == _EXISTS):
                    raise
        self._wait_until_visible(set(created))
        return created

    def describe_topics(self) -> dict[str, TopicSpec]:
        """Every topic but Kafka's own, with its partition count and what its configuration overrides."""
        partitions = {name: count for name, count in self._partition_counts().items() if not name.startswith("__")}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
        described = self._admin.describe_configs(resources) if resources else {}
        return {
            resource.name: TopicSpec(
                resource.name,
                partitions[resource.name],
                {
                    entry.name: entry.value
                    for entry in _result("describe topics", future).values()
                    if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
                },
            )
            for resource, future in described.items()
        }

    def topic_id(self, topic: str, timeout: float) -> str:
        """The id that Kafka gave the topic when it was created."""
        (described,) = self._admin.describe_topics(TopicCollection([topic]), request_timeout=timeout).values()
        try:
            found = str(_result(f"describe topic {topic}", described, timeout).topic_id)
        except Unavailable:
            self._look_around(timeout)
            raise
        if found == _NO_ID:
            message = f"Kafka at {self._bootstrap} has no id for topic {topic}; Kafka 2.8 and later give them"
            raise LogError(message)
        return found

    def group_offsets(self, group: str, topics: Sequence[str]) -> dict[Partition, Committed]:
        """The group's committed offsets for every partition of the topics, read without joining it."""
        wanted = self._partitions(topics)
        # Not the admin client: librdkafka 2.16 crashes the process when the group's coordinator has just moved.
        reader = self.consumer(group)
        try:
            return reader.committed(wanted, _ADMIN_SECONDS)
        finally:
            reader.close()

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        """The last stable offset of each, asked for on a connection that has no fetch waiting on it."""
        isolation = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        wanted = {TopicPartition(*partition): OffsetSpec.latest() for partition in partitions}  # type: ignore[no-untyped-call]
        if not wanted:
            return {}
        answers = self._admin.list_offsets(wanted, isolation_level=isolation, request_timeout=timeout)
        try:
            found = {
                Partition(place.topic, place.partition): _result(f"find the end of {place.topic}", one, timeout).offset
                for place, one in answers.items()
            }
        except Unavailable:
            self._look_around(timeout)
            raise
        if lost := [str(partition) for partition, end in found.items() if end < 0]:  # the connection broke
            message = f"cannot find the end of {', '.join(lost)}: no answer"
            raise Unavailable(message)
        return found

    def unsettled(self, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
        """Partitions whose last stable offset is below their end."""
        partitions = self._partitions(topics)
        # The ends are queried first, so that what is written between the two queries does not look like a gap.
        ends = self.ends(partitions, _ADMIN_SECONDS, stable=False)
        stable = self.ends(partitions, _ADMIN_SECONDS)
        return {one: (stable[one], end) for one, end in ends.items() if stable[one] < end}

    def close(self) -> None:
        """Nothing to release: the admin client ends with this object."""

    def _partitions(self, topics: Sequence[str]) -> list[Partition]:
        counts = self._partition_counts()
        if missing := set(topics) - counts.keys():
            message = f"there is no topic {', '.join(sorted(missing))}"
            raise LogError(message)
        return [Partition(topic, number) for topic in topics for number in range(counts[topic])]

    def _look_around(self, timeout: float) -> None:
        """Drops the admin client after a timeout: else librdkafka keeps asking the brokers it knew, for minutes."""
        self._admin.poll(0)  # else what it has to say heaps up
        with suppress(KafkaException):
            self._admin.list_topics(timeout=timeout)

    def _partition_counts(self) -> dict[str, int]:
        try:
            topics = self._admin.list_topics(timeout=_ADMIN_SECONDS).topics
        except KafkaException as error:
            self._admin.poll(0)  # else it does not say why
            action = f"list the topics of Kafka at {self._bootstrap} ({self._connections.failure or 'no connection'})"
            unlisted = port_error(action, error)
            unlisted.add_note("is it running, and are ACCRUE_KAFKA_BOOTSTRAP and ACCRUE_KAFKA_OPTIONS right?")
            raise unlisted from error
        self._connections.failure = ""
        return {name: len(topic.partitions) for name, topic in topics.items()}

    def _wait_until_visible(self, names: set[str]) -> None:
        """The controller knows a created topic at once, other brokers a little later."""
        deadline = time.monotonic() + _ADMIN_SECONDS
        while names - self._partition_counts().keys():
            if time.monotonic() > deadline:
                message = f"topics were created but are not visible yet: {', '.join(sorted(names))}"
                raise Unavailable(message)
            threading.Event().wait(_POLL_SECONDS)


def _result(action: str, future: Future[_Result], seconds: float = _ADMIN_SECONDS) -> _Result:
    try:
        return future.result(seconds)
    except KafkaException as error:
        raise port_error(action, error) from error
    except TimeoutError as error:
        message = f"cannot {action}: no answer in {seconds} s"
        raise Unavailable(message) from error
