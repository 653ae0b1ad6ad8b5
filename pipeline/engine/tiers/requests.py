"""Tiers given by hand: a floor with an end of its own, released explicitly or by its end.

RULE: who asks that a customer have the tier of their values moves them in one step, up or down, not below a tier that
somebody gave: so members follow a version that raised its thresholds, which by itself takes no tier.
RULE: a tier given by hand takes nothing from who has a higher one; while it holds, nothing takes the customer below it,
and when it ends, the customer has what their own values give, or a higher tier that they had beside it. Who is given a
lower tier in place of one keeps that for a term of its own.
"""

from __future__ import annotations

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.tiers.values import basis_values, floor_of, now_of, tenure_of, term_from, tier_of_values, upgraded
from schemas.facts import (
    Decision,
    RecordRefused,
    Refusal,
    TierAssigned,
    TierDowngraded,
    TierMoved,
    TierReleased,
)
from schemas.records import AssignTier, ReassessTier, ReleaseTier


def assign(turn: ProgramTurn, record: AssignTier) -> list[Decision]:
    """The customer has at least this tier, through the day that the request names."""
    program, section = turn.program, turn.section
    number, rules = program.tier_numbers.get(record.tier), program.tier_rules
    if number is None or number in rules.retired:
        return [RecordRefused(reason=Refusal.TIER_UNKNOWN, subject=record.tier)]
    until = None if record.last_day is None else program.calendar.start_of(record.last_day + 1)
    if until is not None and until <= now_of(turn):
        return [RecordRefused(reason=Refusal.DATE_PASSED, subject=record.tier)]
    reached = max(number, section.tier)
    begins = reached > section.tier or _frees(turn, number)
    return [
        TierAssigned(
            previous=section.tier,
            reached=reached,
            reached_id=program.tier_ids[reached],
            assigned_id=record.tier,
            until=until,
            currency=rules.currency,
            term=term_from(turn, reached, turn.at + 1) if begins else None,
            reason=record.reason,
            entered_by=record.entered_by,
            last_day=record.last_day,
        )
    ]


def _frees(turn: ProgramTurn, number: int) -> bool:
    """Whether the tier that the customer has was given, with no end but that, and is no longer where this one is."""
    section, program = turn.section, turn.program
    held = max(number, floor_of(section, program, but=("",)))
    has_no_end = program.tier_rules.definition.validity is not None and tenure_of(section).expires_on is None
    return held < section.tier and has_no_end


def reassess(turn: ProgramTurn, _record: ReassessTier) -> list[Decision]:
    """The customer moves to the tier of their values, be it higher or lower; who is in it stays."""
    program, section, now = turn.program, turn.section, now_of(turn)
    if not section.tier:
        return [RecordRefused(reason=Refusal.TIER_UNKNOWN, subject=program.definition.name)]
    reached = tier_of_values(section, program, now)
    if reached == section.tier:
        return []
    values, rules = basis_values(section, program, now), program.tier_rules
    if reached > section.tier:
        return [upgraded(turn, reached, values, turn.at + 1, TierMoved.REQUEST)]
    measured, needed = rules.upgrade.decisive(values, section.tier)
    return [
        TierDowngraded(
            previous=section.tier,
            reached=reached,
            reached_id=program.tier_ids[reached],
            measured=measured,
            needed=needed,
            mark=0,
            term=term_from(turn, reached, turn.at + 1),
            by=TierMoved.REQUEST,
        )
    ]


def release(turn: ProgramTurn, record: ReleaseTier) -> list[Decision]:
    """The tier that somebody gave holds no longer."""
    if not tenure_of(turn.section).floor_id:
        return [RecordRefused(reason=Refusal.TIER_NOT_ASSIGNED, subject=turn.section.tier_id)]
    section, floor = turn.section, floor_of(turn.section, turn.program, but=("",))
    return [released(turn, turn.at + 1, section.tier, floor, record.reason, record.entered_by)]


def released(
    turn: ProgramTurn,
    begins_at: int,
    previous: int,
    floor: int,
    reason: str = "",
    entered_by: str = "",
    reward_of: str = "",
    *,
    taken: bool = False,
) -> TierReleased:
    """A customer of the tier `previous` has that of their own values, not below what else was given (`floor`).

    Who has a higher tier than the one that holds no longer did not have it from that, and keeps it.
    """
    program, section, rules = turn.program, turn.section, turn.program.tier_rules
    tenure = tenure_of(section)
    values = basis_values(section, program, now_of(turn))
    given = tenure.rewards[reward_of].tier_id if reward_of else tenure.floor_id
    reached = previous
    if program.tier_numbers.get(given, previous) >= previous:
        reached = min(previous, max(rules.upgrade.reached(values), floor))
    begins = reached < previous or (tenure.expires_on is None and reached > floor)
    return TierReleased(
        previous=previous,
        reached=reached,
        reached_id=program.tier_ids[reached],
        basis_value=rules.upgrade.decisive(values, reached).value,
        term=term_from(turn, reached, begins_at) if begins else None,
        reason=reason,
        entered_by=entered_by,
        reward_of=reward_of,
        taken=taken,
    )
