"""What every part of a program is made of: ids, names, amounts, ratios and dates, with what each allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from schemas.limits import AtMost, Between, Misfit, Plain

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
EventName = Annotated[str, Field(min_length=1, max_length=300), Plain()]
ShortName = Annotated[str, Field(min_length=1, max_length=100), Plain()]
CurrencyId = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][A-Z0-9_]{0,31}$",
        description="1 to 32 capital letters, digits and _, the first a letter, such as CRUMBS",
    ),
]
CURRENCIES_MAX: Final = 10
RULES_MAX: Final = 1_000
MILESTONES_MAX: Final = 200
STREAKS_MAX: Final = 100
REPEAT_WINDOW_DAYS_MAX: Final = 366
TIERS_MAX: Final = 20
TRACKERS_MAX: Final = 20
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


def require_rising(numbers: Sequence[int], key: str, message: str) -> None:
    """Raise `Misfit` with this message at the first item that is not above the one before it."""
    for index, (lower, upper) in enumerate(pairwise(numbers), 1):
        if upper <= lower:
            raise Misfit(message, index, key)


class DayStart(Definition):
    """When the local days of a program begin, and whose date a record has."""

    start: Annotated[
        str,
        Field(
            pattern=r"^(0[0-9]|1[01]):(00|15|30|45)$",
            description="a time before noon, in quarters of an hour, such as 04:00",
        ),
    ] = "00:00"
    zone: Literal["program", "store", "customer"] = "program"
    """The zone in which a bill or event has its date: the program's; that of its store; or that of the customer, which
    is their extended field `timeZone`. Where none is known, the program's."""

    @property
    def minutes(self) -> int:
        """How long after midnight that is by the clock."""
        hours, minutes = self.start.split(":")
        return int(hours) * 60 + int(minutes)


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
