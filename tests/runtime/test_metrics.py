from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.intake.verdict import Reason
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Aborted, Committed, Partition
from pipeline.runtime.host.metrics import Metrics
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.intake import IntakeRole
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.settings import Settings
from tests.clock import StillClock
from tests.runtime.workshop import START, Workshop, activation, bill

JOURNAL = Partition("loyalty.journal", 2)


def worker() -> Progress:
    """A loyalty role with something of everything behind it."""
    progress = Progress("loyalty", StillClock())
    progress.round_committed(5, 97.5, 12)
    progress.round_aborted(Aborted())
    progress.counted(4, 3, 2, {(1, 7, "spend"): 3})
    progress.dead_letters_by_reason = {"UNREADABLE_RECORD": 1}
    progress.odd_keys = {"loyalty.events": 4}
    progress.unknown_events = {"1/rum": 3}
    progress.durations["commit"].took(0.02)
    progress.durations["commit"].took(40.0)
    progress.durations["process"].took(0.003)
    progress.lag[JOURNAL] = 6
    progress.timestamp = 1_990_000
    progress.clocks[2] = 1_999_500
    progress.restores = {}
    progress.restored(3, 400)
    progress.restored(3, 100)
    return progress


def seen(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample as Prometheus reads it, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    progress = worker()
    ready = {"loyalty": (False, "it restores"), "sink": (True, "")}
    behind = {"loyalty": lambda: progress.lag, "sink": lambda: {Partition("loyalty.facts", 0): 8}}
    return seen(Metrics("accrue", [progress], behind, lambda: ready, clock=StillClock()))


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("messaging_client_consumed_messages_total", {}, 5),
        ("messaging_client_sent_messages_total", {}, 12),
        ("accrue_transactions_committed_total", {}, 1),
        ("accrue_transactions_aborted_total", {"cause": "Aborted"}, 1),
        ("accrue_transactions_aborted_total", {"cause": "OutcomeUnknown"}, 0),
        ("accrue_facts_total", {}, 4),
        ("accrue_notifications_total", {}, 3),
        ("accrue_repeats_total", {}, 2),
        ("accrue_dead_letters_total", {"reason": "UNREADABLE_RECORD"}, 1),
        ("accrue_odd_keys_total", {"topic": "loyalty.events"}, 4),
        ("accrue_unknown_events_total", {"event": "1/rum"}, 3),
        ("messaging_client_operation_duration_seconds_count", {"messaging_operation_name": "commit"}, 2),
        ("messaging_client_operation_duration_seconds_sum", {"messaging_operation_name": "commit"}, 40.02),
        ("messaging_client_operation_duration_seconds_bucket", {"messaging_operation_name": "commit", "le": "0.01"}, 0),
        ("messaging_client_operation_duration_seconds_bucket", {"messaging_operation_name": "commit", "le": "30.0"}, 1),
        ("messaging_client_operation_duration_seconds_bucket", {"messaging_operation_name": "commit", "le": "+Inf"}, 2),
        ("messaging_process_duration_seconds_sum", {}, 0.003),
        ("accrue_ready", {}, 0),
        ("accrue_oldest_unprocessed_age_seconds", {}, 10),
        ("accrue_last_commit_timestamp_seconds", {}, 1_997.5),
        ("accrue_restore_records_left", {"partition": "3"}, 100),
        ("accrue_restore_records_needed", {"partition": "3"}, 400),
        ("accrue_restore_seconds", {}, 0),
    ],
)
def test_prometheus_reads_what_a_role_did(
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, labels: dict[str, str], value: float
) -> None:
    assert samples[name, tuple(sorted({"role": "loyalty", **labels}.items()))] == value


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("accrue_ready", {"role": "sink"}, 1),
        ("accrue_partition_clock_seconds", {"partition": "2"}, 1_999.5),
        ("accrue_rule_hits_total", {"org": "1", "program": "7", "rule": "spend"}, 3),
        (
            "kafka_consumergroup_lag",
            {"consumergroup": "accrue.loyalty", "topic": "loyalty.journal", "partition": "2"},
            6,
        ),
        ("kafka_consumergroup_lag", {"consumergroup": "accrue.sink", "topic": "loyalty.facts", "partition": "0"}, 8),
    ],
)
def test_prometheus_reads_what_is_not_of_one_loop(
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, labels: dict[str, str], value: float
) -> None:
    assert samples[name, tuple(sorted(labels.items()))] == value


def test_aborts_of_every_cause_are_told_from_the_start() -> None:
    samples = seen(Metrics("accrue", [Progress("intake")], {}, dict))

    causes = {dict(labels)["cause"]: value for (name, labels), value in samples.items() if "aborted" in name}
    assert causes == {"Aborted": 0, "Fenced": 0, "OutcomeUnknown": 0, "StoreFailed": 0, "Unavailable": 0}


def test_dead_letters_of_every_reason_are_told_from_the_start(tmp_path: Path, embedded_log: EmbeddedLog) -> None:
    progress = Progress("intake")
    IntakeRole(embedded_log, Settings(data_dir=tmp_path), progress)

    samples = seen(Metrics("accrue", [progress], {}, dict))

    letters = {dict(labels)["reason"]: value for (name, labels), value in samples.items() if "dead" in name}
    assert letters == dict.fromkeys(Reason, 0)


def test_round_without_effect_counts_nothing(tmp_path: Path, embedded_log: EmbeddedLog) -> None:
    workshop = Workshop(embedded_log, tmp_path, "counts.", partitions=1)
    workshop.journal(activation(), bill(1, 1, START))
    messages = workshop.read("journal")
    progress = Progress("loyalty")
    role = LoyaltyRole(embedded_log, workshop.settings, progress)
    partition = Partition(workshop.topic("journal"), 0)
    role.open(partition, Committed(None), 0)
    while role.restore(partition) is None:
        pass

    role.process(messages)
    role.aborted()
    counted_after_abort = (progress.facts, progress.notifications, dict(progress.awards))
    role.process(messages)
    role.finish()
    role.committed({})
    role.close()
    workshop.close()

    assert counted_after_abort == (0, 0, {})
    assert (progress.facts, progress.notifications) == (6, 3)
    assert progress.awards == {(1, 7, "spend"): 1}


def test_rules_beyond_the_first_thousand_are_told_together() -> None:
    progress = Progress("loyalty")
    progress.counted(0, 0, 0, {(org, 1, "spend"): 1 if org < 1_000 else 2 for org in range(1_005)})

    samples = seen(Metrics("accrue", [progress], {}, dict))

    hits = {dict(labels)["org"]: value for (name, labels), value in samples.items() if name == "accrue_rule_hits_total"}
    assert len(hits) == 1_001
    assert hits[""] == 10
    assert sum(hits.values()) == 1_010
