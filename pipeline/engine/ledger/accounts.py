"""Accounts and lots as folds of decisions.

RULE (order of spending): by closing instant, never-expiring last, ties by (issued_at, lot_id).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from pipeline.engine.calendar import NEVER
from pipeline.engine.ledger.postings import MOVEMENTS
from pipeline.engine.ledger.state import Account, LedgerAccount, Lot
from pipeline.engine.state import CustomerState, Section
from schemas.facts import (
    Envelope,
    ExpiryMoved,
    LotOpened,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsMoved,
    PointsReceived,
    PointsRedeemed,
    PointsReversed,
    PointsTransferred,
    RedemptionReversed,
    Taken,
)

_EMPTY: Final = Account()
_EXPIRED: Final = int(LedgerAccount.EXPIRED)
_LIFETIME: Final = int(LedgerAccount.LIFETIME)


def account_of(section: Section, currency: str) -> Account:
    """The account as it is; an empty one, not to be changed, if there is none yet."""
    return section.accounts.get(currency, _EMPTY)


def take(account: Account, points: int) -> tuple[Taken, ...]:
    """Which lots `points` would come from; the account must hold that many."""
    taken: list[Taken] = []
    for lot in account.lots:
        if not points:
            break
        part = min(points, lot.open_points)
        taken.append(Taken(lot_id=lot.lot_id, points=part))
        points -= part
    return tuple(taken)


def open_lots(state: CustomerState, envelope: Envelope, decision: PointsIssued | PointsReceived) -> None:
    """Opens the lots that points were issued or received in."""
    accounts = state.head.sections[envelope.program_id].accounts
    account = accounts.get(decision.currency)
    if account is None:
        account = accounts[decision.currency] = Account()
    for opened in decision.lots:
        open_lot(account, opened, envelope.at)
    if account.expired:
        account.expired = [one for one in account.expired if one.until > envelope.as_of]
    post(account, decision)


def open_lot(account: Account, opened: LotOpened, issued_at: int) -> None:
    """Add a new lot."""
    account.lots_opened = opened.lot_id
    lot = Lot(
        lot_id=opened.lot_id,
        issued_at=issued_at,
        open_points=opened.points,
        expires_on=opened.expires_on,
        closes_at=NEVER if opened.closes_at is None else opened.closes_at,
        rolls=opened.rolls,
    )
    _insert(account.lots, lot)


def close_taken(
    state: CustomerState,
    envelope: Envelope,
    decision: PointsRedeemed | PointsExpired | PointsDebited | PointsReversed | PointsTransferred,
) -> None:
    """Takes the points out of the lots that the decision names."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    points: dict[int, int] = {}
    for part in decision.taken:
        points[part.lot_id] = points.get(part.lot_id, 0) + part.points
    take_out(account, points)
    post(account, decision)


def parts_of(account: Account, taken: Iterable[Taken]) -> list[Lot]:
    """What is to be taken of open lots, each part with the terms of its lot."""
    lots = {lot.lot_id: lot for lot in account.lots}
    return [msgspec.structs.replace(lots[part.lot_id], open_points=part.points) for part in taken]


def take_out(account: Account, points: Mapping[int, int]) -> None:
    """Take points out of open lots, by lot; an empty lot closes."""
    for lot in account.lots:
        lot.open_points -= points.get(lot.lot_id, 0)
    account.lots = [lot for lot in account.lots if lot.open_points]


def put_back(account: Account, parts: Iterable[Lot]) -> None:
    """Put parts of lots back: where the lot is closed by now, it opens again with the terms of the part."""
    lots = {lot.lot_id: lot for lot in account.lots}
    for part in parts:
        lot = lots.get(part.lot_id)
        if lot is None:
            _insert(account.lots, msgspec.structs.replace(part))
        else:
            lot.open_points += part.open_points


def with_held(account: Account) -> Iterator[Lot]:
    """The open lots, and what is held of lots."""
    yield from account.lots
    for hold in account.holds:
        yield from hold.parts


def move_expiry(state: CustomerState, envelope: Envelope, decision: ExpiryMoved) -> None:
    """Gives lots their new last days."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    rows = {lot_id: row for row in decision.moved for lot_id in row.lots}
    for lot in with_held(account):
        row = rows.get(lot.lot_id)
        if row is not None:
            lot.expires_on, lot.closes_at = row.new_on, row.closes_at
    account.lots.sort(key=_order)


def post(account: Account, decision: PointsMoved) -> None:
    """Add what the decision moves to the account's totals."""
    source, destination, lifetime = MOVEMENTS[type(decision)]
    points, totals = decision.points, account.totals
    totals[source] -= points
    totals[destination] += points
    totals[_LIFETIME] += lifetime * points
    if isinstance(decision, RedemptionReversed):
        totals[destination] -= decision.expired
        totals[_EXPIRED] += decision.expired


def _insert(lots: list[Lot], lot: Lot) -> None:
    """Mostly at the end: a new lot expires last."""
    last = lots[-1] if lots else lot
    if last.closes_at < lot.closes_at or _order(last) <= _order(lot):
        lots.append(lot)
    else:
        insort(lots, lot, key=_order)


def _order(lot: Lot) -> tuple[int, int, int]:
    return (lot.closes_at, lot.issued_at, lot.lot_id)
