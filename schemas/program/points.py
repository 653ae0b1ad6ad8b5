"""Points: their currency, their expiry, how they are spent and how returns take them back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.program.values import Definition


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
