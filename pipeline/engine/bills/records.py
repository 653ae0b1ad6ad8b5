"""Recording bills and returns for the customer as such: what is known and what is left of it."""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills import lines, parking
from pipeline.engine.bills.entries import bill_of, find_bill, is_known
from pipeline.engine.bills.state import (
    Bill,
    BillPart,
    ItemisedBill,
    MeasuredContribution,
    MilestoneContribution,
    TrackerContribution,
    entry_of,
)
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import LAG_ALLOWANCE_MS, Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    LinesKept,
    LinesReturned,
    MilestoneCounted,
    MilestoneLowered,
    MilestoneMeasured,
    MilestoneRecorded,
    PurchaseCounted,
    RecordRefused,
    Refusal,
    ReturnCounted,
    ReturnRecorded,
    TrackerCounted,
    TrackerLowered,
    TransactionRecorded,
)
from schemas.records import TransactionAdded, TransactionReturned

DOCUMENTS_MAX: Final = 1_000
"""Return documents remembered of one bill, 9 kB of its entry. A number must not leave early, so returns beyond are
refused."""


def record_bill(turn: Turn, record: TransactionAdded) -> list[Decision]:
    """A bill becomes known, unless no program takes its money, or a bill of that number can still be returned."""
    moneys = turn.org.moneys
    if moneys and record.currency not in moneys:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    if is_known(turn.state, record):
        return [RecordRefused(reason=Refusal.BILL_EXISTS, subject=record.bill_number)]
    window = turn.org.return_window_ms
    until = record.event_time if window is None else record.event_time + window
    kept_until = until if window is None else max(until + turn.org.window_ms, turn.as_of) + LAG_ALLOWANCE_MS
    recorded = TransactionRecorded(
        bill_number=record.bill_number,
        amount_minor=record.amount_minor,
        currency=record.currency,
        returnable_until=until,
        forgotten_at=kept_until,  # beyond now also for one that was held for long, as its returns come behind it
        lines_digest=0 if window is None else lines.digest_of(record.lines),
    )
    return [recorded, lines.keep(record)] if turn.org.keeps_lines and record.lines else [recorded]


def record_return(turn: Turn, record: TransactionReturned) -> list[Decision]:
    """A return counts for at most what is left of its bill, and a return document once, whatever ids it comes under."""
    bill = find_bill(turn.state, record.of_bill)
    if bill is not None and record.event_time < bill.paid_at:  # nor can an earlier bill of that number come any more
        return [RecordRefused(reason=Refusal.RETURN_BEFORE_BILL, subject=record.of_bill)]
    if bill is None or not bill.is_returnable(record.event_time):
        return parking.park(turn, record)
    document = document_of(record.bill_number)
    refusal = _refusal_of(record, bill, document)
    if refusal is not None:
        return [refusal]
    by_line = lines.returned_lines(bill, record) if isinstance(bill, ItemisedBill) else None
    if by_line is None:
        counted = min(record.amount_minor, bill.amount_minor - bill.returned_minor)
    else:
        counted = sum(line.amount_minor for line in by_line.lines)
        if record.amount_minor and not counted:
            return [RecordRefused(reason=Refusal.LINES_UNKNOWN, subject=record.of_bill)]
    recorded = ReturnRecorded(
        of_bill=record.of_bill,
        amount_minor=counted,
        basis_minor=bill.amount_minor,
        returned_before_minor=bill.returned_minor,
        over_minor=record.amount_minor - counted,
        document=document,
        bill_number=record.bill_number,
        currency=record.currency,
        line_count=len(record.lines),
        store=record.store,
        till=record.till,
        site=record.site,
        entered_by=record.entered_by,
    )
    return [recorded] if by_line is None else [recorded, by_line]


def _refusal_of(record: TransactionReturned, bill: Bill, document: int | None) -> RecordRefused | None:
    if record.currency != bill.currency:
        return RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)
    if document in bill.documents:
        return RecordRefused(reason=Refusal.RETURN_EXISTS, subject=record.bill_number)
    if document is not None and len(bill.documents) >= DOCUMENTS_MAX:
        return RecordRefused(reason=Refusal.TOO_MANY, subject=record.of_bill)
    if bill.is_back:
        return RecordRefused(reason=Refusal.BILL_RETURNED, subject=record.of_bill)
    return None


def document_of(number: str) -> int | None:
    """The number of a return document as a bill keeps it; None where the return has none."""
    return key_of(number) if number else None


def _open(state: CustomerState, envelope: Envelope, decision: TransactionRecorded) -> None:
    """The bill is an entry from now on, replacing a forgotten one; a bill that can't be returned is not kept."""
    if decision.forgotten_at > envelope.at:
        state.entries[entry_of(decision.bill_number)] = Bill(
            forgotten_at=decision.forgotten_at,
            returnable_until=decision.returnable_until,
            amount_minor=decision.amount_minor,
            currency=decision.currency,
            paid_at=envelope.at,
            record_id=envelope.cause.partition(":")[2],
            lines_digest=decision.lines_digest,
        )


def _take_back(state: CustomerState, _envelope: Envelope, decision: ReturnRecorded) -> None:
    bill = bill_of(state, decision.of_bill)
    bill.returned_minor += decision.amount_minor
    if decision.document is not None:
        bill.documents.append(decision.document)


def _note_program(state: CustomerState, envelope: Envelope, decision: PurchaseCounted) -> None:
    """The bill knows the programs that take returns of it, and for how long."""
    if decision.return_days is not None:
        bill = bill_of(state, decision.bill_number)
        bill.parts[envelope.program_id] = BillPart(
            return_days=decision.return_days,
            version=envelope.version,
            tier_id=decision.tier_id,
            day=decision.day,
            store=decision.store,
        )


def _note_return(state: CustomerState, envelope: Envelope, decision: ReturnCounted) -> None:
    part = bill_of(state, decision.of_bill).parts[envelope.program_id]
    part.returned_minor += decision.amount_minor
    terms = part.terms
    if terms is not None:
        terms.unnamed_minor += 0 if decision.named else decision.amount_minor
        for line in decision.lines:
            terms.returned_minor[line.place] += line.amount_minor


def _note_counted(state: CustomerState, envelope: Envelope, decision: MilestoneCounted) -> None:
    """The bill knows what it counts towards; what an update adds was taken off before, or is more than there was."""
    part = bill_of(state, decision.bill_number).parts[envelope.program_id]
    if envelope.correction_of:
        known = next(one for one in part.milestones if one.milestone_id == decision.milestone_id)
        back = min(known.removed, decision.added)
        known.removed -= back
        known.added += decision.added - back
        return
    part.contributions.append(
        MilestoneContribution(
            milestone_id=decision.milestone_id, period=decision.period, added=decision.added, sums=decision.sums
        )
    )


def _note_measured(state: CustomerState, envelope: Envelope, decision: MilestoneMeasured) -> None:
    """The bill knows what it counts towards, as it is now."""
    part = bill_of(state, decision.bill_number).parts[envelope.program_id]
    part.contributions = [
        one
        for one in part.contributions
        if not (isinstance(one, MilestoneContribution) and one.milestone_id == decision.milestone_id)
    ]
    part.contributions.append(
        MeasuredContribution(
            milestone_id=decision.milestone_id,
            period=decision.period,
            added=decision.added,
            sums=False,
            removed=decision.removed,
            parts=list(decision.parts),
            keys=list(decision.keys),
            limit_period=decision.limit_period,
            gone=list(decision.gone),
        )
    )


def _note_lowered(state: CustomerState, envelope: Envelope, decision: MilestoneLowered) -> None:
    """The bill knows what was taken off."""
    for one in bill_of(state, decision.of_bill).parts[envelope.program_id].milestones:
        if one.milestone_id == decision.milestone_id:
            one.removed += decision.removed


def _note_recorded(state: CustomerState, envelope: Envelope, decision: MilestoneRecorded) -> None:
    """The same of a customer who is not enrolled."""
    if decision.of_bill:
        for one in bill_of(state, decision.of_bill).parts[envelope.program_id].milestones:
            if one.milestone_id == decision.milestone_id:
                one.removed -= decision.added


def _note_tracked(state: CustomerState, envelope: Envelope, decision: TrackerCounted) -> None:
    """The bill knows what it counts, in place of what it counted before."""
    if not decision.kept:
        return
    part = bill_of(state, decision.bill_number).parts[envelope.program_id]
    part.contributions = [
        one
        for one in part.contributions
        if not (isinstance(one, TrackerContribution) and one.tracker_id == decision.tracker_id)
    ]
    part.contributions.append(
        TrackerContribution(
            tracker_id=decision.tracker_id,
            day=decision.day,
            total=decision.total,
            lines=list(decision.lines),
            store=decision.store,
            removed=decision.removed,
        )
    )


def _note_tracker_lowered(state: CustomerState, envelope: Envelope, decision: TrackerLowered) -> None:
    """The bill knows what was taken off."""
    for one in bill_of(state, decision.of_bill).parts[envelope.program_id].trackers:
        if one.tracker_id == decision.tracker_id:
            one.removed = decision.removed


def _bill_to_add(_head: Head, record: TransactionAdded, _org: Org) -> tuple[str, ...]:
    """Also where no program takes returns: the version before may have left a bill that can still be returned."""
    return (entry_of(record.bill_number),)


def _bill_to_return(_head: Head, record: TransactionReturned, _org: Org) -> tuple[str, ...]:
    return (entry_of(record.of_bill),)


CONCERN: Final = Concern(
    name="bills",
    effects={
        TransactionRecorded: _open,
        ReturnRecorded: _take_back,
        PurchaseCounted: _note_program,
        ReturnCounted: _note_return,
        MilestoneCounted: _note_counted,
        MilestoneMeasured: _note_measured,
        MilestoneLowered: _note_lowered,
        MilestoneRecorded: _note_recorded,
        TrackerCounted: _note_tracked,
        TrackerLowered: _note_tracker_lowered,
        LinesKept: lines.note_kept,
        LinesReturned: lines.note_returned,
    },
    entries={
        TransactionRecorded: lambda decision: entry_of(decision.bill_number),
        ReturnRecorded: lambda decision: entry_of(decision.of_bill),
        PurchaseCounted: lambda decision: "" if decision.return_days is None else entry_of(decision.bill_number),
        ReturnCounted: lambda decision: entry_of(decision.of_bill),
        MilestoneCounted: lambda decision: entry_of(decision.bill_number),
        MilestoneMeasured: lambda decision: entry_of(decision.bill_number),
        MilestoneLowered: lambda decision: entry_of(decision.of_bill),
        MilestoneRecorded: lambda decision: entry_of(decision.of_bill) if decision.of_bill else "",
        TrackerCounted: lambda decision: entry_of(decision.bill_number) if decision.kept else "",
        TrackerLowered: lambda decision: entry_of(decision.of_bill),
        LinesKept: lambda decision: entry_of(decision.bill_number),
        LinesReturned: lambda decision: entry_of(decision.of_bill),
    },
    needs={TransactionAdded: _bill_to_add, TransactionReturned: _bill_to_return},
)
