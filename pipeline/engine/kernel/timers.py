"""Timers that have one instant in each section: the earliest fires first, programs in id order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.state import Head, Section
from schemas.facts import Decision


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
