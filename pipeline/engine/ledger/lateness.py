"""Late redemptions: what is redeemed before points expire, and arrives shortly after, spends them as if they had not.

RULE: within the program's tolerance (`redemption.late_minutes`) after they expired, by the customer's clock. What comes
back is exactly what the redemption takes of them, so that nothing expires twice.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger import redemptions
from pipeline.engine.ledger.accounts import account_of, close_taken, parts_of, post, put_back
from pipeline.engine.ledger.state import Account, ExpiredLot, LedgerAccount, Lot
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, PointsExpired, PointsHeld, PointsRedeemed, PointsRestored, Taken
from schemas.records import RedeemPoints

LATELY_MAX: Final = 1_000
"""Lots of one account that are kept for late redemptions, those that were to be spent first."""
_CURRENT: Final = int(LedgerAccount.CURRENT)


def redeem(turn: ProgramTurn, record: RedeemPoints) -> list[Decision]:
    """Redeem; what has expired since the redemption was made comes back first, as far as the redemption takes it."""
    currency = turn.program.find_currency(record.currency)
    account = account_of(turn.section, "" if currency is None else currency.id)
    lately = {
        one.lot.lot_id: one.lot
        for one in account.expired
        if one.lot.issued_at <= turn.at < one.lot.closes_at and turn.head.clock < one.until
    }
    if not lately:
        return redemptions.redeem(turn, record)
    decisions = redemptions.redeem(_as_if_open(turn, record.currency, account, list(lately.values())), record)
    last = decisions[-1]
    if not isinstance(last, PointsRedeemed | PointsHeld):
        return decisions
    restored = tuple(
        Taken(lot_id=part.lot_id, points=min(part.points, lately[part.lot_id].open_points))
        for part in last.taken
        if part.lot_id in lately
    )
    points = sum(part.points for part in restored)
    balance = account.balance + points
    back = PointsRestored(currency=last.currency, points=points, balance=balance, restored=restored)
    return [*([back] if points else []), msgspec.structs.replace(last, balance=balance - last.points)]


def _as_if_open(turn: ProgramTurn, named: str, account: Account, lots: list[Lot]) -> ProgramTurn:
    """The turn with these lots open again."""
    seen = msgspec.structs.replace(
        account,
        totals=[*account.totals],
        lots=[msgspec.structs.replace(lot) for lot in account.lots],
    )
    put_back(seen, lots)
    seen.totals[_CURRENT] += sum(lot.open_points for lot in lots)
    accounts = {**turn.section.accounts, named or turn.program.currency: seen}
    return msgspec.structs.replace(turn, section=msgspec.structs.replace(turn.section, accounts=accounts))


def note_expired(state: CustomerState, envelope: Envelope, decision: PointsExpired) -> None:
    """The lots close; they are kept as long as a late redemption may take of them."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    account.expired = [one for one in account.expired if one.until > envelope.as_of]
    if decision.restorable_until > envelope.as_of:
        parts = parts_of(account, decision.taken[: LATELY_MAX - len(account.expired)])
        account.expired += [ExpiredLot(until=decision.restorable_until, lot=lot) for lot in parts]
    close_taken(state, envelope, decision)


def note_restored(state: CustomerState, envelope: Envelope, decision: PointsRestored) -> None:
    """What comes back lies in its lots again."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    points = {part.lot_id: part.points for part in decision.restored}
    known = {one.lot.lot_id: one.lot for one in account.expired}
    put_back(account, [msgspec.structs.replace(known[lot], open_points=back) for lot, back in points.items()])
    for lot, back in points.items():
        known[lot].open_points -= back
    account.expired = [one for one in account.expired if one.lot.open_points]
    post(account, decision)
