"""Purchases: what a program counts of a customer's bills and returns."""

from __future__ import annotations

from typing import Final

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.merging import sections
from pipeline.engine.state import CustomerState
from schemas.facts import (
    BillUpdated,
    Decision,
    Envelope,
    LinesReturned,
    PurchaseCorrected,
    PurchaseCounted,
    RecordRefused,
    Refusal,
    ReturnCounted,
    ReturnRecorded,
    SectionHandedOver,
    SectionTakenOver,
)
from schemas.records import TransactionAdded, TransactionReturned, TransactionUpdated


def count_purchase(turn: ProgramTurn, record: TransactionAdded) -> list[Decision]:
    """The bill counts in a program that earns on its currency."""
    section = turn.section
    if record.currency != turn.program.money:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    purchases_minor = section.purchases_minor + record.amount_minor
    if purchases_minor > TOTAL_MAX:
        return [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject=record.currency)]
    return [
        PurchaseCounted(
            bill_number=record.bill_number,
            amount_minor=record.amount_minor,
            transactions=section.transactions + 1,
            purchases_minor=purchases_minor,
            returned_minor=section.returned_minor,
            return_days=turn.program.return_days,
            tier_id=section.tier_id if turn.program.earns_by_tier else "",
            day=turn.day if turn.program.dates.differ else None,
            store=record.store if turn.program.counts_by_store else "",
        )
    ]


def count_return(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    """The return counts in a program in which its bill counted, within the return window that program had then."""
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    returned = next(one.amount_minor for one in turn.decided if isinstance(one, ReturnRecorded))
    by_line = next((one for one in turn.decided if isinstance(one, LinesReturned)), None)
    looks_at_lines = by_line is not None and bill.parts[turn.program.id].terms is not None
    section = turn.section
    return [
        ReturnCounted(
            of_bill=record.of_bill,
            amount_minor=returned,
            purchases_minor=section.purchases_minor,
            returned_minor=section.returned_minor + returned,
            lines=by_line.lines if by_line is not None and looks_at_lines else (),
            named=looks_at_lines and by_line is not None and by_line.named,
            paid_at=bill.paid_at,
        )
    ]


def correct_purchase(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """The bill comes to something else in a program in which it counted, within the window that program had then."""
    bill = bill_of(turn.state, record.bill_number)
    updated = next(one for one in turn.decided if isinstance(one, BillUpdated))
    if not (bill.takes(turn.program.id, turn.at) and changes_amount(updated)):
        return []
    section = turn.section
    added = updated.amount_minor - updated.previous_minor
    if section.purchases_minor + added > TOTAL_MAX:
        return [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject=updated.currency)]
    counted = updated.was_cancelled - updated.cancelled
    return [
        PurchaseCorrected(
            bill_number=record.bill_number,
            amount_minor=added,
            counted=counted,
            transactions=section.transactions + counted,
            purchases_minor=section.purchases_minor + added,
            returned_minor=section.returned_minor,
            paid_at=bill.paid_at,
        )
    ]


def changes_amount(updated: BillUpdated) -> bool:
    """Whether the bill counts as more or less than before."""
    return updated.amount_minor != updated.previous_minor or updated.cancelled != updated.was_cancelled


def _note_purchase(state: CustomerState, envelope: Envelope, decision: PurchaseCounted | PurchaseCorrected) -> None:
    section = state.head.sections[envelope.program_id]
    section.transactions = decision.transactions
    section.purchases_minor = decision.purchases_minor


def _note_return(state: CustomerState, envelope: Envelope, decision: ReturnCounted) -> None:
    state.head.sections[envelope.program_id].returned_minor = decision.returned_minor


CONCERN: Final = Concern(
    name="purchases",
    effects={
        SectionHandedOver: sections.emptied("transactions", "purchases_minor", "returned_minor"),
        SectionTakenOver: sections.note_purchases,
        PurchaseCounted: _note_purchase,
        PurchaseCorrected: _note_purchase,
        ReturnCounted: _note_return,
    },
)
