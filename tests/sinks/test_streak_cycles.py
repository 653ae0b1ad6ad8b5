"""Streaks in the views and in the state: the same runs, whatever the cycles are that they count."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.cli import customer
from pipeline.engine.streaks.value import alive
from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import disagreements
from tests.cli.test_customer import state_of
from tests.sinks.decided import play
from tests.sinks.running import drain
from tests.sinks.story import begin
from tests.steps import bought, day, milestone, program


def steps(first: str, unit: str, every: int = 1) -> dict[str, Any]:
    return {"period": None, "cycle": {"kind": "from_date", "first": first, "unit": unit, "every": every}}


WINDOWS: Final = [("2024-01-15", "2024-01-31"), ("2024-03-31", "2024-04-01"), ("2024-06-30", "2024-07-14")]
CYCLES: Final[dict[str, dict[str, Any]]] = {
    **{unit: {"period": unit} for unit in ("day", "week", "month", "quarter", "half_year", "year")},
    "each-day": steps("2023-12-25", "day"),
    "ten-days": steps("2023-12-25", "day", 10),
    "fortnights": steps("2023-12-28", "week", 2),
    "on-the-31st": steps("2023-10-31", "month"),
    "two-months": steps("2023-10-31", "month", 2),
    "on-leap-days": steps("2020-02-29", "year"),
    "halves": steps("2023-07-01", "half_year"),
    "to-come": steps("2025-01-01", "month"),
    "lifetime": {"period": None, "cycle": {"kind": "lifetime"}},
    "windows": {
        "period": None,
        "cycle": {"kind": "windows", "windows": [{"first": first, "last": last} for first, last in WINDOWS]},
    },
}
BILLS: Final = ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-01"]


def streak(name: str, **parts: Any) -> dict[str, Any]:
    fixed = {"id": name, "streak_id": 1, "name": name, "milestone": name}
    return fixed | {"levels": [{"name": "Two", "periods": 2}], **parts}


@pytest.mark.parametrize(
    ("settled", "some"),
    [
        ("2024-04-01", {"day": 2, "month": 5, "half_year": 2, "windows": 2, "ten-days": 1, "on-leap-days": 2}),
        ("2024-04-03", {"day": 0, "month": 5, "half_year": 2, "windows": 2, "lifetime": 1}),
        ("2024-06-30", {"month": 0, "quarter": 3, "half_year": 2, "windows": 2, "on-the-31st": 0}),
        ("2024-07-15", {"quarter": 3, "half_year": 2, "windows": 0, "two-months": 0, "halves": 2}),
        ("2025-01-01", {"quarter": 0, "half_year": 0, "year": 2, "on-leap-days": 2, "lifetime": 1}),
    ],
)
def test_runs_are_those_of_the_state(
    settled: str, some: dict[str, int], clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    definition = program(
        milestones=[milestone(name, **cycles) for name, cycles in CYCLES.items()],
        streaks=[streak(name, streak_id=number) for number, name in enumerate(CYCLES, 1)],
    )
    story = play(begin(embedded_log), definition, *(bought(on, 100, on) for on in BILLS), settled=settled)
    drain(embedded_log, clickhouse)

    (compiled,) = story.programs.of(1)
    kept = story.section().streaks
    runs = {
        target.milestone_id: alive(
            compiled.streaks[target.milestone_id], kept[target.milestone_id], target.periods.running(day(settled)).place
        )
        for target in compiled.targets
        if target.milestone_id in kept
    }
    assert dict(clickhouse.query("SELECT streak_id, run FROM customer_streaks").result_rows) == runs
    assert runs | some == runs
    assert disagreements(clickhouse) == []
    state = state_of(story.state.head) | {"clock": datetime.fromisoformat(f"{settled} 12:00")}
    assert {one["streak_id"]: one["run"] for one in customer.view_of(state, definition)["streaks"]} == runs


def test_run_of_a_streak_that_is_over_stays(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    ends = {"validity": {"last": "2024-06-15"}}
    streaks = [streak("windows", **ends), streak("month", streak_id=2, **ends)]
    definition = program(milestones=[milestone(name, **CYCLES[name]) for name in ("windows", "month")], streaks=streaks)
    bills = (bought(on, 100, on) for on in [*BILLS, "2024-05-01"])
    story = play(begin(embedded_log), definition, *bills, settled="2024-12-01")
    drain(embedded_log, clickhouse)

    runs = {"windows": 2, "month": 6}
    assert dict(clickhouse.query("SELECT streak_id, run FROM customer_streaks WHERE ended").result_rows) == runs
    state = state_of(story.state.head) | {"streaks.ends_on": [date(2024, 6, 15)] * 2}
    assert {one["streak_id"]: one["run"] for one in customer.view_of(state, definition)["streaks"]} == runs
