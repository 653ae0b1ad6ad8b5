"""Tiers: what decides them, and where each begins."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from schemas.identity import slug_of
from schemas.limits import Misfit
from schemas.program.values import TIERS_MAX, Definition, Id, Minor, ShortName, require_rising


class TierBasis(StrEnum):
    """What decides the tier."""

    LIFETIME_POINTS = "lifetime_points"
    NET_PURCHASES = "net_purchases"


class Tier(Definition):
    """One tier; `threshold` is in points or in minor units, as the basis says."""

    name: ShortName
    id: Id = Field("", validate_default=True)
    """What the tier is known by in every version; without it, its name in small letters with hyphens."""
    threshold: Minor
    retired: bool = False
    """Whether the tier has ended: its line and number stay, and its members go to the next lower one that is left."""

    @field_validator("id", mode="before")
    @classmethod
    def _by_default_from_the_name(cls, value: object, info: ValidationInfo) -> object:
        return slug_of(info.data.get("name", "")) if value == "" else value


class Tiers(Definition):
    """Tiers, numbered from 1 in the order given; the first begins at 0. A customer only moves up."""

    basis: TierBasis = Field(strict=False)
    levels: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=TIERS_MAX)]

    @field_validator("levels")
    @classmethod
    def _rising_from_zero(cls, levels: tuple[Tier, ...]) -> tuple[Tier, ...]:
        thresholds = [tier.threshold for tier in levels]
        if thresholds[0] != 0:
            message = (
                f"the first tier begins at {thresholds[0]}; give it threshold 0, so that every customer has a tier"
            )
            raise Misfit(message, 0, "threshold")
        require_rising(
            thresholds, "threshold", f"thresholds {thresholds} must increase; order the tiers from lowest to highest"
        )
        if levels[0].retired:
            message = "the first tier cannot be retired, as every customer has a tier; change its name and keep its id"
            raise Misfit(message, 0, "retired")
        return levels
