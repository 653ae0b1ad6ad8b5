"""Metrics: what Prometheus sees of a worker. Gathered when asked for, so the hot path pays nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.log.port import Partition
from pipeline.runtime.progress import Progress

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS: Final[tuple[tuple[str, str, Callable[[Progress], int]], ...]] = (
    ("messaging_client_consumed_messages", "Messages read in committed transactions.", lambda one: one.records),
    ("accrue_transactions_committed", "Transactions committed.", lambda one: one.commits),
    ("accrue_transactions_aborted", "Transactions aborted, or of unknown outcome.", lambda one: one.aborts),
    ("accrue_dead_letters", "Messages nobody could read.", lambda one: one.dead_letters),
    ("accrue_repeats", "Records dropped because they came before.", lambda one: one.repeats),
    ("accrue_facts", "Facts decided.", lambda one: one.facts),
    ("accrue_notifications", "Notifications rendered.", lambda one: one.notifications),
)


class Metrics(Collector):
    """The metrics of one worker's roles."""

    def __init__(
        self, group: str, roles: Sequence[Progress], behind: Mapping[str, Callable[[], Mapping[Partition, int]]]
    ) -> None:
        """Of our `roles`; `behind` tells the lag of every role by name, ours or not."""
        self._group = group
        self._roles = tuple(roles)
        self._behind = behind
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> str:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self._registry).decode()

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """What stands now."""
        for name, description, value in _COUNTERS:
            counter = CounterMetricFamily(name, description, labels=["role"])
            for role in self._roles:
                counter.add_metric([role.role], value(role))
            yield counter
        yield self._lag()
        yield self._age()
        left = GaugeMetricFamily(
            "accrue_restore_records_left", "Changelog offsets still to be read.", labels=["role", "partition"]
        )
        clocks = GaugeMetricFamily(
            "accrue_partition_clock_seconds", "The clock of a journal partition.", labels=["partition"]
        )
        for role in self._roles:
            for partition, records in dict(role.restore_left).items():
                left.add_metric([role.role, str(partition)], records)
            for partition, clock in dict(role.clocks).items():
                clocks.add_metric([str(partition)], clock / 1_000)
        yield left
        yield clocks

    def _lag(self) -> Metric:
        lag = GaugeMetricFamily(
            "kafka_consumergroup_lag", "Messages still to be read.", labels=["consumergroup", "topic", "partition"]
        )
        for role, behind in self._behind.items():
            for (topic, number), messages in behind().items():
                lag.add_metric([f"{self._group}.{role}", topic, str(number)], messages)
        return lag

    def _age(self) -> Metric:
        age = GaugeMetricFamily(
            "accrue_oldest_unprocessed_age_seconds", "How long the next message has been waiting.", labels=["role"]
        )
        now = time.time()
        for role in self._roles:
            waiting = any(dict(role.lag).values()) and role.timestamp
            age.add_metric([role.role], max(0.0, now - role.timestamp / 1_000) if waiting else 0.0)
        return age
