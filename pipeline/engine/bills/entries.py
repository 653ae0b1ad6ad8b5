"""Entries of bills in a customer's state, by the numbers of the bills."""

from __future__ import annotations

from typing import cast

from pipeline.engine.bills.state import Bill, Parked, entry_of, parked_of
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from schemas.records import TransactionAdded


def find_bill(state: CustomerState, number: str) -> Bill | None:
    """The bill of that number, if it is known."""
    return cast("Bill | None", state.entries.get(entry_of(number)))


def is_known(state: CustomerState, bill: TransactionAdded) -> bool:
    """Whether a bill of that number can still be returned, so none can come under its number."""
    known = find_bill(state, bill.bill_number)
    return known is not None and bill.event_time < known.returnable_until


def bill_of(state: CustomerState, number: str) -> Bill:
    """The bill of a decision that is about a known bill."""
    return state.entries[entry_of(number)]  # type: ignore[return-value]  # the name says the kind; a cast is a call


def day_of_bill(program: Program, bill: Bill) -> int:
    """The local day on which a bill was paid, as it counted in a program."""
    day = bill.parts[program.id].day
    return program.calendar.day_of(bill.paid_at) if day is None else day


def find_parked(state: CustomerState, number: str) -> Parked | None:
    """The returns that wait for the bill of that number; an empty entry may still exist."""
    return cast("Parked | None", state.entries.get(parked_of(number)))
