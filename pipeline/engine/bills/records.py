"""Recording bills and returns for the customer as such: what is known and what is left of it."""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills.state import Bill, entry_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import DAY_MS, Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    PurchaseCounted,
    RecordRefused,
    Refusal,
    ReturnRecorded,
    TransactionRecorded,
)
from schemas.records import TransactionAdded, TransactionReturned

LAG_ALLOWANCE_MS: Final = 7 * DAY_MS
"""How far a partition's clock may run ahead of a record that waits in the journal behind it."""


def record_bill(turn: Turn, record: TransactionAdded) -> list[Decision]:
    """A bill becomes known, unless one of that number can still be returned."""
    known = turn.state.entries.get(entry_of(record.bill_number))
    if known is not None and record.event_time < known.returnable_until:
        return [RecordRefused(reason=Refusal.BILL_EXISTS, subject=record.bill_number)]
    window = turn.org.return_window_ms
    until = record.event_time if window is None else record.event_time + window
    return [
        TransactionRecorded(
            bill_number=record.bill_number,
            amount_minor=record.amount_minor,
            currency=record.currency,
            returnable_until=until,
            forgotten_at=until if window is None else until + turn.org.window_ms + LAG_ALLOWANCE_MS,
        )
    ]


def record_return(turn: Turn, record: TransactionReturned) -> list[Decision]:
    """A return counts for at most what is left of its bill."""
    bill = turn.state.entries.get(entry_of(record.of_bill))
    if bill is None or record.event_time >= bill.returnable_until:
        return [RecordRefused(reason=Refusal.BILL_UNKNOWN, subject=record.of_bill)]
    if record.currency != bill.currency:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    if bill.returned_minor >= bill.amount_minor:
        return [RecordRefused(reason=Refusal.BILL_RETURNED, subject=record.of_bill)]
    counted = min(record.amount_minor, bill.amount_minor - bill.returned_minor)
    return [
        ReturnRecorded(
            of_bill=record.of_bill,
            amount_minor=counted,
            basis_minor=bill.amount_minor,
            returned_before_minor=bill.returned_minor,
            over_minor=record.amount_minor - counted,
        )
    ]


def _open(state: CustomerState, envelope: Envelope, decision: TransactionRecorded) -> None:
    """The bill is an entry from now on, replacing a forgotten one; a bill that can't be returned is not kept."""
    if decision.forgotten_at > envelope.at:
        state.entries[entry_of(decision.bill_number)] = Bill(
            forgotten_at=decision.forgotten_at,
            returnable_until=decision.returnable_until,
            amount_minor=decision.amount_minor,
            currency=decision.currency,
        )


def _take_back(state: CustomerState, _envelope: Envelope, decision: ReturnRecorded) -> None:
    state.entries[entry_of(decision.of_bill)].returned_minor += decision.amount_minor


def _note_program(state: CustomerState, envelope: Envelope, decision: PurchaseCounted) -> None:
    """The bill knows the programs in which it counts."""
    bill = state.entries.get(entry_of(decision.bill_number))
    if bill is not None:
        bill.contributions[envelope.program_id] = []


def _bill_to_add(_head: Head, record: TransactionAdded, org: Org) -> tuple[str, ...]:
    return () if org.return_window_ms is None else (entry_of(record.bill_number),)


def _bill_to_return(_head: Head, record: TransactionReturned, _org: Org) -> tuple[str, ...]:
    return (entry_of(record.of_bill),)


CONCERN: Final = Concern(
    name="bills",
    effects={TransactionRecorded: _open, ReturnRecorded: _take_back, PurchaseCounted: _note_program},
    entries={
        TransactionRecorded: lambda decision: entry_of(decision.bill_number),
        ReturnRecorded: lambda decision: entry_of(decision.of_bill),
        PurchaseCounted: lambda decision: entry_of(decision.bill_number),
    },
    needs={TransactionAdded: _bill_to_add, TransactionReturned: _bill_to_return},
)
