"""The program definition: what a loyalty manager writes, as YAML or JSON.

Everything a decision depends on stands here, so a program travels whole in the journal. Amounts are integers in minor
units of `currency` (pence for GBP); points are integers. Dates are local dates in `zone`, both ends inclusive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from schemas.identity import slug_of
from schemas.limits import AtMost, Between, Limit, Misfit, Plain, is_written
from schemas.notifications import EventName
from schemas.zones import zone_names

# A pattern is described in words: mistakes are told with them, and editors show them.
Id = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
        description="1 to 64 small letters, digits, - and _, the first a letter or digit, such as monthly-spend "
        "(in quotes if it looks like a number)",
        examples=["monthly-spend"],
    ),
]
Sku = Annotated[str, Field(min_length=1, max_length=64), Plain()]
Name = Annotated[str, Field(min_length=1, max_length=200), Plain()]
ShortName = Annotated[str, Field(min_length=1, max_length=100), Plain()]
RULES_MAX: Final = 1_000
MILESTONES_MAX: Final = 200
STREAKS_MAX: Final = 100
SKUS_MAX: Final = 5_000
CATEGORIES_MAX: Final = 500
Skus = Annotated[tuple[Sku, ...], AtMost(SKUS_MAX)]
Categories = Annotated[tuple[Sku, ...], AtMost(CATEGORIES_MAX)]
# ClickHouse's dates end in 2299, and periods, windows and expiry reach beyond a date that a program names.
Day = Annotated[date | None, Field(strict=False), Between(date(1970, 1, 1), date(2199, 12, 31))]
Points = Annotated[int, Field(ge=1, le=10**12)]
ATTRIBUTE_DIGITS: Final = 3
"""Decimals of numbers in attributes that count exactly; what is finer is not counted."""
Minor = Annotated[int, Field(ge=0, le=10**12)]
_RATIO: Final = r"^[1-9][0-9]{0,5}(/[1-9][0-9]{0,5})?$"
_SHOWN_MAX: Final = 60
_RATIO_IN_WORDS: Final = 'a whole number or a ratio in quotes, such as "3/2"'
Ratio = Annotated[
    str,
    Field(pattern=_RATIO),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _RATIO, "description": _RATIO_IN_WORDS},
                {"type": "integer", "minimum": 1, "maximum": 999_999},
            ],
            "description": _RATIO_IN_WORDS,
            "examples": [2, "3/2"],
        }
    ),
]
"""A positive ratio of integers below a million."""


class Definition(BaseModel):
    """Frozen and strict: an unknown or mistyped key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _require_rising(numbers: Sequence[int], key: str, message: str) -> None:
    for index, (lower, upper) in enumerate(pairwise(numbers), 1):
        if upper <= lower:
            raise Misfit(message, index, key)


class Validity(Definition):
    """The local dates on which something holds, judged at event time; both ends inclusive."""

    first: Day = None
    last: Day = None

    @field_validator("last")
    @classmethod
    def _in_order(cls, last: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("first")
        if first and last and last < first:
            message = f"last ({last}) lies before first ({first}); swap them"
            raise Misfit(message)
        return last


class Rule(Definition):
    """What every earning rule has."""

    id: Id
    validity: Validity = Validity()
    retired: bool = False
    """Whether the rule has ended: its line stays, and gives nothing."""


class SpendRule(Rule):
    """Points for what was spent: `points` for every `per_minor` of the bill, rounded down once per bill."""

    kind: Literal["spend"] = "spend"
    points: Points
    per_minor: Annotated[int, Field(ge=1, le=10**12)]
    minimum_minor: Minor = 0
    """The least bill (before multipliers) that earns."""
    excluded_skus: Skus = ()
    excluded_categories: Categories = ()


class MultiplierRule(Rule):
    """Lines of these SKUs or categories count `factor` times in every spend rule; several multipliers multiply."""

    kind: Literal["multiplier"] = "multiplier"
    factor: Ratio
    skus: Skus = ()
    categories: Categories = Field((), validate_default=True)

    @field_validator("factor", mode="before")
    @classmethod
    def _factor_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("categories")
    @classmethod
    def _has_a_target(cls, categories: tuple[Sku, ...], info: ValidationInfo) -> tuple[Sku, ...]:
        if not categories and info.data.get("skus") == ():
            message = "neither skus nor categories are named; give at least one of them"
            raise Misfit(message)
        return categories


class EventRule(Rule):
    """A fixed number of points for each custom event of this name."""

    kind: Literal["event"] = "event"
    event: ShortName
    points: Points


EarningRule = Annotated[SpendRule | MultiplierRule | EventRule, Field(discriminator="kind")]


class Expiry(Definition):
    """Points can be spent through the local date of the award plus `days`."""

    days: Annotated[int, Field(ge=0, le=36_500)]


class PointsCurrency(Definition):
    """The points of the program."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Z][A-Z0-9_]{0,31}$",
            description="1 to 32 capital letters, digits and _, the first a letter, such as CRUMBS",
        ),
    ] = "POINTS"
    expiry: Expiry | None = None
    """None: points never expire."""
    value_minor: Annotated[int, Field(ge=0, le=10**6)] = 1
    """What one point is worth when redeemed, in minor units of the program's money."""


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
    levels: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)]

    @field_validator("levels")
    @classmethod
    def _rising_from_zero(cls, levels: tuple[Tier, ...]) -> tuple[Tier, ...]:
        thresholds = [tier.threshold for tier in levels]
        if thresholds[0] != 0:
            message = (
                f"the first tier begins at {thresholds[0]}; give it threshold 0, so that every customer has a tier"
            )
            raise Misfit(message, 0, "threshold")
        _require_rising(
            thresholds, "threshold", f"thresholds {thresholds} must increase; order the tiers from lowest to highest"
        )
        if levels[0].retired:
            message = "the first tier cannot be retired, as every customer has a tier; change its name and keep its id"
            raise Misfit(message, 0, "retired")
        return levels


class PeriodUnit(StrEnum):
    """Fixed calendar periods in the program's zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Transactions(Definition):
    """Bills count: each as one, or by amount."""

    of: Literal["transactions"] = "transactions"
    measure: Literal["count", "sum"] = "count"
    """`sum` adds up the bills' net amounts in minor units."""


class Events(Definition):
    """Custom events count: each as one, or by a number in an attribute."""

    of: Literal["events"] = "events"
    event: ShortName
    measure: Literal["count", "sum"] = "count"
    attribute: Annotated[str | None, AtMost(100, "characters"), Plain()] = Field(None, validate_default=True)
    """The attribute that `sum` adds up, with up to three decimals; an event in which it is no number from 0.001 to
    10^15 counts nothing."""

    @field_validator("attribute")
    @classmethod
    def _sum_needs_attribute(cls, attribute: str | None, info: ValidationInfo) -> str | None:
        measure = info.data.get("measure")
        if measure and (measure == "sum") != (attribute is not None):
            message = "measure 'sum' needs an attribute to add up, and 'count' takes none"
            raise Misfit(message)
        return attribute


class Milestone(Definition):
    """A target, met once in each calendar period; `points` are the reward, 0 for none."""

    id: Id
    target_id: Annotated[int, Field(ge=1, le=2**31)]
    """The number that downstream systems know it by."""
    name: Name
    period: PeriodUnit = Field(strict=False)
    counts: Annotated[Transactions | Events, Field(discriminator="of")]
    target: Points
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    validity: Validity = Validity()
    retired: bool = False
    """Whether the milestone has ended: its line stays, and nothing counts towards it."""

    @property
    def goal(self) -> int:
        """The target in the unit of the values: thousandths where an attribute is added up, else as it is written."""
        adds_attribute = isinstance(self.counts, Events) and self.counts.measure == "sum"
        return self.target * 10**ATTRIBUTE_DIGITS if adds_attribute else self.target


class StreakLevel(Definition):
    """A level: so many consecutive periods, with a reward in points (0 for none), once per customer."""

    name: Name
    periods: Annotated[int, Field(ge=1, le=1_000)]
    points: Annotated[int, Field(ge=0, le=10**12)] = 0


class Streak(Definition):
    """Consecutive periods in which a milestone was met."""

    id: Id
    streak_id: Annotated[int, Field(ge=1, le=2**31)]
    """The number that downstream systems know it by."""
    name: Name
    description: Annotated[str, AtMost(1_000, "characters"), Plain("\n")] = ""
    milestone: Id
    levels: Annotated[tuple[StreakLevel, ...], Field(min_length=1, max_length=20)]
    validity: Validity = Validity()
    retired: bool = False
    """Whether the streak has ended: its line stays, and nothing counts in it."""

    @field_validator("levels")
    @classmethod
    def _rising_levels(cls, levels: tuple[StreakLevel, ...]) -> tuple[StreakLevel, ...]:
        periods = [level.periods for level in levels]
        _require_rising(
            periods, "periods", f"levels ask for {periods} periods; order them from least to most, each once"
        )
        return levels


class Returns(Definition):
    """How points of a returned bill are taken back."""

    method: Literal["pro_rata_bill"] = "pro_rata_bill"
    """In proportion to the part of the bill that came back, by the cumulative formula."""
    shortfall: Literal["clamp"] = "clamp"
    """Points that are no longer there are forgiven."""
    window_days: Annotated[int, Field(ge=0, le=3_650)] = 400


class Redemption(Definition):
    """What a redemption must keep to."""

    minimum_points: Annotated[int, Field(ge=1, le=10**12)] = 1


_EVENTS: Final = tuple(name.value for name in EventName)


class OfEvent(Limit):
    """The name of a notification that there is."""

    def check(self, value: str) -> None:
        """Raise `Misfit` for another name, with the one that was meant."""
        if value not in _EVENTS:
            close = get_close_matches(value, _EVENTS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"write one of {', '.join(_EVENTS)}"
            message = f"no notification has this name; {hint}"
            raise Misfit(message)

    def in_schema(self) -> dict[str, object]:
        """The names."""
        return {"enum": list(_EVENTS)}


class Notifications(Definition):
    """What downstream systems are told, and how."""

    profile: Literal["flat", "wrapped"] = "flat"
    off: Annotated[tuple[Annotated[str, OfEvent()], ...], AtMost(len(EventName))] = ()
    """Event names that are not emitted, such as `targetAchievedValueUpdated`."""
    identifiers: bool = True
    """Whether mobile, e-mail and external ids are part of customer identifiers."""


_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class ProgramDefinition(Definition):
    """One version of one loyalty program."""

    org_id: Annotated[int, Field(ge=1, le=2**53)]
    program_id: Annotated[int, Field(ge=1, le=2**31)]
    version: Annotated[int, Field(ge=1, le=2**31)]
    name: Name
    default: bool = True
    """Whether this is the org's default program (printed in notifications)."""
    zone: str
    """IANA time zone in which its days and periods are counted."""
    currency: str
    """ISO 4217 code of the money it earns on."""
    points: PointsCurrency = PointsCurrency()
    add_customers: bool = True
    """Whether a customer nobody announced is added by their first record."""
    repeat_window_days: Annotated[int, Field(ge=1, le=366)] = 35
    """How long record ids are remembered; older records are refused."""
    rules: Annotated[tuple[EarningRule, ...], AtMost(RULES_MAX)] = ()
    tiers: Tiers | None = None
    milestones: Annotated[tuple[Milestone, ...], AtMost(MILESTONES_MAX)] = ()
    streaks: Annotated[tuple[Streak, ...], AtMost(STREAKS_MAX)] = ()
    returns: Returns | None = Returns()
    """None: bills cannot be returned and are not kept; one is told from a repeat by its record id alone."""
    redemption: Redemption = Redemption()
    notifications: Notifications = Notifications()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str, info: ValidationInfo) -> str:
        try:
            known = value in zone_names() if is_written(info) else bool(ZoneInfo(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, or a name that no file can have
            known = False
        if not known:
            message = f"{_shown(value)} is not an IANA time zone; write one such as 'Europe/London' or 'UTC'"
            raise ValueError(message)
        return value

    @field_validator("currency")
    @classmethod
    def _currency_code(cls, value: str) -> str:
        if not _CURRENCY.fullmatch(value):
            message = f"{_shown(value)} is not an ISO 4217 code; write three capitals such as 'GBP'"
            raise ValueError(message)
        return value

    @field_validator("returns")
    @classmethod
    def _bills_outlive_ids(cls, returns: Returns | None, info: ValidationInfo) -> Returns | None:
        remembered = info.data.get("repeat_window_days")
        if returns and remembered and returns.window_days < remembered:
            message = (
                f"{returns.window_days} days are less than repeat_window_days "
                f"({remembered}), so a bill sent again under another id could pay twice; "
                f"make it at least {remembered}, or lower repeat_window_days"
            )
            raise Misfit(message, "window_days")
        return returns

    @model_validator(mode="after")
    def _ids_unique_and_known(self) -> Self:
        for what, ids in (
            ("rules", [rule.id for rule in self.rules]),
            ("milestones", [milestone.id for milestone in self.milestones]),
            ("streaks", [streak.id for streak in self.streaks]),
        ):
            repeated = [one for one, count in Counter(ids).items() if count > 1]
            if repeated:
                message = f"{what} repeat the id {min(repeated)!r}; give each its own"
                raise ValueError(message)
        retired = {milestone.id: milestone.retired for milestone in self.milestones}
        for index, streak in enumerate(self.streaks):
            if streak.milestone not in retired:
                message = f"streaks.{index}.milestone names {streak.milestone!r}, which is not a milestone"
                raise ValueError(message)
            if retired[streak.milestone] and not streak.retired:
                message = f"streaks.{index}.milestone names {streak.milestone!r}, which is retired"
                raise ValueError(message)
        return self


def _shown(text: str) -> str:
    """The text in quotes, cut to a length that can be read."""
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…")
