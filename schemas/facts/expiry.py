"""Decisions about the expiry of points."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from schemas.facts.decision import Decision


class MovedBy(IntEnum):
    """What moved the expiry of points. The numbers stand on the wire."""

    ACTIVITY = 1
    """A bill, a redemption or a custom event, for rolling points."""
    EARLY = 2
    """A request to let them expire earlier."""
    EXTEND = 3
    """A request to let them expire later."""
    TIER = 4
    """The tier that they last with was renewed, reached or lost."""

    @property
    def text(self) -> str:
        """The name that people and queries use, such as `activity`."""
        return self.name.lower()


class LotsMoved(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lots that had one last day and have another one, or the same where it was not moved."""

    remaining: int
    """The points that are left in them."""
    lots: tuple[int, ...]
    old_on: int | None
    """The last day on which they could be spent; None for never."""
    new_on: int | None
    """None for never."""
    closes_at: int
    """The start of the day after the new last day, as an instant; that of the end of the calendar for never."""


class ExpiryMoved(Decision, frozen=True, tag=37):
    """The expiry of points was looked at, and moved for some of them."""

    currency: str
    moved_by: MovedBy
    moved: tuple[LotsMoved, ...]
    reason: str = ""
    """Of a request."""
    entered_by: str = ""


class RemindersPlanned(Decision, frozen=True, tag=38):
    """The next reminder of expiry falls due then."""

    due: int | None
    """None where there is none."""


class ExpiryReminded(Decision, frozen=True, tag=39):
    """The customer was reminded of points that expire in some days."""

    currency: str
    expires_on: int
    """The last day on which they can be spent."""
    lead_days: int
    remaining: int
    """What was left of them then."""
