"""Updates: a bill is otherwise than it was recorded, and counts as if it had been right from the beginning.

RULE (amount): an update that leaves less of the bill than came back already is refused. One to 0 cancels the bill: it
counts as none until another update reinstates it.
RULE (lines): an update names all lines of the bill, as rules look at them. A bill that came without lines may get some:
rules look at them, returns of it do not.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills import lines, parking
from pipeline.engine.bills.entries import bill_of, find_bill
from pipeline.engine.bills.state import Bill, ItemisedBill, entry_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.programs import Org
from pipeline.engine.purchases import changes_amount
from pipeline.engine.state import CustomerState, Head
from schemas.facts import BillUpdated, Decision, Envelope, RecordRefused, Refusal
from schemas.records import TransactionAdded, TransactionUpdated

UPDATES_MAX: Final = 100
"""Updates of one bill: each may add a lot to each of its awards, a number in its entry."""


def record_update(turn: Turn, record: TransactionUpdated) -> list[Decision]:
    """The bill is as the update says; without an open bill of that number it waits."""
    bill = find_bill(turn.state, record.bill_number)
    if bill is not None and record.event_time < bill.paid_at:
        return [RecordRefused(reason=Refusal.RETURN_BEFORE_BILL, subject=record.bill_number)]
    if bill is None or not bill.is_returnable(record.event_time):
        return parking.park_update(turn, record)
    updated = _updated(bill, record)
    refusal = _refusal_of(bill, record, updated)
    if refusal is not None:
        return [RecordRefused(reason=refusal, subject=record.bill_number)]
    if isinstance(bill, ItemisedBill) and corrects(updated):
        return [updated, lines.keep_again(bill, record)]
    return [updated]


def _updated(bill: Bill, record: TransactionUpdated) -> BillUpdated:
    asked = bill.amount_minor if record.amount_minor is None else record.amount_minor
    digest = lines.digest_of(record.lines) or bill.lines_digest
    return BillUpdated(
        bill_number=record.bill_number,
        amount_minor=asked or bill.returned_minor,
        previous_minor=bill.amount_minor,
        currency=bill.currency,
        cancelled=bill.cancelled if record.amount_minor is None else asked == 0,
        was_cancelled=bill.cancelled,
        lines_digest=digest,
        relined=digest != bill.lines_digest,
        delivery_status=record.delivery_status or bill.delivery_status,
        discount_minor=record.discount_minor,
        gross_minor=record.gross_minor,
        line_count=len(record.lines),
        entered_by=record.entered_by,
    )


def _refusal_of(bill: Bill, record: TransactionUpdated, updated: BillUpdated) -> Refusal | None:
    if bill.updates >= UPDATES_MAX:
        return Refusal.TOO_MANY
    if record.event_time < bill.updated_at:
        return Refusal.SUPERSEDED
    if not corrects(updated) and record.delivery_status in ("", bill.delivery_status):
        return Refusal.UPDATE_CHANGES_NOTHING
    if updated.amount_minor < bill.returned_minor:
        return Refusal.RETURNED_MORE
    if record.amount_minor and bill.lines_digest and corrects(updated) and not record.lines:
        return Refusal.LINES_MISSING
    return None


def corrected_in(turn: ProgramTurn, bill: Bill) -> bool:
    """Whether a program has to correct what it gave for the bill, which the record of the turn has just updated."""
    updated = next(one for one in turn.decided if isinstance(one, BillUpdated))
    return corrects(updated) and bill.takes(turn.program.id, turn.at)


def corrects(updated: BillUpdated) -> bool:
    """Whether programs may have to correct what they gave for the bill."""
    return changes_amount(updated) or updated.relined


def _note(state: CustomerState, envelope: Envelope, decision: BillUpdated) -> None:
    bill = bill_of(state, decision.bill_number)
    bill.amount_minor = decision.amount_minor
    bill.cancelled = decision.cancelled
    bill.lines_digest = decision.lines_digest
    bill.updates += 1
    bill.updated_at = envelope.at
    bill.delivery_status = decision.delivery_status


def _cause_of_bill(state: CustomerState, record: TransactionUpdated) -> str:
    bill = find_bill(state, record.bill_number)
    known = bill is not None and bill.is_returnable(record.event_time)
    return f"{TransactionAdded.__name__}:{bill.record_id}" if bill is not None and known else ""


def _bill_to_update(_head: Head, record: TransactionUpdated, _org: Org) -> tuple[str, ...]:
    return (entry_of(record.bill_number),)


CONCERN: Final = Concern(
    name="updates",
    effects={BillUpdated: _note},
    entries={BillUpdated: lambda decision: entry_of(decision.bill_number)},
    needs={TransactionUpdated: _bill_to_update},
    corrects={TransactionUpdated: _cause_of_bill},
)
