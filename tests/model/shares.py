"""Shares: what a rule gives for a bill, and what of it goes back with goods that come back."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

from tests.model.bills import Bill
from tests.model.words import Line, Program, Spend


def weights(program: Program, rule: Spend, lines: Sequence[Line]) -> list[Fraction]:
    """What each line counts for in a rule, in pence."""
    factors = dict(program.factors)
    return [
        Fraction(0) if line.sku in rule.without else line.pence * factors.get(line.sku, Fraction(1)) for line in lines
    ]


def points_for(program: Program, rule: Spend, pence: int, lines: Sequence[Line]) -> int:
    """What the rule gives for a bill."""
    if pence < rule.minimum:
        return 0
    base = sum(weights(program, rule, lines)) if lines else Fraction(pence)
    return floor(base * rule.points / rule.per)


def shared(total: int, by: Sequence[Fraction]) -> list[int]:
    """The total in whole parts, each within one of its exact share: those that lose most get what is left."""
    whole = sum(by)
    if not whole:
        return [0] * len(by)
    exact = [total * one / whole for one in by]
    parts = [floor(one) for one in exact]
    losers = sorted(range(len(by)), key=lambda place: (parts[place] - exact[place], place))
    for place in losers[: total - sum(parts)]:
        parts[place] += 1
    return parts


def in_proportion(points: int, whole: int, part: int) -> int:
    """All of it for all, else so much of it, rounded down."""
    return points if part >= whole else points * part // whole


def due_of(program: Program, rule: Spend, points: int, bill: Bill) -> int:
    """What all returns of the bill so far ask back of what the rule gave."""
    method = "pro_rata_bill" if program.returns is None else program.returns.method
    pro_rata = in_proportion(points, bill.pence, bill.returned)
    if method == "none":
        return 0
    if method == "pro_rata_bill":
        return pro_rata
    if method == "recompute_remaining":
        left = bill.pence - bill.returned
        rest = [Line(line.sku, line.pence - back) for line, back in zip(bill.lines, bill.line_returned, strict=True)]
        return points - min(points, points_for(program, rule, left, rest))
    if method == "capillary" and not rule.without:
        return points if bill.returned >= bill.pence else points * bill.unnamed // bill.pence
    if not bill.lines:
        return pro_rata
    parts = shared(points, weights(program, rule, bill.lines))
    lines = zip(parts, bill.lines, bill.line_returned, strict=True)
    return sum(in_proportion(part, line.pence, back) for part, line, back in lines if part)


def lines_back(lines: Sequence[Line], back: Sequence[int], pence: int, named: Sequence[Line]) -> list[int]:
    """What of each line a return brings back."""
    left = [line.pence - before for line, before in zip(lines, back, strict=True)]
    if not named:
        return shared(min(pence, sum(left)), [Fraction(one) for one in left])
    parts = [0] * len(lines)
    for one in named:
        wanted = one.pence
        for place, line in enumerate(lines):
            if line.id == one.id if one.id else line.sku == one.sku:
                part = min(wanted, left[place] - parts[place])
                parts[place] += part
                wanted -= part
    return parts
