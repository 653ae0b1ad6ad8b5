"""Adjustment: points that are given or taken on request."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.ledger import cancelling
from pipeline.engine.ledger.accounts import account_of, take
from pipeline.engine.ledger.issue import Activity, Candidate, issue
from pipeline.engine.ledger.uses import all_tracked
from schemas.facts import Decision, IssuedFor, PointsDebited, RecordRefused, Refusal
from schemas.records import AdjustPoints, ProgramCommand


def address(turn: Turn, record: ProgramCommand) -> list[Decision]:
    """The program that the request names must be in force."""
    if turn.org.get(record.program_id) is not None:
        return []
    return [RecordRefused(reason=Refusal.PROGRAM_UNKNOWN, subject=str(record.program_id))]


def adjust(turn: ProgramTurn, record: AdjustPoints) -> Sequence[Decision]:
    """Points given are a lot of their own; points taken leave the lots that expire soonest.

    Where they correct another adjustment, they leave its lot. Of a retired currency nothing is given any more.
    """
    program = turn.program
    currency = program.find_currency(record.currency)
    if currency is None or (currency.retired and record.points > 0):
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    if record.corrects:
        return cancelling.correct(turn, record, currency.id)
    account = account_of(turn.section, currency.id)
    refusal = _refusal_of_adjustment(record, account.balance)
    if refusal is not None:
        return [RecordRefused(reason=refusal, subject=str(record.points))]
    if record.points > 0:
        award = Candidate(
            issued_for=IssuedFor.ADJUSTMENT, rule_id=record.reason, points=record.points, currency=currency.id
        )
        issued = issue(turn, (Activity(key="", candidates=(award,), reference=record.id),))
        return [*issued, *all_tracked(issued, turn)]
    points = -record.points
    return [
        PointsDebited(
            currency=currency.id,
            points=points,
            reason=record.reason,
            taken=take(account, points, currency.redemption.order),
            balance=account.balance - points,
        )
    ]


def _refusal_of_adjustment(record: AdjustPoints, balance: int) -> Refusal | None:
    if record.points == 0:
        return Refusal.POINTS_NOT_POSITIVE
    if balance + record.points < 0:
        return Refusal.BALANCE_TOO_LOW
    return None
