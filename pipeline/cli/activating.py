"""Puts versions of programs in force, and says which are."""

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
from schemas.program import ProgramDefinition
from schemas.records import ProgramActivated, encode_record

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


def in_force(place: Place, log: Log) -> dict[tuple[int, int], Activation]:
    """The latest version of each program in the catalog topic, by org and program."""
    latest: dict[tuple[int, int], Activation] = {}
    topic = place.catalog.name("programs")
    for message in read_all(log, partitions_of([topic], place.settings.partitions)):
        if message.value is not None:
            one = msgspec.json.decode(message.value, type=Activation)
            latest[one.org_id, one.program_id] = one
    return dict(sorted(latest.items()))


def predecessor_of(place: Place, log: Log, definition: ProgramDefinition) -> ProgramDefinition | None:
    """The latest version of the same program; None for a program that is new."""
    known = in_force(place, log).get((definition.org_id, definition.program_id))
    return None if known is None else ProgramDefinition.model_validate_json(known.definition)


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
    journal, value = place.catalog.name("journal"), encode_record(record)
    write(
        place,
        log,
        [
            *(Outgoing(journal, b"$program:" + key, value, number) for number in range(place.settings.partitions)),
            Outgoing(place.catalog.name("programs"), key, msgspec.json.encode(entry)),
        ],
    )
    return True


def write(place: Place, log: Log, messages: list[Outgoing]) -> None:
    """Write the messages in one transaction, as the command line (one command at a time)."""
    producer = log.producer(f"{place.settings.prefix}{place.settings.group}-command")
    try:
        producer.init(_TIMEOUT)
        producer.begin()
        producer.produce(messages)
        producer.commit(_TIMEOUT)
    finally:
        producer.close()
