"""Tallies: milestones of which more than a number is kept, and what their bills know of them.

RULE (limit): where so many in a calendar period count, those that come first do. One that comes back as a whole makes
room for later ones.
RULE (correction): a bill that a limit or its store left out counts nothing by an update, either. An update that says
nothing of gross and discount leaves the amount as all that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final, NamedTuple

from msgspec import structs

from pipeline.engine.amounts import reversal_due
from pipeline.engine.bills.state import Bill, BillPart, ItemisedBill, MeasuredContribution
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.correction import bill_as_sold
from pipeline.engine.milestones.members import periods_of
from pipeline.engine.milestones.state import Tally
from pipeline.engine.programs import Program, Target
from schemas.facts import Decision, MilestoneMeasured, MilestoneTallied
from schemas.records import CustomEventReceived, TransactionAdded, TransactionUpdated

_NOTHING = Tally()


def tally(
    turn: ProgramTurn, target: Target, record: TransactionAdded | CustomEventReceived, period: int
) -> MilestoneTallied | None:
    """What the record has of the things that are counted; None where the limit leaves it out."""
    measure, use = target.measure, None
    if measure.limit is not None:
        use = measure.limit.periods.around(turn.day).number
        if _uses(turn, target, period, use) >= measure.limit.times:
            return None
    keys = () if measure.keys is None else measure.keys(record, turn.day)
    return MilestoneTallied(milestone_id=target.milestone_id, period=period, keys=keys, limit_period=use, times=1)


def gained(turn: ProgramTurn, tallied: MilestoneTallied) -> int:
    """How many of the record's things are new."""
    known = _tally(turn, tallied.milestone_id, tallied.period).keys
    return sum(key not in known for key in tallied.keys)


def measured(
    program: Program,
    record: TransactionAdded,
    target: Target,
    tallied: MilestoneTallied | None,
    period: int,
    added: int,
    removed: int = 0,
) -> MilestoneMeasured:
    """What the bill has to know of a milestone."""
    parts = target.measure.parts
    if not target.measure.in_proportion:
        shares: tuple[int, ...] = ()
    else:
        shares = (added,) if parts is None else parts(record)
    return MilestoneMeasured(
        bill_number=record.bill_number,
        milestone_id=target.milestone_id,
        period=period,
        added=added,
        parts=shares,
        keys=() if tallied is None else tallied.keys,
        limit_period=None if tallied is None else tallied.limit_period,
        removed=removed,
        return_days=program.return_days or 0,
    )


def fallen(bill: Bill, part: BillPart, added: int, parts: tuple[int, ...]) -> int:
    """What all returns so far take off what the bill added."""
    if part.returned_minor >= bill.amount_minor:
        return added
    if isinstance(bill, ItemisedBill) and len(parts) == len(bill.lines):
        return sum(
            reversal_due(share, line.amount_minor, line.returned_minor)
            for share, line in zip(parts, bill.lines, strict=True)
            if line.amount_minor
        )
    return reversal_due(sum(parts), bill.amount_minor, part.returned_minor)


def released(of_bill: str, bill: Bill, part: BillPart, counted: MeasuredContribution) -> list[Decision]:
    """What is no longer tallied of a bill that came back as a whole."""
    if part.returned_minor < bill.amount_minor or not (counted.keys or counted.limit_period is not None):
        return []
    return [
        _untallied(counted),
        MilestoneMeasured(
            bill_number=of_bill,
            milestone_id=counted.milestone_id,
            period=counted.period,
            added=counted.added,
            parts=tuple(counted.parts),
            keys=(),
            limit_period=None,
            removed=counted.removed,
            return_days=part.return_days,
        ),
    ]


def left_by(turn: ProgramTurn, counted: MeasuredContribution) -> set[int]:
    """The things that nothing else has in the period."""
    known = _tally(turn, counted.milestone_id, counted.period).keys
    return {key for key in counted.keys if known.get(key) == 1}


class Again(NamedTuple):
    """What an updated bill counts now."""

    decisions: list[Decision]
    added: int
    """By how much that moves the value."""
    things: Collection[int] = ()
    """The different things that its period has then."""


_NOT_AGAIN: Final = Again(decisions=[], added=0)


def measured_again(turn: ProgramTurn, target: Target, record: TransactionUpdated, bill: Bill) -> Again:
    """What an updated bill counts now; `turn` is that of the sale.

    The value of a final period only falls, where returns lower milestones.
    """
    final = periods_of(turn, target).around(turn.day).ends_at <= turn.head.horizon
    if final and not turn.program.milestones_fall:
        return _NOT_AGAIN
    again = _again(turn, target, record, bill)
    return _NOT_AGAIN if final and again.added >= 0 else again


def _again(turn: ProgramTurn, target: Target, record: TransactionUpdated, bill: Bill) -> Again:
    part, measure = bill.parts[turn.program.id], target.measure
    period = periods_of(turn, target).around(turn.day)
    known = _contribution(part, target.milestone_id)
    left_out = measure.stores and known is None
    over_limit = measure.limit is not None and (known is None or known.limit_period is None)
    if left_out or over_limit:
        return _NOT_AGAIN
    sold = structs.replace(
        bill_as_sold(record, bill), gross_minor=record.gross_minor, discount_minor=record.discount_minor or 0
    )
    if bill.cancelled:
        value = 0
    elif measure.earned:
        value = sum(one.points for one in part.awards if one.currency == turn.program.currency)
    else:
        value = int(measure.value(sold, ()))
    had = known or MeasuredContribution(milestone_id=target.milestone_id, period=period.number, added=0, sums=False)
    tallied = None
    if measure.tallied and value:
        keys = () if measure.keys is None else measure.keys(sold, turn.day)
        tallied = MilestoneTallied(
            milestone_id=target.milestone_id, period=period.number, keys=keys, limit_period=had.limit_period, times=1
        )
    now = measured(turn.program, sold, target, tallied, period.number, value)
    now = structs.replace(now, parts=now.parts if value else ())
    came_back = min(had.removed, value)
    if turn.program.milestones_fall:
        came_back = fallen(bill, part, value, now.parts) if part.returned_minor else 0
    tallies: list[Decision] = [_untallied(had)] if had.keys or had.limit_period is not None else []
    if tallied is not None:
        tallies.append(tallied)
    if measure.keys is None:
        added = value - came_back - (had.added - had.removed)
        return Again(decisions=[*tallies, structs.replace(now, removed=came_back)], added=added)
    counts = Counter(_tally(turn, target.milestone_id, period.number).keys)
    before = len(counts)
    counts.subtract(had.keys)
    counts.update(now.keys)
    things = [*+counts]
    return Again(decisions=[*tallies, now], added=len(things) - before, things=things)


def _contribution(part: BillPart, milestone_id: str) -> MeasuredContribution | None:
    """What the bill knows of the milestone, if anything, whatever its version kept of it."""
    known = next((one for one in part.milestones if one.milestone_id == milestone_id), None)
    if known is None or isinstance(known, MeasuredContribution):
        return known
    return MeasuredContribution(
        milestone_id=milestone_id, period=known.period, added=known.added, sums=False, removed=known.removed
    )


def _untallied(counted: MeasuredContribution) -> MilestoneTallied:
    return MilestoneTallied(
        milestone_id=counted.milestone_id,
        period=counted.period,
        keys=tuple(counted.keys),
        limit_period=counted.limit_period,
        times=-1,
    )


def _uses(turn: ProgramTurn, target: Target, period: int, use: int) -> int:
    """How many counted in a period of the limit: in the same cycle, or on any day of a rolling window."""
    if not target.window:
        return _tally(turn, target.milestone_id, period).uses.get(use, 0)
    tallies = turn.section.tallies.get(target.milestone_id, {})
    return sum(one.uses.get(use, 0) for one in tallies.values())


def _tally(turn: ProgramTurn, milestone_id: str, period: int) -> Tally:
    return turn.section.tallies.get(milestone_id, {}).get(period, _NOTHING)
