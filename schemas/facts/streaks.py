"""Decisions about streaks."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision


class StreakStanding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a customer stands in a streak if nothing more counts."""

    run: int
    through: int | None
    """The last period in which that holds, by number without periods that the zone skipped; None for all to come."""
    frozen: int = 0
    """The freezes that the run has used in the calendar period of its last period."""


class StreakSettled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Runs that are old enough to be kept as a number."""

    runs: int
    """How many of the oldest ones leave."""
    periods: int
    """What all that have left come to: the longest of them, or their sum where periods are only counted."""


class StreakStarted(Decision, frozen=True, tag=60):
    """The customer is enrolled in a streak."""

    streak_id: str
    starts_on: int
    """The first day of the streak's window."""
    ends_on: int | None
    ends_at: int | None
    """The instant after the window's last day; None for a streak without an end."""
    ends_in: int | None = None
    """The place of the period that `ends_at` lies in: its number without periods that the zone skipped."""


class StreakExtended(Decision, frozen=True, tag=61):
    """One more period counts in a streak."""

    streak_id: str
    period: int
    run: int
    """The length of the run of consecutive periods that this one belongs to."""
    longest: int
    """The longest run so far."""
    skipped: int = 0
    """Dates before the period that the zone never had, as it crossed the date line: they break no run."""
    standing: StreakStanding | None = None
    """Where missed periods are forgiven, or periods are only counted; elsewhere it follows from the periods."""
    settled: StreakSettled | None = None


class StreakLevelReached(Decision, frozen=True, tag=62):
    """A run was long enough for a level, once per customer."""

    streak_id: str
    level: int
    """The periods that the level asks for."""
    period: int
    run: int
    again: int = 0
    """How often it had been reached before."""


class StreakEnded(Decision, frozen=True, tag=63):
    """The streak's window is over; late records of its days still count, and no second end is told."""

    streak_id: str
    ends_on: int
    run: int
    """The run at the end of the window, as far as it was known then."""
    levels: tuple[int, ...]
    """The levels reached by then."""


class StreakBroken(Decision, frozen=True, tag=128):
    """A period no longer counts in a streak, as a return undid its milestone."""

    streak_id: str
    period: int
    run: int
    """The run that is alive now."""
    longest: int
    """The longest run that is left."""
    skipped: int = 0
    """As in `StreakExtended`."""
    standing: StreakStanding | None = None
    """As in `StreakExtended`."""


class StreakLevelUnachieved(Decision, frozen=True, tag=129):
    """No run is long enough for the level any more; it can be reached again."""

    streak_id: str
    level: int
    period: int
    run: int
    achieved_at: int
    """When the level was reached."""
    of_bill: str
    again: int = 0
    """How often it is still reached."""


class StreakEnrolled(Decision, frozen=True, tag=230):
    """The customer takes part in a streak, as asked: periods count from this one on."""

    streak_id: str
    period: int
    first_day: int
    last_day: int | None
    """Of the period; None for one that never ends."""
    skipped: int = 0
    """As in `StreakExtended`."""
    entered_by: str = ""


class StreakUnenrolled(Decision, frozen=True, tag=231):
    """The customer takes part in a streak no longer, as asked. Levels stay, and so do the periods."""

    streak_id: str
    period: int
    first_day: int
    last_day: int | None
    """Of the period; None for one that never ends."""
    skipped: int = 0
    """As in `StreakExtended`."""
    reason: str = ""
    entered_by: str = ""


class StreakPaused(Decision, frozen=True, tag=232):
    """Missed periods break no run, from this one on."""

    streak_id: str
    period: int
    skipped: int
    """As in `StreakExtended`."""
    longest: int
    standing: StreakStanding | None
    """As in `StreakExtended`."""
    reason: str
    entered_by: str = ""


class StreakResumed(Decision, frozen=True, tag=233):
    """Missed periods break runs again; this one is the last that may be missed."""

    streak_id: str
    period: int
    skipped: int
    """As in `StreakExtended`."""
    longest: int
    standing: StreakStanding | None
    """As in `StreakExtended`."""
    reason: str
    entered_by: str = ""


class StreakFrozen(Decision, frozen=True, tag=234):
    """Missing these periods breaks no run, as asked."""

    streak_id: str
    first: int
    last: int
    """By number without periods that the zone skipped."""
    first_day: int
    last_day: int
    """What was asked for."""
    longest: int
    standing: StreakStanding | None
    """As in `StreakExtended`."""
    reason: str
    entered_by: str = ""


class StreakRiskPlanned(Decision, frozen=True, tag=235):
    """When the customer is next told that a run is about to break, if nothing more counts."""

    streak_id: str
    at: int | None
    """None for never."""


class StreakAtRisk(Decision, frozen=True, tag=236):
    """Missing the period that is running breaks the run, and little of it is left."""

    streak_id: str
    period: int
    run: int
    missing: int
    """What the milestone still asks for, in the unit of its values."""
    last_day: int
    ends_at: int
    """The last day of the period, and the instant at which it is over."""
