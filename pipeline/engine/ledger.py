"""The points ledger of one customer: lots are opened by awards and consumed soonest-to-expire first (FEFO).

RULE (order of spending): by closing instant, never-expiring last, ties by (issued_at, lot_id).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import Final

from pipeline.engine.bills import entry_of
from pipeline.engine.state import NEVER, Account, Award, CustomerState, Lot, Section, first_due
from pipeline.engine.turn import Turn
from schemas.facts import (
    Fact,
    IssuedFor,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    Taken,
)

_EMPTY: Final = Account()


def account_of(section: Section, currency: str) -> Account:
    """The account as it stands; an empty one, not to be changed, where there is none yet."""
    return section.accounts.get(currency, _EMPTY)


def issue(
    turn: Turn, seq: int, awards: Iterable[tuple[str, int]], issued_for: IssuedFor, bill_number: str = ""
) -> list[Fact]:
    """One `PointsIssued` for each award (rule id, points), counted from `seq` on, each with the balances after it."""
    program = turn.program
    account = account_of(turn.section, program.currency)
    balance, lifetime = account.balance, account.lifetime
    cause, at, program_id, version, currency = turn.cause, turn.at, program.id, program.version, program.currency
    expires_on, closes_at = program.expiry_of(turn.day)
    facts: list[Fact] = []
    for rule_id, points in awards:
        balance += points
        lifetime += points
        facts.append(
            PointsIssued(
                seq,
                cause,
                at,
                program_id,
                version,
                currency,
                points,
                issued_for,
                rule_id,
                expires_on,
                closes_at,
                balance,
                lifetime,
                bill_number,
            )
        )
        seq += 1
    return facts


def take(account: Account, points: int) -> tuple[Taken, ...]:
    """Which lots `points` would come from; the account must hold that many."""
    taken: list[Taken] = []
    for lot in account.lots:
        if not points:
            break
        part = min(points, lot.open_points)
        taken.append(Taken(lot.lot_id, part))
        points -= part
    return tuple(taken)


def open_lot(state: CustomerState, fact: PointsIssued) -> None:
    """Points issued are one new lot; those of a bill are noted with it."""
    head, points, at = state.head, fact.points, fact.at
    accounts = head.sections[fact.program_id].accounts
    account = accounts.get(fact.currency)
    if account is None:
        account = accounts[fact.currency] = Account()
    closes_at = NEVER if fact.closes_at is None else fact.closes_at
    lot = Lot(fact.seq, at, points, fact.expires_on, closes_at)
    lots = account.lots
    if not lots or lots[-1].closes_at < closes_at or (lots[-1].closes_at == closes_at and lots[-1].issued_at <= at):
        lots.append(lot)
    else:
        insort(lots, lot, key=_order)
    account.balance = fact.balance
    account.lifetime = fact.lifetime
    account.issued += points
    head.due = min(head.due, closes_at)
    if fact.bill_number:
        award = Award(fact.program_id, fact.currency, fact.rule_id, fact.seq, points)
        state.entries[entry_of(fact.bill_number)].awards.append(award)


def close_redeemed(state: CustomerState, fact: PointsRedeemed) -> None:
    """The redeemed points leave their lots."""
    _consume(state, fact).redeemed += fact.points


def close_expired(state: CustomerState, fact: PointsExpired) -> None:
    """The expired points leave their lots; the customer's clock stands at the due instant at least."""
    _consume(state, fact).expired += fact.points
    state.head.clock = max(state.head.clock, fact.at)


def close_debited(state: CustomerState, fact: PointsDebited) -> None:
    """The points taken away leave their lots."""
    _consume(state, fact).debited += fact.points


def close_reversed(state: CustomerState, fact: PointsReversed) -> None:
    """The points taken back leave the lots of their awards, and the awards know it."""
    account = _shrink(state, fact, {one.lot_id: one.points for one in fact.reversals})
    account.balance = fact.balance
    account.lifetime = fact.lifetime
    account.reversed += fact.points
    awards = {award.lot_id: award for award in state.entries[entry_of(fact.of_bill)].awards}
    for one in fact.reversals:
        awards[one.lot_id].due += one.due
        awards[one.lot_id].reversed += one.points


def _consume(state: CustomerState, fact: PointsRedeemed | PointsExpired | PointsDebited) -> Account:
    account = _shrink(state, fact, {one.lot_id: one.points for one in fact.taken})
    account.balance = fact.balance
    return account


def _shrink(
    state: CustomerState, fact: PointsRedeemed | PointsExpired | PointsDebited | PointsReversed, taken: dict[int, int]
) -> Account:
    account = state.head.sections[fact.program_id].accounts[fact.currency]
    for lot in account.lots:
        lot.open_points -= taken.get(lot.lot_id, 0)
    account.lots = [lot for lot in account.lots if lot.open_points]
    state.head.due = first_due(state.head)
    return account


def _order(lot: Lot) -> tuple[int, int, int]:
    return (lot.closes_at, lot.issued_at, lot.lot_id)
