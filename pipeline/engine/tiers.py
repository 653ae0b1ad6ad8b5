"""Tiers: assessed last, after everything that a record earned.

RULE: a customer makes one move at a time: up, by one tier or several; or, when their tier is retired and they do not
rise, down to the next lower tier that is left.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, TierReassigned, TierUpgraded
from schemas.records import CustomerRecord


def _has_tiers(program: Program) -> bool:
    return bool(program.tier_thresholds)


def _assess(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """The move from the old tier to the tier that the basis reaches now, if any."""
    program, section = turn.program, turn.section
    if program.tiers_by_purchases:
        value = section.purchases_minor - section.returned_minor
    else:
        value = account_of(section, program.currency).lifetime
    tier = section.tier
    left = program.tiers_left
    reached = left[bisect_right(program.tier_thresholds, value)]
    if reached > tier:
        reached_id = program.tier_ids[reached]
        return [TierUpgraded(previous=tier, reached=reached, basis_value=value, reached_id=reached_id)]
    if tier in program.tiers_retired:
        reached = left[bisect_left(left, tier) - 1]
        reached_id = program.tier_ids[reached]
        return [TierReassigned(previous=tier, reached=reached, basis_value=value, reached_id=reached_id)]
    return []


def _note_tier(state: CustomerState, envelope: Envelope, decision: TierUpgraded | TierReassigned) -> None:
    section = state.head.sections[envelope.program_id]
    section.tier = decision.reached
    section.tier_id = decision.reached_id


ASSESS: Final = ProgramStage(_assess, used=_has_tiers)
CONCERN: Final = Concern(name="tiers", effects={TierUpgraded: _note_tier, TierReassigned: _note_tier})
