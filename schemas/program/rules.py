"""Earning rules: what bills and events give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import AtMost, Misfit
from schemas.program.expiry import Expiry
from schemas.program.promises import PromisedOfBill, PromisedOrNot
from schemas.program.values import (
    TIERS_MAX,
    Categories,
    CurrencyId,
    Definition,
    EventName,
    Id,
    Minor,
    Points,
    Ratio,
    Sku,
    Skus,
    Validity,
)


class Rule(Definition):
    """What every earning rule has."""

    id: Id
    validity: Validity = Validity()
    tiers: Annotated[tuple[Id, ...], AtMost(TIERS_MAX)] = ()
    """The ids of the tiers whose members it is for, by the tier that they have before the record; empty for all."""
    retired: bool = False
    """Whether the rule has ended: its line stays, and gives nothing."""


class SpendRule(Rule):
    """Points for what was spent: `points` for every `per_minor` of the bill, rounded down once per bill."""

    kind: Literal["spend"] = "spend"
    points: Points
    currency: CurrencyId | None = None
    """What it pays; None for the points of the program."""
    per_minor: Annotated[int, Field(ge=1, le=10**12)]
    minimum_minor: Minor = 0
    """The least bill (before multipliers) that earns."""
    excluded_skus: Skus = ()
    excluded_categories: Categories = ()
    expiry: Expiry | None = None
    """How long its points last; None for as long as others."""
    promised: PromisedOfBill | None = None
    """What its points wait for before they can be spent; None: what the program says."""


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
    event: EventName
    points: Points
    currency: CurrencyId | None = None
    """What it pays; None for the points of the program."""
    expiry: Expiry | None = None
    """How long its points last; None for as long as others."""
    promised: PromisedOrNot | None = None
    """What its points wait for before they can be spent; None: what the program says."""


EarningRule = Annotated[SpendRule | MultiplierRule | EventRule, Field(discriminator="kind")]
