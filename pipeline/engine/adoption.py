"""Adoption: a customer's section follows the version of the program that is in force.

RULE (program change): lots keep their terms; progress and runs of removed subjects end silently; new ones begin.
"""

from __future__ import annotations

from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState, Section, first_due
from pipeline.engine.turn import Turn
from schemas.facts import Fact, ProgramAdopted


def adopt(turn: Turn, program: Program) -> list[Fact]:
    """At the first touch, and at the first touch after the program changed."""
    section = turn.head.sections.get(program.id)
    return [
        ProgramAdopted(
            turn.head.seq + 1,
            turn.cause,
            turn.at,
            program.id,
            program.version,
            0 if section is None else section.version,
            program.milestone_ids,
            program.streak_ids,
            program.base_tier,
        )
    ]


def follow(state: CustomerState, fact: ProgramAdopted) -> None:
    """The section is there, of this version, without what the program no longer has."""
    sections = state.head.sections
    section = sections.get(fact.program_id)
    if section is None:
        sections[fact.program_id] = Section(fact.program_version, fact.base_tier)
        return
    section.version = fact.program_version
    section.tier = max(section.tier, fact.base_tier)
    section.milestones = {key: value for key, value in section.milestones.items() if key in fact.milestones}
    section.streaks = {key: value for key, value in section.streaks.items() if key in fact.streaks}
    state.head.due = first_due(state.head)
