"""Programs in force, compiled once per version and indexed by what can match a record.

The cost of a record follows the rules that can match it, not the rules that exist: multipliers are found by SKU and
category, event rules and event milestones by event name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, NamedTuple

from pipeline.engine.amounts import points_for
from pipeline.engine.calendar import Calendar, as_day, days_of, period_of
from schemas.program import (
    EventRule,
    Events,
    MultiplierRule,
    PeriodUnit,
    ProgramDefinition,
    SpendRule,
    Streak,
    TierBasis,
    Validity,
)
from schemas.records import TransactionAdded

DAY_MS: Final = 86_400_000
_WINDOW_DAYS_DEFAULT: Final = 35
_PERIODS_MAX: Final = 10_000
"""Remembered periods per program: 27 years of days; then we begin anew."""

Weighted = list[int | Fraction]
"""A bill's line amounts, each times its multipliers."""


class Span(NamedTuple):
    """Local days on which something holds, inclusive; None is open. What holds always has no span at all."""

    first: int | None
    last: int | None

    def holds(self, day: int) -> bool:
        """Whether `day` lies in the span."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class Spend(NamedTuple):
    """A spend rule, ready to run."""

    rule_id: str
    span: Span | None
    points: Callable[[TransactionAdded, Weighted], int]


class Factor(NamedTuple):
    """What a multiplier does to a line."""

    rule_id: str
    span: Span | None
    factor: int | Fraction


class EventAward(NamedTuple):
    """What an event rule pays."""

    rule_id: str
    span: Span | None
    points: int


class Target(NamedTuple):
    """A milestone, ready to run."""

    milestone_id: str
    goal: int
    reward: int
    span: Span | None
    sums: str | None
    """The event attribute to add up; empty for a bill's amount; None to count one each."""
    periods: Periods
    streaks: tuple[Run, ...]


class Run(NamedTuple):
    """A streak, ready to run."""

    definition: Streak
    span: Span | None


class Period(NamedTuple):
    """A calendar period."""

    number: int
    ends_at: int


class Periods:
    """The calendar periods of one unit in one zone, remembered by day (hashing the unit each time costs more)."""

    def __init__(self, unit: PeriodUnit, calendar: Calendar) -> None:
        self._unit = unit
        self._calendar = calendar
        self._by_day: dict[int, Period] = {}

    def around(self, day: int) -> Period:
        """The period that `day` lies in."""
        period = self._by_day.get(day)
        if period is None:
            if len(self._by_day) >= _PERIODS_MAX:
                self._by_day.clear()
            number = period_of(self._unit, day)
            period = Period(number, self._calendar.start_of(days_of(self._unit, number).end))
            self._by_day[day] = period
        return period


class Program:
    """One version of a program, compiled."""

    def __init__(self, definition: ProgramDefinition) -> None:
        self.definition = definition
        self.id = definition.program_id
        self.version = definition.version
        self.calendar = Calendar(definition.zone)
        self.money = definition.currency
        self.currency = definition.points.name
        self._expiry_days = definition.points.expiry.days if definition.points.expiry else None
        self.milestone_ids = tuple(milestone.id for milestone in definition.milestones)
        self.streak_ids = tuple(streak.id for streak in definition.streaks)
        tiers = definition.tiers
        self.base_tier = 1 if tiers else 0
        self.tier_thresholds = tuple(tier.threshold for tier in tiers.levels) if tiers else ()
        self.tiers_by_purchases = tiers is not None and tiers.basis is TierBasis.NET_PURCHASES
        self.returns = definition.returns is not None
        self.spends = tuple(_spend(rule) for rule in definition.rules if isinstance(rule, SpendRule))
        self._by_sku, self._by_category = _factors(definition)
        self.event_awards = _event_awards(definition)
        self.transaction_targets, self.event_targets = _targets(definition, self.calendar)

    def expiry_of(self, day: int) -> tuple[int, int] | tuple[None, None]:
        """For points awarded on `day`: the last day on which they can be spent, and the instant after it."""
        if self._expiry_days is None:
            return None, None
        return day + self._expiry_days, self.calendar.start_of(day + self._expiry_days + 1)

    def weighted(self, bill: TransactionAdded, day: int) -> Weighted:
        """The bill's line amounts, each times the multipliers that hold for it on `day`."""
        by_sku, by_category = self._by_sku, self._by_category
        if not (by_sku or by_category):
            return [line.amount_minor for line in bill.lines]
        weighted: Weighted = []
        for line in bill.lines:
            amount: int | Fraction = line.amount_minor
            factors = by_sku.get(line.sku)
            more = by_category.get(line.category)
            if more is not None:
                factors = more if factors is None else tuple(dict.fromkeys(factors + more))
            if factors is not None:
                for factor in factors:
                    if factor.span is None or factor.span.holds(day):
                        amount *= factor.factor
            weighted.append(amount)
        return weighted


class Org:
    """The programs of one org and what they agree on."""

    def __init__(self, programs: Iterable[Program] = ()) -> None:
        self.programs = tuple(sorted(programs, key=lambda program: program.id))
        definitions = [program.definition for program in self.programs]
        days = max((definition.repeat_window_days for definition in definitions), default=_WINDOW_DAYS_DEFAULT)
        self.window_ms = days * DAY_MS
        windows = [one.returns.window_days for one in definitions if one.returns]
        self.return_window_ms = max(windows) * DAY_MS if windows else None
        """How long bills can be returned; None where they can't be, and are not kept."""
        self.adds_customers = not definitions or any(one.add_customers for one in definitions)

    def get(self, program_id: int) -> Program | None:
        """The program of that id, if it is in force."""
        return next((program for program in self.programs if program.id == program_id), None)


_NO_ORG: Final = Org()


class Programs:
    """Every program in force: a value; activating gives another."""

    def __init__(self, orgs: dict[int, Org] | None = None) -> None:
        self._orgs = orgs or {}

    def activate(self, definition: ProgramDefinition) -> Programs:
        """These programs, with this version in the place of the program's earlier one."""
        others = [one for one in self.of(definition.org_id) if one.id != definition.program_id]
        return Programs({**self._orgs, definition.org_id: Org([*others, Program(definition)])})

    def org(self, org_id: int) -> Org:
        """The org's programs; an org that nobody has heard of has none."""
        return self._orgs.get(org_id, _NO_ORG)

    def of(self, org_id: int) -> tuple[Program, ...]:
        """The org's programs in id order."""
        return self.org(org_id).programs

    def get(self, org_id: int, program_id: int) -> Program | None:
        """One program, if it is in force."""
        return self.org(org_id).get(program_id)


def _span(validity: Validity) -> Span | None:
    if validity.first is None and validity.last is None:
        return None
    return Span(
        None if validity.first is None else as_day(validity.first),
        None if validity.last is None else as_day(validity.last),
    )


def _spend(rule: SpendRule) -> Spend:
    skus, categories = frozenset(rule.excluded_skus), frozenset(rule.excluded_categories)
    points, per_minor, minimum = rule.points, rule.per_minor, rule.minimum_minor

    def on_all(bill: TransactionAdded, weighted: Weighted) -> int:
        if bill.amount_minor < minimum:
            return 0
        return points_for(sum(weighted) if weighted else bill.amount_minor, points, per_minor)

    def on_some(bill: TransactionAdded, weighted: Weighted) -> int:
        if bill.amount_minor < minimum:
            return 0
        if not weighted:
            return points_for(bill.amount_minor, points, per_minor)
        kept: int | Fraction = 0
        for line, amount in zip(bill.lines, weighted, strict=False):  # strict would cost as much as the rest
            if line.category not in categories and line.sku not in skus:
                kept += amount
        return points_for(kept, points, per_minor)

    return Spend(rule.id, _span(rule.validity), on_some if skus or categories else on_all)


def _factors(definition: ProgramDefinition) -> tuple[dict[str, tuple[Factor, ...]], dict[str, tuple[Factor, ...]]]:
    by_sku: defaultdict[str, tuple[Factor, ...]] = defaultdict(tuple)
    by_category: defaultdict[str, tuple[Factor, ...]] = defaultdict(tuple)
    for rule in definition.rules:
        if isinstance(rule, MultiplierRule):
            ratio = Fraction(rule.factor)
            factor = Factor(rule.id, _span(rule.validity), ratio.numerator if ratio.denominator == 1 else ratio)
            for sku in dict.fromkeys(rule.skus):
                by_sku[sku] += (factor,)
            for category in dict.fromkeys(rule.categories):
                by_category[category] += (factor,)
    return dict(by_sku), dict(by_category)


def _event_awards(definition: ProgramDefinition) -> dict[str, tuple[EventAward, ...]]:
    awards: defaultdict[str, tuple[EventAward, ...]] = defaultdict(tuple)
    for rule in definition.rules:
        if isinstance(rule, EventRule):
            awards[rule.event] += (EventAward(rule.id, _span(rule.validity), rule.points),)
    return dict(awards)


def _targets(
    definition: ProgramDefinition, calendar: Calendar
) -> tuple[tuple[Target, ...], dict[str, tuple[Target, ...]]]:
    periods = {unit: Periods(unit, calendar) for unit in PeriodUnit}
    on_transactions: list[Target] = []
    on_events: defaultdict[str, tuple[Target, ...]] = defaultdict(tuple)
    for milestone in definition.milestones:
        streaks = tuple(
            Run(streak, _span(streak.validity)) for streak in definition.streaks if streak.milestone == milestone.id
        )
        counts, unit = milestone.counts, periods[milestone.period]
        common = (milestone.id, milestone.target, milestone.points, _span(milestone.validity))
        if isinstance(counts, Events):
            on_events[counts.event] += (Target(*common, counts.attribute, unit, streaks),)
        else:
            on_transactions.append(Target(*common, "" if counts.measure == "sum" else None, unit, streaks))
    return tuple(on_transactions), dict(on_events)
