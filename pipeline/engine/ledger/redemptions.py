"""Redemptions: points that are spent at once, or held first and confirmed."""

from __future__ import annotations

from typing import Final

from pipeline.engine.currencies import Currency
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, close_taken, parts_of, take
from pipeline.engine.ledger.conditions import broken_by, broken_by_standing
from pipeline.engine.ledger.holds import find_hold, given_back, hold, taken_of
from pipeline.engine.ledger.redeemed import (
    Payment,
    Redemption,
    find_payment,
    find_redemption,
    payment_of,
    redemption_of,
)
from pipeline.engine.programs import DAY_MS, LAG_ALLOWANCE_MS, Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    BillUpdated,
    Decision,
    Envelope,
    HoldFor,
    PointsRedeemed,
    RecordRefused,
    RedemptionTerms,
    Refusal,
    ReleasedBecause,
    Taken,
)
from schemas.records import ConfirmRedemption, RedeemPoints, TransactionAdded, TransactionReturned, TransactionUpdated

PAYMENTS_MAX: Final = 100
"""Redemptions that name one bill: an entry of some 13 kB."""
_MINUTE_MS: Final = 60_000


def redeem(turn: ProgramTurn, record: RedeemPoints) -> list[Decision]:
    """Spend the points that expire soonest, or hold them until the redemption is confirmed; or refuse to."""
    program = turn.program
    currency = program.find_currency(record.currency)
    if currency is None:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    refused = _refusal(turn, record, currency)
    if refused is not None:
        return [refused]
    terms = RedemptionTerms(
        value_minor=currency.worth(record.points), bill_number=record.bill_number, notes=record.notes
    )
    if record.hold:
        return [
            hold(
                turn,
                currency=currency.id,
                points=record.points,
                hold_id=record.id,
                kind=HoldFor.REDEMPTION,
                ends_at=turn.at + currency.redemption.hold_minutes * _MINUTE_MS,
                redemption=terms,
            )
        ]
    account = account_of(turn.section, currency.id)
    taken = take(account, record.points, currency.redemption.order)
    return [_redeemed(turn, currency.id, record.id, terms, taken, account.balance - record.points)]


def confirm(turn: ProgramTurn, record: ConfirmRedemption) -> list[Decision]:
    """The points that a redemption holds are spent, also those past their last day."""
    held = find_hold(turn.section, record.redemption_id)
    terms = held.hold.redemption if held is not None else None
    if held is None or terms is None:
        return [RecordRefused(reason=Refusal.HOLD_UNKNOWN, subject=record.redemption_id)]
    broken = broken_by_standing(turn.head.standing)
    if broken is not None:
        return [RecordRefused(reason=broken.reason, subject=broken.subject)]
    refused = _refusal_of_id(turn, record.redemption_id, terms.bill_number)
    if refused is not None:
        return [refused]
    return [
        given_back(held, ReleasedBecause.USED),
        _redeemed(turn, held.currency, record.redemption_id, terms, taken_of(held.hold.parts), held.account.balance),
    ]


def _redeemed(
    turn: ProgramTurn, currency: str, redemption_id: str, terms: RedemptionTerms, taken: tuple[Taken, ...], balance: int
) -> PointsRedeemed:
    days = turn.program.reversible_days(currency)
    until = turn.at + days * DAY_MS if days else 0
    return PointsRedeemed(
        currency=currency,
        points=sum(part.points for part in taken),
        redemption_id=redemption_id,
        taken=taken,
        balance=balance,
        value_minor=terms.value_minor,
        bill_number=terms.bill_number,
        notes=terms.notes,
        reversible_until=until,
        forgotten_at=until + turn.program.window_ms + LAG_ALLOWANCE_MS if until else 0,
    )


def _refusal(turn: ProgramTurn, record: RedeemPoints, currency: Currency) -> RecordRefused | None:
    section = turn.section
    account = account_of(section, currency.id)
    broken = broken_by_standing(turn.head.standing) or broken_by(
        record.points,
        currency.conditions.of(section.tier),
        lifetime=account.lifetime,
        purchases_minor=section.purchases_minor - section.returned_minor,
        balance=account.balance,
    )
    if broken is not None:
        return RecordRefused(reason=broken.reason, subject=broken.subject)
    return _refusal_of_id(turn, record.id, record.bill_number)


def _refusal_of_id(turn: ProgramTurn, redemption_id: str, bill_number: str) -> RecordRefused | None:
    known = find_redemption(turn.state, redemption_id)
    if known is not None and turn.at < known.reversible_until:
        return RecordRefused(reason=Refusal.REDEMPTION_EXISTS, subject=redemption_id)
    payment = find_payment(turn.state, bill_number)
    if payment is not None and len(payment.redemptions) >= PAYMENTS_MAX:
        return RecordRefused(reason=Refusal.TOO_MANY, subject=bill_number)
    return None


def note_redeemed(state: CustomerState, envelope: Envelope, decision: PointsRedeemed) -> None:
    """The points leave their lots; the redemption is kept as long as it can be taken back."""
    if decision.forgotten_at > envelope.at:
        account = state.head.sections[envelope.program_id].accounts[decision.currency]
        state.entries[redemption_of(decision.redemption_id)] = Redemption(
            forgotten_at=decision.forgotten_at,
            reversible_until=decision.reversible_until,
            program_id=envelope.program_id,
            currency=decision.currency,
            points=decision.points,
            value_minor=decision.value_minor,
            redeemed_at=envelope.at,
            parts=parts_of(account, decision.taken),
            bill_number=decision.bill_number,
        )
    close_taken(state, envelope, decision)


def kept_of(decision: PointsRedeemed) -> str:
    """The entry of a redemption that can be taken back."""
    return redemption_of(decision.redemption_id) if decision.forgotten_at else ""


def _payment_kept(decision: PointsRedeemed) -> str:
    return payment_of(decision.bill_number) if decision.bill_number and decision.forgotten_at else ""


def _note_payment(state: CustomerState, envelope: Envelope, decision: PointsRedeemed) -> None:
    if decision.bill_number and decision.forgotten_at > envelope.at:
        name = payment_of(decision.bill_number)
        payment = find_payment(state, decision.bill_number) or Payment(forgotten_at=decision.forgotten_at)
        payment.forgotten_at = max(payment.forgotten_at, decision.forgotten_at)
        others = [one for one in payment.redemptions if one != decision.redemption_id]
        payment.redemptions = [*others, decision.redemption_id]
        state.entries[name] = payment


def _of_redemption(_head: Head, record: RedeemPoints, _org: Org) -> tuple[str, ...]:
    return (redemption_of(record.id), *_payment(record.bill_number))


def _of_confirmation(head: Head, record: ConfirmRedemption, _org: Org) -> tuple[str, ...]:
    section = head.sections.get(record.program_id)
    held = find_hold(section, record.redemption_id) if section is not None else None
    terms = held.hold.redemption if held is not None else None
    return (redemption_of(record.redemption_id), *_payment(terms.bill_number if terms is not None else ""))


def _payment(bill_number: str) -> tuple[str, ...]:
    return (payment_of(bill_number),) if bill_number else ()


def _of_bill(head: Head, record: TransactionAdded, _org: Org) -> tuple[str, ...]:
    """Only where returns wait, which may be of this bill."""
    return (payment_of(record.bill_number),) if head.agenda else ()


def _of_return(_head: Head, record: TransactionReturned, _org: Org) -> tuple[str, ...]:
    return (payment_of(record.of_bill),)


def _of_update(_head: Head, record: TransactionUpdated, _org: Org) -> tuple[str, ...]:
    return (payment_of(record.bill_number),)


def _note_basis(state: CustomerState, _envelope: Envelope, decision: BillUpdated) -> None:
    """What redemptions paid for the bill comes back in proportion to the most that it came to."""
    payment = find_payment(state, decision.bill_number)
    if payment is not None:
        payment.basis_minor = max(payment.basis_minor, decision.previous_minor, decision.amount_minor)


def _redemptions(state: CustomerState, bill_number: str) -> tuple[str, ...]:
    payment = find_payment(state, bill_number) if state.entries else None
    return () if payment is None else tuple(map(redemption_of, payment.redemptions))


PAYMENTS: Final = Concern(
    name="payments",
    effects={PointsRedeemed: _note_payment, BillUpdated: _note_basis},
    entries={PointsRedeemed: _payment_kept, BillUpdated: lambda decision: payment_of(decision.bill_number)},
    needs={
        RedeemPoints: _of_redemption,
        ConfirmRedemption: _of_confirmation,
        TransactionAdded: _of_bill,
        TransactionReturned: _of_return,
        TransactionUpdated: _of_update,
    },
    needs_then={
        TransactionAdded: lambda state, record, _org: _redemptions(state, record.bill_number),
        TransactionReturned: lambda state, record, _org: _redemptions(state, record.of_bill),
        TransactionUpdated: lambda state, record, _org: _redemptions(state, record.bill_number),
    },
)
"""What bills remember of the redemptions that paid for them."""
