"""Activates program versions, and lists those in force."""

from __future__ import annotations

import hashlib
import time
from typing import Final

import msgspec

from pipeline.cli.place import Place
from pipeline.cli.program_file import problems_after
from pipeline.cli.program_problem import InvalidProgram
from pipeline.cli.reading import partitions_of, read_all
from pipeline.log.port import Log, Outgoing
from pipeline.runtime.state.store_port import ENTRY_MARK
from schemas.program import ProgramDefinition
from schemas.records import ProgramActivated, encode_record
from schemas.succession import reaches_all

_TIMEOUT: Final = 30.0


class Activation(msgspec.Struct, frozen=True):
    """One version of a program in the catalog topic."""

    org_id: int
    program_id: int
    version: int
    hash: str
    activated_at: int
    definition: str
    starts_at: int | None = None
    """The instant from which it is in force; None: since it was activated."""

    def has_started(self, now: int) -> bool:
        """Whether it is in force at the instant `now`, where no higher version is."""
        return self.starts_at is None or self.starts_at <= now


def activations(place: Place, log: Log) -> dict[tuple[int, int], list[Activation]]:
    """The versions of each program in the catalog topic, from the lowest, by org and program."""
    topic = place.catalog.name("programs")
    versions: dict[tuple[int, int, int], Activation] = {}
    for message in read_all(log, partitions_of([topic], place.settings.partitions)):
        if message.value is not None:
            version = msgspec.json.decode(message.value, type=Activation)
            versions[version.org_id, version.program_id, version.version] = version
    programs: dict[tuple[int, int], list[Activation]] = {}
    for (org_id, program_id, _), version in sorted(versions.items()):
        programs.setdefault((org_id, program_id), []).append(version)
    return programs


def in_force_or_later(versions: list[Activation], now: int) -> list[Activation]:
    """Of the versions of one program, from the lowest: the one that is in force, and those that start later."""
    started = [place for place, version in enumerate(versions) if version.has_started(now)]
    return versions[started[-1] :] if started else versions


def predecessor_of(place: Place, log: Log, definition: ProgramDefinition) -> ProgramDefinition | None:
    """The latest version of the same program; None for a program that is new."""
    known = activations(place, log).get((definition.org_id, definition.program_id))
    return None if known is None else ProgramDefinition.model_validate_json(known[-1].definition)


def reached_by(place: Place, log: Log, before: ProgramDefinition, after: ProgramDefinition) -> int | None:
    """How many members adopt `after` at its start; None where each does so at their next record."""
    if not reaches_all(before, after):
        return None
    prefix, state = b"%d:" % after.org_id, place.catalog.name("state")
    members: set[bytes] = set()
    for message in read_all(log, partitions_of([state], place.settings.partitions)):
        if message.key is not None and message.key.startswith(prefix) and ENTRY_MARK not in message.key:
            members.add(message.key)
    return len(members)


def activate(place: Place, log: Log, definition: ProgramDefinition, starts_at: int | None = None) -> bool:
    """Write the program to every journal partition and to the catalog, in one transaction; whether it was new.

    Raises `InvalidProgram` for a version that may not follow the latest one.
    """
    predecessor = predecessor_of(place, log, definition)
    if predecessor == definition:
        return False
    if predecessor is not None and (problems := problems_after(predecessor, definition)):
        raise InvalidProgram(problems)
    text = definition.model_dump_json()
    digest = hashlib.sha256(text.encode()).hexdigest()
    now = int(time.time() * 1000)
    record = ProgramActivated(
        received_at=now,
        source="command",
        offset=0,
        org_id=definition.org_id,
        program_id=definition.program_id,
        version=definition.version,
        hash=digest,
        definition=text,
        starts_at=starts_at,
    )
    entry = Activation(
        org_id=definition.org_id,
        program_id=definition.program_id,
        version=definition.version,
        hash=digest,
        activated_at=now,
        definition=text,
        starts_at=starts_at,
    )
    key = f"{definition.org_id}/{definition.program_id}".encode()
    catalog_key = b"%b/%d" % (key, definition.version)
    journal, value = place.catalog.name("journal"), encode_record(record)
    write(
        place,
        log,
        [
            *(Outgoing(journal, b"$program:" + key, value, number) for number in range(place.settings.partitions)),
            Outgoing(place.catalog.name("programs"), catalog_key, msgspec.json.encode(entry)),
        ],
    )
    return True


def write(place: Place, log: Log, messages: list[Outgoing]) -> None:
    """Produces the messages in one transaction; a concurrent command is fenced."""
    producer = log.producer(f"{place.settings.prefix}{place.settings.group}-command")
    try:
        producer.init(_TIMEOUT)
        producer.begin()
        producer.produce(messages)
        producer.commit(_TIMEOUT)
    finally:
        producer.close()
