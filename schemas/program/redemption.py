"""Redemption: what customers may spend, in which order, and how long it can be taken back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import Misfit
from schemas.program.values import TIERS_MAX, Definition, Minor, Points

PointsOrNone = Annotated[int, Field(ge=0, le=10**12)]


class SpendingOrder(StrEnum):
    """Which points are spent first; of equal ones those that were awarded first."""

    FEFO = "fefo"
    """Those that expire soonest; those that never expire come last."""
    FIFO = "fifo"
    """Those that were awarded first."""
    LIFO = "lifo"
    """Those that were awarded last."""
    PROMOTIONAL_FIRST = "promotional_first"
    """Those of milestones, streaks and event rules, then all others; of each those that expire soonest."""


class TierLimits(Definition):
    """What a redemption of a customer in one tier must keep to, where that differs."""

    minimum_points: Points | None = None
    multiple_of: Points | None = None
    maximum_points: Points | None = None
    minimum_lifetime_points: PointsOrNone | None = None
    minimum_lifetime_purchases_minor: Minor | None = None


class Redemption(Definition):
    """What a redemption must keep to."""

    minimum_points: Points = 1
    multiple_of: Points = 1
    """Points are redeemed in multiples of it."""
    maximum_points: Points | None = None
    """The most points of one redemption; None for no limit."""
    minimum_lifetime_points: PointsOrNone = 0
    """How many points of the currency the customer must have been awarded in all."""
    minimum_lifetime_purchases_minor: Minor = 0
    """How much the customer must have bought in all, less what came back."""
    by_tier: dict[str, TierLimits] = Field(default_factory=dict, max_length=TIERS_MAX)
    """By the id of a tier: what differs for customers who are in it."""
    order: Annotated[SpendingOrder, Field(strict=False)] = SpendingOrder.FEFO
    hold_minutes: Annotated[int, Field(ge=1, le=527_040)] = 60
    """How long the points of a redemption that is to be confirmed are put aside; then they are released."""
    late_minutes: Annotated[int, Field(ge=0, le=1_440)] = 15
    """How long after points have expired a redemption that was made before still takes them."""
    reversible_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    """How long a redemption can be taken back; without it, as long as a bill can be returned."""
    past_expiry: Literal["expire", "reissue"] = "expire"
    """What becomes of points past their last day when their redemption is taken back: they are reported as expired, or
    issued anew with the expiry of that day."""

    @field_validator("maximum_points")
    @classmethod
    def _something_can_be_redeemed(cls, maximum: int | None, info: ValidationInfo) -> int | None:
        _require_room(info.data | {"maximum_points": maximum})
        return maximum

    @field_validator("by_tier")
    @classmethod
    def _something_can_be_redeemed_in_each(
        cls, by_tier: dict[str, TierLimits], info: ValidationInfo
    ) -> dict[str, TierLimits]:
        for tier, limits in by_tier.items():
            own = {key: value for key, value in limits.model_dump().items() if value is not None}
            _require_room(info.data | own, tier, "maximum_points")
        return by_tier


def _require_room(limits: dict[str, Any], *within: str) -> None:
    """Raise `Misfit` where no number of points keeps to the limits; they may be incomplete, after other mistakes."""
    maximum, minimum, multiple = (limits.get(key) for key in ("maximum_points", "minimum_points", "multiple_of"))
    if maximum is None or minimum is None or multiple is None:
        return
    least = -(-minimum // multiple) * multiple
    if maximum < least:
        message = f"is {maximum}, and {least} are the fewest that can be redeemed; make it at least {least}"
        raise Misfit(message, *within)
