"""Tiers: what decides them, how long they hold, and where each begins."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.identity import slug_of
from schemas.limits import AtMost, Misfit
from schemas.program.cycles import PeriodUnit
from schemas.program.values import TIERS_MAX, CurrencyId, Definition, Id, Minor, ShortName, require_rising

_TERM_DAYS_MAX: Final = 3_650
_REMINDERS_MAX: Final = 10
_FURTHER_MAX: Final = 5


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
    TRACKER = "tracker"
    """The value of a tracker of the program."""

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
    TRACKER = "tracker"
    """The value of a tracker on the last day."""


RENEWALS: Final = {
    TierBasis.LIFETIME_POINTS: RenewalBasis.POINTS,
    TierBasis.POINTS_IN_PERIOD: RenewalBasis.POINTS,
    TierBasis.NET_PURCHASES: RenewalBasis.PURCHASES,
    TierBasis.PURCHASES_IN_PERIOD: RenewalBasis.PURCHASES,
    TierBasis.VISITS: RenewalBasis.VISITS,
    TierBasis.VISITS_IN_PERIOD: RenewalBasis.VISITS,
    TierBasis.CURRENT_POINTS: RenewalBasis.CURRENT_POINTS,
    TierBasis.TRACKER: RenewalBasis.TRACKER,
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


class TierReward(Definition):
    """A tier as a reward: the customer does not fall below it while it holds, as if somebody gave it by hand."""

    id: Id
    validity: TierValidity | None = None
    """How long it holds, from the day on which it is given; None for good."""


class FurtherBasis(Definition):
    """One more condition for a tier, beside the basis."""

    def __str__(self) -> str:
        named = self.tracker or self.currency
        return f"{self.basis} {named}" if named else str(self.basis)

    basis: TierBasis = Field(strict=False)
    tracker: Id | None = Field(None, validate_default=True)
    """The id of the tracker, for that basis."""
    currency: CurrencyId | None = Field(None, validate_default=True)
    """The points, for the bases lifetime_points and current_points; None for those of the tiers."""

    @field_validator("tracker")
    @classmethod
    def _of_a_tracker(cls, tracker: str | None, info: ValidationInfo) -> str | None:
        return _named_for(tracker, info.data.get("basis"))

    @field_validator("currency")
    @classmethod
    def _of_totals(cls, currency: str | None, info: ValidationInfo) -> str | None:
        if currency is not None and info.data.get("basis") not in {TierBasis.LIFETIME_POINTS, TierBasis.CURRENT_POINTS}:
            message = "goes with lifetime_points or current_points; leave it out, or name the currency of the tiers"
            raise Misfit(message)
        return currency


class FurtherRenewal(Definition):
    """One more condition for keeping a tier, beside the renewal."""

    def __str__(self) -> str:
        return f"{self.renewal} {self.tracker}" if self.tracker else str(self.renewal)

    renewal: RenewalBasis = Field(strict=False)
    tracker: Id | None = Field(None, validate_default=True)
    """The id of the tracker, for that renewal."""

    @field_validator("tracker")
    @classmethod
    def _of_a_tracker(cls, tracker: str | None, info: ValidationInfo) -> str | None:
        return _named_for(tracker, info.data.get("renewal"))


def _named_for(tracker: str | None, measure: TierBasis | RenewalBasis | None) -> str | None:
    if measure is not None and (measure == "tracker") != (tracker is not None):
        message = "is needed where a tracker decides, and does nothing elsewhere"
        raise Misfit(message)
    return tracker


class Tier(Definition):
    """One tier; `threshold` is in points, in minor units or in bills, as the basis says."""

    name: ShortName
    id: Id = Field("", validate_default=True)
    """What the tier is known by in every version; without it, its name in small letters with hyphens."""
    threshold: Minor
    renewal: Minor | None = None
    """What keeps it when its time is up, in units of the renewal's basis; without it, as much as the threshold."""
    further: Annotated[tuple[Minor, ...], AtMost(_FURTHER_MAX)] = ()
    """The thresholds of the further conditions, in their order."""
    renewal_further: Annotated[tuple[Minor, ...], AtMost(_FURTHER_MAX)] = ()
    """What keeps it of the further renewals, in their order."""
    retired: bool = False
    """Whether the tier has ended: its line and number stay, and its members go to the next lower one that is left."""

    @field_validator("id", mode="before")
    @classmethod
    def _by_default_from_the_name(cls, value: object, info: ValidationInfo) -> object:
        return slug_of(info.data.get("name", "")) if value == "" else value


class Keeping(NamedTuple):
    """One measure that keeps a tier."""

    measure: RenewalBasis
    tracker: str | None


class Approaching(Definition):
    """Customers are told that the next tier is near."""

    percent: Annotated[int, Field(ge=1, le=99)]
    """From so many percent of what the tier asks for."""
    cooldown_days: Annotated[int, Field(ge=0, le=366)] = 30
    """Full days from one such notification to the next, at least, but for a higher tier."""


class Tiers(Definition):
    """Tiers, numbered from 1 in the order given; the first begins at 0 and is never lost.

    Without `validity` and `on_return`, a customer only moves up.
    """

    basis: TierBasis = Field(strict=False)
    tracker: Id | None = Field(None, validate_default=True)
    """The id of the tracker, for that basis."""
    currency: CurrencyId | None = None
    """The points that tiers go by; None for those of the program."""
    further: Annotated[tuple[FurtherBasis, ...], AtMost(_FURTHER_MAX)] = ()
    """Further conditions; each level has a threshold of each."""
    any: Annotated[int | None, Field(ge=1, le=1 + _FURTHER_MAX)] = None
    """How many of the basis and the further conditions are enough for a tier; None for all of them."""
    period: PeriodUnit | None = Field(None, strict=False)
    """The calendar period of a basis in a period."""
    upgrade: Literal["at_once", "end_of_day", "end_of_period"] = "at_once"
    """When a customer who has reached a tier gets it; at once is right after the points of what reached it."""
    validity: TierValidity | None = None
    renewal: RenewalBasis | None = Field(None, strict=False)
    """What keeps a tier when its time is up; without it, what the basis measures, within the time it was held."""
    renewal_tracker: Id | None = None
    """The id of the tracker that keeps a tier, where that is the renewal."""
    renewal_further: Annotated[tuple[FurtherRenewal, ...], AtMost(_FURTHER_MAX)] = ()
    """Further conditions for keeping a tier. Without them and a renewal, those for reaching it, within the time it was
    held."""
    renewal_any: Annotated[int | None, Field(ge=1, le=1 + _FURTHER_MAX)] = None
    """How many of the renewals are enough; None for all of them."""
    downgrade: Literal["one_lower", "by_value", "base"] = "one_lower"
    """Where a customer goes who loses a tier: the next lower one, the highest one whose renewal they meet, or the
    first."""
    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    """Days after its end in which a tier is still held and can be renewed."""
    reminders: Annotated[
        tuple[Annotated[int, Field(ge=1, le=366)], ...], AtMost(_REMINDERS_MAX), Field(examples=[[30, 7]])
    ] = ()
    """How many days before its end a customer who would lose a tier is reminded."""
    approaching: Approaching | None = None
    """Whether customers are told that they are nearly in the next tier; None for not at all."""
    on_return: Literal["keep", "at_once", "end_of_day"] = "keep"
    """Whether a return, an update of a bill or `cancelPoints` that takes the value below the threshold costs the tier,
    and when."""
    levels: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=TIERS_MAX)]

    @field_validator("tracker")
    @classmethod
    def _of_a_tracker(cls, tracker: str | None, info: ValidationInfo) -> str | None:
        return _named_for(tracker, info.data.get("basis"))

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
        in_period = any(basis.in_period for basis in (self.basis, *(one.basis for one in self.further)))
        if in_period != (self.period is not None):
            message = (
                f"is needed by the basis {self.basis}; add one, such as `period: year`"
                if in_period
                else f"does nothing with the basis {self.basis}; leave it out, or name a basis in a period"
            )
            raise Misfit(message, "period")
        if self.upgrade == "end_of_period" and self.period is None:
            message = "end_of_period needs a basis in a period; write at_once or end_of_day"
            raise Misfit(message, "upgrade")
        if in_period and self.on_return != "keep":
            message = (
                f"cannot go by the basis {self.basis}, whose value begins anew: a return in a new period would cost "
                "a tier of the last one; leave it out, or name a basis that is not in a period"
            )
            raise Misfit(message, "on_return")
        if self.validity is None:
            self._need_validity()
        self._conditions_fit()
        return self

    def _conditions_fit(self) -> None:
        for name, further, enough in (
            ("further", len(self.further), self.any),
            ("renewal_further", len(self.renewal_further), self.renewal_any),
        ):
            if enough is not None and enough > 1 + further:
                message = f"asks for {enough} conditions, and there are {1 + further}; write at most so many"
                raise Misfit(message, name.replace("further", "any"))
            for place, tier in enumerate(self.levels):
                given = getattr(tier, name)
                if len(given) != further and not (place == 0 and not given):
                    message = (
                        f"has {len(given)} numbers, and there are {further} further conditions; write one for each"
                    )
                    raise Misfit(message, "levels", place, name)
        for place, (lower, tier) in enumerate(pairwise(self.levels[1:]), 2):
            if any(less > more for less, more in zip(lower.further, tier.further, strict=True)):
                message = (
                    f"{list(tier.further)} asks for less than the tier below; order the tiers from lowest to highest"
                )
                raise Misfit(message, "levels", place, "further")
        if self.levels[0].further and any(self.levels[0].further):
            message = "the first tier is everybody's; leave it out"
            raise Misfit(message, "levels", 0, "further")
        if (self.keeping.measure == "tracker") != (self.keeping.tracker is not None):
            message = "is needed where a tracker keeps a tier, and does nothing elsewhere"
            raise Misfit(message, "renewal_tracker")
        if self.mirrored and any(one.currency for one in self.further):
            message = "is needed where a further condition has a currency of its own; say what keeps a tier"
            raise Misfit(message, "renewal")

    @property
    def mirrored(self) -> bool:
        """Whether a tier is kept by what it is reached by, within the time it was held."""
        return self.validity is not None and self.renewal is None and not self.renewal_further

    @property
    def keeping(self) -> Keeping:
        """What keeps a tier before further conditions."""
        measure = self.renewal or RENEWALS[self.basis]
        tracker = self.renewal_tracker or (self.tracker if self.renewal is None else None)
        return Keeping(measure=measure, tracker=tracker)

    def _need_validity(self) -> None:
        unused: Sequence[tuple[tuple[str | int, ...], bool]] = (
            (("renewal",), self.renewal is not None),
            (("renewal_tracker",), self.renewal_tracker is not None),
            (("renewal_further",), bool(self.renewal_further)),
            (("grace_days",), self.grace_days > 0),
            (("reminders",), bool(self.reminders)),
            *((("levels", place, "renewal"), tier.renewal is not None) for place, tier in enumerate(self.levels)),
        )
        for within, given in unused:
            if given:
                message = "does nothing where tiers hold for ever; leave it out, or add `validity:`"
                raise Misfit(message, *within)
