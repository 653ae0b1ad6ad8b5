"""Streaks in the views, where the zone skipped a date: 2011-12-30 in Samoa."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.engine.calendar import Calendar
from pipeline.log.embedded import EmbeddedLog
from schemas.facts import ProgramAdopted, StreakExtended, StreakStanding, StreakStarted
from schemas.program import PeriodUnit
from schemas.zones import zone_names
from tests.sinks.running import drain
from tests.sinks.story import DEFINITION, Happening, activated, begin, clock
from tests.steps import day

MIGRATION = Path(__file__).parents[2] / "sinks" / "clickhouse" / "migrations" / "0003_views.sql"
LONG_AFTER = day("2200-01-01")
DAILY = {
    "id": "daily",
    "streak_id": 2,
    "name": "Daily",
    "milestone": "days",
    "levels": [{"name": "Three", "periods": 3}],
}
DAYS = {
    "id": "days",
    "target_id": 2,
    "name": "Days",
    "period": "day",
    "counts": {"of": "transactions"},
    "target": 1,
}

STARTED = StreakStarted(streak_id="daily", starts_on=day("2011-12-27"), ends_on=None, ends_at=None, ends_in=None)
ADOPTED = ProgramAdopted(previous_version=0, milestones=("days",), streaks=("daily",), tier=1, tier_id="base")


def samoan(**parts: Any) -> Any:
    definition = msgspec.json.decode(DEFINITION.model_dump_json())
    definition |= {"zone": "Pacific/Apia", "milestones": [DAYS], "streaks": [DAILY], **parts}
    return msgspec.structs.replace(activated(), definition=msgspec.json.encode(definition).decode())


def extended(on: str, run: int) -> StreakExtended:
    skipped = Calendar("Pacific/Apia").skipped_before(PeriodUnit.DAY, day(on))
    return StreakExtended(streak_id="daily", period=day(on), run=run, longest=run, skipped=skipped)


@pytest.mark.parametrize(
    ("settled", "run"),
    [
        pytest.param("2011-12-30 22:00", 3, id="on-the-31st-which-came-after-the-29th"),
        pytest.param("2012-01-01 22:00", 0, id="a-date-was-missed"),
    ],
)
def test_a_run_goes_on_over_a_date_that_the_zone_skipped(
    clickhouse: Client, embedded_log: EmbeddedLog, settled: str, run: int
) -> None:
    told = begin(embedded_log)
    told.journal(samoan(), clock(settled))
    dates = [extended(f"2011-12-{number}", length) for length, number in enumerate((27, 28, 29), 1)]
    told.facts(11, [Happening("2011-12-27 10:00", (ADOPTED, STARTED, *dates))])
    drain(embedded_log, clickhouse)

    assert clickhouse.query("SELECT run, longest FROM customer_streaks").result_rows == [(run, 3)]


def test_a_run_goes_over_the_skipped_date(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    told = begin(embedded_log)
    told.journal(samoan(), clock("2011-12-31 22:00"))
    dates = [extended(on, length) for length, on in enumerate(("2011-12-28", "2011-12-29", "2011-12-31"), 1)]
    told.facts(11, [Happening("2011-12-27 10:00", (ADOPTED, STARTED, *dates))])
    drain(embedded_log, clickhouse)

    assert clickhouse.query("SELECT run, longest FROM customer_streaks").result_rows == [(3, 3)]


@pytest.mark.parametrize(
    ("settled", "run"),
    [
        pytest.param("2012-01-01 13:59", 3, id="the-last-minute-of-the-day-after-the-last-visit"),
        pytest.param("2012-01-01 14:00", 0, id="four-hours-after-midnight"),
    ],
)
def test_a_day_ends_when_the_program_says(
    clickhouse: Client, embedded_log: EmbeddedLog, settled: str, run: int
) -> None:
    told = begin(embedded_log)
    told.journal(samoan(days={"start": "04:00"}), clock(settled))
    dates = [extended(on, length) for length, on in enumerate(("2011-12-28", "2011-12-29", "2011-12-31"), 1)]
    told.facts(11, [Happening("2011-12-27 10:00", (ADOPTED, STARTED, *dates))])
    drain(embedded_log, clickhouse)

    assert clickhouse.query("SELECT run FROM customer_streaks").result_rows == [(run,)]


@pytest.mark.parametrize(
    ("settled", "through", "run", "in_a_row"),
    [
        pytest.param("2011-12-31 12:00", day("2012-01-02") - 1, 3, 1, id="the-day-after-the-last-visit"),
        pytest.param("2012-01-02 09:00", day("2012-01-02") - 1, 3, 0, id="the-last-day-of-what-is-forgiven"),
        pytest.param("2012-01-02 12:00", day("2012-01-02") - 1, 0, 0, id="the-day-after"),
        pytest.param("2013-01-01 12:00", None, 3, 0, id="nothing-breaks-it"),
    ],
)
def test_a_run_stands_as_long_as_missed_days_are_forgiven(
    clickhouse: Client, embedded_log: EmbeddedLog, settled: str, through: int | None, run: int, in_a_row: int
) -> None:
    told = begin(embedded_log)
    told.journal(samoan(), clock(settled))
    standing = StreakStanding(run=3, through=through)
    earlier = msgspec.structs.replace(extended("2011-12-28", 2), standing=StreakStanding(run=2, through=1))
    last = msgspec.structs.replace(extended("2011-12-31", 3), standing=standing)
    told.facts(11, [Happening("2011-12-27 10:00", (ADOPTED, STARTED, earlier, last))])
    drain(embedded_log, clickhouse)

    found = clickhouse.query("SELECT run, in_a_row, longest FROM customer_streaks").result_rows
    assert found == [(run, in_a_row, 3)]


def test_the_view_knows_every_zone_that_skipped_a_date() -> None:
    sql = MIGRATION.read_text("utf-8")
    found = re.search(r"transform\(zone, \[(.*?)\], \[(.*?)\], 100000\)", sql, re.DOTALL)
    assert found is not None
    known = dict(zip(re.findall(r"'(.*?)'", found[1]), map(int, re.findall(r"\d+", found[2])), strict=True))

    skipping = {zone for zone in zone_names() if Calendar(zone).skipped_before(PeriodUnit.DAY, LONG_AFTER)}
    assert known.keys() == skipping
    for zone, skipped in known.items():
        calendar = Calendar(zone)
        assert calendar.start_of(skipped) == calendar.start_of(skipped + 1)
