"""Parking: a return or an update that comes before its bill waits for it, and is decided when the bill comes.

Agenda: one item for each record that waits, at the instant at which it is refused instead.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.engine.bills.entries import find_bill, find_parked
from pipeline.engine.bills.state import Parked, ParkedUntil, parked_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, Effect, Subject, Timer
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    ParkedLine,
    ParkedReturn,
    ParkedUpdate,
    RecordParked,
    RecordRefused,
    RecordReleased,
    Refusal,
    ReturnParked,
    ReturnReleased,
    UpdatedLine,
    UpdateParked,
    UpdateReleased,
)
from schemas.records import Line, TransactionAdded, TransactionReturned, TransactionUpdated

OF_BILL_MAX: Final = 10
"""Records that wait for one bill: an entry of some 5 kB."""
OF_CUSTOMER_MAX: Final = 100
"""Records that wait for bills of one customer: some 8 kB of a head."""
LINES_MAX: Final = 100
"""Lines of a record that waits, at most 54 kB of its entry. A longer one is refused, and may come again after its bill.
"""


class _Waiting(NamedTuple):
    """How records of one type wait."""

    kind: int
    """Of the timer that ends the wait."""
    name: str
    parked: type[ParkedReturn | ParkedUpdate]
    released: type[ReturnReleased | UpdateReleased]


_RETURNS: Final = _Waiting(kind=3, name="parkedReturn", parked=ParkedReturn, released=ReturnReleased)
_UPDATES: Final = _Waiting(kind=15, name="parkedUpdate", parked=ParkedUpdate, released=UpdateReleased)
_BY_PARKED: Final = {one.parked: one for one in (_RETURNS, _UPDATES)}
_KINDS: Final = frozenset(one.kind for one in (_RETURNS, _UPDATES))


def park(turn: Turn, record: TransactionReturned) -> list[Decision]:
    """The return waits for its bill, unless too many records wait already or no program takes returns."""
    lines = record.lines if turn.org.keeps_lines else ()
    refusal = _refusal_of(turn, record.of_bill, lines)
    if refusal is not None:
        return [RecordRefused(reason=refusal, subject=record.of_bill)]
    parked = ParkedReturn(
        record_id=record.id,
        event_time=record.event_time,
        document=record.bill_number,
        amount_minor=record.amount_minor,
        currency=record.currency,
        store=record.store,
        till=record.till,
        site=record.site,
        entered_by=record.entered_by,
        lines=tuple(ParkedLine(sku=line.sku, line_id=line.line_id, amount_minor=line.amount_minor) for line in lines),
    )
    return [ReturnParked(of_bill=record.of_bill, until=turn.as_of + turn.org.window_ms, parked=parked)]


def park_update(turn: Turn, record: TransactionUpdated) -> list[Decision]:
    """The update waits for its bill as returns do."""
    refusal = _refusal_of(turn, record.bill_number, record.lines)
    if refusal is not None:
        return [RecordRefused(reason=refusal, subject=record.bill_number)]
    parked = ParkedUpdate(
        record_id=record.id,
        event_time=record.event_time,
        amount_minor=record.amount_minor,
        lines=tuple(
            UpdatedLine(
                sku=line.sku,
                amount_minor=line.amount_minor,
                quantity=line.quantity,
                category=line.category,
                line_id=line.line_id,
            )
            for line in record.lines
        ),
        discount_minor=record.discount_minor,
        gross_minor=record.gross_minor,
        delivery_status=record.delivery_status,
        entered_by=record.entered_by,
    )
    return [UpdateParked(of_bill=record.bill_number, until=turn.as_of + turn.org.window_ms, parked=parked)]


def _refusal_of(turn: Turn, of_bill: str, lines: Sequence[Line]) -> Refusal | None:
    waiting = [name for _, kind, name in turn.head.agenda if kind in _KINDS]
    full = len(waiting) >= OF_CUSTOMER_MAX or waiting.count(parked_of(of_bill)) >= OF_BILL_MAX
    if full or turn.org.return_window_ms is None:
        return Refusal.BILL_UNKNOWN
    return Refusal.TOO_MANY if len(lines) > LINES_MAX else None


def waiting_for(state: CustomerState, bill: TransactionAdded) -> Sequence[TransactionReturned | TransactionUpdated]:
    """What waits for the bill, just recorded, and it takes or settles as made before it, in order of event time."""
    entry, known = find_parked(state, bill.bill_number), find_bill(state, bill.bill_number)
    if entry is None or known is None:
        return ()
    decided = [
        one.parked
        for one in entry.returns
        if one.parked.event_time < known.paid_at or known.is_returnable(one.parked.event_time)
    ]
    return [
        _return(one, bill) if isinstance(one, ParkedReturn) else _update(one, bill)
        for one in sorted(decided, key=lambda one: one.event_time)
    ]


def release(_turn: Turn, record: TransactionReturned) -> list[Decision]:
    """The return no longer waits: its bill has come."""
    return [ReturnReleased(of_bill=record.of_bill, record_id=record.id, event_time=record.event_time)]


def release_update(_turn: Turn, record: TransactionUpdated) -> list[Decision]:
    """The update no longer waits: its bill has come."""
    return [UpdateReleased(of_bill=record.bill_number, record_id=record.id, event_time=record.event_time)]


def _return(parked: ParkedReturn, bill: TransactionAdded) -> TransactionReturned:
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
        site=parked.site,
        entered_by=parked.entered_by,
        lines=tuple(Line(sku=line.sku, line_id=line.line_id, amount_minor=line.amount_minor) for line in parked.lines),
    )


def _update(parked: ParkedUpdate, bill: TransactionAdded) -> TransactionUpdated:
    return TransactionUpdated(
        received_at=bill.received_at,
        source=bill.source,
        offset=bill.offset,
        org_id=bill.org_id,
        customer_id=bill.customer_id,
        id=parked.record_id,
        digest=0,
        event_time=parked.event_time,
        bill_number=bill.bill_number,
        amount_minor=parked.amount_minor,
        lines=tuple(
            Line(
                sku=line.sku,
                amount_minor=line.amount_minor,
                quantity=line.quantity,
                category=line.category,
                line_id=line.line_id,
            )
            for line in parked.lines
        ),
        discount_minor=parked.discount_minor,
        gross_minor=parked.gross_minor,
        delivery_status=parked.delivery_status,
        entered_by=parked.entered_by,
    )


def _note_parked(state: CustomerState, _envelope: Envelope, decision: ReturnParked | UpdateParked) -> None:
    """The entry stays until the last of its records has been refused by the timer, which fires before it leaves."""
    name, until = parked_of(decision.of_bill), decision.until
    entry = find_parked(state, decision.of_bill) or Parked(forgotten_at=until)
    entry.forgotten_at = max(entry.forgotten_at, until)
    entry.returns.append(ParkedUntil(until=until, parked=decision.parked))
    state.entries[name] = entry
    insort(state.head.agenda, (until, _BY_PARKED[type(decision.parked)].kind, name))


def _note_released(state: CustomerState, _envelope: Envelope, decision: ReturnReleased | UpdateReleased) -> None:
    entry = find_parked(state, decision.of_bill)
    waiting = entry.returns if entry is not None else []
    one = next(
        one
        for one in waiting
        if (one.parked.record_id, one.parked.event_time) == (decision.record_id, decision.event_time)
        and _BY_PARKED[type(one.parked)].released is type(decision)
    )
    waiting.remove(one)
    state.head.agenda.remove((one.until, _BY_PARKED[type(one.parked)].kind, parked_of(decision.of_bill)))


def _timer(waiting: _Waiting) -> Timer:
    kind = waiting.kind

    def due(head: Head) -> int:
        return next((due for due, of, _ in head.agenda if of == kind), NEVER)

    def first(head: Head, due: int) -> Subject:
        """Bills by number."""
        name = next(name for at, of, name in head.agenda if (at, of) == (due, kind))
        of_bill = name.removeprefix(parked_of(""))
        return Subject(program_id=0, key=of_bill, part=of_bill)

    def give_up(turn: Turn, subject: Subject) -> list[Decision]:
        """Refuse the records whose bill has not come in time."""
        entry = find_parked(turn.state, subject.part)
        decisions: list[Decision] = []
        for one in entry.returns if entry is not None else ():
            parked = one.parked
            if one.until == turn.at and isinstance(parked, waiting.parked):
                decisions += (
                    waiting.released(of_bill=subject.part, record_id=parked.record_id, event_time=parked.event_time),
                    RecordRefused(reason=Refusal.BILL_UNKNOWN, subject=subject.part),
                )
        return decisions

    return Timer(kind=kind, name=waiting.name, due=due, first=first, fire=give_up)


def _for_bill(head: Head, record: TransactionAdded, _org: Org) -> tuple[str, ...]:
    if not head.agenda:
        return ()
    name = parked_of(record.bill_number)
    return (name,) if any(one == name for _, _, one in head.agenda) else ()


def _for_return(_head: Head, record: TransactionReturned, _org: Org) -> tuple[str, ...]:
    return (parked_of(record.of_bill),)


def _for_update(_head: Head, record: TransactionUpdated, _org: Org) -> tuple[str, ...]:
    return (parked_of(record.bill_number),)


def _entry(decision: RecordParked | RecordReleased) -> str:
    return parked_of(decision.of_bill)


PARKED_END: Final = _timer(_RETURNS)
UPDATES_END: Final = _timer(_UPDATES)
_EFFECTS: Final[dict[type[Decision], Effect]] = {
    ReturnParked: _note_parked,
    UpdateParked: _note_parked,
    ReturnReleased: _note_released,
    UpdateReleased: _note_released,
}
CONCERN: Final = Concern(
    name="parking",
    effects=_EFFECTS,
    timers=(PARKED_END, UPDATES_END),
    needs={TransactionAdded: _for_bill, TransactionReturned: _for_return, TransactionUpdated: _for_update},
    entries=dict.fromkeys(_EFFECTS, _entry),
    ends=(ReturnParked, UpdateParked),
)
