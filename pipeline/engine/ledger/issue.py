"""Issuing: the awards of one activity become one decision about points, and one about all other currencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.currencies import Currency
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.terms import Terms, closing
from pipeline.engine.programs import Program
from schemas.facts import (
    AlternatePointsIssued,
    Award,
    Decision,
    Duration,
    IssuedFor,
    LotOpened,
    PointsIssued,
    RecordRefused,
    Refusal,
)

LOTS_MAX: Final = 100_000
"""Open lots of one customer, at most 3 MB of a head, which must fit a message of the changelog."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Points on their way from a rule to the ledger."""

    issued_for: IssuedFor
    rule_id: str
    points: int
    currency: str = ""
    """Empty for the main currency of the program."""
    terms: Terms | None = None
    """How long they last; None for as long as other points of the currency."""


class Activity(msgspec.Struct, frozen=True, gc=False):
    """What points are issued for at once: a record, one milestone met, one streak level reached."""

    key: str
    """Empty for the record itself; else as `PointsIssued.activity`."""
    candidates: Sequence[Candidate]


def issue(turn: ProgramTurn, activities: Sequence[Activity], bill_number: str = "") -> list[Decision]:
    """The decisions for each activity, with the balances after it; a refusal ends them where an account is full.

    `bill_number` is the bill that a return would take the points back with. Awards of one activity and currency that
    last equally long share a lot.
    """
    program = turn.program
    tills: dict[str, _Till] = {}
    room = LOTS_MAX - turn.head.lots
    decisions: list[Decision] = []
    for activity in activities:
        issued: list[PointsIssued] = []
        for currency, candidates in _by_currency(program, activity.candidates).items():
            till = tills.get(currency)
            if till is None:
                till = tills[currency] = _Till(turn, program.currencies[currency])
            one = till.issue(activity.key, candidates, bill_number)
            room -= len(one.lots)
            if max(one.lifetime, till.taken_in) > TOTAL_MAX or room < 0:
                return [*decisions, RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject=currency)]
            issued.append(one)
        if issued[0].currency == program.currency:
            decisions.append(issued.pop(0))
        if issued:
            decisions.append(AlternatePointsIssued(currencies=tuple(issued)))
    return decisions


class Lasting(NamedTuple):
    """What the points of one lot have in common."""

    expires_on: int | None
    closes_at: int | None
    rolls: Duration | None


class _Lot(msgspec.Struct, gc=False):
    """A lot that is opened, as far as its awards are known."""

    lot_id: int
    points: int = 0


class _Till:
    """One account while the activities of a turn add to it."""

    __slots__ = ("_balance", "_currency", "_lifetime", "_lot_id", "_turn", "_usual", "taken_in")

    def __init__(self, turn: ProgramTurn, currency: Currency) -> None:
        account = account_of(turn.section, currency.id)
        self._currency = currency.id
        self._balance, self._lifetime, self._lot_id = account.balance, account.lifetime, account.lots_opened
        self.taken_in = account.taken_in
        self._turn = turn
        self._usual = lasting_of(turn, currency.terms.held_in(turn.section.tier))

    def issue(self, activity: str, candidates: Sequence[Candidate], bill_number: str) -> PointsIssued:
        points = 0
        awards: list[Award] = []
        opened: dict[Lasting, _Lot] = {}
        for candidate in candidates:
            lasting = self._usual if candidate.terms is None else lasting_of(self._turn, candidate.terms)
            lot = opened.get(lasting)
            if lot is None:
                self._lot_id += 1
                lot = opened[lasting] = _Lot(lot_id=self._lot_id)
            lot.points += candidate.points
            points += candidate.points
            awards.append(
                Award(
                    issued_for=candidate.issued_for,
                    rule_id=candidate.rule_id,
                    points=candidate.points,
                    lot_id=lot.lot_id,
                )
            )
        self._balance += points
        self._lifetime += points
        self.taken_in += points
        return PointsIssued(
            currency=self._currency,
            points=points,
            balance=self._balance,
            activity=activity,
            awards=tuple(awards),
            lots=tuple(
                LotOpened(
                    lot_id=lot.lot_id,
                    points=lot.points,
                    expires_on=lasting.expires_on,
                    closes_at=lasting.closes_at,
                    rolls=lasting.rolls,
                )
                for lasting, lot in opened.items()
            ),
            lifetime=self._lifetime,
            bill_number=bill_number,
        )


def lasting_of(turn: ProgramTurn, terms: Terms) -> Lasting:
    """How long points last that are awarded in this turn by these terms."""
    expires_on, closes_at = closing(turn.program.calendar, terms, turn.day) or (None, None)
    return Lasting(expires_on=expires_on, closes_at=closes_at, rolls=terms.duration if terms.rolls else None)


def _by_currency(program: Program, candidates: Sequence[Candidate]) -> Mapping[str, Sequence[Candidate]]:
    """The candidates by currency, the main one first."""
    if len(program.currencies) == 1:
        return {program.currency: candidates}
    by_currency: dict[str, list[Candidate]] = {program.currency: []}
    for candidate in candidates:
        by_currency.setdefault(candidate.currency or program.currency, []).append(candidate)
    return {currency: some for currency, some in by_currency.items() if some}
