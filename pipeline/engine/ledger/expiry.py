"""Expiry: what is left of the lots of one date goes when the date is over."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject
from pipeline.engine.kernel.timers import part_timer
from pipeline.engine.kernel.turn import ProgramTurn
from schemas.facts import Decision, PointsExpired, Taken

_MINUTE_MS: Final = 60_000


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


EXPIRY: Final = part_timer(
    kind=2,
    name="expiry",
    parts=attrgetter("accounts"),
    at=lambda account: account.lots[0].closes_at if account.lots else NEVER,
    key=lambda account: f"{account.lots[0].expires_on}/{account.lots[0].lot_id}",
    fire=_expire,
)
