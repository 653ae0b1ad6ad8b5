"""Moves the members of a program to the tiers in force: who would move, and a command for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipeline.cli.activating import activations, in_force_or_later
from pipeline.cli.place import Place, Unusable
from pipeline.cli.reading import partitions_of, read_all
from pipeline.engine.programs import Program
from pipeline.engine.state import Head, decode_head
from pipeline.engine.tiers.values import tier_of_values
from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Log, Outgoing
from pipeline.runtime.state.store_port import ENTRY_MARK
from schemas.messages import ReassessTier
from schemas.program import ProgramDefinition


class Move(NamedTuple):
    """What becomes of one member, by the names of the tiers."""

    customer_id: int
    previous: str
    reached: str


class Moves(NamedTuple):
    """Who would move."""

    program: ProgramDefinition
    members: int
    moves: tuple[Move, ...]
    behind: int
    """Members who have not adopted the version in force yet: they are left alone."""


def moves_of(place: Place, log: Log, org_id: int, program_id: int, now: int) -> Moves:
    """Who has another tier than their values give in the version in force; raises `Unusable` without one with tiers."""
    versions = activations(place, log).get((org_id, program_id), [])
    in_force = in_force_or_later(versions, now)
    definition = ProgramDefinition.model_validate_json(in_force[0].definition) if in_force else None
    if definition is None or definition.tiers is None or not in_force[0].has_started(now):
        message = f"program {program_id} of org {org_id} is not in force, or has no tiers: see accrue program show"
        raise Unusable(message)
    program, levels = Program(definition), definition.tiers.levels
    members = behind = 0
    moves: list[Move] = []
    for head in _heads(place, log, org_id):
        section = head.sections.get(program_id)
        if section is None:
            continue
        members += 1
        if section.version != program.version:
            behind += 1
            continue
        reached = tier_of_values(section, program, max(now, head.clock))
        if reached != section.tier:
            names = (levels[number - 1].name for number in (section.tier, reached))
            moves.append(Move(head.customer_id, *names))
    return Moves(program=definition, members=members, moves=tuple(moves), behind=behind)


def commands(place: Place, moves: Moves, reason: str, entered_by: str, now: int) -> list[Outgoing]:
    """A message for each member who moves; sent again for the same version, it counts once."""
    topic, program = place.catalog.name("commands"), moves.program
    return [
        Outgoing(
            topic,
            input_key(program.org_id, move.customer_id),
            msgspec.json.encode(
                ReassessTier(
                    org_id=program.org_id,
                    customer_id=move.customer_id,
                    id=f"reassess-{program.program_id}-{program.version}-{move.customer_id}",
                    event_time=now,
                    program_id=program.program_id,
                    reason=reason,
                    entered_by=entered_by,
                )
            ),
        )
        for move in moves.moves
    ]


def _heads(place: Place, log: Log, org_id: int) -> Iterator[Head]:
    """The last state of every customer of the org."""
    prefix, latest = b"%d:" % org_id, {}
    for message in read_all(log, partitions_of([place.catalog.name("state")], place.settings.partitions)):
        key = message.key or b""
        if key.startswith(prefix) and ENTRY_MARK not in key:
            latest[key] = message.value
    return (decode_head(raw) for _, raw in sorted(latest.items()) if raw is not None)
