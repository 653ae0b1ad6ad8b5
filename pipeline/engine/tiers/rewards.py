"""Tiers as rewards: what milestones, unified targets and streak levels give, and what goes when a return undoes them.

RULE (reward): such a tier is held as one that is given by hand: the customer does not fall below it while it holds, and
when its time is up they have what their own values give. It is given once for each milestone or unified target and
cycle, or level; each for itself, so one that ends or is taken back leaves the others, and what was given by hand.
RULE (taken back): as the program says of rewards. A tier is used with the first bill that is paid after it was given.
What is achieved again after that gives the rest of the time it had, and nothing when its time is up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.programs import DAY_MS, Program
from pipeline.engine.rewards.keys import level_key, milestone_key, unified_key
from pipeline.engine.streaks.extending import settled_at
from pipeline.engine.tiers.requests import released
from pipeline.engine.tiers.state import Rewarded
from pipeline.engine.tiers.terms import last_day
from pipeline.engine.tiers.values import floor_of, now_of, tenure_of, term_from, today
from schemas.facts import (
    Decision,
    MilestoneAchieved,
    MilestoneUnachieved,
    StreakLevelReached,
    StreakLevelUnachieved,
    TierAssigned,
    UnifiedAchieved,
    UnifiedUnachieved,
)
from schemas.program import RewardPolicy, TierReward
from schemas.records import CustomerRecord


class _Reward(NamedTuple):
    """A tier that something gives which the turn achieved, or lost."""

    key: str
    """As `PointsIssued.activity`."""
    tier: TierReward
    final_at: int
    """The instant from which on no return takes it back."""


def _give(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    """The tiers that the turn's achievements give."""
    begins_at = turn.at if record is None else turn.at + 1
    now, decisions = turn.section.tier, list[Decision]()
    for reward in _achieved(turn):
        given = _given(turn, reward, now, begins_at)
        if given is not None:
            decisions.append(given)
            now = given.reached
    return decisions


def _achieved(turn: ProgramTurn) -> Iterator[_Reward]:
    rewards, falls = turn.program.tier_rewards, turn.program.milestones_fall
    window = (turn.program.return_days or 0) * DAY_MS
    for one in turn.made:
        if isinstance(one, MilestoneAchieved) and (tier := rewards.get(f"milestone/{one.milestone_id}")) is not None:
            ends_at = _over_at(turn, one)
            key = milestone_key(one.milestone_id, one.number or one.period)
            yield _Reward(key=key, tier=tier, final_at=ends_at + window if falls else 0)
        elif isinstance(one, UnifiedAchieved) and (tier := rewards.get(f"unified/{one.unified_id}")) is not None:
            key = unified_key(one.unified_id, one.number or one.period)
            ends_at = one.ends_at if not one.number else max(turn.section.unified[one.unified_id].values())
            yield _Reward(key=key, tier=tier, final_at=ends_at + window if falls else 0)
        elif isinstance(one, StreakLevelReached):
            tier = rewards.get(f"streak/{one.streak_id}/{one.level}")
            if tier is not None:
                ends_at = settled_at(turn, one.streak_id)
                key = level_key(one.streak_id, one.level, one.again)
                yield _Reward(key=key, tier=tier, final_at=ends_at + window if falls else 0)


def _over_at(turn: ProgramTurn, met: MilestoneAchieved) -> int:
    """When the cycle is over, or the last of the windows that are met: a reward belongs to a place among them."""
    periods = turn.section.milestones[met.milestone_id]
    return max(one.ends_at for one in periods.values()) if met.number else periods[met.period].ends_at


def _given(turn: ProgramTurn, reward: _Reward, now: int, begins_at: int) -> TierAssigned | None:
    """The reward, once; of one that holds no longer the rest."""
    program, section = turn.program, turn.section
    known = tenure_of(section).rewards.get(reward.key)
    until = _until(turn, reward.tier) if known is None else known.until
    if (known is not None and not known.taken) or until <= now_of(turn) or _adds_nothing(turn, reward, until):
        return None
    number = program.tier_numbers[reward.tier.id]
    reached = max(number, now)
    return TierAssigned(
        previous=now,
        reached=reached,
        reached_id=program.tier_ids[reached],
        assigned_id=reward.tier.id,
        until=None if until == NEVER else until,
        currency=program.tier_rules.currency,
        term=term_from(turn, reached, begins_at) if reached > now else None,
        reason="",
        entered_by="",
        reward_of=reward.key,
        final_at=min(reward.final_at, NEVER),
        last_day=None if until == NEVER else program.calendar.day_of(until - 1),
    )


def _until(turn: ProgramTurn, reward: TierReward) -> int:
    """The instant at which a reward that is given today is over."""
    if reward.validity is None:
        return NEVER
    calendar = turn.program.calendar
    registered_on = calendar.day_of(turn.head.registered_at or turn.at)
    return calendar.start_of(last_day(reward.validity, today(turn), registered_on) + 1)


def _adds_nothing(turn: ProgramTurn, reward: _Reward, until: int) -> bool:
    """Whether the customer has as much for at least as long, and no return takes it back: so rewards do not pile up."""
    numbers = turn.program.tier_numbers
    return any(
        not one.taken
        and one.final_at <= turn.head.horizon
        and one.until >= until
        and numbers.get(one.tier_id, 0) >= numbers[reward.tier.id]
        for one in tenure_of(turn.section).rewards.values()
    )


def _take(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """The tiers that go with what a return or an update undid."""
    rewards, now = tenure_of(turn.section).rewards, turn.section.tier
    policy = None if turn.program.returns is None else turn.program.returns.rewards
    gone: list[str] = []
    decisions: list[Decision] = []
    for key in _lost(turn):
        known = rewards.get(key)
        if known is None or known.taken or (policy is RewardPolicy.REVOKE_IF_UNUSED and _used(turn, known)):
            continue
        gone.append(key)
        floor = floor_of(turn.section, turn.program, but=gone)
        taken = released(turn, turn.at + 1, now, floor, reward_of=key, taken=True)
        decisions.append(taken)
        now = taken.reached
    return decisions


def _lost(turn: ProgramTurn) -> Iterator[str]:
    for one in turn.made:
        if isinstance(one, MilestoneUnachieved):
            yield milestone_key(one.milestone_id, one.number or one.period)
        elif isinstance(one, UnifiedUnachieved):
            yield unified_key(one.unified_id, one.number or one.period)
        elif isinstance(one, StreakLevelUnachieved):
            yield level_key(one.streak_id, one.level, one.again)


def _used(turn: ProgramTurn, reward: Rewarded) -> bool:
    return turn.section.transactions > reward.bills


def _gives(program: Program) -> bool:
    return bool(program.tier_rewards)


def _takes(program: Program) -> bool:
    policy = program.returns
    keeps = policy is None or policy.rewards is RewardPolicy.KEEP
    return bool(program.tier_rewards) and program.milestones_fall and not keeps


GIVE: Final = ProgramStage(_give, used=_gives)
TAKE: Final = ProgramStage(_take, used=_takes)
