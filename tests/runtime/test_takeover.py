from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Fenced, Log, Outgoing, Partition, TopicSpec
from pipeline.runtime.settings import Settings
from pipeline.runtime.slot import SlotLock
from pipeline.runtime.takeover import taking_over
from tests.log.desk import SECONDS
from tests.runtime.workshop import Until


@pytest.fixture
def settings(tmp_path: Path, prefix: str) -> Settings:
    return Settings(data_dir=tmp_path, prefix=prefix, group=f"{prefix}accrue")


def test_transaction_that_a_dead_worker_left_open_holds_up_nobody_after_the_takeover(
    kafka_log: Log, settings: Settings, prefix: str
) -> None:
    topic = f"{prefix}notifications"
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    dead = kafka_log.producer(settings.transactional_id("loyalty"), transaction_timeout=60.0)
    dead.init(SECONDS)
    dead.begin()
    dead.produce([Outgoing(topic, None, b"never committed", 0)])
    held_up = Until(lambda: kafka_log.unsettled([topic]) == {Partition(topic, 0): (0, 1)})
    while not held_up.is_set():
        held_up.wait(0.01)

    with taking_over(kafka_log, settings, ["loyalty"]):
        pass

    assert kafka_log.unsettled([topic]) == {}
    with pytest.raises(Fenced):
        dead.commit(SECONDS)


def test_worker_that_runs_is_not_taken_over(kafka_log: Log, settings: Settings) -> None:
    with SlotLock(settings.states, "loyalty"):
        alive = kafka_log.producer(settings.transactional_id("loyalty"))
        alive.init(SECONDS)

        with taking_over(kafka_log, settings, ["loyalty"]):
            pass

        alive.begin()
        alive.commit(SECONDS)


def test_state_folder_that_cannot_be_made_is_left_to_the_worker_to_tell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    caplog.set_level(logging.INFO)
    log = EmbeddedLog(tmp_path)

    with taking_over(log, Settings(data_dir=tmp_path, state_dir=tmp_path / "file"), ["loyalty"]):
        pass

    log.close()
    ((_, level, said),) = caplog.record_tuples
    assert (level, said.partition(": [")[0]) == (logging.INFO, "loyalty: nothing was taken over")
