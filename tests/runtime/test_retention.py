"""Retention deletes what has been read, and a worker that comes back to a quiet topic goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Outgoing
from tests.retention import delete_before
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

    delete_before(kafka_bootstrap, commands, 0, 2)
    workshop.send("commands", b"1:1", b"{}", 0)
    workshop.intake().run(workshop.until_read("intake", "commands"))

    assert len(workshop.read("deadletters")) == 2
    assert f"{commands}:0: offsets 1 to 1 are deleted and were never read: control records" in caplog.text
    upstream.close()
    workshop.close()
