"""Holds: points that are put aside, and how they come back.

Held points cannot be spent and do not expire. Released past their last day, they expire in that turn.
RULE (order): a hold takes the lots that would be spent first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, parts_of, post, put_back, take, take_out
from pipeline.engine.ledger.state import Account, Hold, Lot
from pipeline.engine.state import CustomerState, Head, Section
from schemas.facts import (
    Decision,
    Envelope,
    HoldFor,
    PointsExpired,
    PointsHeld,
    PointsReleased,
    RecordRefused,
    RedemptionTerms,
    Refusal,
    ReleasedBecause,
    Taken,
)
from schemas.program import SpendingOrder

HOLDS_MAX: Final = 100
"""Holds of one customer, over all programs."""


class Held(NamedTuple):
    """A hold, with where it is."""

    currency: str
    account: Account
    hold: Hold


def find_hold(section: Section, hold_id: str) -> Held | None:
    """The hold of that id, of whatever currency; None where nothing is held under it."""
    return next((held for held in _holds(section) if held.hold.hold_id == hold_id), None)


def hold(
    turn: ProgramTurn,
    *,
    currency: str,
    points: int,
    hold_id: str,
    kind: HoldFor,
    ends_at: int | None = None,
    reason: str = "",
    entered_by: str = "",
    redemption: RedemptionTerms | None = None,
) -> Decision:
    """Put points aside until `ends_at`, None for until they are released; or refuse to."""
    account = account_of(turn.section, currency)
    known = turn.program.currencies.get(currency)
    order = SpendingOrder.FEFO if known is None else known.redemption.order
    if find_hold(turn.section, hold_id) is not None:
        return RecordRefused(reason=Refusal.HOLD_EXISTS, subject=hold_id)
    if points > account.balance:
        return RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject=str(points))
    if sum(1 for section in turn.head.sections.values() for _ in _holds(section)) >= HOLDS_MAX:
        return RecordRefused(reason=Refusal.TOO_MANY_HOLDS, subject=hold_id)
    return PointsHeld(
        currency=currency,
        points=points,
        balance=account.balance - points,
        hold_id=hold_id,
        kind=kind,
        taken=take(account, points, order),
        ends_at=ends_at,
        reason=reason,
        entered_by=entered_by,
        redemption=redemption,
    )


def released(
    held: Held, because: ReleasedBecause, *, clock: int, reason: str = "", entered_by: str = ""
) -> list[Decision]:
    """Give back what is held; what is past its last day at the instant `clock` expires at once, date by date."""
    decisions: list[Decision] = [given_back(held, because, reason=reason, entered_by=entered_by)]
    balance = held.account.balance + held.hold.points
    past: dict[int, list[Lot]] = {}
    for part in held.hold.parts:
        if part.closes_at <= clock:
            past.setdefault(part.expires_on or 0, []).append(part)
    for expired_on, parts in sorted(past.items()):
        points = sum(part.open_points for part in parts)
        balance -= points
        decisions.append(
            PointsExpired(
                currency=held.currency,
                points=points,
                balance=balance,
                expired_on=expired_on,
                taken=taken_of(parts),
            )
        )
    return decisions


def given_back(held: Held, because: ReleasedBecause, *, reason: str = "", entered_by: str = "") -> PointsReleased:
    """Give back all that is held, also past its last day: for whoever takes it from its lots in the same turn."""
    return PointsReleased(
        currency=held.currency,
        points=held.hold.points,
        balance=held.account.balance + held.hold.points,
        hold_id=held.hold.hold_id,
        kind=held.hold.kind,
        because=because,
        restored=taken_of(held.hold.parts),
        reason=reason,
        entered_by=entered_by,
    )


def note_held(state: CustomerState, envelope: Envelope, decision: PointsHeld) -> None:
    """The hold keeps the terms of the lots, which may close meanwhile."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    account.holds.append(
        Hold(
            hold_id=decision.hold_id,
            kind=decision.kind,
            ends_at=NEVER if decision.ends_at is None else decision.ends_at,
            parts=parts_of(account, decision.taken),
            redemption=decision.redemption,
        )
    )
    take_out(account, {part.lot_id: part.points for part in decision.taken})
    post(account, decision)


def note_released(state: CustomerState, envelope: Envelope, decision: PointsReleased) -> None:
    """The points lie in their lots again."""
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    one = next(one for one in account.holds if one.hold_id == decision.hold_id)
    account.holds.remove(one)
    put_back(account, one.parts)
    post(account, decision)


def taken_of(parts: list[Lot]) -> tuple[Taken, ...]:
    """Parts of lots, as decisions name them."""
    return tuple(Taken(lot_id=part.lot_id, points=part.open_points) for part in parts)


def _holds(section: Section) -> Iterator[Held]:
    for currency, account in section.accounts.items():
        for one in account.holds:
            yield Held(currency=currency, account=account, hold=one)


def _due(head: Head) -> int:
    due = NEVER
    for section in head.sections.values():
        for account in section.accounts.values():
            for one in account.holds:
                due = min(due, one.ends_at)
    return due


def _first(head: Head, due: int) -> Subject:
    """Programs in id order, then by hold id."""
    return next(
        Subject(program_id=program_id, key=f"{program_id}/{held.hold.hold_id}", part=held)
        for program_id, section in sorted(head.sections.items())
        for held in sorted(_holds(section), key=lambda held: held.hold.hold_id)
        if held.hold.ends_at == due
    )


def _end(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    return released(subject.part, ReleasedBecause.ENDED, clock=max(turn.head.clock, turn.at))


HOLD_END: Final = Timer(kind=10, name="holdEnd", due=_due, first=_first, fire=_end)
