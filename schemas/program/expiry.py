"""Expiry: how long points last, what moves it, and when customers are reminded of it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.limits import AtMost, Between, Misfit, is_written
from schemas.program.values import Definition, ShortName

DATES_MAX: Final = 20
"""Dates on which points expire."""
REMINDERS_MAX: Final = 10
ACTIVITY_EVENTS_MAX: Final = 100
_LEAP_YEAR: Final = 2000
"""Every date that comes in any year is a date of this one."""
_WAYS: Final = ("days", "months", "dates", "inactive_days", "with_tier", "never")
_WITHIN: Final = Between(date(1970, 1, 1), date(2199, 12, 31))


class RoundUp(StrEnum):
    """The period at whose end points expire, rather than in its course."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


CalendarDate = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$",
        description="a date such as 2027-03-31, or 03-31 for every year",
        examples=["12-31"],
    ),
]


class Expiry(Definition):
    """How long points last, by exactly one of `days`, `months`, `dates`, `inactive_days`, `with_tier` and `never`.

    The last day on which they can be spent is a local date in the program's zone.
    """

    days: Annotated[int | None, Field(ge=0, le=36_500)] = None
    """Through the date of the award plus so many days."""
    months: Annotated[int | None, Field(ge=0, le=1_200)] = None
    """Through the same date so many months later, or the last date of a month that is shorter."""
    dates: Annotated[tuple[CalendarDate, ...], AtMost(DATES_MAX)] = ()
    """Through the next of these dates, the date of the award included."""
    inactive_days: Annotated[int | None, Field(ge=0, le=36_500)] = None
    """Through the date of the last activity plus so many days; the award counts as one."""
    never: bool = False
    with_tier: Literal["expire", "keep"] | None = None
    """Through the last day of the tier that the customer is in, for ever in one without an end; later with every
    renewal. What becomes of them when the tier is lost: they expire with it, or go on with the tier that is left."""
    round_up: RoundUp | None = Field(None, strict=False)
    """With `days` or `months`: through the last date of the month, quarter, half-year or year that they lead to."""
    rolling: bool = False
    """With `days` or `months`: every activity counts as if the points were awarded then, if they last longer so."""

    @field_validator("dates")
    @classmethod
    def _are_dates(cls, dates: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for index, written in enumerate(dates):
            try:
                on = date.fromisoformat(written if len(written) > len("12-31") else f"{_LEAP_YEAR}-{written}")
            except ValueError as error:
                message = f"found {written!r}, which no calendar has; write a date such as 2027-03-31 or 03-31"
                raise Misfit(message, index) from error
            if is_written(info):
                _WITHIN.check(on)
        return dates

    @model_validator(mode="after")
    def _by_one_of_them(self) -> Self:
        named = [name for name in _WAYS if self._gives(name)]
        if len(named) != 1:
            found = f"names {' and '.join(named)}" if named else "does not say how long points last"
            message = f"{found}; write one of {', '.join(_WAYS[:-1])} and never, such as months: 12"
            raise Misfit(message)
        for key in ("round_up", "rolling"):
            if getattr(self, key) and named[0] not in ("days", "months"):
                message = f"goes with days or months, not with {named[0]}; leave it out"
                raise Misfit(message, key)
        return self

    def _gives(self, name: str) -> bool:
        value: object = getattr(self, name)
        return value is not None and value is not False and value != ()

    @property
    def rolls(self) -> bool:
        """Whether activity moves it."""
        return self.rolling or self.inactive_days is not None


class Activity(Definition):
    """What moves the expiry of rolling points, and of points that expire with inactivity."""

    transactions: bool = True
    """Bills, whatever they earn."""
    redemptions: bool = True
    events: Annotated[tuple[ShortName, ...], AtMost(ACTIVITY_EVENTS_MAX)] = ()
    """Custom events of these names."""


Reminders = Annotated[
    tuple[Annotated[int, Field(ge=0, le=3_650)], ...],
    AtMost(REMINDERS_MAX),
]
"""How many days before points expire their owner is reminded."""
