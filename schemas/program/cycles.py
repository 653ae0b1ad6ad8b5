"""Cycles: the stretches of days in which a milestone is met once each."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import Between, Misfit
from schemas.program.values import Definition, Name

WINDOWS_MAX: Final = 500
_Date = Annotated[date, Field(strict=False), Between(date(1970, 1, 1), date(2199, 12, 31))]


class PeriodUnit(StrEnum):
    """Fixed calendar periods in the program's zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


class FromDate(Definition):
    """Cycles of equal length, one after the other from a date on, called `Cycle_1`, `Cycle_2` and so on.

    Those of months, quarters and years begin on that day of the month, or on its last day where the month is shorter.
    """

    kind: Literal["from_date"] = "from_date"
    first: _Date
    """The first day of the first cycle. Nothing counts before it."""
    unit: PeriodUnit = Field(strict=False)
    every: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How many units a cycle lasts."""

    def __str__(self) -> str:
        return f"cycles of {_length(self.unit, self.every)} from {self.first}"


class Window(Definition):
    """One window of a list; both ends inclusive."""

    first: _Date
    last: _Date
    name: Name | None = None
    """What the cycle is called; None for `Cycle_` and its place in the list."""

    @field_validator("last")
    @classmethod
    def _in_order(cls, last: date, info: ValidationInfo) -> date:
        first = info.data.get("first")
        if first and last < first:
            message = f"last ({last}) lies before first ({first}); swap them"
            raise Misfit(message)
        return last


class Windows(Definition):
    """Cycles that are written out, such as seasons; nothing counts between them. A later version may add some."""

    kind: Literal["windows"] = "windows"
    windows: Annotated[tuple[Window, ...], Field(min_length=1, max_length=WINDOWS_MAX)]

    @field_validator("windows")
    @classmethod
    def _one_after_the_other(cls, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        for index, (earlier, later) in enumerate(pairwise(windows), 1):
            if later.first <= earlier.last:
                message = f"begins on {later.first}, while the one before lasts until {earlier.last}; put them in order"
                raise Misfit(message, index, "first")
        return windows

    def __str__(self) -> str:
        return "cycles " + ", ".join(f"{one.first} to {one.last}" for one in self.windows)


class PerCustomer(Definition):
    """Cycles of equal length from a day of each customer's own, called `Cycle_1`, `Cycle_2` and so on."""

    kind: Literal["per_customer"] = "per_customer"
    unit: PeriodUnit = Field(strict=False)
    every: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How many units a cycle lasts."""
    begins: Literal["enrolment", "registration"] = "enrolment"
    """The day on which the first one begins: that of the enrolment, or of the customer's registration as it was known
    at the enrolment."""

    def __str__(self) -> str:
        return f"cycles of {_length(self.unit, self.every)} from each customer's {self.begins}"


class Lifetime(Definition):
    """One cycle that never ends."""

    kind: Literal["lifetime"] = "lifetime"

    def __str__(self) -> str:
        return "one cycle that never ends"


class Rolling(Definition):
    """No cycles, but the last days, today among them: what is older counts no longer."""

    kind: Literal["rolling"] = "rolling"
    days: Annotated[int, Field(ge=2, le=366)]

    def __str__(self) -> str:
        return f"a rolling window of {self.days} days"


Cycle = Annotated[FromDate | PerCustomer | Windows | Lifetime | Rolling, Field(discriminator="kind")]


def _length(unit: PeriodUnit, every: int) -> str:
    return f"{every:,} {unit.replace('_', ' ')}{'s' if every > 1 else ''}"
