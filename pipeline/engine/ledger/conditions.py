"""Conditions: what a redemption must keep to, by the tier of the customer."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.facts import Refusal, Standing
from schemas.program import Redemption, TierLimits, Tiers


class Conditions(NamedTuple):
    """The conditions of one currency in one tier."""

    minimum: int
    multiple_of: int
    maximum: int | None
    lifetime_points: int
    lifetime_purchases_minor: int


class ConditionsByTier:
    """The conditions of one currency."""

    def __init__(self, redemption: Redemption, tiers: Tiers | None) -> None:
        numbers = {level.id: number for number, level in enumerate(tiers.levels if tiers else (), 1)}
        self._usual = _conditions(redemption, TierLimits())
        self._by_tier = {numbers[tier]: _conditions(redemption, own) for tier, own in redemption.by_tier.items()}

    def of(self, tier: int) -> Conditions:
        """Those of a customer who is in the tier of this number."""
        return self._by_tier.get(tier, self._usual)


class Broken(NamedTuple):
    """A condition that a redemption does not keep to."""

    reason: Refusal
    subject: str


def broken_by_standing(standing: Standing) -> Broken | None:
    """Whether the customer may redeem nothing at all."""
    reason = _STANDINGS.get(standing)
    return None if reason is None else Broken(reason=reason, subject="")


_STANDINGS: Final = {Standing.FRAUD: Refusal.CUSTOMER_FRAUD, Standing.BLOCKED: Refusal.CUSTOMER_BLOCKED}


def broken_by(
    points: int, conditions: Conditions, *, lifetime: int, purchases_minor: int, balance: int
) -> Broken | None:
    """The first condition that so many points do not keep to, given what the customer has."""
    reason: Refusal | None = None
    subject = points
    if points <= 0:
        reason = Refusal.POINTS_NOT_POSITIVE
    elif points < conditions.minimum:
        reason = Refusal.BELOW_MINIMUM
    elif points % conditions.multiple_of:
        reason = Refusal.NOT_A_MULTIPLE
    elif conditions.maximum is not None and points > conditions.maximum:
        reason = Refusal.ABOVE_MAXIMUM
    elif lifetime < conditions.lifetime_points:
        reason, subject = Refusal.LIFETIME_POINTS_TOO_LOW, conditions.lifetime_points
    elif purchases_minor < conditions.lifetime_purchases_minor:
        reason, subject = Refusal.LIFETIME_PURCHASES_TOO_LOW, conditions.lifetime_purchases_minor
    elif points > balance:
        reason = Refusal.BALANCE_TOO_LOW
    return None if reason is None else Broken(reason=reason, subject=str(subject))


def _conditions(usual: Redemption, own: TierLimits) -> Conditions:
    return Conditions(
        minimum=_either(own.minimum_points, usual.minimum_points),
        multiple_of=_either(own.multiple_of, usual.multiple_of),
        maximum=usual.maximum_points if own.maximum_points is None else own.maximum_points,
        lifetime_points=_either(own.minimum_lifetime_points, usual.minimum_lifetime_points),
        lifetime_purchases_minor=_either(own.minimum_lifetime_purchases_minor, usual.minimum_lifetime_purchases_minor),
    )


def _either(own: int | None, usual: int) -> int:
    return usual if own is None else own
