"""How long a tier holds: every kind of validity, at the ends of months, on leap days and when clocks change."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipeline.engine.calendar import NEVER, Calendar, as_date, as_day
from pipeline.engine.tiers.terms import for_ever, last_day, term_through
from schemas.facts import TierReminder
from schemas.program import Tiers, TierValidity
from tests.steps import day, instant

LONDON = Calendar("Europe/London")


def tiers(**parts: Any) -> Tiers:
    levels = [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 10}]
    return Tiers.model_validate({"basis": "visits", "levels": tuple(levels), **parts})


@pytest.mark.parametrize(
    ("validity", "begins", "ends"),
    [
        ({"days": 1}, "2011-12-31", "2012-01-01"),
        ({"days": 365}, "2011-03-01", "2012-02-29"),
        ({"months": 12}, "2024-10-25", "2025-10-25"),
        ({"months": 1}, "2011-01-31", "2011-02-28"),
        ({"months": 1}, "2012-01-31", "2012-02-29"),
        ({"months": 12}, "2012-02-29", "2013-02-28"),
        ({"months": 2}, "2011-11-30", "2012-01-30"),
        ({"months": 1}, "9999-12-15", "9999-12-31"),
        ({"until": "12-31"}, "2011-03-01", "2011-12-31"),
        ({"until": "12-31"}, "2011-12-31", "2012-12-31"),
        ({"until": "02-29"}, "2011-03-01", "2012-02-29"),
        ({"until": "02-29"}, "2012-02-29", "2013-02-28"),
        ({"until": "04-31"}, "2011-03-01", "2011-04-30"),
        ({"period": "year"}, "2011-01-01", "2011-12-31"),
        ({"period": "year", "periods": 2}, "2011-12-31", "2012-12-31"),
        ({"period": "quarter"}, "2011-02-28", "2011-03-31"),
        ({"period": "month"}, "2012-02-01", "2012-02-29"),
        ({"period": "week"}, "2012-01-01", "2012-01-01"),
        ({"period": "week", "periods": 2}, "2011-12-31", "2012-01-08"),
        ({"anniversary": True}, "2011-03-01", "2011-06-14"),
        ({"anniversary": True}, "2011-06-15", "2012-06-14"),
        ({"anniversary": True}, "2011-06-14", "2011-06-14"),
    ],
)
def test_last_day_of_a_tier(validity: dict[str, Any], begins: str, ends: str) -> None:
    registered_on = day("2009-06-15")
    found = last_day(TierValidity.model_validate(validity, strict=False), day(begins), registered_on)
    assert as_date(found) == date.fromisoformat(ends)


def test_anniversary_of_a_leap_day_is_the_28th_in_other_years() -> None:
    found = last_day(TierValidity(anniversary=True), day("2012-03-01"), day("2012-02-29"))
    assert as_date(found) == date(2013, 2, 27)


@pytest.mark.parametrize(
    ("ends", "first_instant_after"),
    [
        ("2011-03-26", "2011-03-27 00:00"),
        ("2011-03-27", "2011-03-28 00:00"),  # a day of 23 hours
        ("2011-10-30", "2011-10-31 00:00"),  # a day of 25 hours
    ],
)
def test_tier_ends_with_the_first_instant_after_its_last_day(ends: str, first_instant_after: str) -> None:
    term = term_through(tiers(), LONDON, 5, day("2011-01-01"), day(ends))
    assert term.ends_at == instant(first_instant_after)


def test_tier_holds_for_ever_where_its_end_would_have_no_date() -> None:
    last = as_day(date.max)
    assert LONDON.start_of(last) == NEVER
    assert term_through(tiers(), LONDON, 5, last - 100, last - 1) == for_ever(5)


def test_reminders_fall_due_at_the_beginning_of_their_day_the_earliest_first() -> None:
    term = term_through(tiers(validity={"days": 1}, reminders=(1, 7)), LONDON, 5, day("2011-03-01"), day("2011-03-31"))
    assert term.reminders == (
        TierReminder(at=instant("2011-03-25 00:00"), lead_days=7),
        TierReminder(at=instant("2011-03-31 00:00"), lead_days=1),
    )


def test_reminder_that_would_be_due_already_is_left_out() -> None:
    term = term_through(
        tiers(validity={"days": 1}, reminders=(30, 7, 8)), LONDON, 5, day("2011-03-01"), day("2011-03-08")
    )
    assert [reminder.lead_days for reminder in term.reminders] == [7]
