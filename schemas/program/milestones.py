"""Milestones: targets that are met once in each cycle."""

from __future__ import annotations

from typing import Annotated, Final, Literal, cast

from pydantic import Field, ValidationInfo, field_validator

from schemas.limits import Misfit, is_written
from schemas.program.counts import Events, FrequencyLimit, Transactions
from schemas.program.cycles import Cycle, PerCustomer, PeriodUnit, Rolling
from schemas.program.expiry import Expiry
from schemas.program.promises import PromisedOrNot
from schemas.program.tiers import TierReward
from schemas.program.values import ATTRIBUTE_DIGITS, CurrencyId, Definition, Id, Name, Points, Validity

_DAYS_AT_MOST: Final = {
    PeriodUnit.DAY: 1,
    PeriodUnit.WEEK: 7,
    PeriodUnit.MONTH: 31,
    PeriodUnit.QUARTER: 92,
    PeriodUnit.HALF_YEAR: 184,
    PeriodUnit.YEAR: 366,
}
TargetNumber = Annotated[int, Field(ge=1, le=2**31)]


class TargetGroup(Definition):
    """What downstream systems know a group of targets by."""

    id: TargetNumber
    name: Name


class Enrolment(Definition):
    """Who is in a milestone: only what enrolled customers do counts."""

    by: Literal["everybody", "transaction", "command"]
    """Everybody from when they are first seen, or the version starts; who does something that counts, from then on; or
    who `enrolTarget` names. `unenrolTarget` ends each of them."""
    past: bool = False
    """Whether what was done before the enrolment counts, too."""


class Adds(Definition):
    """What meeting a milestone adds to another one."""

    milestone: Id
    value: Points
    """In the unit of that one's target."""


class Milestone(Definition):
    """A target, met once in each cycle; `points` are the reward, 0 for none."""

    id: Id
    target_id: TargetNumber
    """The number that downstream systems know it by."""
    name: Name
    group: TargetGroup | None = None
    """The group that it is in, for downstream systems; None: it is its own."""
    period: PeriodUnit | None = Field(None, strict=False)
    """The calendar period that is its cycle; or `cycle` says what its cycles are."""
    cycle: Cycle | None = Field(None, validate_default=True)
    counts: Annotated[Transactions | Events, Field(discriminator="of")]
    target: Points
    enrolment: Enrolment | None = None
    """Who is in it; None: everybody, and nothing is kept or told of it."""
    tells_cycles: Literal["none", "counted", "everybody"] = "none"
    """Whether starts and ends of its cycles are told: to customers with something in them (something that counts, or
    their enrolment), or to everybody who is in it, each cycle anew."""
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    currency: CurrencyId | None = None
    """What the reward is in; None for the points of the program."""
    expiry: Expiry | None = None
    """How long the reward lasts; None for as long as other points."""
    tier: TierReward | None = None
    """A tier that it gives, beside the points."""
    adds: Adds | None = None
    """What it adds to another milestone, once in each cycle or for each rolling window, however often it is met
    again."""
    validity: Validity = Validity()
    retired: bool = False
    """Whether the milestone has ended: its line stays, and nothing counts towards it."""
    promised: PromisedOrNot | None = None
    """What its reward waits for before it can be spent; None: what the program says."""

    @field_validator("cycle")
    @classmethod
    def _one_kind_of_cycle(cls, cycle: Cycle | None, info: ValidationInfo) -> Cycle | None:
        if "period" in info.data and (cycle is None) == (info.data["period"] is None):
            message = "write either period or cycle: the one or the other says how often the target can be met"
            raise Misfit(message)
        return cycle

    @field_validator("counts")
    @classmethod
    def _adds_up_by_day(cls, counts: Transactions | Events, info: ValidationInfo) -> Transactions | Events:
        cycle = info.data.get("cycle")
        if isinstance(cycle, Rolling):
            _fits_the_window(counts.at_most, cycle)
        return counts

    @field_validator("enrolment")
    @classmethod
    def _has_a_past(cls, enrolment: Enrolment | None, info: ValidationInfo) -> Enrolment | None:
        cycle = info.data.get("cycle")
        begins = isinstance(cycle, PerCustomer) and cycle.begins == "enrolment"
        if is_written(info) and enrolment is not None and enrolment.past and begins:
            message = (
                "counts what was done before the enrolment, and the cycles begin with it; leave it out, or let the "
                "cycles begin with the registration"
            )
            raise Misfit(message, "past")
        return enrolment

    @field_validator("tells_cycles")
    @classmethod
    def _has_cycles(cls, tells_cycles: str, info: ValidationInfo) -> str:
        if tells_cycles != "none" and isinstance(info.data.get("cycle"), Rolling):
            message = (
                "tells starts and ends of cycles, and a rolling window has none, as each day begins another one; "
                "leave it out, or choose another cycle"
            )
            raise Misfit(message)
        return tells_cycles

    @property
    def window_days(self) -> int:
        """The days of a rolling window; 0 where it has cycles."""
        return self.cycle.days if isinstance(self.cycle, Rolling) else 0

    @property
    def cycles(self) -> PeriodUnit | Cycle:
        """What its cycles are."""
        return cast("PeriodUnit | Cycle", self.cycle or self.period)

    @property
    def goal(self) -> int:
        """The target in the unit of the values: thousandths where an attribute is added up, else as it is written."""
        return self.target * 10**ATTRIBUTE_DIGITS if self.adds_attribute else self.target

    @property
    def adds_attribute(self) -> bool:
        """Whether its values are sums of an attribute."""
        return isinstance(self.counts, Events) and self.counts.measure == "sum"

    @property
    def adds_money(self) -> bool:
        """Whether its values are amounts of money."""
        return isinstance(self.counts, Transactions) and self.counts.measure in ("sum", "gross")


def _fits_the_window(limit: FrequencyLimit | None, window: Rolling) -> None:
    """What was counted in the limit's period is known for as long as the window reaches."""
    if limit is not None and _DAYS_AT_MOST[limit.per] > window.days:
        message = f"a {limit.per} may be longer than the window of {window.days} days; choose a shorter period"
        raise Misfit(message, "at_most", "per")
