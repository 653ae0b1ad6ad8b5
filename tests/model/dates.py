"""Dates and instants of a zone, by the standard library alone."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.model.words import Lasts

DAY_MS = 86_400_000


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
        found = [_clamped(year, month, on) for year in years for month, on in lasts.dates]
        return min(one for one in found if one >= day)
    if lasts.days is None and not lasts.months and not lasts.round_months:
        return None
    months = day.year * 12 + day.month - 1 + lasts.months
    day = _clamped(months // 12, months % 12 + 1, day.day) + timedelta(days=lasts.days or 0)
    if lasts.round_months:
        month = -(-day.month // lasts.round_months) * lasts.round_months
        day = _clamped(day.year, month, 31)
    return day


def period_of(period: str, day: date) -> int:
    """The number of the day, the week from Monday or the month; the next one has the next number."""
    if period == "month":
        return day.year * 12 + day.month
    return day.toordinal() if period == "day" else (day.toordinal() - 1) // 7


def period_end(period: str, number: int, zone: str) -> int:
    """The instant at which the next period begins."""
    if period == "month":
        return start_of(date(number // 12, number % 12 + 1, 1), zone)
    return start_of(date.fromordinal(number + 1 if period == "day" else (number + 1) * 7 + 1), zone)


def period_name(period: str, number: int) -> str:
    """What people call a period."""
    if period == "month":
        return f"{(number - 1) // 12}-{(number - 1) % 12 + 1:02}"
    if period == "day":
        return date.fromordinal(number).isoformat()
    year, week, _ = date.fromordinal(number * 7 + 1).isocalendar()
    return f"{year}-W{week:02}"


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
