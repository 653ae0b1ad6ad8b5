"""Writes the settings topic. Only the holder of its transactional id writes, after reading all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.clock import SYSTEM_CLOCK
from pipeline.log.port import Log, Outgoing, Unavailable
from pipeline.runtime.roles.following import SettingsFollower
from pipeline.runtime.settings import Settings
from topics.catalog import Catalog

_TIMEOUT: Final = 30.0


class Change(NamedTuple):
    """One entry that differs; None where it is not there."""

    key: bytes
    before: bytes | None
    after: bytes | None


def read_settings(log: Log, settings: Settings) -> dict[bytes, bytes]:
    """All entries of the settings topic, by key. Raises `Unavailable` when it cannot be read."""
    topic = Catalog(settings.prefix, settings.partitions).name("settings")
    follower = SettingsFollower(log, topic, SYSTEM_CLOCK)
    deadline = SYSTEM_CLOCK.now() + _TIMEOUT
    try:
        while not follower.begun():
            if SYSTEM_CLOCK.now() > deadline:
                message = f"{topic} could not be read within {_TIMEOUT:.0f} s"
                raise Unavailable(message)
        return follower.entries
    finally:
        follower.close()


def write_settings(
    log: Log, settings: Settings, changes: Callable[[Mapping[bytes, bytes]], Sequence[Change]]
) -> Sequence[Change]:
    """Write what `changes` makes of the entries, in one transaction; what was changed. What it raises ends all.

    1. Take over the transactional id of settings, which ends what another writer left open.
    2. Read the topic to its end. No other writer can commit from here on.
    3. Write what differs.
    """
    producer = log.producer(f"{settings.prefix}{settings.group}-settings")
    try:
        producer.init(_TIMEOUT)
        made = changes(read_settings(log, settings))
        if made:
            topic = Catalog(settings.prefix, settings.partitions).name("settings")
            producer.begin()
            producer.produce([Outgoing(topic, change.key, change.after, 0) for change in made])
            producer.commit(_TIMEOUT)
    finally:
        producer.close()
    return made
