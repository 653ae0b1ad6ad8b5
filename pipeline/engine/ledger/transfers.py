"""Transfers: points that one customer gives to another, who may be in any partition of the journal.

1. At the sender the points are put aside, and offered to the receiver.
2. The receiver has them credited, or cannot have them, and answers.
3. At the sender the answer ends the hold: the points are transferred, or the customer has them again.

RULE (expiry): points keep the terms of their lots, so nothing lives longer for being given away; or, where the program
says so, they last as points awarded on that day, at most so many days beyond their own last day.
RULE (lifetime): points that were given are not earned, so the receiver's lifetime points stay, unless the program says
otherwise.
RULE (standing): who is blocked or marked for fraud neither gives nor receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.calendar import NEVER
from pipeline.engine.duplicates import ADMIT
from pipeline.engine.kernel.concern import Concern, Stage
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.ledger.accounts import account_of, parts_of
from pipeline.engine.ledger.conditions import broken_by_standing
from pipeline.engine.ledger.holds import find_hold, given_back, hold, released
from pipeline.engine.ledger.issue import LOTS_MAX, lasting_of
from pipeline.engine.ledger.state import Lot
from pipeline.engine.ledger.terms import closing_on
from pipeline.engine.state import CustomerState
from schemas.facts import (
    Decision,
    Duration,
    Envelope,
    HoldFor,
    LotOpened,
    PointsHeld,
    PointsReceived,
    PointsTransferred,
    RecordRefused,
    Refusal,
    ReleasedBecause,
    Standing,
    TransferInitiated,
    TransferRefused,
)
from schemas.records import AnswerTransfer, ReceiveTransfer, TransferPoints, TransferredPart


def start(turn: Turn, record: TransferPoints) -> list[Decision]:
    """The receiver is another customer, and can answer; who is blocked or marked for fraud gives nothing away."""
    if turn.backfill:
        return [RecordRefused(reason=Refusal.IN_BACKFILL)]
    if record.receiver_id == record.customer_id:
        return [RecordRefused(reason=Refusal.SAME_CUSTOMER, subject=str(record.receiver_id))]
    broken = broken_by_standing(turn.head.standing)
    return [] if broken is None else [RecordRefused(reason=broken.reason, subject=broken.subject)]


def offer(turn: ProgramTurn, record: TransferPoints) -> list[Decision]:
    """The points are put aside, those first that would be spent first, until the receiver has answered."""
    found = turn.program.find_currency(record.currency)
    if found is None:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    currency = found.id
    held = hold(turn, currency=currency, points=record.points, hold_id=record.id, kind=HoldFor.TRANSFER)
    if not isinstance(held, PointsHeld):
        return [held]
    return [
        held,
        TransferInitiated(
            transfer_id=record.id,
            receiver_id=record.receiver_id,
            currency=currency,
            parts=parts_by_terms(parts_of(account_of(turn.section, currency), held.taken)),
        ),
    ]


def parts_by_terms(parts: Iterable[Lot]) -> tuple[TransferredPart, ...]:
    """Points that leave a customer, those together that have the same terms."""
    by_terms: dict[tuple[int, Duration | str | None], Lot] = {}
    for part in parts:
        same = by_terms.setdefault((part.closes_at, part.rolls), part)
        if same is not part:
            same.open_points += part.open_points
    return tuple(map(_part, by_terms.values()))


def answering(stage: Callable[[Turn, ReceiveTransfer], Sequence[Decision]]) -> Stage:
    """The stage of another record about the customer: what refuses that refuses points, too, and tells the sender."""

    def decide(turn: Turn, record: ReceiveTransfer) -> list[Decision]:
        return [
            _refused(record, one.reason, one.subject) if isinstance(one, RecordRefused) else one
            for one in stage(turn, record)
        ]

    return decide


def accept(turn: Turn, record: ReceiveTransfer) -> list[Decision]:
    """The program is in force here, no history is being loaded, and the customer may receive points."""
    if turn.backfill:
        return [_refused(record, Refusal.IN_BACKFILL)]
    if turn.org.get(record.program_id) is None:
        return [_refused(record, Refusal.PROGRAM_UNKNOWN, str(record.program_id))]
    standing = _STANDINGS.get(turn.head.standing)
    return [] if standing is None else [_refused(record, standing)]


_STANDINGS: Final = {Standing.FRAUD: Refusal.RECEIVER_FRAUD, Standing.BLOCKED: Refusal.RECEIVER_BLOCKED}


def receive(turn: ProgramTurn, record: ReceiveTransfer) -> list[Decision]:
    """The points lie in lots of their own; those whose last day is over by now expire in this turn."""
    for refused in ADMIT.decide(turn, record):
        return [_refused(record, refused.reason)]  # type: ignore[attr-defined]  # all that it decides
    account = account_of(turn.section, record.currency)
    points = sum(part.points for part in record.parts)
    if record.currency not in turn.program.currencies:
        return [_refused(record, Refusal.CURRENCY_UNKNOWN, record.currency)]
    counts = turn.program.definition.transfer.lifetime == "count"
    total = max(account.taken_in, account.lifetime + account.promised if counts else 0) + points
    if total > TOTAL_MAX or turn.head.lots + len(record.parts) > LOTS_MAX:
        return [_refused(record, Refusal.TOTAL_TOO_LARGE, record.currency)]
    return [
        PointsReceived(
            currency=record.currency,
            points=points,
            balance=account.balance + points,
            transfer_id=record.transfer_id,
            sender_id=record.sender_id,
            lots=tuple(
                _received(turn, record.currency, lot_id, part)
                for lot_id, part in enumerate(record.parts, account.lots_opened + 1)
            ),
            lifetime=account.lifetime + points if counts else None,
        )
    ]


def _received(turn: ProgramTurn, currency: str, lot_id: int, part: TransferredPart) -> LotOpened:
    """The lot of points of the same terms: with their own, or those that the program gives them."""
    own = LotOpened(
        lot_id=lot_id,
        points=part.points,
        expires_on=part.expires_on,
        closes_at=part.closes_at,
        rolls=Duration(*part.rolls) if isinstance(part.rolls, tuple) else None,
    )
    policy = turn.program.definition.transfer
    if policy.expiry == "keep" or (part.closes_at is not None and part.closes_at <= turn.head.clock):
        return own
    lasting = lasting_of(turn, turn.program.currencies[currency].terms.held_in(turn.section.tier))
    expires_on, closes_at = lasting.expires_on, lasting.closes_at
    if policy.extra_days is not None and part.expires_on is not None:
        latest, closed = closing_on(turn.program.calendar, part.expires_on + policy.extra_days)
        if closes_at is None or closed < closes_at:
            expires_on, closes_at = latest, closed
    return structs.replace(own, expires_on=expires_on, closes_at=closes_at, rolls=lasting.rolls)


def settle(turn: ProgramTurn, record: AnswerTransfer) -> list[Decision]:
    """The receiver has the points, or the customer has them again; those past their last day expire in this turn."""
    held = find_hold(turn.section, record.transfer_id)
    assert held is not None  # noqa: S101 - an answer that is not awaited is not admitted
    if record.refusal:
        reason = Refusal(record.refusal).text
        return released(held, ReleasedBecause.REFUSED, clock=turn.head.clock, reason=reason)
    back = given_back(held, ReleasedBecause.USED)
    return [
        back,
        PointsTransferred(
            currency=held.currency,
            points=back.points,
            balance=held.account.balance,
            transfer_id=record.transfer_id,
            receiver_id=record.sender_id,
            taken=back.restored,
        ),
    ]


def _part(lot: Lot) -> TransferredPart:
    return TransferredPart(
        points=lot.open_points,
        expires_on=lot.expires_on,
        closes_at=None if lot.closes_at == NEVER else lot.closes_at,
        rolls=(lot.rolls.months, lot.rolls.days, lot.rolls.round_months)
        if isinstance(lot.rolls, Duration)
        else lot.rolls,
    )


def _refused(record: ReceiveTransfer, reason: Refusal, subject: str = "") -> TransferRefused:
    return TransferRefused(
        transfer_id=record.transfer_id,
        sender_id=record.sender_id,
        program_id=record.program_id,
        currency=record.currency,
        reason=reason,
        subject=subject,
    )


def _awaited(state: CustomerState, record: AnswerTransfer) -> bool:
    section = state.head.sections.get(record.program_id)
    held = find_hold(section, record.transfer_id) if section is not None else None
    return held is not None and held.hold.kind is HoldFor.TRANSFER


def _ask_receiver(decision: TransferInitiated, envelope: Envelope, stated: Mapping[str, Any]) -> ReceiveTransfer:
    return ReceiveTransfer(
        customer_id=decision.receiver_id,
        transfer_id=decision.transfer_id,
        program_id=envelope.program_id,
        currency=decision.currency,
        parts=decision.parts,
        **stated,
    )


def _credited(decision: PointsReceived, envelope: Envelope, stated: Mapping[str, Any]) -> AnswerTransfer:
    return AnswerTransfer(
        customer_id=decision.sender_id,
        transfer_id=decision.transfer_id,
        program_id=envelope.program_id,
        currency=decision.currency,
        **stated,
    )


def _not_credited(decision: TransferRefused, _envelope: Envelope, stated: Mapping[str, Any]) -> AnswerTransfer:
    return AnswerTransfer(
        customer_id=decision.sender_id,
        transfer_id=decision.transfer_id,
        program_id=decision.program_id,
        currency=decision.currency,
        refusal=decision.reason,
        subject=decision.subject,
        **stated,
    )


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: Decision) -> None:
    """What is offered is held already; what is refused changes nothing here."""


CONCERN: Final = Concern(
    name="transfers",
    effects={TransferInitiated: _nothing, TransferRefused: _nothing},
    requests={TransferInitiated: _ask_receiver, PointsReceived: _credited, TransferRefused: _not_credited},
    answers={AnswerTransfer: _awaited},
    ends=(TransferRefused,),
)
