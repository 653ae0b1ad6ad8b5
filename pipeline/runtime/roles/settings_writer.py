"""Writes the topics of settings and keys. Only the holder of one transactional id writes, after reading all of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.log.port import Log, Outgoing, Unavailable
from pipeline.runtime.roles.following import Follower
from pipeline.runtime.settings import Settings
from pipeline.sealing import Keys
from topics.catalog import Catalog

SETTINGS: Final = "settings"
KEYS: Final = "keys"
_TIMEOUT: Final = 30.0


class Change(NamedTuple):
    """One entry that differs; None where it is not there."""

    key: bytes
    before: bytes | None
    after: bytes | None


def read_settings(log: Log, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> dict[bytes, bytes]:
    """All entries of the settings topic, by key. Raises `Unavailable` when it cannot be read."""
    return _read(log, Catalog(settings.prefix, settings.partitions).name(SETTINGS), clock)


def read_keys(log: Log, catalog: Catalog) -> Keys:
    """The keys of personal data. Raises `Unavailable` when they cannot be read."""
    return Keys(_read(log, catalog.name(KEYS), SYSTEM_CLOCK))


def _read(log: Log, topic: str, clock: Clock) -> dict[bytes, bytes]:
    follower = Follower(log, topic, clock)
    deadline = clock.now() + _TIMEOUT
    try:
        while not follower.begun():
            if clock.now() > deadline:
                message = f"{topic} could not be read within {_TIMEOUT:.0f} s"
                raise Unavailable(message)
        return follower.entries
    finally:
        follower.close()


def write_settings(
    log: Log,
    settings: Settings,
    changes: Callable[[Mapping[bytes, bytes]], Sequence[Change]],
    clock: Clock = SYSTEM_CLOCK,
) -> Sequence[Change]:
    """Write what `changes` makes of the settings, in one transaction; what was changed. What it raises ends all."""
    return _write(log, settings, SETTINGS, changes, clock)


def write_keys(
    log: Log, settings: Settings, changes: Callable[[Mapping[bytes, bytes]], Mapping[bytes, bytes | None]]
) -> int:
    """Write what `changes` makes of the secrets, None for one that is to be forgotten; how many it changed."""

    def differing(entries: Mapping[bytes, bytes]) -> list[Change]:
        return [Change(name, entries.get(name), secret) for name, secret in changes(entries).items()]

    return len(_write(log, settings, KEYS, differing, SYSTEM_CLOCK))


def _write(
    log: Log,
    settings: Settings,
    name: str,
    changes: Callable[[Mapping[bytes, bytes]], Sequence[Change]],
    clock: Clock,
) -> Sequence[Change]:
    """Write what `changes` makes of the entries, in one transaction.

    1. Take over the transactional id of settings, which ends what another writer left open.
    2. Read the topic to its end. No other writer can commit from here on.
    3. Write what differs.
    """
    producer = log.producer(f"{settings.prefix}{settings.group}-settings")
    try:
        producer.init(_TIMEOUT)
        topic = Catalog(settings.prefix, settings.partitions).name(name)
        made = changes(_read(log, topic, clock))
        if made:
            producer.begin()
            producer.produce([Outgoing(topic, change.key, change.after, 0) for change in made])
            producer.commit(_TIMEOUT)
    finally:
        producer.close()
    return made
