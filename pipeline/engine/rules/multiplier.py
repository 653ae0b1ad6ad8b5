"""Multipliers: lines of some SKUs or categories count several times in every spend rule; multipliers multiply."""

from __future__ import annotations

from fractions import Fraction

from pipeline.engine.rules.earning import Earning, Factor, when_of
from schemas.program import MultiplierRule


def compile_multiplier(rule: MultiplierRule, earning: Earning) -> None:
    """Index the factor by each SKU and category that it holds for."""
    ratio = Fraction(rule.factor)
    factor = Factor(rule_id=rule.id, when=when_of(rule), factor=ratio.numerator if ratio.denominator == 1 else ratio)
    for attribute, values in (("sku", rule.skus), ("category", rule.categories)):
        for value in values:
            earning.multiply(attribute, value, factor)
