"""Trackers: what a customer bought, or how often they came, in the last days."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import Misfit
from schemas.program.values import Categories, Definition, Id, ShortName, Skus


class TrackerMeasure(StrEnum):
    """What a tracker adds up, returns taken off."""

    AMOUNT = "amount"
    """Net, in minor units."""
    GROSS = "gross"
    """Before discounts, in minor units."""
    DISCOUNT = "discount"
    """In minor units."""
    QUANTITY = "quantity"
    """Units of the lines; a bill without lines has none."""
    LINES = "lines"
    """Lines of the bills."""
    VISITS = "visits"
    """Stores in which the customer bought something, by day; or bills, with `per_transaction`."""

    @property
    def of_lines(self) -> bool:
        """Whether it is made of lines."""
        return self in {TrackerMeasure.QUANTITY, TrackerMeasure.LINES}


class TrackerWindow(Definition):
    """The local days that count."""

    days: Annotated[int, Field(ge=1, le=366)]
    """So many days, today among them."""
    cyclic: bool = False
    """Cycles of so many days, one after the other from the day of the customer's first bill that counts; else the last
    days, whatever day it is."""


class Tracker(Definition):
    """A value of a customer that rises with bills and leaves with their days."""

    id: Id
    name: ShortName = Field("", validate_default=True)
    """What people read; without it, the id."""
    of: TrackerMeasure = Field(strict=False)
    window: TrackerWindow
    per_transaction: bool = False
    """For visits: whether each bill is one."""
    skus: Skus = ()
    categories: Categories = Field((), validate_default=True)
    """Only lines of these SKUs or categories count, for visits bills with such a line; empty for all."""
    retired: bool = False
    """Whether the tracker has ended: its line stays, and nothing counts any more."""

    @field_validator("name", mode="before")
    @classmethod
    def _by_default_the_id(cls, value: object, info: ValidationInfo) -> object:
        return info.data.get("id", "") if value == "" else value

    @field_validator("per_transaction")
    @classmethod
    def _of_visits(cls, per_transaction: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a validator
        if per_transaction and info.data.get("of", TrackerMeasure.VISITS) is not TrackerMeasure.VISITS:
            message = "is only for visits; leave it out, or write `of: visits`"
            raise Misfit(message)
        return per_transaction

    @field_validator("categories")
    @classmethod
    def _lines_have_it(cls, categories: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        measure = info.data.get("of")
        if measure in {TrackerMeasure.GROSS, TrackerMeasure.DISCOUNT} and (categories or info.data.get("skus")):
            message = f"select lines, and {measure} is known of whole bills only; leave them out, or write `of: amount`"
            raise Misfit(message)
        return categories

    @property
    def in_money(self) -> bool:
        """Whether its values are amounts in minor units."""
        return self.of in {TrackerMeasure.AMOUNT, TrackerMeasure.GROSS, TrackerMeasure.DISCOUNT}

    @property
    def filters(self) -> bool:
        """Whether only some lines count."""
        return bool(self.skus or self.categories)
