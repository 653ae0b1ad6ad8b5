"""Conversion: promised points become current on their day, and their expiry counts from then.

Points that waited for something else until that day are cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject
from pipeline.engine.kernel.timers import part_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import lasting_of
from pipeline.engine.ledger.state import Account, PromisedLot
from schemas.facts import (
    Awaits,
    CancelledFor,
    ConvertedBy,
    Decision,
    LotConverted,
    PointsConverted,
    PromiseCancelled,
    Taken,
)


def convert(
    turn: ProgramTurn,
    currency: str,
    account: Account,
    lots: Sequence[PromisedLot],
    by: ConvertedBy,
    reason: str = "",
    entered_by: str = "",
) -> PointsConverted:
    """These promised lots become current, with the expiry that points of their rule have on the day on which they do.

    A version without the currency, which could not follow one that has it, gives the expiry of its main one.
    """
    points = sum(lot.open_points for lot in lots)
    return PointsConverted(
        currency=currency,
        points=points,
        balance=account.balance + points,
        lots=tuple(_converted(turn, currency, lot) for lot in lots),
        converted_by=by,
        lifetime=account.lifetime + points,
        promised=account.promised - points,
        reason=reason,
        entered_by=entered_by,
    )


def cancel(
    currency: str,
    account: Account,
    lots: Sequence[PromisedLot],
    why: CancelledFor,
    *,
    promised: int,
    reason: str = "",
    entered_by: str = "",
) -> PromiseCancelled:
    """These promised lots will not become current; `promised` is what was promised before."""
    points = sum(lot.open_points for lot in lots)
    return PromiseCancelled(
        currency=currency,
        points=points,
        balance=account.balance,
        taken=tuple(Taken(lot_id=lot.lot_id, points=lot.open_points) for lot in lots),
        cancelled_for=why,
        promised=promised - points,
        references=tuple(dict.fromkeys(lot.reference for lot in lots)),
        reason=reason,
        entered_by=entered_by,
    )


def _converted(turn: ProgramTurn, currency: str, lot: PromisedLot) -> LotConverted:
    program = turn.program
    terms = program.own_terms.get((lot.issued_for, lot.rule_id))
    if terms is None:
        usual = program.currencies.get(currency, program.currencies[program.currency])
        terms = usual.terms.held_in(turn.section.tier)
    expires_on, closes_at, rolls = lasting_of(turn, terms)
    return LotConverted(
        lot_id=lot.lot_id,
        points=lot.open_points,
        expires_on=expires_on,
        closes_at=closes_at,
        promised_at=lot.promised_at,
        reference=lot.reference,
        issued_for=lot.issued_for,
        rolls=rolls,
    )


def _settle(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    account = turn.section.accounts[subject.part]
    due = [lot for lot in account.promised_lots if lot.due_at == turn.at]
    kept = [lot for lot in due if lot.awaits is Awaits.DATE]
    lapsed = [lot for lot in due if lot.awaits is not Awaits.DATE]
    decisions: list[Decision] = [convert(turn, subject.part, account, kept, ConvertedBy.DATE)] if kept else []
    if lapsed:
        promised = account.promised - sum(lot.open_points for lot in kept)
        balance = account.balance + sum(lot.open_points for lot in kept)
        lapse = cancel(subject.part, account, lapsed, CancelledFor.NOT_IN_TIME, promised=promised)
        decisions.append(msgspec.structs.replace(lapse, balance=balance))
    return decisions


CONVERSION: Final = part_timer(
    kind=7,
    name="promise",
    parts=attrgetter("accounts"),
    at=lambda account: account.promised_lots[0].due_at if account.promised_lots else NEVER,
    key=lambda account: str(account.promised_lots[0].lot_id),
    fire=_settle,
)
