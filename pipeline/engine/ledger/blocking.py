"""Blocking: points that somebody puts aside, and gives back."""

from __future__ import annotations

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.holds import find_hold, hold, released
from schemas.facts import Decision, HoldFor, RecordRefused, Refusal, ReleasedBecause
from schemas.records import BlockPoints, ReleasePoints


def block(turn: ProgramTurn, record: BlockPoints) -> list[Decision]:
    """The points are put aside under the id of the record."""
    program = turn.program
    currency = program.find_currency(record.currency)
    if currency is None:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    return [
        hold(
            turn,
            currency=currency.id,
            points=record.points,
            hold_id=record.id,
            kind=HoldFor.BLOCK,
            ends_at=record.until,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def release(turn: ProgramTurn, record: ReleasePoints) -> list[Decision]:
    """What a block, or a redemption that is to be confirmed, put aside can be spent again."""
    held = find_hold(turn.section, record.hold_id)
    if held is None or held.hold.kind is HoldFor.TRANSFER:
        return [RecordRefused(reason=Refusal.HOLD_UNKNOWN, subject=record.hold_id)]
    return released(
        held,
        ReleasedBecause.REQUESTED,
        clock=turn.head.clock,
        reason=record.reason,
        entered_by=record.entered_by,
    )
