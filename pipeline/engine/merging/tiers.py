"""The tier of a customer who is merged: the survivor has it where it is higher.

RULE: a tier that was given, by hand or as a reward, holds at the survivor for as long as it would have, beside what the
survivor was given; of two that were given by hand the higher one, and of one tier the longer. Apart from those the
victim had the tier of their own values.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.state import Section
from pipeline.engine.tiers.values import basis_values, floor_of, now_of, tenure_of, term_from, upgraded
from schemas.facts import Decision, TierAssigned, TierMoved
from schemas.records import MergedTier, TakeOverSection


def own_tier(turn: ProgramTurn) -> str:
    """The id of the tier that the victim has without those that were given."""
    section, program = turn.section, turn.program
    floor = floor_of(section, program)
    if not floor or floor < section.tier:
        return section.tier_id
    return program.tier_ids[program.tier_rules.upgrade.reached(basis_values(section, program, now_of(turn)))]


def given(section: Section) -> Iterator[MergedTier]:
    """The tiers that were given to the victim and hold."""
    tenure = tenure_of(section)
    if tenure.floor_id:
        yield MergedTier(tier_id=tenure.floor_id, until=tenure.floor_until)
    for key, reward in tenure.rewards.items():
        if not reward.taken:
            yield MergedTier(tier_id=reward.tier_id, until=reward.until, reward_of=key)


def raise_tier(turn: ProgramTurn, record: TakeOverSection) -> list[Decision]:
    """The victim's tier, where it is higher, and what was given."""
    program, now = turn.program, turn.section.tier
    decisions: list[Decision] = []
    reached = program.tier_numbers.get(record.tier_id, 0)
    if reached > now and reached not in program.tier_rules.retired:
        values = basis_values(turn.section, program, now_of(turn))
        decisions.append(upgraded(turn, reached, values, turn.at + 1, TierMoved.MERGE))
        now = reached
    for one in record.given:
        assigned = _assigned(turn, one, now, record.sender_id)
        if assigned is not None:
            decisions.append(assigned)
            now = assigned.reached
    return decisions


def _assigned(turn: ProgramTurn, one: MergedTier, now: int, victim: int) -> TierAssigned | None:
    program, rules, tenure = turn.program, turn.program.tier_rules, tenure_of(turn.section)
    number = program.tier_numbers.get(one.tier_id, 0)
    if not number or number in rules.retired or one.until <= now_of(turn):
        return None
    by_hand = (program.tier_numbers.get(tenure.floor_id, 0), tenure.floor_until)
    if not one.reward_of and by_hand >= (number, one.until):
        return None
    reached = max(number, now)
    return TierAssigned(
        previous=now,
        reached=reached,
        reached_id=program.tier_ids[reached],
        assigned_id=one.tier_id,
        until=None if one.until == NEVER else one.until,
        currency=rules.currency,
        term=term_from(turn, reached, turn.at + 1) if reached > now else None,
        reason="",
        entered_by="",
        reward_of=f"{one.reward_of}/of/{victim}" if one.reward_of else "",
        last_day=None if one.until == NEVER else program.calendar.day_of(one.until - 1),
    )
