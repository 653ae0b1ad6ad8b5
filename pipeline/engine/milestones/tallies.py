"""Tallies: milestones of which more than a number is kept, and what their bills know of them.

RULE (limit): where so many in a calendar period count, those that come first do, whatever cycle they lie in. One that
comes back as a whole makes room for later ones.
RULE (correction): an update counts as if the bill had been right from the beginning; a bill that takes up no room below
a limit counts by it where there is room then. Of a period that is final only that counts again which was taken off. An
update that says nothing of gross and discount leaves the amount as all that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from pipeline.engine.amounts import reversal_due
from pipeline.engine.bills.state import Bill, BillPart, ItemisedBill, MeasuredContribution
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.correction import bill_as_sold
from pipeline.engine.milestones.measures import Limit, Measure, worth
from pipeline.engine.milestones.members import periods_of
from pipeline.engine.milestones.state import Tally
from pipeline.engine.programs import Program, Target
from schemas.facts import Decision, IgnoredFor, MilestoneMeasured, MilestoneTallied
from schemas.records import CustomEventReceived, TransactionAdded, TransactionUpdated

_NOTHING = Tally()


def tally(
    turn: ProgramTurn, target: Target, record: TransactionAdded | CustomEventReceived, period: int
) -> MilestoneTallied | None:
    """What the record has of the things that are counted; None where the limit leaves it out."""
    measure, use = target.measure, None
    if measure.limit is not None:
        use = _room(turn, target, measure.limit)
        if use is None:
            return None
    keys = () if measure.keys is None else measure.keys(record, turn.day)
    return _tallied(turn, target, period, keys, use)


def _room(turn: ProgramTurn, target: Target, limit: Limit) -> int | None:
    """The running period of the limit, if one more counts in it."""
    use = limit.periods.around(turn.day).number
    tallies = turn.section.tallies.get(target.milestone_id, {})
    return use if sum(one.uses.get(use, 0) for one in tallies.values()) < limit.times else None


def _tallied(
    turn: ProgramTurn, target: Target, period: int, keys: tuple[int, ...], use: int | None
) -> MilestoneTallied:
    limit, ends_at = target.measure.limit, None
    if limit is not None and use is not None:
        limit_ends_at = limit.periods.around(turn.day).ends_at
        ends_at = limit_ends_at if limit_ends_at > periods_of(turn, target).around(turn.day).ends_at else None
    return MilestoneTallied(
        milestone_id=target.milestone_id, period=period, keys=keys, limit_period=use, times=1, limit_ends_at=ends_at
    )


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


def left_of(bill: Bill, part: BillPart, value: int, parts: Sequence[int]) -> int:
    """What all returns so far leave of what the bill counts, by its parts where it has some."""
    if part.returned_minor >= bill.amount_minor:
        return 0
    return sum(parts) - _fallen(bill, part, parts) if parts else value


def _fallen(bill: Bill, part: BillPart, parts: Sequence[int]) -> int:
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
            gone=(*counted.gone, *counted.keys),
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
    """What an updated bill counts now; `turn` is that of the sale."""
    period = periods_of(turn, target).around(turn.day)
    final, falls = period.ends_at <= turn.head.horizon, turn.program.milestones_fall
    part, measure = bill.parts[turn.program.id], target.measure
    known = _contribution(part, target.milestone_id)
    if final and (known is None or not falls):
        return _NOT_AGAIN
    had = known or MeasuredContribution(milestone_id=target.milestone_id, period=period.number, added=0, sums=False)
    sold = structs.replace(
        bill_as_sold(record, bill),
        store=part.store,
        gross_minor=record.gross_minor,
        discount_minor=record.discount_minor or 0,
    )
    is_gone = bill.cancelled or (falls and 0 < part.returned_minor >= bill.amount_minor)
    value, use = 0 if is_gone else _value(turn, measure, sold, part), had.limit_period
    if value and measure.limit is not None and use is None:
        use = _room(turn, target, measure.limit)
        if use is None:
            return _NOT_AGAIN
    keys = () if measure.keys is None or not value else measure.keys(sold, turn.day)
    if final:
        keys = tuple(key for key in keys if key in had.keys or key in had.gone)
    tallies: list[Decision] = [_untallied(had)] if had.keys or had.limit_period is not None else []
    if value and measure.tallied:
        tallies.append(_tallied(turn, target, period.number, keys, use))
    said = measured(turn.program, sold, target, None, period.number, value)
    parts = said.parts if value else ()
    most, counts = _counted_now(had, value, left_of(bill, part, value, parts) if falls else None, final=final)
    again = structs.replace(
        said,
        added=most,
        removed=most - counts,
        parts=parts,
        keys=keys,
        limit_period=use if value else None,
        gone=tuple(key for key in (*had.gone, *had.keys) if key not in keys),
    )
    if measure.keys is None:
        return Again(decisions=[*tallies, again], added=counts - had.counted)
    has = Counter(_tally(turn, target.milestone_id, period.number).keys)
    before = len(has)
    has.subtract(had.keys)
    has.update(keys)
    things = [*+has]
    return Again(decisions=[*tallies, again], added=len(things) - before, things=things)


def _counted_now(had: MeasuredContribution, value: int, left: int | None, *, final: bool) -> tuple[int, int]:
    """The most that the bill has counted, and what it counts; `left` by returns, None where they lower nothing."""
    if left is None:
        off = (sum(had.parts) or had.added) - had.counted
        return value, value - min(value, off)
    counts = min(left, had.added) if final else left
    return max(had.added, counts), counts


def _value(turn: ProgramTurn, measure: Measure, sold: TransactionAdded, part: BillPart) -> int:
    if measure.earned:
        fits = sold.amount_minor >= measure.minimum_minor and (not measure.stores or sold.store in measure.stores)
        return sum(one.points for one in part.awards if one.currency == turn.program.currency) if fits else 0
    value = worth(measure, sold, ())
    assert not isinstance(value, IgnoredFor)  # noqa: S101 - bills have no attributes
    return value or 0


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


def _tally(turn: ProgramTurn, milestone_id: str, period: int) -> Tally:
    return turn.section.tallies.get(milestone_id, {}).get(period, _NOTHING)
