"""What milestones count: which bills or events, and how much each of them is worth."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import AtMost, Misfit, Plain
from schemas.program.cycles import PeriodUnit
from schemas.program.values import Categories, Definition, EventName, Minor, ShortName, Sku, Skus

STORES_MAX: Final = 5_000
VALUES_MAX: Final = 500
_OF_WHOLE_BILLS: Final = ("gross", "points")
_BY_ATTRIBUTE: Final = ("sum", "values")


class FrequencyLimit(Definition):
    """At most so many in a calendar period count; further ones count nothing."""

    times: Annotated[int, Field(ge=1, le=1_000_000)]
    per: PeriodUnit = Field(strict=False)


class Transactions(Definition):
    """Bills count: each as one, or by what is in it."""

    of: Literal["transactions"] = "transactions"
    measure: Literal["count", "sum", "gross", "quantity", "points", "days", "stores", "skus"] = "count"
    """`sum` adds up net amounts and `gross` amounts before discounts, both in minor units, `quantity` units, and
    `points` what the bills earn in the main currency. `days`, `stores` and `skus` count
    different ones, each once in a cycle."""
    skus: Skus = ()
    categories: Categories = ()
    """Only lines of these SKUs or categories count; both empty for all lines. A bill without lines has none of them."""
    excluded_skus: Skus = ()
    excluded_categories: Annotated[Categories, Field(validate_default=True)] = ()
    stores: Annotated[tuple[Sku, ...], AtMost(STORES_MAX)] = ()
    """The stores whose bills count; empty for all."""
    minimum_minor: Minor = 0
    """The least bill that counts."""
    at_most: FrequencyLimit | None = None

    @field_validator("excluded_categories")
    @classmethod
    def _has_lines(cls, excluded: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        written = info.data
        lines = ("skus", "categories", "excluded_skus")
        if written.get("measure") in _OF_WHOLE_BILLS and (excluded or any(written.get(key) for key in lines)):
            message = (
                f"{written['measure']} is known of whole bills only, not of some of their lines; use sum or quantity"
            )
            raise Misfit(message)
        return excluded

    @property
    def by_line(self) -> bool:
        """Whether only some lines count."""
        return bool(self.skus or self.categories or self.excluded_skus or self.excluded_categories)


class Events(Definition):
    """Custom events count: each as one, or by an attribute."""

    of: Literal["events"] = "events"
    event: EventName
    measure: Literal["count", "sum", "points", "days", "values"] = "count"
    """`points` adds up what the events earn in the main currency; `days` counts different days, and `values` different
    values of the attribute, each once in a cycle."""
    attribute: Annotated[str | None, AtMost(100, "characters"), Plain()] = Field(None, validate_default=True)
    """The attribute that `sum` adds up, with up to three decimals; an event in which it is no number from 0.001 to
    10^15 counts nothing. Or the one whose values `values` counts."""
    where: dict[ShortName, Annotated[tuple[Sku, ...], Field(min_length=1), AtMost(VALUES_MAX)]] = Field(
        default_factory=dict
    )
    """Only events whose attributes have one of these values count; numbers and `true` are written as text."""
    at_most: FrequencyLimit | None = None

    @field_validator("attribute")
    @classmethod
    def _sum_needs_attribute(cls, attribute: str | None, info: ValidationInfo) -> str | None:
        measure = info.data.get("measure")
        if measure and (measure in _BY_ATTRIBUTE) != (attribute is not None):
            message = "measure 'sum' needs an attribute to add up, 'values' one to look at, and others take none"
            raise Misfit(message)
        return attribute
