"""Points: their currency, their expiry and how they are spent."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import Misfit
from schemas.money import minor_digits
from schemas.program.expiry import Activity, Expiry, Reminders
from schemas.program.redemption import Redemption
from schemas.program.values import TIERS_MAX, CurrencyId, Definition, ShortName

ValueMinor = Annotated[int, Field(ge=0, le=10**6)]
_RATIO: Final = r"^(0|[1-9][0-9]?)(\.[0-9]{1,10})?$"
MoneyRatio = Annotated[
    str,
    Field(
        pattern=_RATIO,
        description='a decimal below 100 in quotes, with at most ten decimals, such as "0.0125"',
        examples=["0.0125"],
    ),
]


class Lasting(Definition):
    """How long the points of a currency last."""

    expiry: Expiry | None = None
    """None: they never expire."""
    expiry_by_tier: dict[str, Expiry] = Field(default_factory=dict, max_length=TIERS_MAX)
    """By the id of a tier: how long points last that are awarded to a customer who is in it."""
    activity: Activity = Activity()
    reminders: Reminders = ()


class Currency(Lasting):
    """What every points currency has."""

    value_minor: ValueMinor | None = None
    """What a whole one is worth when redeemed, in minor units of the program's money; one where `ratio` is not given
    either."""
    ratio: MoneyRatio | None = None
    """The same in the program's money, with up to ten decimals, for points that are worth less than a minor unit."""

    @field_validator("ratio")
    @classmethod
    def _worth_is_said_once(cls, ratio: str | None, info: ValidationInfo) -> str | None:
        if ratio is not None and info.data.get("value_minor") is not None:
            message = "says what a point is worth, and so does value_minor; leave one of them out"
            raise Misfit(message)
        return ratio

    def worth_minor(self, money: str) -> Fraction:
        """What a whole one is worth, in minor units of the money."""
        if self.ratio is not None:
            return Fraction(self.ratio) * Fraction(10 ** minor_digits(money))
        return Fraction(1 if self.value_minor is None else self.value_minor)


class PointsCurrency(Currency):
    """The points of the program."""

    name: CurrencyId = "POINTS"


class AlternateCurrency(Currency):
    """A currency beside the points of the program. Points of it are written in units of 10^-`scale`, also in rules."""

    id: CurrencyId
    """What rules, rewards and messages call it."""
    name: ShortName = Field("", validate_default=True)
    """What people read; without it, the id."""
    scale: Annotated[int, Field(ge=0, le=3)] = 0
    """How many decimals it has; never changes."""
    redemption: Redemption = Redemption()
    retired: bool = False
    """Whether the currency has ended: its line stays, nothing is issued in it, and what members have can be spent."""

    @field_validator("name", mode="before")
    @classmethod
    def _by_default_the_id(cls, value: object, info: ValidationInfo) -> object:
        return info.data.get("id", "") if value == "" else value
