"""The one module that divides: integers in, integers out, always rounded down."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

AWARD_MAX: Final = 10**12
"""The most points of one award, as much as one adjustment: a mistyped rate must not carry a balance beyond 64 bits."""
TOTAL_MAX: Final = 9 * 10**18
"""The most that values which are added up may come to, below 2^63: what would go beyond is refused."""

_UNITS: Final = (1, 10, 100, 1_000)
"""By scale: how many of its units are a whole one."""


def points_for(base: int | Fraction, points: int, per_minor: int) -> int:
    """`points` for every `per_minor` of `base`, rounded down once and cut at `AWARD_MAX`; 0 for a base below zero."""
    if base <= 0:
        return 0
    if isinstance(base, int):
        award = base * points // per_minor
    else:
        award = base.numerator * points // (base.denominator * per_minor)
    return award if award < AWARD_MAX else AWARD_MAX  # noqa: FURB136 - min() costs more than the division


def worth(points: int, value_minor: Fraction, scale: int) -> int:
    """What points in units of 10^-`scale` are worth in minor units, where a whole one is worth `value_minor`.

    RULE (rounding): rounded down once, so a customer never loses more than one unit.
    """
    return points * value_minor.numerator // (value_minor.denominator * _UNITS[scale])


def points_for_share(times: int, denominator: int, points: int, per_minor: int) -> int:
    """`points_for` a base of `times / denominator`."""
    return min(times * points // (denominator * per_minor), AWARD_MAX)


def reversal_due(award: int, basis: int, returned: int) -> int:
    """What all returns so far ask back of an award: in proportion, rounded down, and all of it in the end.

    RULE (cumulative formula): `award` once everything is returned, else `award * returned // basis`, so that any split
    of returns ends at exactly the award.
    """
    return award if returned >= basis else award * returned // basis


def split(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in parts in proportion to the weights, which add up to it exactly.

    RULE (largest remainder): each part is rounded down; what is left goes one by one to the parts that lost most, the
    first of equal ones first. Without any weight there are no parts.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        lost = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
        for place in lost[:left]:
            parts[place] += 1
    return parts
