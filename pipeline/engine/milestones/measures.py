"""Measures: what a bill or an event is worth to a milestone, compiled.

RULE (parts): what comes back of a line takes its share of what the line added, rounded down, and all of it in the end.
Where lines are not kept, the amount of the bill decides. A bill counted as one, a day, a store or an SKU falls when all
of the bill is back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pipeline.engine.calendar import Calendar
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.numbers import thousandths_of
from pipeline.engine.periods import Periods
from pipeline.engine.rules.lines import line_filter
from schemas.facts import Decision, IgnoredFor, PointsIssued
from schemas.program import Events, Transactions
from schemas.records import CustomEventReceived, Line, TransactionAdded

Made = Sequence[Decision]
"""What was decided in the program for the record so far."""


class Limit(NamedTuple):
    """At most so many in a calendar period count."""

    times: int
    periods: Periods


class Measure(NamedTuple):
    """How a milestone measures a record."""

    value: Callable[[Any, Made], int | IgnoredFor]
    """What the record adds; 0 where it does not pass the filter. Of different things: whether it passes."""
    attribute: str = ""
    """The attribute of an event that it looks at."""
    sums: bool = False
    """Whether net amounts of whole bills are added up, which fall by what comes back."""
    filters: bool = False
    """Whether a record that is worth 0 counts nothing."""
    parts: Callable[[TransactionAdded], tuple[int, ...]] | None = None
    """What each line adds; None where only a whole bill comes back, or the bill's amount decides."""
    in_proportion: bool = False
    """Whether a return takes a share of what the bill added."""
    keys: Callable[[Any, int], tuple[int, ...]] | None = None
    """The different things that the record has, on that local day; None where none are counted."""
    limit: Limit | None = None
    stores: frozenset[str] = frozenset()
    """The stores whose bills count; empty for all."""
    by_store: bool = False
    """Whether it looks at the store of a bill."""
    minimum_minor: int = 0
    """The least bill that counts."""
    earned: bool = False
    """Whether it adds up the points that the record earned."""
    tallied: bool = False
    """Whether it takes more than a number: different things, or a limit."""
    plain: bool = True
    """Whether all that a bill has to know of it is whether it counted, or its amount."""


def measure_of(counts: Transactions | Events, currency: str, calendar: Calendar) -> Measure:
    """The measure of what a milestone counts, where `currency` is the main one of the program."""
    limit = (
        None
        if counts.at_most is None
        else Limit(times=counts.at_most.times, periods=Periods(counts.at_most.per, calendar))
    )
    made = _of_events(counts, currency) if isinstance(counts, Events) else _of_bills(counts, currency)
    return made._replace(
        limit=limit,
        tallied=made.keys is not None or limit is not None,
        by_store=made.by_store or bool(made.stores),
        plain=limit is None and not made.filters and not made.stores,
    )


def _of_bills(counts: Transactions, currency: str) -> Measure:
    measured = _BILLS[counts.measure](counts, currency)
    if not (counts.stores or counts.minimum_minor or counts.at_most):
        return measured
    minimum, value = counts.minimum_minor, measured.value
    return measured._replace(
        value=lambda bill, made: value(bill, made) if bill.amount_minor >= minimum else 0,
        filters=True,
        stores=frozenset(counts.stores),
        minimum_minor=minimum,
        in_proportion=measured.in_proportion or measured.sums,
        sums=False,
    )


def _count(counts: Transactions, _currency: str) -> Measure:
    if not counts.by_line:
        return Measure(value=_one)
    return Measure(value=_any(_lines(counts)), filters=True)


def _sum(counts: Transactions, _currency: str) -> Measure:
    if not counts.by_line:
        return Measure(value=lambda bill, _made: bill.amount_minor, sums=True)
    return _by_line(counts, lambda line: line.amount_minor)


def _quantity(counts: Transactions, _currency: str) -> Measure:
    return _by_line(counts, lambda line: line.quantity)


def _gross(_counts: Transactions, _currency: str) -> Measure:
    return Measure(value=lambda bill, _made: gross_of(bill), filters=True, in_proportion=True)


def _points(_counts: Transactions | Events, currency: str) -> Measure:
    return Measure(value=lambda _record, made: _earned(made, currency), filters=True, in_proportion=True, earned=True)


def _days(counts: Transactions, _currency: str) -> Measure:
    return Measure(value=_any(_lines(counts)) if counts.by_line else _one, filters=True, keys=_day)


def _stores(counts: Transactions, _currency: str) -> Measure:
    some = _any(_lines(counts)) if counts.by_line else _one
    return Measure(
        value=lambda bill, made: some(bill, made) if bill.store else 0,
        filters=True,
        keys=lambda bill, _day: (key_of(bill.store),),
        by_store=True,
    )


def _skus(counts: Transactions, _currency: str) -> Measure:
    takes = _lines(counts)
    return Measure(
        value=_any(takes),
        filters=True,
        keys=lambda bill, _day: tuple(dict.fromkeys(key_of(line.sku) for line in bill.lines if takes(line))),
    )


_BILLS: dict[str, Callable[[Transactions, str], Measure]] = {
    "count": _count,
    "sum": _sum,
    "gross": _gross,
    "quantity": _quantity,
    "points": _points,
    "days": _days,
    "stores": _stores,
    "skus": _skus,
}


def _of_events(counts: Events, currency: str) -> Measure:
    measured = _events_measured(counts, currency)
    if not counts.where:
        return measured
    where, value = {name: frozenset(values) for name, values in counts.where.items()}, measured.value

    def of_some(event: CustomEventReceived, made: Made) -> int | IgnoredFor:
        passes = all(text_of(event.attributes.get(name)) in values for name, values in where.items())
        return value(event, made) if passes else 0

    return measured._replace(value=of_some, filters=True)


def _events_measured(counts: Events, currency: str) -> Measure:
    attribute = counts.attribute or ""
    if counts.measure == "points":
        return _points(counts, currency)
    if counts.measure == "days":
        return Measure(value=_one, filters=True, keys=_day)
    if counts.measure == "sum":
        return Measure(
            value=lambda event, _made: thousandths_of(event.attributes.get(attribute)),
            attribute=attribute,
            filters=True,
        )
    if counts.measure == "values":
        return Measure(
            value=lambda event, _made: 1 if attribute in event.attributes else IgnoredFor.ABSENT,
            attribute=attribute,
            filters=True,
            keys=lambda event, _day: (key_of(text_of(event.attributes[attribute])),),
        )
    return Measure(value=_one)


def worth(measure: Measure, record: TransactionAdded | CustomEventReceived, made: Made) -> int | IgnoredFor | None:
    """What the record adds, before limits; None for a record that does not count."""
    if measure.stores and isinstance(record, TransactionAdded) and record.store not in measure.stores:
        return None
    value = measure.value(record, made)
    return None if value == 0 and measure.filters else value


def gross_of(bill: TransactionAdded) -> int:
    """A bill before discounts: as it says, or its amount and its discount."""
    return bill.amount_minor + bill.discount_minor if bill.gross_minor is None else bill.gross_minor


def text_of(value: int | bool | str | None) -> str:  # noqa: FBT001 - the type of an attribute
    """An attribute as text, as a program writes it."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _one(_record: object, _made: Made) -> int:
    return 1


def _day(_record: object, day: int) -> tuple[int, ...]:
    return (day,)


def _any(takes: Callable[[Line], bool]) -> Callable[[Any, Made], int | IgnoredFor]:
    return lambda bill, _made: int(any(map(takes, bill.lines)))


def _lines(counts: Transactions) -> Callable[[Line], bool]:
    return line_filter(
        skus=counts.skus,
        categories=counts.categories,
        excluded_skus=counts.excluded_skus,
        excluded_categories=counts.excluded_categories,
    )


def _by_line(counts: Transactions, worth: Callable[[Line], int]) -> Measure:
    takes = _lines(counts)

    def parts(bill: TransactionAdded) -> tuple[int, ...]:
        return tuple(worth(line) if takes(line) else 0 for line in bill.lines)

    return Measure(value=lambda bill, _made: sum(parts(bill)), filters=True, in_proportion=True, parts=parts)


def _earned(made: Made, currency: str) -> int:
    issued = (one for one in made if isinstance(one, PointsIssued) and not one.activity and one.currency == currency)
    return sum(one.points for one in issued)
