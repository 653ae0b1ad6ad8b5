"""Reads and writes the settings topic. Only the holder of its transactional id writes, after reading all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pipeline.cli.place import Place
from pipeline.cli.program_problem import InvalidProgram, Problem
from pipeline.cli.reading import read_all
from pipeline.intake.org_settings import access_keys_in, entries_of, entry_of, org_of, orgs_in, topic_entry, topics_in
from pipeline.log.port import Log, Outgoing, Partition
from schemas.settings import AccessKey, Org, OrgSettings, TopicSetting
from schemas.settings.succession import breaches

_TIMEOUT: Final = 30.0


class Change(NamedTuple):
    """One entry that differs; None where it is not there."""

    key: bytes
    before: bytes | None
    after: bytes | None


def orgs_now(place: Place, log: Log) -> dict[int, Org]:
    """The orgs as the settings topic has them, by id."""
    return orgs_in(_entries(place, log))


def topics_now(place: Place, log: Log) -> dict[str, TopicSetting]:
    """The settings of input topics as the settings topic has them, by name."""
    return topics_in(_entries(place, log))


def changes_by(place: Place, log: Log, wanted: OrgSettings) -> tuple[list[Change], list[Problem]]:
    """What a file would change, and why it may not."""
    entries = _entries(place, log)
    return _changes(entries, wanted), problems_after(orgs_in(entries), wanted)


def apply(place: Place, log: Log, wanted: OrgSettings) -> list[Change]:
    """Make the topic say what the file says about its orgs, in one transaction; what was changed.

    Raises `InvalidProgram` for settings that may not follow those that are there.

    1. Take over the transactional id of settings, which ends what another writer left open.
    2. Read the topic to its end. No other writer can commit from here on.
    3. Write what differs.
    """

    def changes() -> list[Change]:
        wished, problems = changes_by(place, log, wanted)
        if problems:
            raise InvalidProgram(problems)
        return wished

    return _write(place, log, changes)


def access_keys_now(place: Place, log: Log) -> dict[str, AccessKey]:
    """The access keys as the settings topic has them, by key id."""
    return access_keys_in(_entries(place, log))


def put_access_key(place: Place, log: Log, key: AccessKey) -> None:
    """Write an access key, new or changed."""
    name, value = entry_of(key)
    _write(place, log, lambda: [Change(name, None, value)])


def _write(place: Place, log: Log, changes: Callable[[], list[Change]]) -> list[Change]:
    """Write what `changes` says once no other writer can commit any more."""
    producer = log.producer(f"{place.settings.prefix}{place.settings.group}-settings")
    try:
        producer.init(_TIMEOUT)
        made = changes()
        if made:
            topic = place.catalog.name("settings")
            producer.begin()
            producer.produce([Outgoing(topic, change.key, change.after, 0) for change in made])
            producer.commit(_TIMEOUT)
    finally:
        producer.close()
    return made


def problems_after(before: Mapping[int, Org], wanted: OrgSettings) -> list[Problem]:
    """Why settings may not follow those that are there, as mistakes in their file."""
    return [
        Problem(path=f"orgs[{place}].{breach.path}", line=None, wrong=breach.problem, right=breach.remedy)
        for place, org in enumerate(wanted.orgs)
        if org.org_id in before
        for breach in breaches(before[org.org_id], org)
    ]


def _changes(entries: Mapping[bytes, bytes], wanted: OrgSettings) -> list[Change]:
    named = {org.org_id for org in wanted.orgs}
    after = {key: value for org in wanted.orgs for key, value in entries_of(org).items()}
    after |= dict(map(topic_entry, wanted.topics))
    gone = [key for key in entries if org_of(key) in named and key not in after]
    return [
        Change(key, entries.get(key), after.get(key)) for key in (*after, *gone) if entries.get(key) != after.get(key)
    ]


def _entries(place: Place, log: Log) -> dict[bytes, bytes]:
    entries: dict[bytes, bytes] = {}
    for message in read_all(log, [Partition(place.catalog.name("settings"), 0)]):
        if message.key is not None and message.value is not None:
            entries[message.key] = message.value
        elif message.key is not None:
            entries.pop(message.key, None)
    return entries
