"""Changing expiry on request: points that are to expire earlier, later, or now.

RULE: the date lies before none of the day that the customer's clock is in; lots that it would move the other way keep
theirs. Points that are held are moved too, and do not expire now. Lots that never expire can only expire earlier.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.engine.calendar import as_date
from pipeline.engine.currencies import Currency
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, with_held
from pipeline.engine.ledger.moving import Moves, moved
from pipeline.engine.ledger.state import Lot
from pipeline.engine.ledger.terms import closing_on
from schemas.facts import Decision, MovedBy, PointsExpired, RecordRefused, Refusal, Taken
from schemas.records import ChangeExpiry, ExpirePoints


def change(turn: ProgramTurn, record: ChangeExpiry) -> list[Decision]:
    """The lots that are meant get the new last day, as far as it is earlier, or later, as the record asks."""
    found = _meant(turn, record)
    if isinstance(found, RecordRefused):
        return [found]
    currency, lots = found
    clock = turn.head.clock
    on, closes_at = closing_on(turn.program.calendar, record.expires_on)
    if closes_at <= clock:
        return [RecordRefused(reason=Refusal.EXPIRY_PASSED, subject=as_date(on).isoformat())]
    moves: Moves = {}
    for lot in lots:
        if lot.closes_at <= clock:
            continue
        moves_it = lot.closes_at < closes_at if record.later else lot.closes_at > closes_at
        new = on if moves_it else lot.expires_on
        if new is not None:
            moves.setdefault((lot.expires_on, new), []).append(lot)
    by = MovedBy.EXTEND if record.later else MovedBy.EARLY
    decision = moved(turn, currency.id, by, moves, reason=record.reason, entered_by=record.entered_by)
    return [decision or RecordRefused(reason=Refusal.NOTHING_CHANGES, subject=as_date(on).isoformat())]


def expire(turn: ProgramTurn, record: ExpirePoints) -> list[Decision]:
    """What is left of the lots that are meant is gone."""
    found = _meant(turn, record)
    if isinstance(found, RecordRefused):
        return [found]
    currency, lots = found
    account = account_of(turn.section, currency.id)
    meant = {lot.lot_id for lot in lots}
    taken = tuple(Taken(lot_id=lot.lot_id, points=lot.open_points) for lot in account.lots if lot.lot_id in meant)
    if not taken:
        return [RecordRefused(reason=Refusal.NOTHING_CHANGES)]
    points = sum(part.points for part in taken)
    return [
        PointsExpired(
            currency=currency.id,
            points=points,
            balance=account.balance - points,
            expired_on=turn.program.calendar.day_of(turn.head.clock),
            taken=taken,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def _meant(turn: ProgramTurn, record: ChangeExpiry | ExpirePoints) -> tuple[Currency, Iterable[Lot]] | RecordRefused:
    """The lots that the record is about, open or held, or why there are none."""
    currency = turn.program.find_currency(record.currency)
    if currency is None:
        return RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)
    lots = list(with_held(account_of(turn.section, currency.id)))
    known = {lot.lot_id for lot in lots}
    unknown = [number for number in record.lots if number not in known]
    if unknown:
        return RecordRefused(reason=Refusal.LOT_UNKNOWN, subject=str(unknown[0]))
    meant = known.intersection(record.lots) if record.lots else known
    return currency, [lot for lot in lots if lot.lot_id in meant]
