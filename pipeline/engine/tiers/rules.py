"""The tiers of one program version, compiled."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from pipeline.engine.calendar import Calendar
from pipeline.engine.periods import Periods
from schemas.program import RENEWALS, RenewalBasis, TierBasis, Tiers


class TierRules(NamedTuple):
    """What decides tiers. Tiers are numbered from 1; those that can be reached are the tiers that are left."""

    definition: Tiers
    basis: TierBasis
    renewal: RenewalBasis
    thresholds: tuple[int, ...]
    """Of the tiers that are left, from the lowest."""
    renewals: tuple[int, ...]
    """What keeps each tier that is left, the first one 0."""
    left: tuple[int, ...]
    """The numbers of the tiers that are left, after 0 for none."""
    retired: frozenset[int]
    periods: Periods | None
    keeps_tenure: bool
    """Whether more is kept of a customer than the tier itself."""

    def by_value(self, value: int) -> int:
        """The highest tier whose threshold the value meets."""
        return self.left[bisect_right(self.thresholds, value)]

    def by_renewal(self, measured: int) -> int:
        """The highest tier that this would renew."""
        met = [tier for tier, needed in zip(self.left[1:], self.renewals, strict=True) if needed <= measured]
        return max(met)

    def needed(self, tier: int) -> int:
        """What keeps a tier; of a retired one, what keeps the next lower one that is left."""
        return self.renewals[max(bisect_right(self.left, tier) - 2, 0)]

    def next_lower(self, tier: int) -> int:
        """The next lower tier that is left, the first below nothing."""
        return self.left[max(bisect_left(self.left, tier) - 1, 1)]


_NO_TIERS: Final = Tiers.model_validate(
    {"basis": TierBasis.LIFETIME_POINTS, "levels": ({"name": "none", "threshold": 0},)}
)


def tier_rules(definition: Tiers | None, calendar: Calendar) -> TierRules:
    """Compile the tiers of a program in this calendar; without any, there is one that nobody is in."""
    tiers = definition or _NO_TIERS
    numbered = [(number, level) for number, level in enumerate(tiers.levels, 1) if not level.retired]
    left = (0, *(number for number, _ in numbered))
    renewals = tuple(level.threshold if level.renewal is None else level.renewal for _, level in numbered)
    return TierRules(
        definition=tiers,
        basis=tiers.basis,
        renewal=tiers.renewal or RENEWALS[tiers.basis],
        thresholds=tuple(level.threshold for _, level in numbered),
        renewals=(0, *renewals[1:]),
        left=left,
        retired=frozenset(range(1, len(tiers.levels) + 1)).difference(left),
        periods=None if tiers.period is None else Periods(tiers.period, calendar),
        keeps_tenure=tiers.validity is not None
        or tiers.period is not None
        or "end_of_day" in (tiers.upgrade, tiers.on_return),
    )
