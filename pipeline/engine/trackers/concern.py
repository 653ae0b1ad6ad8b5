"""Trackers: bills count on the day on which they were paid, for as long as the day can be in the window.

RULE (window): local days in the program's zone, by event time. A moving window is the last days up to today; cycles
are as long and begin with the day of the first bill that counts, an earlier one that comes late included. What comes
late counts where its day does, and what is older than any window counts nothing.
RULE (returns): a return takes off the bill's own day what came back: of a tracker by lines what came back of them, else
in proportion of the bill, rounded down; a visit, and a line that is counted, when all of it is back. A day never falls
below what other bills count.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from pipeline.engine.amounts import reversal_due
from pipeline.engine.bills.entries import bill_of, day_of_bill
from pipeline.engine.bills.state import Bill, BillPart, ItemisedBill, TrackerContribution
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.correction import at_the_sale
from pipeline.engine.merging import sections
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from pipeline.engine.trackers.rules import Amounts, Counted, TrackerRule
from pipeline.engine.trackers.state import Tracked
from pipeline.engine.trackers.values import tracked_of, value_with
from schemas.facts import (
    BillUpdated,
    Decision,
    Envelope,
    SectionHandedOver,
    SectionTakenOver,
    TrackerCounted,
    TrackerLowered,
)
from schemas.records import TransactionAdded, TransactionReturned, TransactionUpdated


def uses_trackers(program: Program) -> bool:
    """Whether the program has trackers."""
    return bool(program.trackers)


def _count(turn: ProgramTurn, record: TransactionAdded) -> list[Decision]:
    gross = record.amount_minor + record.discount_minor if record.gross_minor is None else record.gross_minor
    amounts = Amounts(net=record.amount_minor, gross=gross, discount=record.discount_minor)
    decisions: list[Decision] = []
    for rule in turn.program.trackers:
        counted = rule.counted(amounts, record.lines)
        if counted.total and not rule.tracker.retired:
            store = _store(record.store) if rule.by_store else 0
            decisions += _moved(turn, rule, record.bill_number, turn.day, store, counted, None, 0)
    return decisions


def _moved(
    turn: ProgramTurn,
    rule: TrackerRule,
    bill_number: str,
    day: int,
    store: int,
    counted: Counted,
    known: TrackerContribution | None,
    removed: int,
) -> list[Decision]:
    """What a bill counts from now on, where it counted `known` before; `removed` is what came back of it."""
    today = _today(turn)
    tracked, forgets_before = tracked_of(turn.section, rule), rule.forgets_before(today)
    before = 0 if known is None else known.total - known.removed
    added = counted.total - removed - before
    if day < forgets_before and not rule.tracker.window.cyclic:
        return []
    if known is not None and not added and (counted.total, list(counted.lines)) == (known.total, known.lines):
        return []
    change, bills = (_by_store(tracked, day, store, added), added) if store else (added, 0)
    value = value_with(tracked, rule, today, day, change)
    return [
        TrackerCounted(
            bill_number=bill_number,
            tracker_id=rule.tracker.id,
            day=day,
            added=change,
            value=value,
            forgets_before=forgets_before,
            store=store,
            bills=bills,
            kept=turn.program.return_days is not None,
            total=counted.total,
            lines=counted.lines,
            removed=removed,
        )
    ]


def _by_store(tracked: Tracked | None, day: int, store: int, bills: int) -> int:
    """By how much the visits of a day change with so many bills more, or fewer, in one store."""
    there = 0 if tracked is None else tracked.stores.get(day, {}).get(store, 0)
    return (there + bills > 0) - (there > 0)


def _undo(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    part = bill.parts[turn.program.id]
    rules = {rule.tracker.id: rule for rule in turn.program.trackers}
    decisions: list[Decision] = []
    for one in part.trackers:
        removed = _due(one.total, one.lines, bill, part)
        if removed > one.removed and one.tracker_id in rules:
            decisions.append(_lowered(turn, rules[one.tracker_id], record.of_bill, one, removed))
    return decisions


def _lowered(
    turn: ProgramTurn, rule: TrackerRule, of_bill: str, one: TrackerContribution, removed: int
) -> TrackerLowered:
    tracked = tracked_of(turn.section, rule)
    bills = removed - one.removed
    lowered = -_by_store(tracked, one.day, one.store, -bills) if one.store else bills
    if tracked is None or one.day not in tracked.days:
        lowered, bills = 0, 0
    return TrackerLowered(
        of_bill=of_bill,
        tracker_id=one.tracker_id,
        day=one.day,
        lowered=lowered,
        value=value_with(tracked, rule, _today(turn), one.day, -lowered),
        removed=removed,
        store=one.store,
        bills=bills if one.store else 0,
    )


def _due(total: int, lines: list[int] | tuple[int, ...], bill: Bill, part: BillPart) -> int:
    """What all returns so far take off."""
    if lines and bill.amount_minor and isinstance(bill, ItemisedBill) and len(lines) == len(bill.lines):
        returned = bill.returned_by_line(part)
        return sum(
            reversal_due(counts, line.amount_minor, back) if back else 0
            for counts, line, back in zip(lines, bill.lines, returned, strict=True)
        )
    return reversal_due(total, bill.amount_minor, part.returned_minor)


def _correct(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    updated = next(one for one in turn.decided if isinstance(one, BillUpdated))
    part = bill.parts[turn.program.id]
    known = {one.tracker_id: one for one in part.trackers}
    counting = {rule.tracker.id for rule in at_the_sale(turn, bill).program.trackers if not rule.tracker.retired}
    decisions: list[Decision] = []
    for rule in turn.program.trackers:
        one = known.get(rule.tracker.id)
        if one is None and rule.tracker.id in counting:
            one = TrackerContribution(
                tracker_id=rule.tracker.id,
                day=day_of_bill(turn.program, bill),
                total=0,
                store=_store("") if rule.by_store else 0,
            )
        if one is not None:
            counted = _counted_now(rule, record, updated, one)
            removed = _due(counted.total, counted.lines, bill, part)
            decisions += _moved(turn, rule, record.bill_number, one.day, one.store, counted, one, removed)
    return decisions


def _counted_now(
    rule: TrackerRule, record: TransactionUpdated, updated: BillUpdated, before: TrackerContribution
) -> Counted:
    """What a bill counts that was updated; of a cancelled one nothing, and what an update leaves out as before."""
    if updated.cancelled:
        return Counted(0)
    gross, discount = before.total or updated.amount_minor, before.total
    amounts = Amounts(
        net=updated.amount_minor,
        gross=gross if record.gross_minor is None else record.gross_minor,
        discount=discount if record.discount_minor is None else record.discount_minor,
    )
    return rule.counted(amounts, record.lines)


def _store(code: str) -> int:
    return crc32(code.encode()) or 1


def _today(turn: ProgramTurn) -> int:
    return turn.program.calendar.day_of(max(turn.head.clock, turn.at))


def _note_counted(state: CustomerState, envelope: Envelope, decision: TrackerCounted) -> None:
    """The day has this value; days that no window will hold any more leave."""
    trackers = state.head.sections[envelope.program_id].trackers
    tracked = trackers.get(decision.tracker_id)
    if tracked is None:
        tracked = trackers[decision.tracker_id] = Tracked(first_day=decision.day)
    tracked.first_day = min(tracked.first_day, decision.day)
    if decision.day >= decision.forgets_before:
        _move(tracked, decision.day, decision.added, decision.store, decision.bills)
    for kept in (tracked.days, tracked.stores):
        for day in [day for day in kept if day < decision.forgets_before]:
            del kept[day]


def _note_lowered(state: CustomerState, envelope: Envelope, decision: TrackerLowered) -> None:
    tracked = state.head.sections[envelope.program_id].trackers.get(decision.tracker_id)
    if tracked is not None and decision.day in tracked.days:
        _move(tracked, decision.day, -decision.lowered, decision.store, -decision.bills)


def _move(tracked: Tracked, day: int, added: int, store: int, bills: int) -> None:
    tracked.days[day] = tracked.days.get(day, 0) + added
    if store:
        stores = tracked.stores.setdefault(day, {})
        stores[store] = stores.get(store, 0) + bills


COUNT: Final = ProgramStage(_count, used=uses_trackers)
UNDO: Final = ProgramStage(_undo, used=uses_trackers)
CORRECT: Final = ProgramStage(_correct, used=uses_trackers)
CONCERN: Final = Concern(
    name="trackers",
    effects={
        SectionHandedOver: sections.emptied("trackers"),
        SectionTakenOver: sections.note_trackers,
        TrackerCounted: _note_counted,
        TrackerLowered: _note_lowered,
    },
)
