"""Cycles: their days, numbers and names, against a model that counts day by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.engine.calendar import LAST_DAY, NEVER, Calendar, as_date, as_day
from pipeline.engine.cycles import arithmetic_of, cycle_name, cycle_named, dated
from pipeline.engine.periods import Periods
from schemas.program import Cycle, FromDate, Lifetime, PeriodUnit, Rolling, Windows
from tests.steps import day, instant

_CYCLE: TypeAdapter[Any] = TypeAdapter(Cycle)
SEASONS = Windows.model_validate_json(
    '{"windows": [{"first": "2024-12-15", "last": "2025-01-06", "name": "Winter"}, '
    '{"first": "2025-01-07", "last": "2025-01-07"}, {"first": "2025-06-01", "last": "2025-08-31"}]}'
)


def from_date(first: str, every: int, unit: str) -> FromDate:
    return FromDate(first=date.fromisoformat(first), every=every, unit=PeriodUnit(unit))


@pytest.mark.parametrize(
    ("cycles", "on", "name", "first", "last"),
    [
        pytest.param(PeriodUnit.HALF_YEAR, "2024-06-30", "2024-H1", "2024-01-01", "2024-06-30", id="first-half"),
        pytest.param(PeriodUnit.HALF_YEAR, "2024-07-01", "2024-H2", "2024-07-01", "2024-12-31", id="second-half"),
        pytest.param(PeriodUnit.WEEK, "2021-01-03", "2020-W53", "2020-12-28", "2021-01-03", id="week-53"),
        pytest.param(PeriodUnit.WEEK, "2021-01-04", "2021-W01", "2021-01-04", "2021-01-10", id="week-1"),
        pytest.param(PeriodUnit.WEEK, "2024-12-30", "2025-W01", "2024-12-30", "2025-01-05", id="week-1-in-december"),
        pytest.param(from_date("2025-01-06", 2, "week"), "2025-01-19", "Cycle_1", "2025-01-06", "2025-01-19", id="2w"),
        pytest.param(from_date("2025-01-06", 2, "week"), "2025-01-20", "Cycle_2", "2025-01-20", "2025-02-02", id="2w+"),
        pytest.param(from_date("2024-02-20", 10, "day"), "2024-02-29", "Cycle_1", "2024-02-20", "2024-02-29", id="10d"),
        pytest.param(from_date("2024-01-31", 1, "month"), "2024-02-28", "Cycle_1", "2024-01-31", "2024-02-28", id="31"),
        pytest.param(from_date("2024-01-31", 1, "month"), "2024-02-29", "Cycle_2", "2024-02-29", "2024-03-30", id="29"),
        pytest.param(from_date("2024-01-31", 1, "month"), "2024-03-31", "Cycle_3", "2024-03-31", "2024-04-29", id="30"),
        pytest.param(
            from_date("2024-02-29", 1, "year"), "2025-02-28", "Cycle_2", "2025-02-28", "2026-02-27", id="leap"
        ),
        pytest.param(
            from_date("2024-05-15", 1, "quarter"), "2024-08-14", "Cycle_1", "2024-05-15", "2024-08-14", id="q"
        ),
        pytest.param(
            from_date("2024-05-15", 1, "half_year"), "2024-11-15", "Cycle_2", "2024-11-15", "2025-05-14", id="h"
        ),
        pytest.param(SEASONS, "2024-12-31", "Winter", "2024-12-15", "2025-01-06", id="named-window"),
        pytest.param(SEASONS, "2025-01-07", "Cycle_2", "2025-01-07", "2025-01-07", id="window-of-a-day"),
        pytest.param(SEASONS, "2025-08-31", "Cycle_3", "2025-06-01", "2025-08-31", id="last-window"),
    ],
)
def test_day_lies_in_a_cycle_with_a_name(cycles: PeriodUnit | Cycle, on: str, name: str, first: str, last: str) -> None:
    arithmetic = arithmetic_of(cycles)
    number = arithmetic.number_on(day(on))
    days = arithmetic.days_of(number)
    assert (cycle_name(cycles, number), as_date(days.first).isoformat(), as_date(days.end - 1).isoformat()) == (
        name,
        first,
        last,
    )


@pytest.mark.parametrize(
    ("cycles", "on", "holds"),
    [
        pytest.param(from_date("2025-01-06", 2, "week"), "2025-01-05", False, id="before-the-first"),
        pytest.param(from_date("2025-01-06", 2, "week"), "2025-01-06", True, id="the-first"),
        pytest.param(SEASONS, "2024-12-14", False, id="before-all-windows"),
        pytest.param(SEASONS, "2025-01-08", False, id="between-windows"),
        pytest.param(SEASONS, "2025-06-01", True, id="in-a-window"),
        pytest.param(SEASONS, "2025-09-01", False, id="after-all-windows"),
    ],
)
def test_nothing_counts_on_days_outside(cycles: Cycle, on: str, holds: bool) -> None:  # noqa: FBT001
    arithmetic = dated(cycles)
    assert arithmetic is not None
    assert arithmetic.holds(day(on)) == holds
    period = Periods(cycles, Calendar("Europe/London")).around(day(on))
    assert (period.begins_at <= instant(on) < period.ends_at) == holds or period.number < 1


def test_lifetime_is_one_cycle_without_an_end() -> None:
    periods = Periods(Lifetime(), Calendar("Asia/Tokyo"))
    assert periods.around(day("1971-01-01")) == periods.around(day("2199-01-01"))
    assert (periods.around(0).ends_at, cycle_name(Lifetime(), 1)) == (NEVER, "Cycle_1")
    assert dated(Lifetime()) is dated(PeriodUnit.DAY) is None


def test_window_that_a_version_no_longer_has_is_called_by_its_number() -> None:
    assert [cycle_name(SEASONS, number) for number in (0, 4)] == ["Cycle_0", "Cycle_4"]


def _begins_one(cycles: FromDate, on: date) -> bool:
    """Whether a cycle begins on this date, without any arithmetic of months."""
    if cycles.unit in (PeriodUnit.DAY, PeriodUnit.WEEK):
        return (on - cycles.first).days % (cycles.every * (7 if cycles.unit is PeriodUnit.WEEK else 1)) == 0
    months = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[cycles.unit] * cycles.every
    since = (on.year - cycles.first.year) * 12 + on.month - cycles.first.month
    last_of_month = (on + timedelta(days=1)).day == 1
    return since % months == 0 and (on.day == cycles.first.day or (last_of_month and on.day < cycles.first.day))


@settings(max_examples=60)
@given(
    st.dates(date(1972, 1, 1), date(2096, 1, 1)),
    st.integers(1, 14),
    st.sampled_from(list(PeriodUnit)),
    st.integers(0, 1_500),
)
@example(date(2024, 2, 29), 1, PeriodUnit.YEAR, 1_461)
@example(date(2023, 12, 31), 1, PeriodUnit.MONTH, 60)
def test_cycles_from_a_date_agree_with_counting_day_by_day(
    first: date, every: int, unit: PeriodUnit, later: int
) -> None:
    cycles = FromDate(first=first, every=every, unit=unit)
    arithmetic = arithmetic_of(cycles)
    begun = [day for day in range(later + 1) if _begins_one(cycles, first + timedelta(days=day))]
    on = as_day(first) + later
    assert arithmetic.number_on(on) == len(begun)
    assert arithmetic.days_of(len(begun)).first == as_day(first) + begun[-1]
    assert arithmetic.days_of(len(begun)).end > on


@settings(max_examples=60)
@given(st.sampled_from(["month", "quarter", "half_year", "year", "day", "week"]), st.integers(1, 1_000))
def test_cycles_follow_each_other_to_the_end_of_the_calendar(unit: str, every: int) -> None:
    arithmetic = arithmetic_of(from_date("2199-12-31", every, unit))
    number = arithmetic.number_on(LAST_DAY - 1)
    days = arithmetic.days_of(number)
    assert days.first <= LAST_DAY - 1 < days.end


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Europe/London", "Pacific/Kiritimati", "Australia/Lord_Howe"])
@pytest.mark.parametrize("on", ["2025-03-30", "2025-04-06", "2025-10-05", "2025-10-26", "2024-02-29"])
def test_cycle_begins_and_ends_at_midnight_of_its_zone(zone: str, on: str) -> None:
    period = Periods(from_date(on, 1, "day"), Calendar(zone)).around(day(on))
    following = as_date(day(on) + 1).isoformat()
    assert (period.begins_at, period.ends_at) == (instant(f"{on} 00:00", zone), instant(f"{following} 00:00", zone))


def test_date_that_a_zone_skipped_is_no_place_between_daily_cycles() -> None:
    periods = Periods(from_date("2011-12-01", 1, "day"), Calendar("Pacific/Apia"))
    assert periods.around(day("2011-12-31")).place - periods.around(day("2011-12-29")).place == 1


TWO_WINTERS = Windows.model_validate_json(
    '{"windows": [{"first": "2024-12-15", "last": "2025-01-06", "name": "Winter"}, '
    '{"first": "2025-06-01", "last": "2025-08-31"}, {"first": "2025-12-15", "last": "2026-01-06", "name": "Winter"}]}'
)


@pytest.mark.parametrize(
    "cycles",
    [
        *PeriodUnit,
        from_date("2024-02-29", 10, "day"),
        from_date("2024-01-31", 1, "month"),
        Rolling(days=30),
        Lifetime(),
        SEASONS,
        TWO_WINTERS,
    ],
    ids=str,
)
@pytest.mark.parametrize("today", ["1970-01-01", "2023-06-01", "2025-01-03", "2026-02-01"])
def test_name_finds_the_last_cycle_of_that_name_that_has_begun(cycles: PeriodUnit | Cycle, today: str) -> None:
    arithmetic, on = arithmetic_of(cycles), day(today)
    last = arithmetic.number_on(on)
    by_name = {arithmetic.name_of(number): number for number in range(last + 1)}
    some = [*by_name.items()]
    for name, number in (*some[:3], *some[-70:]):
        assert cycle_named(cycles, name, on) == number
    for name in (arithmetic.name_of(last + 1), "", "Cycle_", "Cycle_01", "Cycle_999", "2025-13", "x", "~"):
        assert cycle_named(cycles, name, on) == by_name.get(name)


def test_cycle_is_found_by_its_name_without_going_through_all_days(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    name_of = type(arithmetic_of(Rolling(days=30))).name_of
    monkeypatch.setattr(
        type(arithmetic_of(Rolling(days=30))),
        "name_of",
        lambda self, number: tried.append(number) or name_of(self, number),
    )
    assert cycle_named(Rolling(days=30), "30 days to 1971-03-01", day("2025-03-01")) == day("1971-03-01")
    assert len(tried) < 20
