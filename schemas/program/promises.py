"""Promised points: awarded and not to be spent until something has happened."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.limits import Between
from schemas.program.values import Definition

PROMISE_DAYS_MAX: Final = 3_650


class AtOnce(Definition):
    """The points can be spent at once, whatever the program says of others."""

    until: Literal["at_once"] = "at_once"


class AfterDays(Definition):
    """Promised through the local date of the award plus `days`, current from the midnight after it."""

    until: Literal["days"] = "days"
    days: Annotated[int, Field(ge=0, le=PROMISE_DAYS_MAX)]


class OnDate(Definition):
    """Promised until that local date begins; what is awarded from then on is current at once."""

    until: Literal["date"] = "date"
    date: Annotated[date, Field(strict=False), Between(date(1970, 1, 1), date(2199, 12, 31))]


Promised = Annotated[AfterDays | OnDate, Field(discriminator="until")]
"""What points of the program wait for."""
PromisedOrNot = Annotated[AtOnce | AfterDays | OnDate, Field(discriminator="until")]
"""What the points of a rule wait for, in place of what the program says."""
