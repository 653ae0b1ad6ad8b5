from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.log.port import Fenced, Log, Message, Outgoing, TopicSpec
from pipeline.runtime.host.app import HostApp, running
from pipeline.runtime.host.starting import Roles, roles_of
from pipeline.runtime.settings import Settings
from pipeline.runtime.slot import SlotInUse, SlotLock
from tests.log.desk import SECONDS, until
from tests.runtime.workshop import PATIENCE_SECONDS, Workshop, activation, bill

START = 1_600_000_000_000


@pytest.fixture
def workshop(kafka_log: Log, tmp_path: Path, prefix: str) -> Workshop:
    return Workshop(kafka_log, tmp_path, prefix)


def test_transaction_that_a_dead_worker_left_open_is_ended_before_there_is_a_host(
    kafka_log: Log, tmp_path: Path, prefix: str
) -> None:
    workshop = Workshop(kafka_log, tmp_path, prefix)
    topic = f"{prefix}notifications"
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    dead = kafka_log.producer(workshop.settings.transactional_id("loyalty"), transaction_timeout=60.0)
    dead.init(SECONDS)
    dead.begin()
    dead.produce([Outgoing(topic, None, b"never committed", 0)])
    until(lambda: bool(kafka_log.unsettled([topic])))

    with roles_of(workshop.settings, kafka_log, ["loyalty"]) as roles:
        roles.start()
        until(lambda: not kafka_log.unsettled([topic]))

    with pytest.raises(Fenced):
        dead.commit(SECONDS)


def test_worker_that_runs_is_not_taken_over(kafka_log: Log, tmp_path: Path, prefix: str) -> None:
    settings = Settings(data_dir=tmp_path, prefix=prefix, group=f"{prefix}accrue")
    with SlotLock(settings.states, "loyalty"):
        alive = kafka_log.producer(settings.transactional_id("loyalty"))
        alive.init(SECONDS)

        with pytest.raises(SlotInUse):
            roles_of(settings, kafka_log, ["loyalty"])

        alive.begin()
        alive.commit(SECONDS)


def test_what_comes_before_there_is_a_host_is_decided_at_once_and_what_comes_then_by_its_agent(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.journal(activation(), bill(5, 1, START))
    with roles_of(workshop.settings, workshop.log, ["loyalty"]) as roles:
        roles.start()
        until(workshop.until_read("loyalty", "journal").is_set)
        decided_before = workshop.read("facts")

        by_agent: list[Sequence[Message]] = []
        (loyalty,) = (one.role for one in roles.loops)
        process = loyalty.process
        monkeypatch.setattr(loyalty, "process", lambda batch: by_agent.append(batch) or process(batch))
        with running(HostApp(workshop.settings, roles)):
            workshop.journal(bill(6, 2, START))
            until(workshop.until_read("loyalty", "journal").is_set)

    assert decided_before
    assert {message.key for batch in by_agent for message in batch if message.key} == {b"1:6"}  # and ticks


def test_host_that_is_stopped_before_its_agents_run_decides_nothing(workshop: Workshop) -> None:
    with roles_of(workshop.settings, workshop.log, ["loyalty"]) as roles:
        app = HostApp(workshop.settings, roles)

        async def is_up_too_late() -> None:
            app._stopped.set()
            await app.on_started()

        asyncio.run(is_up_too_late())
        workshop.journal(activation(), bill(5, 1, START))
        until(workshop.until_read("loyalty", "journal").is_set)

    assert roles.failure is None


class _Failing:
    name = "sink"

    def run(self, _stop: threading.Event) -> None:
        raise ZeroDivisionError

    def status(self) -> tuple[bool, str]:
        return False, ""

    def behind(self) -> dict[object, int]:
        return {}


def test_host_of_a_role_that_has_died_before_ends_with_its_error(workshop: Workshop) -> None:
    roles = Roles()
    roles.all.append(_Failing())  # type: ignore[arg-type]
    roles.start()
    assert roles.stop.wait(PATIENCE_SECONDS)

    with pytest.raises(ZeroDivisionError), running(HostApp(workshop.settings, roles)):
        pass


def test_roles_end_with_what_began_them(workshop: Workshop) -> None:
    workshop.journal(activation(), bill(5, 1, START))

    with roles_of(workshop.settings, workshop.log, ["intake", "loyalty"]) as roles:
        roles.start()
        until(lambda: all(ready for ready, _ in roles.status().values()))

    assert (roles.alive(), roles.failure) == ({"intake": False, "loyalty": False}, None)
    workshop.decide_all()  # as whoever comes next
