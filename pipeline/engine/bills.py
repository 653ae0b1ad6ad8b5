"""Bills: which transactions are known and how much of each came back."""

from __future__ import annotations

from pipeline.engine.programs import DAY_MS
from pipeline.engine.state import Bill, CustomerState
from pipeline.engine.turn import Turn
from schemas.facts import (
    Fact,
    PurchaseCounted,
    RecordRefused,
    Refusal,
    ReturnCounted,
    ReturnRecorded,
    TransactionRecorded,
)
from schemas.records import TransactionAdded, TransactionReturned

LAG_ALLOWANCE_MS = 7 * DAY_MS
"""How far a partition's clock may run ahead of a record that waits in the journal behind it."""


def entry_of(bill_number: str) -> str:
    """The name of the entry that keeps a bill."""
    return "bill:" + bill_number


def record_bill(turn: Turn, record: TransactionAdded) -> list[Fact]:
    """A bill becomes known, unless one of that number can still be returned."""
    seq = turn.head.seq + 1
    known = turn.state.entries.get(entry_of(record.bill_number))
    if known is not None and record.event_time < known.returnable_until:
        return [RecordRefused(seq, turn.cause, turn.at, Refusal.BILL_EXISTS, turn.clock, subject=record.bill_number)]
    window = turn.org.return_window_ms
    until = record.event_time if window is None else record.event_time + window
    forgotten_at = until if window is None else until + turn.org.window_ms + LAG_ALLOWANCE_MS
    return [
        TransactionRecorded(
            seq,
            turn.cause,
            turn.at,
            record.bill_number,
            record.amount_minor,
            record.currency,
            until,
            forgotten_at,
        )
    ]


def record_return(turn: Turn, record: TransactionReturned) -> list[Fact]:
    """A return counts for at most what is left of its bill."""
    seq = turn.head.seq + 1
    bill = turn.state.entries.get(entry_of(record.of_bill))
    if bill is None or record.event_time >= bill.returnable_until:
        reason = Refusal.BILL_UNKNOWN
    elif record.currency != bill.currency:
        reason = Refusal.CURRENCY_UNKNOWN
    elif bill.returned_minor >= bill.amount_minor:
        reason = Refusal.BILL_RETURNED
    else:
        counted = min(record.amount_minor, bill.amount_minor - bill.returned_minor)
        return [
            ReturnRecorded(
                seq,
                turn.cause,
                turn.at,
                record.of_bill,
                counted,
                bill.amount_minor,
                bill.returned_minor,
                record.amount_minor - counted,
            )
        ]
    subject = record.currency if reason is Refusal.CURRENCY_UNKNOWN else record.of_bill
    return [RecordRefused(seq, turn.cause, turn.at, reason, turn.clock, subject=subject)]


def count_purchase(turn: Turn, record: TransactionAdded) -> list[Fact]:
    """The bill counts in a program that earns on its currency."""
    program, section, seq = turn.program, turn.section, turn.head.seq + 1
    if record.currency != program.money:
        reason = Refusal.CURRENCY_UNKNOWN
        return [
            RecordRefused(seq, turn.cause, turn.at, reason, turn.clock, program.id, program.version, record.currency)
        ]
    return [
        PurchaseCounted(
            seq,
            turn.cause,
            turn.at,
            program.id,
            program.version,
            record.bill_number,
            record.amount_minor,
            section.transactions + 1,
            section.purchases_minor + record.amount_minor,
            section.returned_minor,
        )
    ]


def count_return(turn: Turn, record: TransactionReturned) -> list[Fact]:
    """The return counts in a program in which its bill counted."""
    bill = turn.state.entries[entry_of(record.of_bill)]
    program, section = turn.program, turn.section
    if program.id not in bill.counted:
        return []
    return [
        ReturnCounted(
            turn.head.seq + 1,
            turn.cause,
            turn.at,
            program.id,
            program.version,
            record.of_bill,
            bill.last_return_minor,
            section.purchases_minor,
            section.returned_minor + bill.last_return_minor,
        )
    ]


def open_bill(state: CustomerState, fact: TransactionRecorded) -> None:
    """The bill is an entry from now on, in the place of a forgotten one; one that can't be returned is not kept."""
    if fact.forgotten_at <= fact.at:
        return
    state.entries[entry_of(fact.bill_number)] = Bill(
        fact.returnable_until, fact.forgotten_at, fact.amount_minor, fact.currency
    )


def take_back(state: CustomerState, fact: ReturnRecorded) -> None:
    """So much more of the bill has come back."""
    bill = state.entries[entry_of(fact.of_bill)]
    bill.returned_minor += fact.amount_minor
    bill.last_return_minor = fact.amount_minor


def note_purchase(state: CustomerState, fact: PurchaseCounted) -> None:
    """The program's totals are those of the fact."""
    section = state.head.sections[fact.program_id]
    section.transactions = fact.transactions
    section.purchases_minor = fact.purchases_minor
    bill = state.entries.get(entry_of(fact.bill_number))
    if bill is not None:
        bill.counted.append(fact.program_id)


def note_return(state: CustomerState, fact: ReturnCounted) -> None:
    """The program's returns are those of the fact."""
    state.head.sections[fact.program_id].returned_minor = fact.returned_minor
