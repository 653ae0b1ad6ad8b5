"""Retention deletes what has been read, and a worker that comes back to a quiet topic goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Outgoing
from tests.runtime.workshop import PATIENCE_SECONDS, Workshop


def test_worker_goes_on_where_retention_has_passed_all_that_it_had_read(
    kafka_bootstrap: str, kafka_log: KafkaLog, prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workshop = Workshop(kafka_log, tmp_path, prefix)
    commands = workshop.topic("commands")
    upstream = kafka_log.producer(f"{prefix}upstream")
    upstream.init(PATIENCE_SECONDS)
    upstream.begin()
    upstream.produce([Outgoing(commands, b"1:1", b"{}", 0)])
    upstream.commit(PATIENCE_SECONDS)  # its control record has offset 1, which is what intake commits
    workshop.intake().run(workshop.until_read("intake", "commands"))

    delete_before(kafka_bootstrap, commands, 2)
    workshop.send("commands", b"1:1", b"{}", 0)
    workshop.intake().run(workshop.until_read("intake", "commands"))

    assert len(workshop.read("deadletters")) == 2
    assert f"{commands}:0: offsets 1 to 1 are deleted and were never read: control records" in caplog.text
    upstream.close()
    workshop.close()


def delete_before(bootstrap: str, topic: str, offset: int) -> None:
    """What retention does after a time, at once."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for deleted in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        assert deleted.result(PATIENCE_SECONDS).low_watermark == offset
