"""A broker that is away for an hour is worth a line now and then, not one for each try to reach it."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from pipeline.log.kafka_connections import Connections
from pipeline.log.kafka_errors import ALL_DOWN

REFUSED = KafkaError(KafkaError._TRANSPORT, "Connection refused")


def test_failures_of_a_moment_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections()

    for _ in range(3):
        connections.told(REFUSED)

    assert [record.getMessage() for record in caplog.records] == ["Kafka: Connection refused"]


def test_a_failure_that_an_error_will_tell_is_kept_for_it(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections()

    connections.noted(REFUSED)

    assert connections.failure == "Connection refused"
    assert caplog.records == []


def test_that_all_are_down_is_no_reason(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections()

    connections.told(KafkaError(ALL_DOWN, "1/1 brokers are down"))

    assert connections.failure == ""
    assert caplog.records == []
