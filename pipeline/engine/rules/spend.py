"""Spend rules: points for every so much of what was spent, rounded down once per bill.

Base: the line amounts net of discounts, times their multipliers. Filter: lines of excluded SKUs and categories earn
nothing. Rate: `points` per `per_minor`.
"""

from __future__ import annotations

from fractions import Fraction

from pipeline.engine.amounts import points_for
from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.rules.earning import BillEarner, Earning, Weighted, when_of
from schemas.facts import AwardTerms
from schemas.program import SpendRule
from schemas.records import TransactionAdded


def compile_spend(rule: SpendRule, earning: Earning) -> None:
    """Add the rule to those that pay for a bill."""
    skus, categories = frozenset(rule.excluded_skus), frozenset(rule.excluded_categories)
    points, per_minor, minimum = rule.points, rule.per_minor, rule.minimum_minor
    filtered = bool(skus or categories)

    def on_bill(bill: TransactionAdded, weighted: Weighted, total: int | Fraction) -> int:
        if bill.amount_minor < minimum:
            return 0
        base = total
        if filtered:
            for line, amount in zip(bill.lines, weighted, strict=False):  # strict would cost as much as the rest
                if line.category in categories or line.sku in skus:
                    base -= amount
        return points_for(base, points, per_minor)

    def calculation(bill: TransactionAdded) -> AwardTerms:
        excluded = sum(
            1 << place for place, line in enumerate(bill.lines) if line.category in categories or line.sku in skus
        )
        return AwardTerms(
            rule_id=rule.id,
            points=points,
            per_minor=per_minor,
            minimum_minor=minimum,
            excluded=f"{excluded:x}" if excluded else "",
            by_line=filtered,
        )

    earning.on_bill.append(
        BillEarner(
            rule_id=rule.id,
            when=when_of(rule),
            points=on_bill,
            calculation=calculation,
            currency=rule.currency or "",
            terms=own_terms(rule.expiry),
        )
    )
