"""Tiers: looked at after what a record earned; a customer only moves up, over several tiers in one upgrade."""

from __future__ import annotations

from bisect import bisect_right

from pipeline.engine.ledger import account_of
from pipeline.engine.state import CustomerState
from pipeline.engine.turn import Turn
from schemas.facts import Fact, TierUpgraded
from schemas.records import CustomerRecord


def assess(turn: Turn, record: CustomerRecord) -> list[Fact]:  # noqa: ARG001 - a stage
    """One upgrade, from the old tier to the one that the basis reaches now."""
    program, section = turn.program, turn.section
    thresholds = program.tier_thresholds
    if not thresholds:
        return []
    if program.tiers_by_purchases:
        value = section.purchases_minor - section.returned_minor
    else:
        value = account_of(section, program.currency).lifetime
    reached = bisect_right(thresholds, value)
    if reached <= section.tier:
        return []
    return [
        TierUpgraded(turn.head.seq + 1, turn.cause, turn.at, program.id, program.version, section.tier, reached, value)
    ]


def note_upgraded(state: CustomerState, fact: TierUpgraded) -> None:
    """The tier is the one reached."""
    state.head.sections[fact.program_id].tier = fact.reached
