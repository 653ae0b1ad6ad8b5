"""Promised points: awarded and not to be spent until something has happened."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.limits import Between
from schemas.program.values import Definition, EventName

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


class Delivered(Definition):
    """Promised until the bill is delivered; cancelled if it is not within so many full days."""

    until: Literal["delivered"] = "delivered"
    within_days: Annotated[int, Field(ge=0, le=PROMISE_DAYS_MAX)] | None = None
    """None: for as long as it takes."""


class Triggered(Definition):
    """Promised until a custom event or `activatePoints` names their reference; cancelled after so many full days.

    The reference is a bill's number; an event's attribute `reference`, else its id; the activity of a reward.
    """

    until: Literal["trigger"] = "trigger"
    within_days: Annotated[int, Field(ge=0, le=PROMISE_DAYS_MAX)]
    event: EventName | None = None
    """The custom event, which has the reference in its attribute `reference`; None: only the command."""


Promised = Annotated[AfterDays | OnDate | Delivered | Triggered, Field(discriminator="until")]
"""What points of the program wait for; only those of bills wait for their delivery, others are current at once."""
PromisedOfBill = Annotated[AtOnce | AfterDays | OnDate | Delivered | Triggered, Field(discriminator="until")]
"""What the points of a rule on bills wait for, in place of what the program says."""
PromisedOrNot = Annotated[AtOnce | AfterDays | OnDate | Triggered, Field(discriminator="until")]
"""What other points wait for, in place of what the program says."""
