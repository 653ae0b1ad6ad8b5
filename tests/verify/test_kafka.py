"""What only a real Kafka does: retention, compaction, and transactions that stay open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pipeline.engine.state import Head, encode_state
from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Outgoing, Partition
from pipeline.verify.log import verify_log
from pipeline.verify.report import Report
from schemas.facts import decode_facts
from tests.log.desk import until
from tests.retention import delete_before
from tests.runtime.workshop import Workshop, history
from tests.verify.damage import Nobody, found, only, verified

SECONDS = 20.0


@pytest.fixture
def workshop(kafka_log: KafkaLog, tmp_path: Path, prefix: str) -> Iterator[Workshop]:
    workshop = Workshop(kafka_log, tmp_path, prefix)
    workshop.journal(*history(days=30))
    workshop.decide_all(transaction_records_max=40, tick_customers_max=3)
    yield workshop
    workshop.close()


@pytest.fixture
def forget(kafka_bootstrap: str) -> Callable[[str, int, int], None]:
    """Delete the beginning of a partition, as retention does."""
    return partial(delete_before, kafka_bootstrap)


def test_sound_history_verifies(workshop: Workshop) -> None:
    assert found(verified(workshop)) == []


def test_notifications_that_retention_took_are_no_loss(
    workshop: Workshop, forget: Callable[[str, int, int], None]
) -> None:
    topic = workshop.topic("notifications.points")
    kept = [one for one in workshop.read("notifications.points") if one.partition == 1][20:]
    forget(workshop.topic("notifications.points"), 1, kept[0].offset)

    report = verified(workshop)

    assert found(report) == []
    assert f"{topic}[1]: retention has taken what came before offset {kept[0].offset}" in report.notes


def test_loss_after_what_retention_took_is_found(workshop: Workshop, forget: Callable[[str, int, int], None]) -> None:
    """The last kept notification comes once more."""
    topic = workshop.topic("notifications.points")
    *_, last = (one for one in workshop.read("notifications.points") if one.partition == 1)
    forget(workshop.topic("notifications.points"), 1, last.offset)
    workshop.send("notifications.points", last.key, last.value, 1, last.headers)

    (finding,) = found(verified(workshop))

    assert finding[:2] == ("notifications", f"{topic}[1]@{workshop.read('notifications.points')[-1].offset}")
    assert finding[2].endswith(f"repeats offset {last.offset}")


def test_state_is_compared_with_the_facts_where_the_journal_has_lost_its_beginning(
    workshop: Workshop, forget: Callable[[str, int, int], None]
) -> None:
    forget(workshop.topic("journal"), 1, 10)

    report = verified(workshop)

    assert found(report) == []
    assert "partition 1: the journal begins at offset 10: nothing can be decided again" in report.notes
    assert report.looked_at["state"] == len(workshop.state()) - 1  # the program's definition is no fact


def test_wrong_state_is_found_without_the_journal(
    kafka_log: KafkaLog, tmp_path: Path, prefix: str, forget: Callable[[str, int, int], None]
) -> None:
    workshop = Workshop(kafka_log, tmp_path / "other", f"{prefix}other.")
    workshop.journal(*history(days=10))
    workshop.send("state", b"1:999", encode_state(Head(1, 999)), 1)
    workshop.decide_all()
    forget(workshop.topic("journal"), 1, 10)

    assert found(verified(workshop)) == [
        ("state", f"{workshop.topic('state')}[1]", "1:999: is there, and should not be")
    ]
    workshop.close()


def test_facts_alone_are_looked_at_where_journal_and_facts_have_lost_their_beginning(
    workshop: Workshop, forget: Callable[[str, int, int], None]
) -> None:
    facts = [one for one in workshop.read("facts") if one.partition == 1]
    forget(workshop.topic("journal"), 1, 10)
    forget(workshop.topic("facts"), 1, facts[30].offset)

    report = verified(workshop)

    assert found(report) == []
    assert [note for note in report.notes if note.startswith("partition 1")] == [
        f"partition 1: facts begin at offset {facts[30].offset}: retention has taken what came before",
        "partition 1: the journal begins at offset 10: nothing can be decided again",
        "partition 1: facts are not whole either: facts are compared with themselves only, and the state not at all",
    ]
    assert report.looked_at["seq"] == len(workshop.read("facts"))
    assert decode_facts(facts[30].value or b"").first_seq > 1


def test_transaction_that_stays_open_is_found_with_its_place(workshop: Workshop, kafka_log: KafkaLog) -> None:
    topic = workshop.topic("facts")
    producer = kafka_log.producer(f"{workshop.settings.prefix}lost", transaction_timeout=60.0)
    producer.init(SECONDS)
    producer.begin()
    end = workshop.read("facts")[-1].offset
    producer.produce([Outgoing(topic, None, b"never to be seen", 1)])
    until(lambda: kafka_log.unsettled([topic]))

    report = verified(workshop)

    assert [(one.check, one.where) for one in report.findings] == [("transactions", f"{topic}[1]@{end + 2}")]
    said = r"a transaction is open for at least \d+ s, and readers wait 1 offsets behind the end"
    assert re.match(said, report.findings[0].what)
    producer.abort(SECONDS)
    producer.close()


def test_transaction_that_ends_while_one_looks_is_none_to_report(workshop: Workshop, kafka_log: KafkaLog) -> None:
    topic = workshop.topic("facts")
    producer = kafka_log.producer(f"{workshop.settings.prefix}slow", transaction_timeout=3.0)
    producer.init(SECONDS)
    producer.begin()
    producer.produce([Outgoing(topic, None, b"never to be seen", 1)])
    until(lambda: kafka_log.unsettled([topic]))
    report = Report(findings_max=20)

    verify_log(kafka_log, workshop.catalog, f"{workshop.settings.group}.loyalty", (0, 1), 60.0, report, Nobody())

    assert only("transactions", report) == []
    assert Partition(topic, 1) not in kafka_log.unsettled([topic])
    producer.close()
