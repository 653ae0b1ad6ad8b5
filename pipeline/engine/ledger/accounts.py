"""Accounts and lots as folds of decisions.

RULE (order of spending): by closing instant, never-expiring last, ties by (issued_at, lot_id), unless the program says
otherwise. Promotional are the points of milestones, streaks and event rules.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.ledger.postings import MOVEMENTS
from pipeline.engine.ledger.state import Account, LedgerAccount, Lot, PromisedLot
from pipeline.engine.state import CustomerState, Section
from schemas.facts import (
    Envelope,
    ExpiryMoved,
    IssuedFor,
    LotConverted,
    LotOpened,
    PointsConverted,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsMoved,
    PointsReceived,
    PointsRedeemed,
    PointsReversed,
    PointsSettled,
    PointsTakenOver,
    PointsTransferred,
    PromiseCancelled,
    Taken,
)
from schemas.program import SpendingOrder

_EMPTY: Final = Account()
_EXPIRED: Final = int(LedgerAccount.EXPIRED)
_SPEND: Final = IssuedFor.SPEND  # bound once: looking up a member of an enum costs as much as a call
_PROMOTIONAL: Final = frozenset({IssuedFor.EVENT, IssuedFor.MILESTONE, IssuedFor.STREAK})
_GONE_MAX: Final = 32
"""Of so many lots it may be known what gave them though nothing is left of them: looking for them takes time."""
_LIFETIME: Final = int(LedgerAccount.LIFETIME)


def account_of(section: Section, currency: str) -> Account:
    """The account as it is; an empty one, not to be changed, if there is none yet."""
    return section.accounts.get(currency, _EMPTY)


def take(account: Account, points: int, order: SpendingOrder = SpendingOrder.FEFO) -> tuple[Taken, ...]:
    """Which lots `points` would come from; the account must hold that many."""
    taken: list[Taken] = []
    for lot in account.lots if order is SpendingOrder.FEFO else sorted(account.lots, key=_ORDERS[order]):
        if not points:
            break
        part = min(points, lot.open_points)
        taken.append(Taken(lot_id=lot.lot_id, points=part))
        points -= part
    return tuple(taken)


_ORDERS: Final[Mapping[SpendingOrder, Callable[[Lot], tuple[int, ...]]]] = {
    SpendingOrder.FIFO: lambda lot: (lot.issued_at, lot.lot_id),
    SpendingOrder.LIFO: lambda lot: (-lot.issued_at, -lot.lot_id),
    SpendingOrder.PROMOTIONAL_FIRST: lambda lot: (not lot.promotional,),
}
"""Beside the order in which open lots stand."""


def open_lots(
    state: CustomerState, envelope: Envelope, decision: PointsIssued | PointsReceived | PointsTakenOver
) -> None:
    """Opens the lots that points were issued, received or taken over in."""
    accounts = state.head.sections[envelope.program_id].accounts
    account = accounts.get(decision.currency)
    if account is None:
        account = accounts[decision.currency] = Account()
    awards = decision.awards if isinstance(decision, PointsIssued) else ()
    promotional = {award.lot_id for award in awards if award.issued_for in _PROMOTIONAL}
    received = isinstance(decision, PointsReceived)
    for opened in decision.lots:
        open_lot(account, opened, envelope.at, promotional=opened.lot_id in promotional, received=received)
    for promised in () if isinstance(decision, PointsReceived) else decision.promised_lots:
        account.lots_opened = max(account.lots_opened, promised.lot_id)
        waiting = PromisedLot(
            lot_id=promised.lot_id,
            promised_at=envelope.at,
            open_points=promised.points,
            awaits=promised.awaits,
            due_at=NEVER if promised.due_at is None else promised.due_at,
            reference=promised.reference,
            issued_for=promised.issued_for,
            rule_id=promised.rule_id,
            event=promised.event,
        )
        insort(account.promised_lots, waiting, key=_order_of_promises)
    if account.expired:
        account.expired = [one for one in account.expired if one.until > envelope.as_of]
    if isinstance(decision, PointsIssued) and decision.awards[0].issued_for is not _SPEND:
        _note_given(account, key_of(decision.activity or envelope.cause), decision)
    post(account, decision)


def _note_given(account: Account, key: int, issued: PointsIssued) -> None:
    """The lots are known by what gave them; now and then, those of which nothing is left are forgotten."""
    if len(account.given) > account.kept + _GONE_MAX:
        there = account.uses.keys() | {lot.lot_id for lot in with_held(account)}
        there |= {lot.lot_id for lot in account.promised_lots}
        known = {known: [lot_id for lot_id in account.lots_given(known) if lot_id in there] for known in account.given}
        account.given = {known: _one_or_more(lots) for known, lots in known.items() if lots}
    opened = dict.fromkeys(award.lot_id for award in issued.awards)
    account.given[key] = _one_or_more([*account.lots_given(key), *opened])


def _one_or_more(lots: list[int]) -> int | list[int]:
    return lots[0] if len(lots) == 1 else lots


def convert_lots(state: CustomerState, envelope: Envelope, decision: PointsConverted) -> None:
    """Promised lots become current, each under its number."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    converted = {lot.lot_id for lot in decision.lots}
    promotional = {lot.lot_id for lot in account.promised_lots if lot.issued_for in _PROMOTIONAL}
    account.promised_lots = [lot for lot in account.promised_lots if lot.lot_id not in converted]
    for opened in decision.lots:
        open_lot(account, opened, envelope.at, promotional=opened.lot_id in promotional)
    post(account, decision)


def open_lot(
    account: Account,
    opened: LotOpened | LotConverted,
    issued_at: int,
    *,
    promotional: bool = False,
    received: bool = False,
) -> None:
    """Add a lot of points that can be spent."""
    account.lots_opened = max(account.lots_opened, opened.lot_id)
    lot = Lot(
        lot_id=opened.lot_id,
        issued_at=issued_at,
        open_points=opened.points,
        expires_on=opened.expires_on,
        closes_at=NEVER if opened.closes_at is None else opened.closes_at,
        rolls=opened.rolls,
        promotional=promotional,
        received=received,
    )
    _insert(account.lots, lot)


def close_taken(
    state: CustomerState,
    envelope: Envelope,
    decision: (
        PointsRedeemed
        | PointsExpired
        | PointsDebited
        | PointsReversed
        | PointsSettled
        | PointsTransferred
        | PromiseCancelled
    ),
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
    """Take points out of open and promised lots, by lot; an empty lot closes."""
    for lot in account.lots:
        lot.open_points -= points.get(lot.lot_id, 0)
    account.lots = [lot for lot in account.lots if lot.open_points]
    if account.promised_lots:
        for promised in account.promised_lots:
            promised.open_points -= points.get(promised.lot_id, 0)
        account.promised_lots = [lot for lot in account.promised_lots if lot.open_points]


def put_back(account: Account, parts: Iterable[Lot]) -> None:
    """Put parts of lots back: a closed lot opens again, with the terms of what is held of it, else of the part."""
    lots = {lot.lot_id: lot for lot in account.lots}
    held = {part.lot_id: part for hold in account.holds for part in hold.parts}
    for part in parts:
        lot = lots.get(part.lot_id)
        if lot is None:
            as_held = held.get(part.lot_id, part)
            _insert(account.lots, msgspec.structs.replace(as_held, open_points=part.open_points))
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
    totals = account.totals
    for source, destination, lifetime, points_of in MOVEMENTS[type(decision)]:
        points = points_of(decision)
        if points:
            totals[source] -= points
            totals[destination] += points
            totals[_LIFETIME] += lifetime * points


def _insert(lots: list[Lot], lot: Lot) -> None:
    """Mostly at the end: a new lot expires last."""
    last = lots[-1] if lots else lot
    if last.closes_at < lot.closes_at or _order(last) <= _order(lot):
        lots.append(lot)
    else:
        insort(lots, lot, key=_order)


def _order_of_promises(lot: PromisedLot) -> tuple[int, int, int]:
    return (lot.due_at, lot.promised_at, lot.lot_id)


def _order(lot: Lot) -> tuple[int, int, int]:
    return (lot.closes_at, lot.issued_at, lot.lot_id)
