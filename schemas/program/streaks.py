"""Streaks: milestones met in consecutive periods."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from schemas.limits import AtMost, Plain
from schemas.program.expiry import Expiry
from schemas.program.promises import PromisedOrNot
from schemas.program.values import CurrencyId, Definition, Id, Name, Validity, require_rising


class StreakLevel(Definition):
    """A level: so many consecutive periods, with a reward in points (0 for none), once per customer."""

    name: Name
    periods: Annotated[int, Field(ge=1, le=1_000)]
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    currency: CurrencyId | None = None
    """What the reward is in; None for the points of the program."""
    expiry: Expiry | None = None
    """How long the reward lasts; None for as long as other points."""


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
    promised: PromisedOrNot | None = None
    """What its rewards wait for before they can be spent; None: what the program says."""

    @field_validator("levels")
    @classmethod
    def _rising_levels(cls, levels: tuple[StreakLevel, ...]) -> tuple[StreakLevel, ...]:
        periods = [level.periods for level in levels]
        require_rising(
            periods, "periods", f"levels ask for {periods} periods; order them from least to most, each once"
        )
        return levels
