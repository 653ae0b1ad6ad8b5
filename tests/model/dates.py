"""Dates and instants of a zone, by the standard library alone."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.model.words import Lasts

DAY_MS = 86_400_000
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@cache
def day_of(at: int, zone: str) -> date:
    """The local date of an instant."""
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date()


@cache
def start_of(day: date, zone: str) -> int:
    """The instant at which a local date begins."""
    return round(datetime.combine(day, time(), ZoneInfo(zone)).timestamp() * 1000)


def last_day(lasts: Lasts, day: date) -> date | None:
    """The last day of points that are awarded on `day`; None for never."""
    if lasts.dates:
        years = (day.year, day.year + 1)
        found = [on_date(year, month, on) for year in years for month, on in lasts.dates]
        return min(one for one in found if one >= day)
    if lasts.days is None and not lasts.months and not lasts.round_months:
        return None
    day = months_later(day, lasts.months) + timedelta(days=lasts.days or 0)
    if lasts.round_months:
        month = -(-day.month // lasts.round_months) * lasts.round_months
        day = on_date(day.year, month, 31)
    return day


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    month = day.year * 12 + day.month - 1 + months
    return on_date(month // 12, month % 12 + 1, day.day)


def period_of(period: str, day: date) -> int:
    """The number of the day, the week from Monday, the month or the months; the next one has the next number."""
    if period in MONTHS:
        return (day.year * 12 + day.month - 1) // MONTHS[period]
    return day.toordinal() if period == "day" else (day.toordinal() - 1) // 7


def first_day(period: str, number: int) -> date:
    """The first day of a period."""
    if period in MONTHS:
        months = number * MONTHS[period]
        return date(months // 12, months % 12 + 1, 1)
    return date.fromordinal(number if period == "day" else number * 7 + 1)


def period_end(period: str, number: int, zone: str) -> int:
    """The instant at which the next period begins."""
    return start_of(first_day(period, number + 1), zone)


def period_name(period: str, number: int) -> str:
    """What people call a period."""
    first = first_day(period, number)
    if period == "day":
        return first.isoformat()
    year, week, _ = first.isocalendar()
    named = {"month": f"{first:%Y-%m}", "quarter": f"{first.year}-Q{first.month // 3 + 1}", "year": str(first.year)}
    named |= {"half_year": f"{first.year}-H{first.month // 6 + 1}", "week": f"{year}-W{week:02}"}
    return named[period]


def on_date(year: int, month: int, day: int) -> date:
    """This day of a month, or its last one."""
    return date(year, month, min(day, monthrange(year, month)[1]))
