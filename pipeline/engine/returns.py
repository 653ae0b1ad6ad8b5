"""Returns: what else a return undoes, after the points of its bill.

RULE (order): values of milestones fall; milestones below their target are no longer met; their periods leave the
streaks on them; levels that no run reaches any more are no longer reached; then the rewards of all of these go, as the
program says. What is retired is left alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import Bill, BillPart, MeasuredContribution, MilestoneContribution
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.drawdown import Claim, draw
from pipeline.engine.ledger.state import Account
from pipeline.engine.ledger.undo import by_kind
from pipeline.engine.milestones.tallies import fallen, left_by, released
from pipeline.engine.programs import Program, Target
from pipeline.engine.rewards.state import Reward
from pipeline.engine.streaks.extending import level_key
from pipeline.engine.streaks.runs import holds
from pipeline.engine.streaks.value import lost, value_without
from schemas.facts import (
    Decision,
    MilestoneLowered,
    MilestoneUnachieved,
    PointsReversed,
    StreakBroken,
    StreakLevelUnachieved,
)
from schemas.program import RewardPolicy
from schemas.records import TransactionReturned


class _Undone(NamedTuple):
    """What a return undoes, in order, and the rewards that go with it."""

    decisions: list[Decision]
    keys: list[str]


def _undo(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    part = bill.parts[turn.program.id]
    undone = _Undone(decisions=[], keys=[])
    fallen: list[Target] = []
    targets = {target.milestone_id: target for target in turn.program.targets}
    for counted in part.milestones:
        target = targets.get(counted.milestone_id)
        if target is not None and _lower(turn, record.of_bill, bill, part, counted, target, undone):
            fallen.append(target)
    for target in fallen:
        _break(turn, record.of_bill, turn.program.calendar.day_of(bill.paid_at), target, undone)
    rewards = [turn.section.rewards[key] for key in undone.keys if key in turn.section.rewards]
    return undone.decisions + _take_rewards(turn, record.of_bill, bill.paid_at, rewards)


def _lower(
    turn: ProgramTurn,
    of_bill: str,
    bill: Bill,
    part: BillPart,
    counted: MilestoneContribution,
    target: Target,
    undone: _Undone,
) -> bool:
    """The period's value falls by what came back, or by a whole bill; whether its target is met no longer."""
    progress = turn.section.milestones.get(counted.milestone_id, {}).get(counted.period)
    if isinstance(counted, MeasuredContribution):
        removed = fallen(bill, part, counted.added, tuple(counted.parts)) - counted.removed
        if target.measure.keys is not None:
            removed = left_by(turn, counted) if part.returned_minor >= bill.amount_minor else 0
        undone.decisions.extend(released(of_bill, bill, part, counted))
    else:
        whole = counted.added if part.returned_minor >= bill.amount_minor else 0
        removed = (part.returned_minor if counted.sums else whole) - counted.removed
    if removed <= 0 or progress is None:
        return False
    value = progress.value - removed
    undone.decisions.append(
        MilestoneLowered(
            milestone_id=counted.milestone_id,
            period=counted.period,
            removed=removed,
            value=value,
            target=target.goal,
            of_bill=of_bill,
        )
    )
    if not progress.achieved or value >= target.goal:
        return False
    undone.decisions.append(
        MilestoneUnachieved(milestone_id=counted.milestone_id, period=counted.period, value=value, target=target.goal)
    )
    undone.keys.append(f"milestone/{counted.milestone_id}/{counted.period}")
    return True


def _break(turn: ProgramTurn, of_bill: str, paid_on: int, target: Target, undone: _Undone) -> None:
    """The period leaves the streaks on the milestone; levels beyond the longest run that is left are lost."""
    period = target.periods.around(paid_on)
    for streak in target.streaks:
        streak_id = streak.definition.id
        known = turn.section.streaks.get(streak_id)
        if known is None or not holds(known.runs, period.place):
            continue
        value = value_without(streak, known, period.place, target.periods.around(turn.day).place)
        undone.decisions.append(
            StreakBroken(
                streak_id=streak_id,
                period=period.number,
                run=value.run,
                longest=value.longest,
                skipped=period.skipped,
                standing=value.standing,
            )
        )
        for level, again in lost(streak, known, value):
            key = level_key(streak_id, level, again)
            reward = turn.section.rewards.get(key)
            undone.decisions.append(
                StreakLevelUnachieved(
                    streak_id=streak_id,
                    level=level,
                    period=period.number,
                    run=value.run,
                    achieved_at=turn.at if reward is None else reward.at,
                    of_bill=of_bill,
                    again=again,
                )
            )
            undone.keys.append(key)


def _take_rewards(turn: ProgramTurn, of_bill: str, paid_at: int, rewards: list[Reward]) -> list[Decision]:
    policy = turn.program.returns
    if policy is None or policy.rewards is RewardPolicy.KEEP:
        return []
    claims: dict[str, list[Claim]] = {}
    for reward in rewards:
        for lot in reward.lots:
            account = account_of(turn.section, lot.currency)
            if lot.points and (policy.rewards is RewardPolicy.CLAWBACK or _unused(account, lot.lot_id, lot.points)):
                claims.setdefault(lot.currency, []).append(
                    Claim(rule_id=reward.rule_id, lot_id=lot.lot_id, points=lot.points)
                )
    reversals: list[PointsReversed] = []
    for currency, some in claims.items():
        account = account_of(turn.section, currency)
        drawn = draw(account, some, policy.shortfall)
        reversals.append(
            PointsReversed(
                currency=currency,
                points=drawn.points,
                of_bill=of_bill,
                reversals=drawn.reversals,
                reversed_of_bill=drawn.points,
                balance=account.balance - (drawn.points - drawn.promised - drawn.owed),
                lifetime=account.lifetime - (drawn.points - drawn.promised),
                promised_reversed_of_bill=drawn.promised,
                others=drawn.others,
                owed=drawn.owed,
                paid_at=paid_at,
                rewards=True,
            )
        )
    return by_kind(turn.program.currency, reversals)


def _unused(account: Account, lot_id: int, points: int) -> bool:
    left = {lot.lot_id: lot.open_points for lot in account.lots}
    left |= {lot.lot_id: lot.open_points for lot in account.promised_lots}
    return left.get(lot_id, 0) >= points


def _falls(program: Program) -> bool:
    return program.milestones_fall


UNDO: Final = ProgramStage(_undo, used=_falls)
