"""What the earning rules of one program compile to."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import attrgetter
from typing import Final, NamedTuple

from pipeline.engine.ledger.terms import Terms
from pipeline.engine.periods import Span, span_of
from schemas.facts import AwardTerms
from schemas.program import Rule
from schemas.records import Line, TransactionAdded

Weighted = list[int | Fraction]
"""A bill's line amounts, each times its multipliers."""


class When(NamedTuple):
    """On which days, and for customers in which tiers, something holds. What always holds has no such thing."""

    span: Span | None
    tiers: frozenset[str]
    """By id; empty for all."""

    def holds(self, day: int, tier: str) -> bool:
        """Whether it holds on that local day for a customer in that tier."""
        return (self.span is None or self.span.holds(day)) and (not self.tiers or tier in self.tiers)


def when_of(rule: Rule) -> When | None:
    """When a rule holds; None for always."""
    span, tiers = span_of(rule.validity), frozenset(rule.tiers)
    return When(span=span, tiers=tiers) if span is not None or tiers else None


class BillEarner(NamedTuple):
    """A rule that pays for a bill."""

    rule_id: str
    when: When | None
    points: Callable[[TransactionAdded, Weighted, int | Fraction], int]
    """Given the bill, its weighted lines and their sum (the bill's amount where it has no lines)."""
    calculation: Callable[[TransactionAdded], AwardTerms]
    """What it calculates with, for a return of the bill."""
    currency: str = ""
    """What it pays; empty for the main currency."""
    terms: Terms | None = None
    """How long its points last; None for as long as others."""


class EventEarner(NamedTuple):
    """A rule that pays for a custom event."""

    rule_id: str
    when: When | None
    points: int
    currency: str = ""
    """What it pays; empty for the main currency."""
    terms: Terms | None = None


class Factor(NamedTuple):
    """What a multiplier does to a line."""

    rule_id: str
    when: When | None
    factor: int | Fraction


LINE_ATTRIBUTES: Final = {name: attrgetter(name) for name in ("sku", "category")}
"""What a line can be matched by."""


class Earning:
    """The compiled rules, indexed by what can match a record."""

    def __init__(self) -> None:
        self.on_bill: list[BillEarner] = []
        self.on_event: dict[str, list[EventEarner]] = {}
        """By event name."""
        self._factors: dict[str, dict[str, list[Factor]]] = {}
        """By attribute of a line, then by its value."""
        self._index: list[tuple[Callable[[Line], str], dict[str, list[Factor]]]] = []
        """The same, with what reads the attribute."""

    def multiply(self, attribute: str, value: str, factor: Factor) -> None:
        """Let `factor` hold for lines in which the attribute has the value."""
        if attribute not in self._factors:
            self._factors[attribute] = {}
            self._index.append((LINE_ATTRIBUTES[attribute], self._factors[attribute]))
        factors = self._factors[attribute].setdefault(value, [])
        if factor not in factors:
            factors.append(factor)

    def weighted(self, bill: TransactionAdded, day: int, tier: str) -> Weighted:
        """The bill's line amounts, each times the multipliers that hold for it on `day` in a tier."""
        index = self._index
        if not index:
            return [line.amount_minor for line in bill.lines]
        weighted: Weighted = []
        for line in bill.lines:
            amount: int | Fraction = line.amount_minor
            applied: list[Factor] | None = None
            for read, by_value in index:
                factors = by_value.get(read(line))
                if factors is not None:
                    applied = factors if applied is None else list(dict.fromkeys((*applied, *factors)))
            if applied is not None:
                for factor in applied:
                    if factor.when is None or factor.when.holds(day, tier):
                        amount *= factor.factor
            weighted.append(amount)
        return weighted
