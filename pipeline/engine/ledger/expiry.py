"""Expiry: what is left of the lots of one date goes when the date is over.

A subject's key ends with its first lot: points of a late record may expire on a date that is settled already.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.state import Head
from schemas.facts import Decision, PointsExpired, Taken

_MINUTE_MS: Final = 60_000


def _due(head: Head) -> int:
    due = NEVER
    for section in head.sections.values():
        for account in section.accounts.values():
            if account.lots and account.lots[0].closes_at < due:
                due = account.lots[0].closes_at
    return due


def _first(head: Head, due: int) -> Subject:
    """Programs in id order, then currencies by name."""
    return next(
        Subject(
            program_id=program_id,
            key=f"{program_id}/{currency}/{account.lots[0].expires_on}/{account.lots[0].lot_id}",
            part=currency,
        )
        for program_id, section in sorted(head.sections.items())
        for currency, account in sorted(section.accounts.items())
        if account.lots and account.lots[0].closes_at == due
    )


def _expire(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    account = turn.section.accounts[subject.part]
    first = account.lots[0]
    taken = tuple(
        Taken(lot_id=lot.lot_id, points=lot.open_points)
        for lot in account.lots
        if (lot.closes_at, lot.expires_on) == (first.closes_at, first.expires_on)
    )
    points = sum(part.points for part in taken)
    currency = turn.program.currencies.get(subject.part)
    until = turn.at if currency is None else turn.at + currency.redemption.late_minutes * _MINUTE_MS
    return [
        PointsExpired(
            currency=subject.part,
            points=points,
            expired_on=first.expires_on or 0,
            taken=taken,
            balance=account.balance - points,
            restorable_until=until if until > max(turn.at, turn.head.clock) else 0,
        )
    ]


EXPIRY: Final = Timer(kind=2, name="expiry", due=_due, first=_first, fire=_expire)
