"""Tiers: assessed last, after everything that a record earned; a customer may move up several tiers in one upgrade."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, TierUpgraded
from schemas.records import CustomerRecord


def _has_tiers(program: Program) -> bool:
    return bool(program.tier_thresholds)


def _assess(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """One upgrade, from the old tier to the tier that the basis reaches now."""
    program, section = turn.program, turn.section
    if program.tiers_by_purchases:
        value = section.purchases_minor - section.returned_minor
    else:
        value = account_of(section, program.currency).lifetime
    reached = bisect_right(program.tier_thresholds, value)
    if reached <= section.tier:
        return []
    return [TierUpgraded(previous=section.tier, reached=reached, basis_value=value)]


def _note_upgraded(state: CustomerState, envelope: Envelope, decision: TierUpgraded) -> None:
    state.head.sections[envelope.program_id].tier = decision.reached


ASSESS: Final = ProgramStage(_assess, used=_has_tiers)
CONCERN: Final = Concern(name="tiers", effects={TierUpgraded: _note_upgraded})
