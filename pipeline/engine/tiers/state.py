"""What is kept of how a customer holds their tier, in a program that measures more than totals."""

from __future__ import annotations

import msgspec

from pipeline.engine.calendar import NEVER
from schemas.facts import TierReminder


class Measured(msgspec.Struct, array_like=True, gc=False):
    """What came in during a stretch of time, by event time: `[begins_at, ends_at)`."""

    begins_at: int = 0
    ends_at: int = NEVER
    points: int = 0
    """Points that count towards lifetime points, less those taken back of bills paid in this time."""
    purchases_minor: int = 0
    """Net of returns of bills paid in this time."""
    visits: int = 0
    points_then: int = 0
    """Points that came in at the instant at which it ends, as promised ones do at midnight: they count afterwards."""

    def holds(self, at: int) -> bool:
        """Whether an instant is in this time."""
        return self.begins_at <= at < self.ends_at


class Rewarded(msgspec.Struct, array_like=True, gc=False):
    """A tier that the customer has as a reward."""

    tier_id: str
    until: int
    final_at: int
    """The instant from which on no return takes it back."""
    bills: int
    """How many bills the customer had paid by then, less those that were cancelled: with the next one it is used."""
    taken: bool = False
    """Whether it holds no longer: a return took it back, or its time is up. What is achieved again gives the rest."""


class Tenure(msgspec.Struct, array_like=True, gc=False):
    """How a customer holds their tier."""

    currency: str
    """The points that are measured."""
    term: Measured
    """Since the tier was reached, renewed or lost; its end is the end of the tier, or of its grace."""
    period: Measured | None = None
    """The running calendar period, where tiers go by one."""
    expires_on: int | None = None
    """The last day of the tier; None where it holds for ever."""
    in_grace: bool = False
    reminders: list[TierReminder] = []
    """Those that are still to come, in order."""
    mark: int = 0
    """The number of the tier that the basis reached when a tier was lost: it takes more than that, or the renewal of a
    tier, to rise again."""
    check_at: int = NEVER
    """When a move that waits for the end of the day is decided."""
    floor_id: str = ""
    """The tier that somebody gave by hand: the customer does not fall below it while it holds."""
    floor_until: int = NEVER
    falls_then: bool = False
    """Whether a return may cost the tier then."""
    excused: int = 0
    """The last return that costs no tier, as a hash of its record's id."""
    approached: int = 0
    """The number of the tier that the customer was last told to be near."""
    approached_at: int = 0
    rewards: dict[str, Rewarded] = {}
    """By what gave them, as `PointsIssued.activity`."""
