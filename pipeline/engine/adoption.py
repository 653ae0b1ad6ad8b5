"""Adoption: a customer's section follows the version of the program that is in force.

RULE (program change): lots keep their terms, members their tier by its id, retired subjects their state until its time
is up; new subjects begin. What the new version gives for what is there already is decided at once.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState, Head, Section
from schemas.facts import Decision, Envelope, ProgramAdopted


def adopt(head: Head, program: Program) -> list[Decision]:
    """Runs when a customer is first seen in a program, and at their first record or timer after it changed."""
    section = head.sections.get(program.id)
    tier = program.base_tier if section is None else program.tier_numbers.get(section.tier_id, program.base_tier)
    return [
        ProgramAdopted(
            previous_version=0 if section is None else section.version,
            milestones=program.milestone_ids,
            streaks=program.streak_ids,
            tier=tier,
            tier_id=program.tier_ids[tier],
        )
    ]


def _follow(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """Creates the section or moves it to this version; each concern removes its own outdated state."""
    sections = state.head.sections
    section = sections.get(envelope.program_id)
    if section is None:
        section = sections[envelope.program_id] = Section(version=envelope.version)
    section.version = envelope.version
    section.tier = decision.tier
    section.tier_id = decision.tier_id


CONCERN: Final = Concern(name="adoption", effects={ProgramAdopted: _follow})
