"""Rewards: what a milestone or a streak level gave belongs to it, whichever bill tipped it.

RULE: what is achieved again gives exactly what returns had taken back of its reward, never a second reward.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, issue
from pipeline.engine.ledger.uses import all_tracked, tracked
from pipeline.engine.merging import sections
from pipeline.engine.programs import DAY_MS
from pipeline.engine.rewards.keys import level_key
from pipeline.engine.rewards.state import Reward, RewardLot
from pipeline.engine.state import CustomerState, Section
from schemas.facts import (
    AlternatePointsReversed,
    Decision,
    Envelope,
    PointsCancelled,
    PointsIssued,
    PointsReclaimed,
    PointsReversed,
    RecordRefused,
    RewardKept,
    SectionHandedOver,
    SectionTakenOver,
    StreakLevelUnachieved,
    movements_in,
)


class Achieved(NamedTuple):
    """A subject that is achieved, with its reward."""

    key: str
    """As `PointsIssued.activity`."""
    rule_id: str
    award: Activity | None
    """None for no points."""
    ends_at: int | None
    """The end of the subject's period; None for a subject that is kept for ever."""


def reward_of(section: Section, key: str, points: int) -> int:
    """What the subject gives now: `points`, or what was taken back where it was achieved before."""
    known = section.rewards.get(key)
    return points if known is None else known.taken


def give(turn: ProgramTurn, achieved: Sequence[Achieved]) -> list[Decision]:
    """Issue the rewards; where returns can undo what was achieved, it is kept what each of them is."""
    activities = [one.award for one in achieved if one.award is not None]
    decisions = issue(turn, activities) if activities else []
    if decisions and type(decisions[-1]) is RecordRefused:
        return decisions
    if not turn.program.milestones_fall:
        return decisions + all_tracked(decisions, turn)
    issued = [one for decision in decisions for one in movements_in(decision) if isinstance(one, PointsIssued)]
    window = (turn.program.return_days or 0) * DAY_MS
    for one in achieved:
        given = [points for points in issued if points.activity == one.key]
        decisions.append(
            RewardKept(
                activity=one.key,
                rule_id=one.rule_id,
                until=0 if one.ends_at is None else one.ends_at + window,
                awards=tuple(award for points in given for award in points.awards),
                currency=given[0].currency if given else "",
            )
        )
        if turn.program.tracks_lots:
            decisions += [tracked(points, turn, one.ends_at) for points in given]
    return decisions


def _note_kept(state: CustomerState, envelope: Envelope, decision: RewardKept) -> None:
    """The reward is known by its subject; what is achieved and no return reaches any more is forgotten."""
    rewards = state.head.sections[envelope.program_id].rewards
    horizon = state.head.horizon
    for key in [key for key, reward in rewards.items() if reward.until and reward.until <= horizon]:
        del rewards[key]
    reward = rewards.get(decision.activity)
    if reward is None:
        reward = rewards[decision.activity] = Reward(rule_id=decision.rule_id, at=envelope.at, until=decision.until)
    reward.at = envelope.at
    reward.until = decision.until
    reward.taken = 0
    reward.lots = [lot for lot in reward.lots if lot.points]
    reward.lots += [
        RewardLot(currency=decision.currency, lot_id=award.lot_id, points=award.points) for award in decision.awards
    ]


def _note_level_lost(state: CustomerState, envelope: Envelope, decision: StreakLevelUnachieved) -> None:
    """A level may be reached again whenever: so it is kept until then what it gave."""
    key = level_key(decision.streak_id, decision.level, decision.again)
    reward = state.head.sections[envelope.program_id].rewards.get(key)
    if reward is not None:
        reward.until = 0


def _note_reversed(state: CustomerState, envelope: Envelope, decision: PointsReversed) -> None:
    """What was taken of a reward is given when its subject is achieved again."""
    if not decision.rewards:
        return
    rewards = state.head.sections[envelope.program_id].rewards.values()
    for reversal in decision.reversals:
        for reward, lot in _find(rewards, decision.currency, reversal.rule_id, reversal.lot_id):
            points = reversal.points + reversal.beyond
            lot.points -= points
            reward.taken += points


def _note_cancelled(state: CustomerState, envelope: Envelope, decision: PointsCancelled) -> None:
    """A reward that is cancelled is asked back no more, and not given again."""
    gone = {(decision.currency, reversal.lot_id) for reversal in decision.reversals}
    for reward in state.head.sections[envelope.program_id].rewards.values():
        reward.lots = [lot for lot in reward.lots if (lot.currency, lot.lot_id) not in gone]


def _find(rewards: Iterable[Reward], currency: str, rule_id: str, lot_id: int) -> Iterator[tuple[Reward, RewardLot]]:
    """The one of that lot; none where the reward has been forgotten before its points came back."""
    for reward in rewards:
        for lot in reward.lots if reward.rule_id == rule_id else ():
            if (lot.currency, lot.lot_id) == (currency, lot_id):
                yield reward, lot


def _note_each(state: CustomerState, envelope: Envelope, decision: AlternatePointsReversed) -> None:
    for one in decision.currencies:
        _note_reversed(state, envelope, one)


CONCERN: Final = Concern(
    name="rewards",
    effects={
        RewardKept: _note_kept,
        StreakLevelUnachieved: _note_level_lost,
        PointsReversed: _note_reversed,
        PointsReclaimed: _note_reversed,
        SectionHandedOver: sections.emptied("rewards"),
        SectionTakenOver: sections.note_rewards,
        PointsCancelled: _note_cancelled,
        AlternatePointsReversed: _note_each,
    },
)
