"""Terms: how long a tier holds that begins on a day. Pure arithmetic on local dates.

RULE: the date that is told is the last day; the tier is lost, or renewed, at the first instant after it.
"""

from __future__ import annotations

from pipeline.engine.calendar import NEVER, Calendar, add_months, as_date, days_of, on_date, period_of
from schemas.facts import TierReminder, TierTerm
from schemas.program import Tiers, TierValidity


def for_ever(begins_at: int) -> TierTerm:
    """A term without an end."""
    return TierTerm(begins_at=begins_at, expires_on=None, ends_at=None)


def term_through(tiers: Tiers, calendar: Calendar, begins_at: int, day: int, expires_on: int) -> TierTerm:
    """The term that ends with the day `expires_on`, with those reminders that fall due after `day`."""
    ends_at = calendar.start_of(expires_on + 1)
    if ends_at == NEVER:
        return for_ever(begins_at)
    return TierTerm(
        begins_at=begins_at,
        expires_on=expires_on,
        ends_at=ends_at,
        reminders=reminders_after(tiers, calendar, expires_on, calendar.start_of(day + 1) - 1),
    )


def reminders_after(tiers: Tiers, calendar: Calendar, expires_on: int, at: int) -> tuple[TierReminder, ...]:
    """The reminders of a tier with that last day, in order, that fall due after an instant."""
    reminders = (
        TierReminder(at=calendar.start_of(expires_on + 1 - lead), lead_days=lead)
        for lead in sorted(tiers.reminders, reverse=True)
    )
    return tuple(reminder for reminder in reminders if reminder.at > at)


def last_day(validity: TierValidity, day: int, registered_on: int) -> int:
    """The last day of a tier that begins on `day`."""
    if validity.days is not None:
        return day + validity.days
    if validity.months is not None:
        return add_months(day, validity.months)
    if validity.until is not None:
        month, of_month = (int(part) for part in validity.until.split("-"))
        return _next_date(day, month, of_month)
    if validity.period is not None:
        return days_of(validity.period, period_of(validity.period, day) + validity.periods).first - 1
    registered = as_date(registered_on)
    return _next_date(day, registered.month, registered.day) - 1


def _next_date(day: int, month: int, of_month: int) -> int:
    """The first day after `day` on this date of a year, 29 February being the 28th where there is none."""
    year = as_date(day).year
    this_year = on_date(year, month, of_month)
    return this_year if this_year > day else on_date(year + 1, month, of_month)
