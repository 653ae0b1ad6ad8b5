"""Points: their currency, their expiry and how they are spent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.program.expiry import Activity, Expiry, Reminders
from schemas.program.values import TIERS_MAX, CurrencyId, Definition, ShortName

ValueMinor = Annotated[int, Field(ge=0, le=10**6)]


class Lasting(Definition):
    """How long the points of a currency last."""

    expiry: Expiry | None = None
    """None: they never expire."""
    expiry_by_tier: dict[str, Expiry] = Field(default_factory=dict, max_length=TIERS_MAX)
    """By the id of a tier: how long points last that are awarded to a customer who is in it."""
    activity: Activity = Activity()
    reminders: Reminders = ()


class PointsCurrency(Lasting):
    """The points of the program."""

    name: CurrencyId = "POINTS"
    value_minor: ValueMinor = 1
    """What one point is worth when redeemed, in minor units of the program's money."""


class Redemption(Definition):
    """What a redemption must keep to."""

    minimum_points: Annotated[int, Field(ge=1, le=10**12)] = 1
    hold_minutes: Annotated[int, Field(ge=1, le=527_040)] = 60
    """How long the points of a redemption that is to be confirmed are put aside; then they are released."""
    late_minutes: Annotated[int, Field(ge=0, le=1_440)] = 15
    """How long after points have expired a redemption that was made before still takes them."""
    reversible_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    """How long a redemption can be taken back; without it, as long as a bill can be returned."""
    past_expiry: Literal["expire", "reissue"] = "expire"
    """What becomes of points past their last day when their redemption is taken back: they are reported as expired, or
    issued anew with the expiry of that day."""


class AlternateCurrency(Lasting):
    """A currency beside the points of the program. Points of it are written in units of 10^-`scale`, also in rules."""

    id: CurrencyId
    """What rules, rewards and messages call it."""
    name: ShortName = Field("", validate_default=True)
    """What people read; without it, the id."""
    scale: Annotated[int, Field(ge=0, le=3)] = 0
    """How many decimals it has; never changes."""
    value_minor: ValueMinor = 1
    """What a whole one is worth when redeemed, in minor units of the program's money."""
    redemption: Redemption = Redemption()
    retired: bool = False
    """Whether the currency has ended: its line stays, nothing is issued in it, and what members have can be spent."""

    @field_validator("name", mode="before")
    @classmethod
    def _by_default_the_id(cls, value: object, info: ValidationInfo) -> object:
        return info.data.get("id", "") if value == "" else value
