"""Terms: what the awards of a bill were calculated with, kept so that a return can tell what each line had earned."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from math import lcm

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.rules.earning import Earning, Weighted
from schemas.facts import AwardTermsKept
from schemas.records import TransactionAdded


def terms_kept(
    earning: Earning, bill: TransactionAdded, weighted: Weighted, rule_ids: Collection[str]
) -> AwardTermsKept | None:
    """The terms of the awards that these rules gave for the bill, given its weighted lines.

    None where multipliers multiply up to more than can be stored: such a bill goes back in proportion, as a whole.
    """
    factors = [
        Fraction(amount) / line.amount_minor if line.amount_minor else Fraction(1)
        for amount, line in zip(weighted, bill.lines, strict=True)
    ]
    denominator = lcm(*(factor.denominator for factor in factors))
    times = [int(factor * denominator) for factor in factors]
    if max(times, default=0) > TOTAL_MAX or denominator > TOTAL_MAX:
        return None
    return AwardTermsKept(
        bill_number=bill.bill_number,
        terms=tuple(earner.calculation(bill) for earner in earning.on_bill if earner.rule_id in rule_ids),
        factors=tuple(times) if any(factor != 1 for factor in factors) else (),
        denominator=denominator,
    )
