"""Taking redemptions back: on request, or because the bill that they paid for is returned.

RULE (order): the lots that were taken last come back first, each with its own last day: what is left of the lot has
now, or where nothing is left, what it had. What is past it is reported as expired, or issued anew where the program
says so.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.engine.amounts import reversal_due
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import Bill
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, open_lot, post, put_back, with_held
from pipeline.engine.ledger.issue import LOTS_MAX, lasting_of
from pipeline.engine.ledger.redeemed import Redemption, find_payment, find_redemption, kept_redemption
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState, Section
from schemas.facts import Decision, Envelope, LotOpened, RecordRefused, RedemptionReversed, Refusal, Taken
from schemas.records import ReverseRedemption, TransactionReturned, TransactionUpdated


def reverse(turn: ProgramTurn, record: ReverseRedemption) -> list[Decision]:
    """The points come back, all that are left of the redemption or as many as are asked for; or it is refused."""
    redemption = find_redemption(turn.state, record.redemption_id)
    if redemption is None or not redemption.is_reversible(turn.program.id, turn.at):
        return [RecordRefused(reason=Refusal.REDEMPTION_UNKNOWN, subject=record.redemption_id)]
    left = redemption.left
    if not left:
        return [RecordRefused(reason=Refusal.REDEMPTION_REVERSED, subject=record.redemption_id)]
    if record.points is not None and record.points > left:
        return [RecordRefused(reason=Refusal.REVERSAL_TOO_LARGE, subject=str(record.points))]
    asked = left if record.points is None else record.points
    stand = _Stand(turn.section)
    taken_back = _reversed(turn, stand, record.redemption_id, redemption, asked, record.reason, record.entered_by)
    if turn.head.lots + _lots_of(taken_back) > LOTS_MAX:
        return [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject=redemption.currency)]
    return [taken_back]


def restore_paid(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    """The redemptions that paid for a returned bill come back as far as the bill did."""
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    return restore(turn, record.of_bill, bill)


def restore_corrected(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """The redemptions that paid for a bill of which an update leaves less come back as far as it is gone."""
    bill = bill_of(turn.state, record.bill_number)
    return restore(turn, record.bill_number, bill) if corrected_in(turn, bill) else []


def _restores(program: Program) -> bool:
    returns = program.definition.returns
    return returns is not None and returns.redeemed == "restore"


RESTORE_PAID: Final = ProgramStage(restore_paid, used=_restores)
RESTORE_CORRECTED: Final = ProgramStage(restore_corrected, used=_restores)


def restore(turn: ProgramTurn, of_bill: str, bill: Bill) -> list[Decision]:
    """Take back what redemptions paid for a bill, in proportion to what is gone of it in all; the last one first.

    What a request took back of a redemption before counts: no more comes back than the returns so far claim. What would
    be more lots than can be kept stays redeemed.
    """
    payment = find_payment(turn.state, of_bill)
    if payment is None:
        return []
    basis_minor = max(payment.basis_minor, bill.amount_minor)
    gone_minor = basis_minor - bill.counts_for(bill.parts[turn.program.id], sums=True)
    if not (gone_minor or bill.cancelled or bill.is_back):
        return []
    stand = _Stand(turn.section)
    room = LOTS_MAX - turn.head.lots
    decisions: list[Decision] = []
    for redemption_id in reversed(payment.redemptions):
        redemption = find_redemption(turn.state, redemption_id)
        if redemption is None or redemption.bill_number != of_bill:
            continue
        if not redemption.is_reversible(turn.program.id, turn.at):
            continue
        due = reversal_due(redemption.points, basis_minor, gone_minor) - (redemption.points - redemption.left)
        if due > 0:
            taken_back = _reversed(turn, stand, redemption_id, redemption, due, of_bill=of_bill)
            room -= _lots_of(taken_back)
            if room < 0:
                break
            decisions.append(taken_back)
    return decisions


class _Stand:
    """Balances and lots as they are after the decisions so far of one turn."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._balances: dict[str, int] = {}
        self._lots: dict[str, int] = {}

    def credit(self, currency: str, points: int) -> int:
        """The balance with these points."""
        before = self._balances.get(currency, account_of(self._section, currency).balance)
        self._balances[currency] = before + points
        return before + points

    def next_lot(self, currency: str) -> int:
        """The number of a new lot."""
        before = self._lots.get(currency, account_of(self._section, currency).lots_opened)
        self._lots[currency] = before + 1
        return before + 1


def _reversed(
    turn: ProgramTurn,
    stand: _Stand,
    redemption_id: str,
    redemption: Redemption,
    points: int,
    reason: str = "",
    entered_by: str = "",
    of_bill: str = "",
) -> RedemptionReversed:
    restored: list[Taken] = []
    past: list[Taken] = []
    missing = points
    lots_now = {lot.lot_id: lot for lot in with_held(account_of(turn.section, redemption.currency))}
    for part in reversed(redemption.parts):
        if not missing:
            break
        taken = Taken(lot_id=part.lot_id, points=min(missing, part.open_points))
        missing -= taken.points
        closes_at = lots_now.get(part.lot_id, part).closes_at
        (past if closes_at <= turn.head.clock else restored).append(taken)
    gone = sum(part.points for part in past)
    lots: tuple[LotOpened, ...] = ()
    currency = turn.program.currencies.get(redemption.currency)
    if gone and currency is not None and currency.redemption.past_expiry == "reissue":
        lasts = lasting_of(turn, currency.terms.held_in(turn.section.tier))
        lot_id = stand.next_lot(redemption.currency)
        lots = (
            LotOpened(
                lot_id=lot_id,
                points=gone,
                expires_on=lasts.expires_on,
                closes_at=lasts.closes_at,
                rolls=lasts.rolls,
            ),
        )
        gone = 0
    before = redemption.points - redemption.left
    return RedemptionReversed(
        currency=redemption.currency,
        points=points,
        balance=stand.credit(redemption.currency, points - gone),
        redemption_id=redemption_id,
        restored=tuple(restored),
        expired=gone,
        past=tuple(past),
        lots=lots,
        reversed_of_redemption=before + points,
        value_minor=_worth(redemption, before + points) - _worth(redemption, before),
        of_bill=of_bill,
        reason=reason,
        entered_by=entered_by,
    )


def _lots_of(decision: RedemptionReversed) -> int:
    """How many more lots may be open after it."""
    return len(decision.restored) + len(decision.lots)


def _worth(redemption: Redemption, points: int) -> int:
    """What so many points of the redemption were worth, so that the parts of any split add up to the whole."""
    return reversal_due(redemption.value_minor, redemption.points, points)


def note_redemption_reversed(state: CustomerState, envelope: Envelope, decision: RedemptionReversed) -> None:
    """What came back lies in its lots again, and no longer in the redemption."""
    redemption = kept_redemption(state, decision.redemption_id)
    account = state.head.sections[envelope.program_id].accounts[decision.currency]
    parts = {part.lot_id: part for part in redemption.parts}
    put_back(
        account,
        [msgspec.structs.replace(parts[taken.lot_id], open_points=taken.points) for taken in decision.restored],
    )
    for taken in (*decision.restored, *decision.past):
        parts[taken.lot_id].open_points -= taken.points
    redemption.parts = [part for part in redemption.parts if part.open_points]
    for opened in decision.lots:
        open_lot(account, opened, envelope.at)
    post(account, decision)
