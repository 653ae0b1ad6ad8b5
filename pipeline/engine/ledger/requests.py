"""Redemption and adjustment: points that are spent, given or taken on request."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.ledger.accounts import account_of, take
from pipeline.engine.ledger.issue import Activity, Candidate, issue
from pipeline.engine.programs import Program
from schemas.facts import Decision, IssuedFor, PointsDebited, PointsRedeemed, RecordRefused, Refusal
from schemas.records import AdjustPoints, BlockPoints, RedeemPoints, ReleasePoints


def address(turn: Turn, record: RedeemPoints | AdjustPoints | BlockPoints | ReleasePoints) -> list[Decision]:
    """The program that the request names must be in force."""
    if turn.org.get(record.program_id) is not None:
        return []
    return [RecordRefused(reason=Refusal.PROGRAM_UNKNOWN, subject=str(record.program_id))]


def redeem(turn: ProgramTurn, record: RedeemPoints) -> list[Decision]:
    """The points leave the lots that expire soonest, or the redemption is refused."""
    program = turn.program
    if record.program_id != program.id:
        return []
    account = account_of(turn.section, program.currency)
    refusal = _refusal_of_redemption(record, account.balance, program)
    if refusal is not None:
        return [_refused(refusal, record)]
    return [
        PointsRedeemed(
            currency=program.currency,
            points=record.points,
            redemption_id=record.id,
            taken=take(account, record.points),
            balance=account.balance - record.points,
            value_minor=record.points * program.definition.points.value_minor,
            bill_number=record.bill_number,
            notes=record.notes,
        )
    ]


def adjust(turn: ProgramTurn, record: AdjustPoints) -> Sequence[Decision]:
    """Points given are a lot of their own; points taken leave the lots that expire soonest."""
    program = turn.program
    if record.program_id != program.id:
        return []
    account = account_of(turn.section, program.currency)
    refusal = _refusal_of_adjustment(record, account.balance, program)
    if refusal is not None:
        return [_refused(refusal, record)]
    if record.points > 0:
        award = Candidate(issued_for=IssuedFor.ADJUSTMENT, rule_id=record.reason, points=record.points)
        return issue(turn, (Activity(key="", candidates=(award,)),))
    points = -record.points
    return [
        PointsDebited(
            currency=program.currency,
            points=points,
            reason=record.reason,
            taken=take(account, points),
            balance=account.balance - points,
        )
    ]


def _refusal_of_redemption(record: RedeemPoints, balance: int, program: Program) -> Refusal | None:
    if record.currency not in ("", program.currency):
        return Refusal.CURRENCY_UNKNOWN
    if record.points <= 0:
        return Refusal.POINTS_NOT_POSITIVE
    if record.points < program.definition.redemption.minimum_points:
        return Refusal.BELOW_MINIMUM
    if record.points > balance:
        return Refusal.BALANCE_TOO_LOW
    return None


def _refusal_of_adjustment(record: AdjustPoints, balance: int, program: Program) -> Refusal | None:
    if record.currency not in ("", program.currency):
        return Refusal.CURRENCY_UNKNOWN
    if record.points == 0:
        return Refusal.POINTS_NOT_POSITIVE
    if balance + record.points < 0:
        return Refusal.BALANCE_TOO_LOW
    return None


def _refused(reason: Refusal, record: RedeemPoints | AdjustPoints) -> RecordRefused:
    subject = record.currency if reason is Refusal.CURRENCY_UNKNOWN else str(record.points)
    return RecordRefused(reason=reason, subject=subject)
