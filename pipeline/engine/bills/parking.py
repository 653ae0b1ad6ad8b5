"""Parking: a return that comes before its bill waits for it, and is decided when the bill comes.

Agenda: one item for each return that waits, at the instant at which it is refused instead.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Final

from pipeline.engine.bills.entries import find_bill, find_parked
from pipeline.engine.bills.state import Parked, ParkedUntil, parked_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, Subject, Timer
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    ParkedLine,
    ParkedReturn,
    RecordRefused,
    Refusal,
    ReturnParked,
    ReturnReleased,
)
from schemas.records import Line, TransactionAdded, TransactionReturned

OF_BILL_MAX: Final = 10
"""Returns that wait for one bill: an entry of some 5 kB."""
OF_CUSTOMER_MAX: Final = 100
"""Returns that wait for bills of one customer: some 8 kB of a head."""
LINES_MAX: Final = 100
"""Lines of a return that waits, at most 54 kB of its entry. A longer one is refused, and may come again after its bill.
"""
_KIND: Final = 3


def park(turn: Turn, record: TransactionReturned) -> list[Decision]:
    """The return waits for its bill, unless too many wait already or no program takes returns."""
    waiting = [name for _, kind, name in turn.head.agenda if kind == _KIND]
    full = len(waiting) >= OF_CUSTOMER_MAX or waiting.count(parked_of(record.of_bill)) >= OF_BILL_MAX
    lines = record.lines if turn.org.keeps_lines else ()
    if full or turn.org.return_window_ms is None:
        return [RecordRefused(reason=Refusal.BILL_UNKNOWN, subject=record.of_bill)]
    if len(lines) > LINES_MAX:
        return [RecordRefused(reason=Refusal.TOO_MANY, subject=record.of_bill)]
    parked = ParkedReturn(
        record_id=record.id,
        event_time=record.event_time,
        document=record.bill_number,
        amount_minor=record.amount_minor,
        currency=record.currency,
        store=record.store,
        till=record.till,
        lines=tuple(ParkedLine(sku=line.sku, line_id=line.line_id, amount_minor=line.amount_minor) for line in lines),
    )
    return [ReturnParked(of_bill=record.of_bill, until=turn.as_of + turn.org.window_ms, parked=parked)]


def waiting_for(state: CustomerState, bill: TransactionAdded) -> Sequence[TransactionReturned]:
    """The parked returns that the bill, just recorded, takes or settles as made before it, in order of event time."""
    entry, known = find_parked(state, bill.bill_number), find_bill(state, bill.bill_number)
    if entry is None or known is None:
        return ()
    decided = [
        one.parked
        for one in entry.returns
        if one.parked.event_time < known.paid_at or known.is_returnable(one.parked.event_time)
    ]
    return [_record(one, bill) for one in sorted(decided, key=lambda one: one.event_time)]


def release(_turn: Turn, record: TransactionReturned) -> list[Decision]:
    """The return no longer waits: its bill has come."""
    return [ReturnReleased(of_bill=record.of_bill, record_id=record.id, event_time=record.event_time)]


def _record(parked: ParkedReturn, bill: TransactionAdded) -> TransactionReturned:
    return TransactionReturned(
        received_at=bill.received_at,
        source=bill.source,
        offset=bill.offset,
        org_id=bill.org_id,
        customer_id=bill.customer_id,
        id=parked.record_id,
        digest=0,
        event_time=parked.event_time,
        bill_number=parked.document,
        of_bill=bill.bill_number,
        amount_minor=parked.amount_minor,
        currency=parked.currency,
        store=parked.store,
        till=parked.till,
        lines=tuple(Line(sku=line.sku, line_id=line.line_id, amount_minor=line.amount_minor) for line in parked.lines),
    )


def _note_parked(state: CustomerState, _envelope: Envelope, decision: ReturnParked) -> None:
    """The entry stays until the last of its returns has been refused by the timer, which fires before it leaves."""
    name, until = parked_of(decision.of_bill), decision.until
    entry = find_parked(state, decision.of_bill) or Parked(forgotten_at=until)
    entry.forgotten_at = max(entry.forgotten_at, until)
    entry.returns.append(ParkedUntil(until=until, parked=decision.parked))
    state.entries[name] = entry
    insort(state.head.agenda, (until, _KIND, name))


def _note_released(state: CustomerState, _envelope: Envelope, decision: ReturnReleased) -> None:
    entry = find_parked(state, decision.of_bill)
    returns = entry.returns if entry is not None else []
    one = next(
        one
        for one in returns
        if (one.parked.record_id, one.parked.event_time) == (decision.record_id, decision.event_time)
    )
    returns.remove(one)
    state.head.agenda.remove((one.until, _KIND, parked_of(decision.of_bill)))


def _due(head: Head) -> int:
    return next((due for due, kind, _ in head.agenda if kind == _KIND), NEVER)


def _first(head: Head, due: int) -> Subject:
    """Bills by number."""
    name = next(name for at, kind, name in head.agenda if (at, kind) == (due, _KIND))
    of_bill = name.removeprefix(parked_of(""))
    return Subject(program_id=0, key=of_bill, part=of_bill)


def _give_up(turn: Turn, subject: Subject) -> list[Decision]:
    """Refuse the returns whose bill has not come in time."""
    entry = find_parked(turn.state, subject.part)
    decisions: list[Decision] = []
    for one in entry.returns if entry is not None else ():
        if one.until == turn.at:
            parked = one.parked
            decisions += (
                ReturnReleased(of_bill=subject.part, record_id=parked.record_id, event_time=parked.event_time),
                RecordRefused(reason=Refusal.BILL_UNKNOWN, subject=subject.part),
            )
    return decisions


def _for_bill(head: Head, record: TransactionAdded, _org: Org) -> tuple[str, ...]:
    name = parked_of(record.bill_number)
    return (name,) if any(one == name for _, _, one in head.agenda) else ()


def _for_return(_head: Head, record: TransactionReturned, _org: Org) -> tuple[str, ...]:
    return (parked_of(record.of_bill),)


PARKED_END: Final = Timer(kind=_KIND, name="parkedReturn", due=_due, first=_first, fire=_give_up)
CONCERN: Final = Concern(
    name="parking",
    effects={ReturnParked: _note_parked, ReturnReleased: _note_released},
    timers=(PARKED_END,),
    needs={TransactionAdded: _for_bill, TransactionReturned: _for_return},
    entries={
        ReturnParked: lambda decision: parked_of(decision.of_bill),
        ReturnReleased: lambda decision: parked_of(decision.of_bill),
    },
    ends=(ReturnParked,),
)
