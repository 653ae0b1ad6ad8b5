"""Redemption and adjustment: points that are spent, given or taken on request."""

from __future__ import annotations

from pipeline.engine.ledger import account_of, issue, take
from pipeline.engine.programs import Program
from pipeline.engine.turn import Turn
from schemas.facts import Fact, IssuedFor, PointsDebited, PointsRedeemed, RecordRefused, Refusal
from schemas.records import AdjustPoints, RedeemPoints


def address(turn: Turn, record: RedeemPoints | AdjustPoints) -> list[Fact]:
    """The program that the request names must be in force."""
    if turn.org.get(record.program_id) is not None:
        return []
    return [
        RecordRefused(
            turn.head.seq + 1,
            turn.cause,
            turn.at,
            Refusal.PROGRAM_UNKNOWN,
            turn.clock,
            subject=str(record.program_id),
        )
    ]


def redeem(turn: Turn, record: RedeemPoints) -> list[Fact]:
    """The points leave the lots that expire soonest, or the redemption is refused."""
    program = turn.program
    if record.program_id != program.id:
        return []
    account = account_of(turn.section, program.currency)
    refusal = _refusal_of_redemption(record, account.balance, program)
    if refusal is not None:
        return [_refused(turn, refusal, record)]
    return [
        PointsRedeemed(
            turn.head.seq + 1,
            turn.cause,
            turn.at,
            program.id,
            program.version,
            program.currency,
            record.points,
            record.id,
            take(account, record.points),
            account.balance - record.points,
            record.points * program.definition.points.value_minor,
            record.bill_number,
            record.notes,
        )
    ]


def adjust(turn: Turn, record: AdjustPoints) -> list[Fact]:
    """Points given are a lot of their own; points taken leave the lots that expire soonest."""
    program = turn.program
    if record.program_id != program.id:
        return []
    account = account_of(turn.section, program.currency)
    refusal = _refusal_of_adjustment(record, account.balance, program)
    if refusal is not None:
        return [_refused(turn, refusal, record)]
    seq = turn.head.seq + 1
    if record.points > 0:
        return issue(turn, seq, [(record.reason, record.points)], IssuedFor.ADJUSTMENT)
    points = -record.points
    return [
        PointsDebited(
            seq,
            turn.cause,
            turn.at,
            program.id,
            program.version,
            program.currency,
            points,
            record.reason,
            take(account, points),
            account.balance - points,
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


def _refused(turn: Turn, reason: Refusal, record: RedeemPoints | AdjustPoints) -> RecordRefused:
    program = turn.program
    subject = record.currency if reason is Refusal.CURRENCY_UNKNOWN else str(record.points)
    return RecordRefused(
        turn.head.seq + 1, turn.cause, turn.at, reason, turn.clock, program.id, program.version, subject
    )
