"""The tiers of one program version, compiled."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.engine.calendar import Calendar
from pipeline.engine.periods import Periods
from pipeline.engine.trackers.rules import TrackerRule
from schemas.program import RENEWALS, RenewalBasis, Tier, TierBasis, Tiers


class Measure(NamedTuple):
    """One number of a customer."""

    basis: TierBasis | RenewalBasis
    currency: str
    """Of points."""
    tracker: TrackerRule | None

    @property
    def in_money(self) -> bool:
        """Whether it is an amount in minor units."""
        if self.tracker is not None:
            return self.tracker.tracker.in_money
        return self.basis in {TierBasis.NET_PURCHASES, TierBasis.PURCHASES_IN_PERIOD, RenewalBasis.PURCHASES}


class Decisive(NamedTuple):
    """The condition on which a tier depends.

    The first that is met; where too few are, the one of those needed that lacks most.
    """

    value: int
    needed: int


class Criteria(NamedTuple):
    """What a tier takes: of every measure, or of some, as much as the tier asks for."""

    measures: tuple[Measure, ...]
    steps: tuple[tuple[int, ...], ...]
    """By measure: what each tier that is left asks for, the first one nothing."""
    enough: int
    """How many measures must be met."""
    left: tuple[int, ...]
    """The numbers of the tiers that are left, after 0 for none."""
    rising: bool
    """Whether a higher tier asks for as much or more."""

    def reached(self, values: Sequence[int]) -> int:
        """The highest tier whose conditions are met; the first takes nothing, also where a value is below zero."""
        if self.rising and len(values) == 1:
            return self.left[max(bisect_right(self.steps[0], values[0]), 1)]
        places = range(len(self.left) - 1)
        return max(self.left[place + 1] for place in places if self._met(values, place))

    def met(self, values: Sequence[int], tier: int) -> bool:
        """Whether a tier's conditions are met; of a retired one those of the next lower tier that is left."""
        return self._met(values, self._place(tier))

    def asked(self, tier: int) -> tuple[int, ...]:
        """What a tier asks for, by measure; of a retired one the next lower tier that is left."""
        return tuple(steps[self._place(tier)] for steps in self.steps)

    def decisive(self, values: Sequence[int], tier: int) -> Decisive:
        """The condition on which a tier depends; of a retired one that of the next lower tier that is left."""
        pairs = [Decisive(value=value, needed=needed) for value, needed in zip(values, self.asked(tier), strict=True)]
        ordered = sorted(pairs, key=lambda one: max(0, one.needed - one.value))
        last = ordered[self.enough - 1]
        return ordered[0] if last.value >= last.needed else last

    def _met(self, values: Sequence[int], place: int) -> bool:
        met = sum(value >= steps[place] for value, steps in zip(values, self.steps, strict=True))
        return place == 0 or met >= self.enough

    def _place(self, tier: int) -> int:
        return max(bisect_right(self.left, tier) - 2, 0)


class TierRules(NamedTuple):
    """What decides tiers. Tiers are numbered from 1; those that can be reached are the tiers that are left."""

    definition: Tiers
    currency: str
    """The points that tiers go by."""
    upgrade: Criteria
    """What a tier takes."""
    renewal: Criteria
    """What keeps it."""
    left: tuple[int, ...]
    retired: frozenset[int]
    periods: Periods | None
    keeps_tenure: bool
    """Whether more is kept of a customer than the tier itself."""

    def left_of(self, tier: int) -> int:
        """The tier, or where it is retired, the next lower one that is left; 0 of none."""
        return self.left[bisect_right(self.left, tier) - 1]

    def next_lower(self, tier: int) -> int:
        """The next lower tier that is left, the first below nothing."""
        return self.left[max(bisect_left(self.left, tier) - 1, 1)]


_NO_TIERS: Final = Tiers.model_validate(
    {"basis": TierBasis.LIFETIME_POINTS, "levels": ({"name": "none", "threshold": 0},)}
)


def tier_rules(definition: Tiers | None, calendar: Calendar, points: str, trackers: Iterable[TrackerRule]) -> TierRules:
    """Compile the tiers of a program in this calendar; without any, there is one that nobody is in.

    `points` are those of the program.
    """
    tiers = definition or _NO_TIERS
    numbered = [(number, level) for number, level in enumerate(tiers.levels, 1) if not level.retired]
    left = (0, *(number for number, _ in numbered))
    levels = [level for _, level in numbered]
    currency, by_id = tiers.currency or points, {rule.tracker.id: rule for rule in trackers}
    return TierRules(
        definition=tiers,
        currency=currency,
        upgrade=_upgrade(tiers, levels, left, currency, by_id),
        renewal=_renewal(tiers, levels, left, currency, by_id),
        left=left,
        retired=frozenset(range(1, len(tiers.levels) + 1)).difference(left),
        periods=None if tiers.period is None else Periods(tiers.period, calendar),
        keeps_tenure=tiers.validity is not None
        or tiers.period is not None
        or "end_of_day" in (tiers.upgrade, tiers.on_return),
    )


def _upgrade(
    tiers: Tiers, levels: Sequence[Tier], left: tuple[int, ...], currency: str, trackers: Mapping[str, TrackerRule]
) -> Criteria:
    measures = (
        _measure(tiers.basis, currency, tiers.tracker, trackers),
        *(_measure(one.basis, one.currency or currency, one.tracker, trackers) for one in tiers.further),
    )
    return _criteria(measures, [(level.threshold, *level.further) for level in levels], tiers.any, left)


def _renewal(
    tiers: Tiers, levels: Sequence[Tier], left: tuple[int, ...], currency: str, trackers: Mapping[str, TrackerRule]
) -> Criteria:
    first = _measure(tiers.keeping.measure, currency, tiers.keeping.tracker, trackers)
    needed = [level.threshold if level.renewal is None else level.renewal for level in levels]
    if tiers.mirrored:
        measures = (first, *(_measure(RENEWALS[one.basis], currency, one.tracker, trackers) for one in tiers.further))
        steps = [(least, *level.further) for least, level in zip(needed, levels, strict=True)]
        return _criteria(measures, steps, tiers.any, left)
    measures = (first, *(_measure(one.renewal, currency, one.tracker, trackers) for one in tiers.renewal_further))
    steps = [(least, *level.renewal_further) for least, level in zip(needed, levels, strict=True)]
    return _criteria(measures, steps, tiers.renewal_any, left)


def _measure(
    basis: TierBasis | RenewalBasis, currency: str, tracker: str | None, trackers: Mapping[str, TrackerRule]
) -> Measure:
    return Measure(basis=basis, currency=currency, tracker=None if tracker is None else trackers[tracker])


def _criteria(
    measures: tuple[Measure, ...], asked: Sequence[tuple[int, ...]], enough: int | None, left: tuple[int, ...]
) -> Criteria:
    """The first tier takes nothing."""
    rows = [(0,) * len(measures), *asked[1:]]
    steps = tuple(zip(*rows, strict=True))
    return Criteria(
        measures=measures,
        steps=steps,
        enough=len(measures) if enough is None else enough,
        left=left,
        rising=all(list(some) == sorted(some) for some in steps),
    )
