"""Returns: what else a return undoes, after the points of its bill; and an update that leaves less of the bill.

RULE (order): values of milestones fall; milestones below their target are no longer met; their periods leave the
streaks on them; levels that no run reaches any more are no longer reached; then the rewards of all of these go, as the
program says. What is retired is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import structs

from pipeline.engine.bills.entries import bill_of, day_of_bill
from pipeline.engine.bills.state import Bill, MeasuredContribution, MilestoneContribution
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.claims import keep
from pipeline.engine.ledger.drawdown import Claim, draw
from pipeline.engine.ledger.state import Account
from pipeline.engine.ledger.undo import by_kind
from pipeline.engine.milestones.concern import counted_in, moved_windows, recorded, replaced_on
from pipeline.engine.milestones.members import goal_of, is_in, periods_of
from pipeline.engine.milestones.rolling import Change, Days, days_in, days_with, met_so_far, things_on
from pipeline.engine.milestones.rolling import fallen as window_fallen
from pipeline.engine.milestones.state import Progress
from pipeline.engine.milestones.tallies import left_by, left_of, measured_again, released
from pipeline.engine.programs import Program, Target
from pipeline.engine.rewards.keys import level_key, milestone_key
from pipeline.engine.rewards.state import Reward
from pipeline.engine.streaks.runs import holds
from pipeline.engine.streaks.value import lost, value_without
from schemas.facts import (
    Decision,
    KeptClaim,
    MilestoneLowered,
    MilestoneUnachieved,
    PointsReversed,
    StreakBroken,
    StreakLevelUnachieved,
)
from schemas.program import RewardPolicy
from schemas.records import TransactionReturned, TransactionUpdated


class _Undone(NamedTuple):
    """What a return undoes, in order, and the rewards that go with it."""

    decisions: list[Decision]
    keys: list[str]


def _undo(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    undone = _Undone(decisions=[], keys=[])
    missed = [
        target
        for target, counted in _counted_by(turn, bill)
        if (
            _lower_measured(turn, record.of_bill, bill, counted, target, undone)
            if isinstance(counted, MeasuredContribution)
            else _lower(turn, record.of_bill, bill, counted, target, undone)
        )
    ]
    return _finish(turn, record.of_bill, bill, missed, undone)


def _undo_correction(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    bill, of_bill = bill_of(turn.state, record.bill_number), record.bill_number
    if not corrected_in(turn, bill):
        return []
    undone = _Undone(decisions=[], keys=[])
    missed = [
        target
        for target, counted in _counted_by(turn, bill)
        if target.measure.plain and _lower(turn, of_bill, bill, counted, target, undone)
    ]
    sale, targets = counted_in(turn, bill)
    for target in targets:
        if target.measure.plain:
            continue
        again = measured_again(sale, target, record, bill)
        if target.window and target.measure.keys is not None:
            new = replaced_on(sale, target, again)
            if new is not None and new.falls:
                _fall_in_window(sale, of_bill, target, new.day, new.progress.value, new.days, new.change, undone)
                undone.decisions.extend(again.decisions)
        elif again.added < 0:
            if _fall(turn, of_bill, target, periods_of(sale, target).around(sale.day).number, -again.added, undone):
                missed.append(target)
            undone.decisions.extend(again.decisions)
    return _finish(turn, of_bill, bill, missed, undone)


def _counted_by(turn: ProgramTurn, bill: Bill) -> Iterator[tuple[Target, MilestoneContribution]]:
    """The milestones that count the bill and are not retired."""
    targets = {target.milestone_id: target for target in turn.program.targets}
    for counted in bill.parts[turn.program.id].milestones:
        if counted.milestone_id in targets:
            yield targets[counted.milestone_id], counted


def _finish(turn: ProgramTurn, of_bill: str, bill: Bill, missed: list[Target], undone: _Undone) -> list[Decision]:
    """What follows from targets that are met no longer: streaks, and the rewards of all of these."""
    for target in missed:
        _break(turn, of_bill, day_of_bill(turn.program, bill), target, undone)
    rewards = {key: turn.section.rewards[key] for key in undone.keys if key in turn.section.rewards}
    return undone.decisions + take_rewards(turn, of_bill, bill.paid_at, rewards)


def _lower(
    turn: ProgramTurn, of_bill: str, bill: Bill, counted: MilestoneContribution, target: Target, undone: _Undone
) -> bool:
    """The period's value falls by what is gone of the bill, or by a whole bill; whether its target is met no longer."""
    removed = counted.counted - bill.counts_for(bill.parts[turn.program.id], sums=counted.sums)
    return _fall(turn, of_bill, target, counted.period, removed, undone)


def _lower_measured(
    turn: ProgramTurn, of_bill: str, bill: Bill, counted: MeasuredContribution, target: Target, undone: _Undone
) -> bool:
    part = bill.parts[turn.program.id]
    removed = counted.counted - left_of(bill, part, counted.counted, counted.parts)
    gone: Collection[int] = ()
    if target.measure.keys is not None:
        gone = left_by(turn, counted) if part.returned_minor >= bill.amount_minor else ()
        removed = len(gone)
    undone.decisions.extend(released(of_bill, bill, part, counted))
    return _fall(turn, of_bill, target, counted.period, removed, undone, gone)


def _fall(
    turn: ProgramTurn,
    of_bill: str,
    target: Target,
    period: int,
    removed: int,
    undone: _Undone,
    gone: Collection[int] = (),
) -> bool:
    """The period's value falls, as some things have `gone` from it; whether its target is met no longer."""
    progress = turn.section.milestones.get(target.milestone_id, {}).get(period)
    if removed <= 0 or progress is None:
        return False
    value = progress.value - removed
    if target.window:
        left = {*things_on(turn, target, period)} - {*gone}
        days = days_with(turn, target, period, value, left)
        change = window_fallen(turn, target, days, period)
        _fall_in_window(turn, of_bill, target, period, value, days, change, undone)
        return False
    lost = progress.achieved and value < goal_of(turn, target)
    if not lost and not is_in(turn, target):
        fallen = recorded(turn, target, period, structs.replace(progress, value=value), -removed)
        undone.decisions.append(structs.replace(fallen, of_bill=of_bill))
        return False
    undone.decisions.append(
        MilestoneLowered(
            milestone_id=target.milestone_id,
            period=period,
            removed=removed,
            value=value,
            target=goal_of(turn, target),
            of_bill=of_bill,
        )
    )
    if not lost:
        return False
    undone.decisions.append(
        MilestoneUnachieved(milestone_id=target.milestone_id, period=period, value=value, target=goal_of(turn, target))
    )
    undone.keys.append(milestone_key(target.milestone_id, period))
    return True


def _fall_in_window(
    turn: ProgramTurn, of_bill: str, target: Target, day: int, value: int, days: Days, change: Change, undone: _Undone
) -> None:
    """What counts on one day of a rolling window falls to a value: the windows that are met, one fewer or moved.

    Where other days have the same things, the window loses nothing, and nobody is told; nor is who is not in it.
    """
    goal, before = goal_of(turn, target), days_in(turn, target)
    removed = before.value(day) - days.value(day)
    if removed > 0 and (change.lost is not None or is_in(turn, target)):
        undone.decisions.append(
            MilestoneLowered(
                milestone_id=target.milestone_id,
                period=day,
                removed=removed,
                value=days.value(day),
                target=goal,
                of_bill=of_bill,
                of_day=value,
            )
        )
    else:
        progress = Progress(ends_at=target.periods.around(day).ends_at, value=value)
        fallen = recorded(turn, target, day, progress, value - before.values.get(day, 0))
        undone.decisions.append(structs.replace(fallen, of_bill=of_bill))
    if change.lost is not None:
        number = met_so_far(turn, target.milestone_id)
        undone.decisions.append(
            MilestoneUnachieved(
                milestone_id=target.milestone_id,
                period=change.lost,
                value=days.value(change.lost),
                target=goal,
                number=number,
                still=change.lost in change.now,
            )
        )
        undone.keys.append(milestone_key(target.milestone_id, number))
    undone.decisions.extend(moved_windows(target, change))


def _break(turn: ProgramTurn, of_bill: str, paid_on: int, target: Target, undone: _Undone) -> None:
    """The period leaves the streaks on the milestone; levels beyond the longest run that is left are lost."""
    period = target.periods.around(paid_on)
    for streak in target.streaks:
        streak_id = streak.definition.id
        known = turn.section.streaks.get(streak_id)
        if known is None or not holds(known.runs, period.place):
            continue
        value = value_without(streak, known, period.place, target.periods.running(turn.day).place)
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


def take_rewards(turn: ProgramTurn, of_bill: str, paid_at: int, rewards: Mapping[str, Reward]) -> list[Decision]:
    """What goes of the rewards of what a bill undid, by what they were given for, as the program says."""
    policy = turn.program.returns
    if policy is None or policy.rewards is RewardPolicy.KEEP:
        return []
    claims: dict[str, list[Claim]] = {}
    keys: dict[str, list[str]] = {}
    for key, reward in rewards.items():
        for lot in reward.lots:
            account = account_of(turn.section, lot.currency)
            if lot.points and (policy.rewards is RewardPolicy.CLAWBACK or _unused(account, lot.lot_id, lot.points)):
                claims.setdefault(lot.currency, []).append(
                    Claim(rule_id=reward.rule_id, lot_id=lot.lot_id, points=lot.points)
                )
                keys.setdefault(lot.currency, []).append(key)
    reversals: list[PointsReversed] = []
    kept: list[Decision] = []
    for currency, some in claims.items():
        account = account_of(turn.section, currency)
        drawn = draw(account, some, policy.shortfall, paid_at)
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
        unmet = [
            KeptClaim(rule_id=one.rule_id, lots=(one.lot_id,), points=one.forgiven, activity=key)
            for one, key in zip(drawn.reversals, keys[currency], strict=True)
            if one.forgiven
        ]
        kept += keep(turn, currency, of_bill, unmet, policy.shortfall, paid_at)
    return [*by_kind(turn.program.currency, reversals), *kept]


def _unused(account: Account, lot_id: int, points: int) -> bool:
    left = {lot.lot_id: lot.open_points for lot in account.lots}
    left |= {lot.lot_id: lot.open_points for lot in account.promised_lots}
    return left.get(lot_id, 0) >= points


def _falls(program: Program) -> bool:
    return program.milestones_fall


UNDO: Final = ProgramStage(_undo, used=_falls)
UNDO_CORRECTION: Final = ProgramStage(_undo_correction, used=_falls)
