"""The calendar: local days and periods at the edges of months, leap years and summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine import calendar
from pipeline.engine.calendar import NEVER, Calendar, as_date, days_of, period_name, period_of
from schemas.program import PeriodUnit
from tests.steps import day, instant

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        pytest.param("Europe/London", "2011-03-27", 23, id="spring"),
        pytest.param("Europe/London", "2011-10-30", 25, id="autumn"),
        pytest.param("Europe/London", "2011-03-28", 24, id="usual"),
        pytest.param("UTC", "2012-02-29", 24, id="leap-day"),
        pytest.param("America/Sao_Paulo", "2018-11-04", 23, id="midnight-skipped"),
        pytest.param("America/Havana", "2011-11-13", 25, id="midnight-twice"),
        pytest.param("Australia/Lord_Howe", "2011-04-03", 24.5, id="half-an-hour"),
        pytest.param("Pacific/Apia", "2011-12-30", 0, id="a-day-that-never-was"),
    ],
)
def test_local_day_is_as_long_as_its_clock_says(zone: str, on: str, hours: float) -> None:
    local = Calendar(zone)
    number = day(on)
    first, end = local.start_of(number), local.start_of(number + 1)
    assert end - first == hours * HOUR
    if hours:
        assert (local.day_of(first - 1), local.day_of(first), local.day_of(end - 1)) == (number - 1, number, number)


@pytest.mark.parametrize(
    ("zone", "starts", "on", "first", "hours"),
    [
        pytest.param("Europe/London", 240, "2011-03-26", "2011-03-26T04:00+00:00", 23, id="spring"),
        pytest.param("Europe/London", 240, "2011-10-29", "2011-10-29T03:00+00:00", 25, id="autumn"),
        pytest.param("Europe/Paris", 150, "2011-03-27", "2011-03-27T01:00+00:00", 23.5, id="within-what-is-skipped"),
        pytest.param("Europe/Paris", 150, "2011-03-26", "2011-03-26T01:30+00:00", 23.5, id="the-day-before-that"),
        pytest.param("Europe/Paris", 150, "2011-10-30", "2011-10-30T00:30+00:00", 25, id="shown-twice"),
        pytest.param("Europe/Paris", 150, "2011-10-29", "2011-10-29T00:30+00:00", 24, id="the-day-before-it"),
        pytest.param("UTC", 705, "2012-02-29", "2012-02-29T11:45+00:00", 24, id="leap-day"),
        pytest.param("Pacific/Pago_Pago", 240, "2012-02-29", "2012-02-29T15:00+00:00", 24, id="eleven-hours-west"),
        pytest.param("Pacific/Kiritimati", 240, "2012-02-29", "2012-02-28T14:00+00:00", 24, id="fourteen-hours-east"),
        pytest.param("Australia/Lord_Howe", 135, "2011-10-02", "2011-10-01T15:30+00:00", 23.75, id="half-an-hour"),
        pytest.param("America/St_Johns", 60, "2006-04-02", "2006-04-02T03:31+00:00", 23.98333, id="from-a-minute-past"),
        pytest.param("Pacific/Apia", 240, "2011-12-29", "2011-12-29T14:00+00:00", 20, id="before-the-date-line"),
        pytest.param("Pacific/Apia", 240, "2011-12-30", "2011-12-30T10:00+00:00", 4, id="what-is-left-of-a-date"),
    ],
)
def test_day_may_begin_hours_after_midnight(zone: str, starts: int, on: str, first: str, hours: float) -> None:
    local, number = Calendar(zone, starts), day(on)
    begins, ends = local.start_of(number), local.start_of(number + 1)
    assert begins == datetime.fromisoformat(first).timestamp() * 1000
    assert ends - begins == pytest.approx(hours * HOUR, rel=1e-4)
    assert (local.day_of(begins - HOUR // 4), local.day_of(ends - HOUR // 4), local.day_of(ends + HOUR // 4)) == (
        number - 1,
        number,
        number + 1,
    )


@settings(max_examples=200)
@given(
    st.sampled_from(["Europe/London", "Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from([15, 60, 120, 150, 240, 705]),
    st.integers(instant("1975-01-01"), instant("2037-12-31")),
)
def test_instant_lies_in_the_day_that_began_last(zone: str, starts: int, at: int) -> None:
    local, at = Calendar(zone, starts), at - at % (HOUR // 4)
    number = local.day_of(at)
    assert local.start_of(number) <= at < local.start_of(number + 1)
    clock = datetime.fromtimestamp(at / 1000, ZoneInfo(zone)) - timedelta(minutes=starts)
    assert number - day(clock.date().isoformat()) in (0, 1)


@pytest.mark.parametrize("at", ["00:30", "00:45", "01:15", "01:45"])
def test_clocks_that_go_back_over_the_start_of_a_day_begin_it_once(at: str) -> None:
    utc = datetime.fromisoformat(f"2026-10-25T{at}+00:00")
    assert Calendar("Europe/London", 90).day_of(int(utc.timestamp()) * 1_000) == day("2026-10-25")


def test_skipped_midnight_begins_the_day_an_hour_later() -> None:
    start = Calendar("America/Sao_Paulo").start_of(day("2018-11-04"))
    assert (
        datetime.fromtimestamp(start / 1000, ZoneInfo("America/Sao_Paulo")).isoformat() == "2018-11-04T01:00:00-02:00"
    )


def test_instants_before_1970_lie_on_negative_days() -> None:
    assert Calendar("America/New_York").day_of(0) == -1
    assert period_of(PeriodUnit.MONTH, -1) == period_of(PeriodUnit.QUARTER, -1) == period_of(PeriodUnit.YEAR, -1) == -1


@pytest.mark.parametrize(
    ("unit", "inside", "name", "first", "end"),
    [
        pytest.param("day", "2012-02-29", "2012-02-29", "2012-02-29", "2012-03-01", id="leap-day"),
        pytest.param("week", "2011-03-06", "2011-W09", "2011-02-28", "2011-03-07", id="sunday-ends-a-week"),
        pytest.param("week", "2011-03-07", "2011-W10", "2011-03-07", "2011-03-14", id="monday-begins-a-week"),
        pytest.param("week", "2011-01-01", "2010-W52", "2010-12-27", "2011-01-03", id="week-over-new-year"),
        pytest.param("month", "2012-02-29", "2012-02", "2012-02-01", "2012-03-01", id="leap-february"),
        pytest.param("month", "2011-02-28", "2011-02", "2011-02-01", "2011-03-01", id="short-february"),
        pytest.param("month", "2011-12-31", "2011-12", "2011-12-01", "2012-01-01", id="december"),
        pytest.param("quarter", "2011-03-31", "2011-Q1", "2011-01-01", "2011-04-01", id="end-of-a-quarter"),
        pytest.param("quarter", "2011-04-01", "2011-Q2", "2011-04-01", "2011-07-01", id="start-of-a-quarter"),
        pytest.param("year", "2012-12-31", "2012", "2012-01-01", "2013-01-01", id="leap-year"),
    ],
)
def test_period_holds_its_days(unit: str, inside: str, name: str, first: str, end: str) -> None:
    one = PeriodUnit(unit)
    number = period_of(one, day(inside))
    days = days_of(one, number)
    assert (period_name(one, number), as_date(days.first).isoformat(), as_date(days.end).isoformat()) == (
        name,
        first,
        end,
    )


@pytest.mark.parametrize("unit", list(PeriodUnit))
def test_last_period_of_the_calendar_has_an_end_that_never_comes(unit: PeriodUnit) -> None:
    last = day("9999-12-31")
    end = days_of(unit, period_of(unit, last)).end
    assert end > last
    assert Calendar("Pacific/Kiritimati").start_of(end) == NEVER


@pytest.mark.parametrize(
    ("on", "known"),
    [
        pytest.param("9999-12-30", True, id="the-last-day-but-one"),
        pytest.param("9999-12-31", False, id="the-last-day-of-the-calendar"),
    ],
)
def test_days_near_the_end_of_the_calendar_begin_at_an_instant_or_never(on: str, known: bool) -> None:  # noqa: FBT001
    for zone in ("Etc/GMT+12", "UTC", "Pacific/Kiritimati"):
        assert (Calendar(zone).start_of(day(on)) < NEVER) == known


@pytest.mark.parametrize(
    ("zone", "at", "on"),
    [
        pytest.param("UTC", "9999-12-29T23:59", "9999-12-29", id="before-the-last-days"),
        pytest.param("UTC", "9999-12-30T00:00", "9999-12-30", id="the-last-day-but-one"),
        pytest.param("UTC", "9999-12-31T23:59", "9999-12-31", id="the-last-minute"),
        pytest.param("Pacific/Kiritimati", "9999-12-31T09:59", "9999-12-31", id="the-last-minute-in-the-east"),
        pytest.param("Pacific/Kiritimati", "9999-12-31T10:00", "9999-12-31", id="after-the-end-in-the-east"),
        pytest.param("Etc/GMT+12", "9999-12-31T11:59", "9999-12-30", id="yesterday-in-the-west"),
        pytest.param("Etc/GMT+12", "9999-12-31T23:59", "9999-12-31", id="today-in-the-west"),
    ],
)
def test_every_instant_up_to_the_end_of_the_calendar_lies_in_a_day(zone: str, at: str, on: str) -> None:
    since = datetime.fromisoformat(f"{at}+00:00") - datetime(1970, 1, 1, tzinfo=UTC)
    assert Calendar(zone).day_of(since // timedelta(milliseconds=1)) == day(on)


@settings(max_examples=200)
@given(st.sampled_from(list(PeriodUnit)), st.integers(-3_000, 40_000))
def test_periods_of_every_unit_follow_each_other_without_gaps(unit: PeriodUnit, number: int) -> None:
    period = period_of(unit, number)
    days = days_of(unit, period)
    assert days.first <= number < days.end
    assert period_of(unit, days.end) == period + 1


@settings(max_examples=300)
@given(
    st.sampled_from(["Europe/London", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(instant("1975-01-01"), instant("2037-12-31")),
)
def test_instant_lies_in_the_day_that_the_zone_says(zone: str, at: int) -> None:
    local = Calendar(zone)
    number = local.day_of(at)
    assert as_date(number) == datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    assert local.start_of(number) <= at < local.start_of(number + 1)


def test_full_cache_starts_over_and_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "_MEMORY_MAX", 2)
    local = Calendar("Europe/London")
    days = [day("2011-03-26"), day("2011-03-27"), day("2011-03-28"), day("2011-03-29")]
    assert [local.day_of(local.start_of(one)) for one in days] == days


@pytest.mark.parametrize(
    ("zone", "on", "before"),
    [
        pytest.param("Pacific/Apia", "2011-12-29", 0, id="before-the-date-line"),
        pytest.param("Pacific/Apia", "2011-12-30", 0, id="the-date-that-never-was"),
        pytest.param("Pacific/Apia", "2011-12-31", 1, id="after-it"),
        pytest.param("Pacific/Fakaofo", "2012-06-01", 1, id="Tokelau"),
        pytest.param("Pacific/Kiritimati", "1995-06-01", 1, id="Kiribati"),
        pytest.param("Europe/London", "2190-01-01", 0, id="a-zone-that-stays"),
    ],
)
def test_dates_that_a_zone_never_had_are_known(zone: str, on: str, before: int) -> None:
    assert Calendar(zone).skipped_before(PeriodUnit.DAY, day(on)) == before
    assert Calendar(zone).skipped_before(PeriodUnit.WEEK, period_of(PeriodUnit.WEEK, day(on))) == 0
