"""Timers with one instant in each section, or in each part of one: the earliest fires first, programs in id order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.state import Head, Section
from schemas.facts import Decision

_Part = TypeVar("_Part")


def section_timer(
    *,
    kind: int,
    name: str,
    at: Callable[[Section], int],
    fire: Callable[[ProgramTurn, Subject], Sequence[Decision]],
) -> Timer:
    """A timer that falls due in a section at the instant `at`; `NEVER` where it does not."""

    def due(head: Head) -> int:
        return min(map(at, head.sections.values()), default=NEVER)

    def first(head: Head, due: int) -> Subject:
        program_id = min(number for number, section in head.sections.items() if at(section) == due)
        return Subject(program_id=program_id, key=str(program_id), part=None)

    return Timer(kind=kind, name=name, due=due, first=first, fire=fire)


def part_timer(
    *,
    kind: int,
    name: str,
    parts: Callable[[Section], Mapping[str, _Part]],
    at: Callable[[_Part], int],
    fire: Callable[[ProgramTurn, Subject], Sequence[Decision]],
    key: Callable[[_Part], str] | None = None,
) -> Timer:
    """A timer that falls due in a part of a section at the instant `at`; `NEVER` where it does not.

    Programs in id order, then parts by id. `key` names what is due first within a part, where a late record may bring
    something that falls due at an instant that is settled already.
    """

    def due(head: Head) -> int:
        due = NEVER
        for section in head.sections.values():
            for part in parts(section).values():
                due = min(due, at(part))
        return due

    def first(head: Head, due: int) -> Subject:
        return next(
            Subject(
                program_id=program_id,
                key=f"{program_id}/{part_id}" if key is None else f"{program_id}/{part_id}/{key(part)}",
                part=part_id,
            )
            for program_id, section in sorted(head.sections.items())
            for part_id, part in sorted(parts(section).items())
            if at(part) == due
        )

    return Timer(kind=kind, name=name, due=due, first=first, fire=fire)
