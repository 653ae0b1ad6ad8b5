"""The metrics of a worker for Prometheus, gathered on request so that the hot path pays nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.log.port import Aborted, Fenced, OutcomeUnknown, Partition, Unavailable
from pipeline.runtime.loop.progress import DURATION_BOUNDS, Durations, Progress, pace
from pipeline.runtime.state.store_port import StoreFailed

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS: Final[tuple[tuple[str, str, Callable[[Progress], int]], ...]] = (
    ("messaging_client_consumed_messages", "Messages read in committed transactions.", lambda one: one.records),
    ("messaging_client_sent_messages", "Messages written in committed transactions.", lambda one: one.sent),
    ("accrue_transactions_committed", "Transactions committed.", lambda one: one.commits),
    ("accrue_repeats", "Records dropped because they came before.", lambda one: one.repeats),
    ("accrue_facts", "Facts decided.", lambda one: one.facts),
    ("accrue_notifications", "Notifications rendered.", lambda one: one.notifications),
)
_CAUSES: Final = tuple(error.__name__ for error in (Aborted, Fenced, OutcomeUnknown, StoreFailed, Unavailable))
"""Reasons of an abort, exported from the start so that the first abort is visible as a change."""
_PROCESS: Final = "process"
_RULES_MAX: Final = 1_000
"""Rules told one by one: those that gave points first, as a counter must not come and go. The others are told together,
or a worker for thousands of programs would drown its Prometheus."""
_OTHERS: Final = ("", "", "")


class Metrics(Collector):
    """The metrics of one worker's roles."""

    def __init__(
        self,
        group: str,
        roles: Sequence[Progress],
        behind: Mapping[str, Callable[[], Mapping[Partition, int]]],
        status: Callable[[], Mapping[str, tuple[bool, str]]],
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Of our `roles`; `behind` tells the lag of every role by name, ours or not, and `status` if it is ready."""
        self._group = group
        self._roles = tuple(roles)
        self._behind = behind
        self._status = status
        self._clock = clock
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> str:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self._registry).decode()

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The current values."""
        for name, description, value in _COUNTERS:
            counter = CounterMetricFamily(name, description, labels=["role"])
            for role in self._roles:
                counter.add_metric([role.role], value(role))
            yield counter
        yield self._aborts()
        yield self._dead_letters()
        yield self._odd("accrue_odd_keys", "Messages with another key than their customer's.", "topic", _odd_keys)
        yield self._odd(
            "accrue_unknown_events",
            "Events that no program knows (loyalty), or their org does not define (intake).",
            "event",
            _unknown_events,
        )
        yield self._rule_hits()
        yield from self._durations()
        yield self._ready()
        yield self._lag()
        yield self._age()
        yield self._last_commit()
        yield self._clocks()
        yield from self._restores()

    def _aborts(self) -> Metric:
        aborts = CounterMetricFamily(
            "accrue_transactions_aborted", "Transactions aborted, or of unknown outcome.", labels=["role", "cause"]
        )
        for role in self._roles:
            for cause, count in (dict.fromkeys(_CAUSES, 0) | role.aborts_by_cause).items():
                aborts.add_metric([role.role, cause], count)
        return aborts

    def _dead_letters(self) -> Metric:
        letters = CounterMetricFamily(
            "accrue_dead_letters", "Messages that could not be read.", labels=["role", "reason"]
        )
        for role in self._roles:
            for reason, count in dict(role.dead_letters_by_reason).items():
                letters.add_metric([role.role, reason], count)
        return letters

    def _odd(self, name: str, description: str, label: str, counts: Callable[[Progress], Mapping[str, int]]) -> Metric:
        odd = CounterMetricFamily(name, description, labels=["role", label])
        for role in self._roles:
            for what, count in dict(counts(role)).items():
                odd.add_metric([role.role, what], count)
        return odd

    def _rule_hits(self) -> Metric:
        hits = CounterMetricFamily(
            "accrue_rule_hits",
            f"How often a rule, milestone or streak level gave points; beyond {_RULES_MAX} of them together.",
            labels=["org", "program", "rule"],
        )
        counted = [item for role in self._roles for item in dict(role.awards).items()]
        for (org_id, program_id, rule_id), count in counted[:_RULES_MAX]:
            hits.add_metric([str(org_id), str(program_id), rule_id], count)
        hits.add_metric(_OTHERS, sum(count for _, count in counted[_RULES_MAX:]))
        return hits

    def _durations(self) -> Iterator[Metric]:
        operations = HistogramMetricFamily(
            "messaging_client_operation_duration_seconds",
            "What a call of the log takes.",
            labels=["role", "messaging_operation_name"],
        )
        processing = HistogramMetricFamily(
            "messaging_process_duration_seconds", "What deciding a slice of a batch takes.", labels=["role"]
        )
        for role in self._roles:
            for name, durations in role.durations.items():
                if name == _PROCESS:
                    processing.add_metric([role.role], _buckets(durations), durations.seconds)
                else:
                    operations.add_metric([role.role, name], _buckets(durations), durations.seconds)
        yield operations
        yield processing

    def _ready(self) -> Metric:
        ready = GaugeMetricFamily("accrue_ready", "1 while a role is ready; /readyz says why not.", labels=["role"])
        for role, (is_ready, _) in self._status().items():
            ready.add_metric([role], int(is_ready))
        return ready

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
        for role in self._roles:
            age.add_metric([role.role], role.oldest_age())
        return age

    def _last_commit(self) -> Metric:
        commit = GaugeMetricFamily(
            "accrue_last_commit_timestamp_seconds",
            "When the last transaction was committed; when the worker started, before the first.",
            labels=["role"],
        )
        started = self._clock.wall() / 1_000 - self._clock.now()
        for role in self._roles:
            commit.add_metric([role.role], started + role.committed_at)
        return commit

    def _clocks(self) -> Metric:
        clocks = GaugeMetricFamily(
            "accrue_partition_clock_seconds", "The clock of a journal partition.", labels=["partition"]
        )
        for role in self._roles:
            for partition, clock in dict(role.clocks).items():
                clocks.add_metric([str(partition)], clock / 1_000)
        return clocks

    def _restores(self) -> Iterator[Metric]:
        labels = ["role", "partition"]
        left = GaugeMetricFamily("accrue_restore_records_left", "Changelog offsets still to be read.", labels=labels)
        needed = GaugeMetricFamily("accrue_restore_records_needed", "Changelog offsets to read in all.", labels=labels)
        seconds = GaugeMetricFamily("accrue_restore_seconds", "How long a restore has been going on.", labels=["role"])
        now = self._clock.now()
        for role in self._roles:
            restores = dict(role.restores)
            for partition, restore in restores.items():
                left.add_metric([role.role, str(partition)], restore.left)
                needed.add_metric([role.role, str(partition)], restore.total)
            seconds.add_metric([role.role], pace(restores.values(), now).seconds)
        yield left
        yield needed
        yield seconds


def _odd_keys(role: Progress) -> Mapping[str, int]:
    return role.odd_keys


def _unknown_events(role: Progress) -> Mapping[str, int]:
    return role.unknown_events


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    bounds = [*map(floatToGoString, DURATION_BOUNDS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(durations.counts)), strict=True))
