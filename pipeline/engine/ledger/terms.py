"""Terms: how long points last, as one pure function of terms and date.

RULE: the last day is a local date, and points can be spent through all of it. A month that is too short gives its last
date (31 January and one month is 28 or 29 February); so does a yearly 29 February. Rounding up and the next of several
dates may give the date of the award itself. After the last of dates that have a year, points never expire.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from pipeline.engine.calendar import LAST_DAY, NEVER, Calendar, add_months, as_date, as_day, on_date
from schemas.facts import Duration
from schemas.program import AlternateCurrency, Expiry, PointsCurrency, RoundUp, Tiers

_MONTHS_OF: Final = {None: 0, RoundUp.MONTH: 1, RoundUp.QUARTER: 3, RoundUp.HALF_YEAR: 6, RoundUp.YEAR: 12}
_YEARLY: Final = len("12-31")
_MEMORY_MAX: Final = 4_096
"""Cached ends of points, over all programs: ten years of days on the same terms."""


class Terms(NamedTuple):
    """How long points last. Without duration and without dates they never expire."""

    duration: Duration | None = None
    yearly: tuple[tuple[int, int], ...] = ()
    """Months and days of them on which points expire every year."""
    fixed: tuple[int, ...] = ()
    """Days on which points expire, in order."""
    rolls: bool = False
    """Whether activity moves their expiry."""
    with_tier: Literal["expire", "keep"] | None = None
    """Whether they last as long as the tier, and what becomes of them when it is lost."""


class Closing(NamedTuple):
    """When points close."""

    expires_on: int
    """The last day on which they can be spent."""
    closes_at: int
    """The start of the day after, as an instant; `NEVER` where the calendar has none."""


FOR_EVER: Final = Terms()


def last_day(terms: Terms, day: int) -> int | None:
    """The last day on which points awarded on `day` can be spent; None for never."""
    if terms.duration is not None:
        return through(terms.duration, day)
    return min((*_yearly_from(terms.yearly, day), *(one for one in terms.fixed if one >= day)), default=None)


def through(duration: Duration, day: int) -> int:
    """The day so many months and days later, or the last one of the period that it lies in."""
    if duration.months:
        day = add_months(day, duration.months)
    day += duration.days
    if duration.round_months:
        on = as_date(min(day, LAST_DAY))
        last = (on.month - 1) // duration.round_months * duration.round_months + duration.round_months
        day = on_date(on.year, last, 31)
    return day


@lru_cache(maxsize=_MEMORY_MAX)
def closing(calendar: Calendar, terms: Terms, day: int) -> Closing | None:
    """When points awarded on `day` close; None for never."""
    last = last_day(terms, day)
    return None if last is None else closing_on(calendar, last)


def closing_on(calendar: Calendar, last: int) -> Closing:
    """When points close whose last day is `last`; or the day before, where the zone never had that date."""
    closes_at = calendar.start_of(last + 1)
    while calendar.start_of(last) == closes_at != NEVER:
        last -= 1
    return Closing(expires_on=last, closes_at=closes_at)


def own_terms(expiry: Expiry | None) -> Terms | None:
    """The terms that a rule or a reward writes down for itself; None where it writes none."""
    return None if expiry is None else terms_of(expiry)


def terms_of(expiry: Expiry | None) -> Terms:
    """The terms that a program writes down; `FOR_EVER` where it writes none."""
    if expiry is None or expiry.never:
        return FOR_EVER
    if expiry.dates:
        return Terms(
            yearly=tuple((int(one[:2]), int(one[3:])) for one in expiry.dates if len(one) == _YEARLY),
            fixed=tuple(sorted(as_day(date.fromisoformat(one)) for one in expiry.dates if len(one) != _YEARLY)),
        )
    if expiry.with_tier is not None:
        return Terms(with_tier=expiry.with_tier)
    days = expiry.days if expiry.inactive_days is None else expiry.inactive_days
    duration = Duration(months=expiry.months or 0, days=days or 0, round_months=_MONTHS_OF[expiry.round_up])
    return Terms(duration=duration, rolls=expiry.rolls)


class CurrencyTerms:
    """How long the points of a currency last, by the tier of whom they are awarded to, and what moves it."""

    def __init__(self, currency: PointsCurrency | AlternateCurrency, tiers: Tiers | None) -> None:
        numbers = {level.id: number for number, level in enumerate(tiers.levels if tiers else (), 1)}
        self._usual = terms_of(currency.expiry)
        self._by_tier = {numbers[tier]: terms_of(expiry) for tier, expiry in currency.expiry_by_tier.items()}
        self.activity = currency.activity
        self.reminders = tuple(sorted(set(currency.reminders), reverse=True))
        """How many days before points expire their owner is reminded."""

    def held_in(self, tier: int) -> Terms:
        """The terms of points awarded to a customer who is in the tier of this number."""
        return self._by_tier.get(tier, self._usual) if self._by_tier else self._usual


def _yearly_from(dates: tuple[tuple[int, int], ...], day: int) -> Iterator[int]:
    """Every one of the yearly dates as it comes in this year and the next, from `day` on."""
    for month, on in dates:
        for year in (as_date(day).year, as_date(day).year + 1):
            one = on_date(year, month, on)
            if one >= day:
                yield one
