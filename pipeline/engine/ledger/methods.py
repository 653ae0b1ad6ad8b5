"""Methods: how many points of an award all returns of its bill so far ask back.

RULE (numbers and policies): what an award was calculated with comes from the version that it was given by, the method
from the version in force at the return. A bill that kept no terms goes back in proportion, as a whole. What is asked
back never falls: where a method asks for less than before, nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.engine.amounts import points_for_share, reversal_due, split
from pipeline.engine.bills.state import AwardContribution, Bill, BillPart, ItemisedBill, TermsContribution
from schemas.facts import AwardTerms
from schemas.program import ReturnMethod


def due(method: ReturnMethod, award: AwardContribution, bill: Bill, part: BillPart) -> int:
    """The points of the award that the returns of the bill so far ask back."""
    kept = part.terms
    terms = None if kept is None else kept.awards.get(award.rule_id)
    if kept is None or terms is None or method not in _BY_TERMS:
        return 0 if method is ReturnMethod.NONE else reversal_due(award.points, bill.amount_minor, part.returned_minor)
    return _BY_TERMS[method](award.points, terms, kept, bill, part)


def _line_exact(points: int, terms: AwardTerms, kept: TermsContribution, bill: Bill, part: BillPart) -> int:
    """Each line takes back its share of the award, in proportion to what came back of it."""
    amounts = _amounts(bill)
    if not amounts:
        return reversal_due(points, bill.amount_minor, part.returned_minor)
    shares = split(points, _weights(amounts, terms, kept))
    return sum(
        reversal_due(share, amount, returned)
        for share, amount, returned in zip(shares, amounts, kept.returned_minor, strict=True)
        if share
    )


def _capillary(points: int, terms: AwardTerms, kept: TermsContribution, bill: Bill, part: BillPart) -> int:
    """Points of the whole bill stay until all of it is back, but for what came back as an amount."""
    if terms.by_line:
        return _line_exact(points, terms, kept, bill, part)
    if part.returned_minor >= bill.amount_minor:
        return points
    return reversal_due(points, bill.amount_minor, kept.unnamed_minor)


def _recompute(points: int, terms: AwardTerms, kept: TermsContribution, bill: Bill, part: BillPart) -> int:
    """The award less what its own rule gives for what is left of the bill."""
    left = bill.amount_minor - part.returned_minor
    if left < terms.minimum_minor:
        return points
    amounts = _amounts(bill)
    rest = [amount - returned for amount, returned in zip(amounts, kept.returned_minor, strict=True)]
    base = sum(_weights(rest, terms, kept)) if amounts else left
    return points - min(points, points_for_share(base, kept.denominator, terms.points, terms.per_minor))


_BY_TERMS: Final[Mapping[ReturnMethod, Callable[[int, AwardTerms, TermsContribution, Bill, BillPart], int]]] = {
    ReturnMethod.LINE_EXACT: _line_exact,
    ReturnMethod.CAPILLARY: _capillary,
    ReturnMethod.RECOMPUTE_REMAINING: _recompute,
}


def _amounts(bill: Bill) -> list[int]:
    return [line.amount_minor for line in bill.lines] if isinstance(bill, ItemisedBill) else []


def _weights(amounts: list[int], terms: AwardTerms, kept: TermsContribution) -> list[int]:
    """What each line counts for in the award, times the common denominator."""
    excluded = int(terms.excluded, 16) if terms.excluded else 0
    factors = kept.factors or [kept.denominator] * len(amounts)
    return [
        0 if excluded >> place & 1 else amount * factor
        for place, (amount, factor) in enumerate(zip(amounts, factors, strict=True))
    ]
