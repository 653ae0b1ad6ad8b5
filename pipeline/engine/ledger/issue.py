"""Issuing: the awards of one activity become one decision about points, and one about all other currencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.calendar import NEVER
from pipeline.engine.currencies import Currency
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.promises import Promise
from pipeline.engine.ledger.terms import Terms, closing
from pipeline.engine.ledger.with_tier import lasting_with_tier
from pipeline.engine.programs import Program
from schemas.facts import (
    AlternatePointsIssued,
    Award,
    Decision,
    Duration,
    IssuedFor,
    LotOpened,
    LotPromised,
    PointsIssued,
    RecordRefused,
    Refusal,
)

LOTS_MAX: Final = 100_000
"""Open lots of one customer, at most 3 MB of a head, which must fit a message of the changelog."""
PROMISED_LOTS_MAX: Final = 1_000
"""Promised lots of one customer, at most 1 MB of a head, as each has its reference and what it waits for."""


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
    reference: str
    """What promised points of it are known by: the number of the bill, the reference or id of the event, or the key."""


def issue(
    turn: ProgramTurn, activities: Sequence[Activity], bill_number: str = "", tier: int | None = None
) -> list[Decision]:
    """The decisions for each activity, with the balances after it; a refusal ends them where an account is full.

    `bill_number` is the bill that a return would take the points back with. `tier` is the one by which they last, that
    of the customer where it is None. Awards of one activity and currency that last equally long, or wait for the same
    thing, share a lot.
    """
    program = turn.program
    tills: dict[str, _Till] = {}
    room = LOTS_MAX - turn.head.lots
    room_promised = PROMISED_LOTS_MAX - turn.head.promised_lots if program.promises else 0
    decisions: list[Decision] = []
    for activity in activities:
        issued: list[PointsIssued] = []
        for currency, candidates in _by_currency(program, activity.candidates).items():
            till = tills.get(currency)
            if till is None:
                till = tills[currency] = _Till(turn, program.currencies[currency], tier)
            one = till.issue(activity, candidates, bill_number)
            room -= len(one.lots) + len(one.promised_lots)
            room_promised -= len(one.promised_lots)
            if till.is_full or room < 0 or room_promised < 0:
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
    rolls: Duration | str | None
    """As in `LotOpened`."""


class _Waiting(NamedTuple):
    """What the points of one promised lot have in common."""

    promise: Promise
    terms: Terms | None
    """How long they last once they are current; None for as long as other points of the currency."""


class _Lot(msgspec.Struct, gc=False):
    """A lot that is opened, as far as its awards are known."""

    lot_id: int
    rule_id: str
    """Of its first award."""
    points: int = 0


class _Till:
    """One account while the activities of a turn add to it."""

    __slots__ = ("_balance", "_currency", "_lifetime", "_lot_id", "_promised", "_taken_in", "_turn", "_usual")

    def __init__(self, turn: ProgramTurn, currency: Currency, tier: int | None) -> None:
        account = account_of(turn.section, currency.id)
        self._currency = currency.id
        self._balance, self._lifetime, self._lot_id = account.balance, account.lifetime, account.lots_opened
        self._taken_in = account.taken_in
        self._promised = account.promised
        self._turn = turn
        self._usual = lasting_of(turn, currency.terms.held_in(turn.section.tier if tier is None else tier))

    @property
    def is_full(self) -> bool:
        """Whether more came in than an account holds, or lifetime points with those that will count once current."""
        return self._taken_in > TOTAL_MAX or self._lifetime + self._promised > TOTAL_MAX

    def issue(self, activity: Activity, candidates: Sequence[Candidate], bill_number: str) -> PointsIssued:
        points = promised = 0
        awards: list[Award] = []
        opened: dict[Lasting, _Lot] = {}
        waiting: dict[_Waiting, _Lot] = {}
        promises, day = self._turn.program.promises, self._turn.day
        for candidate in candidates:
            promise = promises.get((candidate.issued_for, candidate.rule_id)) if promises else None
            if promise is None or promise.is_over(day):
                own = self._usual if candidate.terms is None else lasting_of(self._turn, candidate.terms)
                lot = opened.get(own)
                if lot is None:
                    lot = opened[own] = self._open(candidate)
            else:
                what = _Waiting(promise=promise, terms=candidate.terms)
                lot = waiting.get(what)
                if lot is None:
                    lot = waiting[what] = self._open(candidate)
                promised += candidate.points
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
        self._balance += points - promised
        self._lifetime += points - promised
        self._promised += promised
        self._taken_in += points
        return PointsIssued(
            currency=self._currency,
            points=points,
            balance=self._balance,
            activity=activity.key,
            awards=tuple(awards),
            lots=tuple(
                [
                    LotOpened(
                        lot_id=lot.lot_id, points=lot.points, expires_on=expires_on, closes_at=closes_at, rolls=rolls
                    )
                    for (expires_on, closes_at, rolls), lot in opened.items()
                ]
            ),
            lifetime=self._lifetime,
            bill_number=bill_number,
            promised=promised,
            promised_lots=(
                tuple([self._promise(what.promise, activity, lot) for what, lot in waiting.items()]) if waiting else ()
            ),
        )

    def _open(self, candidate: Candidate) -> _Lot:
        self._lot_id += 1
        return _Lot(lot_id=self._lot_id, rule_id=candidate.rule_id)

    def _promise(self, promise: Promise, activity: Activity, lot: _Lot) -> LotPromised:
        due_on = promise.due_on(self._turn.day)
        due_at = NEVER if due_on is None else self._turn.program.calendar.start_of(due_on)
        return LotPromised(
            lot_id=lot.lot_id,
            points=lot.points,
            awaits=promise.awaits,
            reference=activity.reference,
            issued_for=activity.candidates[0].issued_for,
            rule_id=lot.rule_id,
            due_on=None if due_at == NEVER else due_on,
            due_at=None if due_at == NEVER else due_at,
            event=promise.event,
        )


def lasting_of(turn: ProgramTurn, terms: Terms) -> Lasting:
    """How long points last that become current in this turn by these terms."""
    if terms.with_tier is not None:
        expires_on, closes_at, tier = lasting_with_tier(turn, terms.with_tier)
        return Lasting(expires_on=expires_on, closes_at=closes_at, rolls=tier)
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
