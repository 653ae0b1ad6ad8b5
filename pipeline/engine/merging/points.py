"""Points of a customer who is merged: they leave the victim's accounts, and lie in lots of the survivor.

RULE: points keep the terms of their lots, promised ones what they wait for. What is owed and what counts as lifetime
points goes with them, and the survivor's points repay what either owes. Lots count as issued at the merge. What late
redemptions, returns and cancellations would find by lot or bill stays behind with the bills.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, parts_of, post, take_out
from pipeline.engine.ledger.state import Account, PromisedLot
from pipeline.engine.ledger.transfers import parts_by_terms
from pipeline.engine.state import CustomerState
from schemas.facts import (
    Awaits,
    Decision,
    Duration,
    Envelope,
    IssuedFor,
    LotOpened,
    LotPromised,
    PointsHandedOver,
    PointsTakenOver,
    Taken,
)
from schemas.records import HandOver, MergedPromise, TakeOverPoints, TransferredPart

PIECE: Final = 5_000
"""Lots that one request hands over: about 200 kB."""


def hand_over(turn: ProgramTurn, record: HandOver) -> list[Decision]:
    """All points of every currency, in pieces."""
    return [
        piece
        for currency, account in sorted(turn.section.accounts.items())
        if account.lots or account.promised_lots or account.deficit or account.lifetime
        for piece in _pieces(record, currency, account)
    ]


def _pieces(record: HandOver, currency: str, account: Account) -> Iterator[PointsHandedOver]:
    """The first piece has all but the lots beyond its size."""
    lots, balance, promised = account.lots, account.balance, account.promised
    for number, start in enumerate(range(0, max(len(lots), 1), PIECE)):
        taken = tuple(Taken(lot_id=lot.lot_id, points=lot.open_points) for lot in lots[start : start + PIECE])
        current = sum(part.points for part in taken)
        balance -= current
        promises = () if number else tuple(account.promised_lots)
        first = number == 0
        yield PointsHandedOver(
            currency=currency,
            points=current + (promised if first else 0),
            balance=balance,
            merge_id=record.merge_id,
            survivor_id=record.sender_id,
            promised=promised if first else 0,
            taken=taken + tuple(Taken(lot_id=lot.lot_id, points=lot.open_points) for lot in promises),
            owed=account.deficit if first else 0,
            counted=account.lifetime if first else 0,
            lifetime=0,
            parts=parts_by_terms(parts_of(account, taken)),
            promises=tuple(map(_promise, promises)),
        )


def _promise(lot: PromisedLot) -> MergedPromise:
    return MergedPromise(
        points=lot.open_points,
        awaits=int(lot.awaits),
        due_at=None if lot.due_at == NEVER else lot.due_at,
        reference=lot.reference,
        issued_for=int(lot.issued_for),
        rule_id=lot.rule_id,
        event=lot.event,
    )


def take_over(turn: ProgramTurn, record: TakeOverPoints) -> list[Decision]:
    """The points are the survivor's; those whose last day is over by now expire in this turn."""
    account = account_of(turn.section, record.currency)
    current, promised = (sum(one.points for one in some) for some in (record.parts, record.promises))
    first = account.lots_opened + 1
    return [
        PointsTakenOver(
            currency=record.currency,
            points=current + promised,
            balance=account.balance + current,
            merge_id=record.merge_id,
            victim_id=record.sender_id,
            promised=promised,
            lots=tuple(_lot(lot_id, part) for lot_id, part in enumerate(record.parts, first)),
            promised_lots=tuple(
                _promised(turn, lot_id, one) for lot_id, one in enumerate(record.promises, first + len(record.parts))
            ),
            owed=record.owed,
            counted=record.counted,
            lifetime=account.lifetime + record.counted,
        )
    ]


def _lot(lot_id: int, part: TransferredPart) -> LotOpened:
    return LotOpened(
        lot_id=lot_id,
        points=part.points,
        expires_on=part.expires_on,
        closes_at=part.closes_at,
        rolls=Duration(*part.rolls) if isinstance(part.rolls, tuple) else part.rolls,
    )


def _promised(turn: ProgramTurn, lot_id: int, one: MergedPromise) -> LotPromised:
    return LotPromised(
        lot_id=lot_id,
        points=one.points,
        awaits=Awaits(one.awaits),
        reference=one.reference,
        issued_for=IssuedFor(one.issued_for),
        rule_id=one.rule_id,
        due_on=None if one.due_at is None else turn.program.calendar.day_of(one.due_at),
        due_at=one.due_at,
        event=one.event,
    )


def note_handed_over(state: CustomerState, envelope: Envelope, decision: PointsHandedOver) -> None:
    """The lots are empty, and nothing is remembered of earlier ones."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    take_out(account, {part.lot_id: part.points for part in decision.taken})
    account.expired = []
    account.given = {}
    account.claims = []
    post(account, decision)


def note_uses_gone(state: CustomerState, envelope: Envelope, decision: PointsHandedOver) -> None:
    """No return finds the bills any more."""
    state.head.sections[envelope.program_id].accounts[decision.currency].uses = {}
