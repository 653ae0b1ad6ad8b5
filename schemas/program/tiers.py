"""Tiers: what decides them, how long they hold, and where each begins."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.identity import slug_of
from schemas.limits import AtMost, Misfit
from schemas.program.cycles import PeriodUnit
from schemas.program.values import TIERS_MAX, Definition, Id, Minor, ShortName, require_rising

_TERM_DAYS_MAX: Final = 3_650
_REMINDERS_MAX: Final = 10


Annual = Annotated[
    str,
    Field(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        description='a month and a day in quotes, such as "12-31"',
        examples=["12-31"],
    ),
]


class TierBasis(StrEnum):
    """What decides the tier. Those in a period begin anew with each `period` of the calendar."""

    LIFETIME_POINTS = "lifetime_points"
    NET_PURCHASES = "net_purchases"
    VISITS = "visits"
    """Bills, whenever they were paid."""
    CURRENT_POINTS = "current_points"
    POINTS_IN_PERIOD = "points_in_period"
    PURCHASES_IN_PERIOD = "purchases_in_period"
    VISITS_IN_PERIOD = "visits_in_period"

    @property
    def in_period(self) -> bool:
        """Whether it begins anew with each period."""
        return self in {TierBasis.POINTS_IN_PERIOD, TierBasis.PURCHASES_IN_PERIOD, TierBasis.VISITS_IN_PERIOD}


class RenewalBasis(StrEnum):
    """What keeps a tier when its time is up: what came in since it was reached or renewed, or what is there then."""

    POINTS = "points"
    PURCHASES = "purchases"
    VISITS = "visits"
    CURRENT_POINTS = "current_points"


RENEWALS: Final = {
    TierBasis.LIFETIME_POINTS: RenewalBasis.POINTS,
    TierBasis.POINTS_IN_PERIOD: RenewalBasis.POINTS,
    TierBasis.NET_PURCHASES: RenewalBasis.PURCHASES,
    TierBasis.PURCHASES_IN_PERIOD: RenewalBasis.PURCHASES,
    TierBasis.VISITS: RenewalBasis.VISITS,
    TierBasis.VISITS_IN_PERIOD: RenewalBasis.VISITS,
    TierBasis.CURRENT_POINTS: RenewalBasis.CURRENT_POINTS,
}
"""What keeps a tier where the program does not say."""


class TierValidity(Definition):
    """How long a tier above the first holds before it is renewed or lost; one of these is given."""

    days: Annotated[int | None, Field(ge=1, le=_TERM_DAYS_MAX)] = None
    """Through so many days after it was reached or renewed."""
    months: Annotated[int | None, Field(ge=1, le=120)] = None
    """The same in months, clamped to the end of a shorter month."""
    until: Annual | None = None
    """Through this date of a year, the next one after the day on which it was reached or renewed."""
    anniversary: Literal[True] | None = None
    """Through the day before the next anniversary of the customer's registration."""
    period: PeriodUnit | None = Field(None, strict=False)
    """Through the end of a calendar period."""
    periods: Annotated[int, Field(ge=1, le=24)] = 1
    """Which one, with `period`: 1 is the period in which it was reached or renewed, 2 the one after it."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = ("days", "months", "until", "anniversary", "period")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) != 1:
            message = (
                f"names {' and '.join(given) or 'none'} of {', '.join(ways)}; name exactly one, such as `months: 12`"
            )
            raise Misfit(message)
        if self.periods != 1 and self.period is None:
            message = "is only for a validity by calendar period; leave it out, or name a `period`"
            raise Misfit(message, "periods")
        return self


class Tier(Definition):
    """One tier; `threshold` is in points, in minor units or in bills, as the basis says."""

    name: ShortName
    id: Id = Field("", validate_default=True)
    """What the tier is known by in every version; without it, its name in small letters with hyphens."""
    threshold: Minor
    renewal: Minor | None = None
    """What keeps it when its time is up, in units of the renewal's basis; without it, as much as the threshold."""
    retired: bool = False
    """Whether the tier has ended: its line and number stay, and its members go to the next lower one that is left."""

    @field_validator("id", mode="before")
    @classmethod
    def _by_default_from_the_name(cls, value: object, info: ValidationInfo) -> object:
        return slug_of(info.data.get("name", "")) if value == "" else value


class Tiers(Definition):
    """Tiers, numbered from 1 in the order given; the first begins at 0 and is never lost.

    Without `validity` and `on_return`, a customer only moves up.
    """

    basis: TierBasis = Field(strict=False)
    period: PeriodUnit | None = Field(None, strict=False)
    """The calendar period of a basis in a period."""
    upgrade: Literal["at_once", "end_of_day", "end_of_period"] = "at_once"
    """When a customer who has reached a tier gets it; at once is right after the points of what reached it."""
    validity: TierValidity | None = None
    renewal: RenewalBasis | None = Field(None, strict=False)
    """What keeps a tier when its time is up; without it, what the basis measures, within the time it was held."""
    downgrade: Literal["one_lower", "by_value", "base"] = "one_lower"
    """Where a customer goes who loses a tier: the next lower one, the highest one whose renewal they meet, or the
    first."""
    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    """Days after its end in which a tier is still held and can be renewed."""
    reminders: Annotated[
        tuple[Annotated[int, Field(ge=1, le=366)], ...], AtMost(_REMINDERS_MAX), Field(examples=[[30, 7]])
    ] = ()
    """How many days before its end a customer who would lose a tier is reminded."""
    on_return: Literal["keep", "at_once", "end_of_day"] = "keep"
    """Whether a return, an update of a bill or `cancelPoints` that takes the value below the threshold costs the tier,
    and when."""
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

    @field_validator("reminders")
    @classmethod
    def _each_once(cls, reminders: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(reminders)) < len(reminders):
            message = f"{list(reminders)} names a number of days twice; name each once"
            raise Misfit(message)
        return reminders

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.basis.in_period != (self.period is not None):
            message = (
                f"is needed by the basis {self.basis}; add one, such as `period: year`"
                if self.basis.in_period
                else f"does nothing with the basis {self.basis}; leave it out, or name a basis in a period"
            )
            raise Misfit(message, "period")
        if self.upgrade == "end_of_period" and self.period is None:
            message = "end_of_period needs a basis in a period; write at_once or end_of_day"
            raise Misfit(message, "upgrade")
        if self.basis.in_period and self.on_return != "keep":
            message = (
                f"cannot go by the basis {self.basis}, whose value begins anew: a return in a new period would cost "
                "a tier of the last one; leave it out, or name a basis that is not in a period"
            )
            raise Misfit(message, "on_return")
        if self.validity is None:
            self._need_validity()
        return self

    def _need_validity(self) -> None:
        unused: Sequence[tuple[tuple[str | int, ...], bool]] = (
            (("renewal",), self.renewal is not None),
            (("grace_days",), self.grace_days > 0),
            (("reminders",), bool(self.reminders)),
            *((("levels", place, "renewal"), tier.renewal is not None) for place, tier in enumerate(self.levels)),
        )
        for within, given in unused:
            if given:
                message = "does nothing where tiers hold for ever; leave it out, or add `validity:`"
                raise Misfit(message, *within)
