"""Streaks: milestones met in consecutive periods."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import AtMost, Misfit, Plain
from schemas.program.cycles import PeriodUnit
from schemas.program.expiry import Expiry
from schemas.program.promises import PromisedOrNot
from schemas.program.tiers import TierReward
from schemas.program.values import CurrencyId, Definition, Id, Name, Validity, require_rising


class AtRisk(Definition):
    """Customers are told, some hours before a period ends, that missing it breaks their run."""

    hours: Annotated[int, Field(ge=1, le=1_000)]
    cooldown_days: Annotated[int, Field(ge=0, le=366)] = 7
    """Full days from one such notification to the next, at least."""


PERIODS_IN: Final = {
    (PeriodUnit.DAY, PeriodUnit.WEEK): 7,
    (PeriodUnit.DAY, PeriodUnit.MONTH): 28,
    (PeriodUnit.DAY, PeriodUnit.QUARTER): 90,
    (PeriodUnit.DAY, PeriodUnit.HALF_YEAR): 181,
    (PeriodUnit.DAY, PeriodUnit.YEAR): 365,
    (PeriodUnit.WEEK, PeriodUnit.MONTH): 4,
    (PeriodUnit.WEEK, PeriodUnit.QUARTER): 12,
    (PeriodUnit.WEEK, PeriodUnit.HALF_YEAR): 25,
    (PeriodUnit.WEEK, PeriodUnit.YEAR): 52,
    (PeriodUnit.MONTH, PeriodUnit.QUARTER): 3,
    (PeriodUnit.MONTH, PeriodUnit.HALF_YEAR): 6,
    (PeriodUnit.MONTH, PeriodUnit.YEAR): 12,
    (PeriodUnit.QUARTER, PeriodUnit.HALF_YEAR): 2,
    (PeriodUnit.QUARTER, PeriodUnit.YEAR): 4,
    (PeriodUnit.HALF_YEAR, PeriodUnit.YEAR): 2,
}
"""How many periods begin in a longer one, at least."""
DAYS_IN: Final = {PeriodUnit.DAY: 1, **{unit: PERIODS_IN[PeriodUnit.DAY, unit] for unit in list(PeriodUnit)[1:]}}
"""How many days a period has, at least."""


class StreakLevel(Definition):
    """A level: so many consecutive periods, with a reward in points (0 for none), once per customer."""

    name: Name
    periods: Annotated[int, Field(ge=1, le=1_000)]
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    currency: CurrencyId | None = None
    """What the reward is in; None for the points of the program."""
    expiry: Expiry | None = None
    """How long the reward lasts; None for as long as other points."""
    tier: TierReward | None = None
    """A tier that it gives, beside the points."""


class Freezes(Definition):
    """Missed periods that break no run, so many in each calendar period: used by themselves, by each run for itself."""

    per: PeriodUnit = Field(strict=False)
    max: Annotated[int, Field(ge=1, le=366)]


class Streak(Definition):
    """Consecutive periods in which a milestone was met."""

    id: Id
    streak_id: Annotated[int, Field(ge=1, le=2**31)]
    """The number that downstream systems know it by."""
    name: Name
    description: Annotated[str, AtMost(1_000, "characters"), Plain("\n")] = ""
    milestone: Id
    levels: Annotated[tuple[StreakLevel, ...], Field(min_length=1, max_length=20)]
    enrolment: Literal["automatic", "opt_in"] = "automatic"
    """`automatic`: with the first record that counts, or by `enrolStreak`; `opt_in`: by `enrolStreak` only."""
    continuous: bool = True
    """Whether a missed period sets the run back; False: levels go by the number of periods, missed ones or not."""
    repeats: bool = False
    """Whether a level is reached again with as many further periods; False: once per customer."""
    grace: Annotated[int, Field(ge=0, le=100)] = 0
    """So many missed periods in a row break no run."""
    freezes: Freezes | None = None
    """What a run survives beside that; None for nothing."""
    at_risk: AtRisk | None = None
    """Whether customers are told before a run breaks; None for not at all."""
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

    @field_validator("grace", "freezes", "at_risk")
    @classmethod
    def _misses_break_it(
        cls, forgiven: int | Freezes | AtRisk | None, info: ValidationInfo
    ) -> int | Freezes | AtRisk | None:
        if forgiven and info.data.get("continuous") is False:
            message = "a streak that is not continuous is broken by nothing; leave this out"
            raise Misfit(message)
        return forgiven
