"""Intake follows the settings topic, and decides nothing by settings that it could not read lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from pipeline.clock import SystemClock
from pipeline.intake.org_settings import KnownOrg, entries_of, known
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Log, Outgoing, Partition, Unavailable
from pipeline.runtime.roles.following import SettingsFollower
from schemas.settings import Org, Store
from tests.log.desk import until
from tests.runtime.workshop import PATIENCE_SECONDS, Workshop

ORG = Org(org_id=100, name="Cafe", zone="UTC", currency="GBP", country="GB", stores=(Store(code="A"), Store(code="B")))


class Hands(SystemClock):
    """A clock whose monotonic time a test sets."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        return self.at


class Silent(EmbeddedLog):
    """A log that can stop answering."""

    silent = False

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        if self.silent:
            message = "silent"
            raise Unavailable(message)
        return super().ends(partitions, timeout, stable=stable)


def write(workshop: Workshop, entries: dict[bytes, bytes | None]) -> None:
    producer = workshop.log.producer("settings")
    producer.init(PATIENCE_SECONDS)
    producer.begin()
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries.items()])
    producer.commit(PATIENCE_SECONDS)
    producer.close()


def looked(follower: SettingsFollower, clock: Hands) -> Mapping[int, KnownOrg]:
    """The orgs as they are a second later; a real log takes a moment to end a transaction."""
    clock.at += 1.0
    follower.look()
    return follower.orgs


@pytest.fixture(params=["embedded", "kafka"])
def log(request: pytest.FixtureRequest) -> Log:
    log: Log = request.getfixturevalue(f"{request.param}_log")
    return log


def test_changes_are_seen_at_the_next_look(log: Log, tmp_path: Path, prefix: str) -> None:
    workshop, clock = Workshop(log, tmp_path, prefix), Hands()
    follower = SettingsFollower(log, workshop.topic("settings"), clock)
    try:
        until(follower.begun)
        assert follower.orgs == {}

        write(workshop, dict(entries_of(ORG)))
        until(lambda: looked(follower, clock) == {100: known(ORG)})

        write(workshop, {b"store:100/B": None})
        follower.look()
        assert follower.orgs == {100: known(ORG)}, "it looks once a second"
        until(lambda: looked(follower, clock) == {100: known(ORG.model_copy(update={"stores": ORG.stores[:1]}))})
    finally:
        follower.close()
        workshop.close()


def test_stale_settings_decide_nothing(tmp_path: Path) -> None:
    log, clock = Silent(tmp_path / "log"), Hands()
    workshop = Workshop(log, tmp_path, "stale.")
    follower = SettingsFollower(log, workshop.topic("settings"), clock)
    log.silent = True
    assert not follower.begun()
    log.silent = False
    assert follower.begun()

    log.silent = True
    clock.at += 30.0
    follower.look()
    clock.at += 1.0
    with pytest.raises(Unavailable, match="could not be read for 30 s: the settings may have changed"):
        follower.look()

    log.silent = False
    clock.at += 1.0
    follower.look()
    follower.close()
    log.close()
