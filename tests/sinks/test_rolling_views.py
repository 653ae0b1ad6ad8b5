"""Rolling windows in the views: days, and the windows that are met, as the engine keeps them."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import customers_compared, disagreements
from schemas.records import Line
from tests.sinks.decided import play
from tests.sinks.running import drain
from tests.sinks.story import begin
from tests.steps import bought, brought_back, day, milestone, program

RETURNS = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}
WEEK = milestone(
    "m",
    1_000,
    period=None,
    cycle={"kind": "rolling", "days": 7},
    counts={"of": "transactions", "measure": "sum"},
    points=50,
)


def test_days_and_windows_are_those_of_the_state(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    definition = program(milestones=[WEEK], returns=RETURNS)
    bills = [bought(f"B{on}", 500, f"2025-03-{on:02}") for on in (5, 10, 12, 4)]  # the last one comes late
    back = [brought_back("B5", 500, "2025-03-20"), brought_back("B12", 100, "2025-03-20")]
    play(begin(embedded_log), definition, *bills, *back, settled="2025-03-21")
    drain(embedded_log, clickhouse)

    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (1, [])
    days = clickhouse.query("SELECT period, value, achieved FROM customer_milestones ORDER BY period").result_rows
    first = day("2025-03-04")
    assert days == [(first, 500, False), (first + 1, 0, False), (first + 6, 500, True), (first + 8, 400, False)]
    told = (
        "SELECT kind, period, number, moved_to FROM milestone_events WHERE kind IN ('achieved', 'unachieved', 'moved')"
    )
    assert clickhouse.query(f"{told} ORDER BY seq").result_rows == [
        ("achieved", first + 6, 1, None),
        ("moved", first + 6, 0, first + 8),
        ("achieved", first + 1, 2, None),
        ("unachieved", first + 1, 2, None),
        ("moved", first + 8, 0, first + 6),
    ]


def test_things_of_a_rolling_window_are_those_of_the_state(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    skus = WEEK | {"counts": {"of": "transactions", "measure": "skus"}, "target": 2}
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": "m", "points": 5}
    definition = program(milestones=[skus], unified_targets=[unified], returns=RETURNS)
    bills = [
        bought(f"B{on}", None, f"2025-03-{on:02}", lines=(Line(sku=sku, amount_minor=100),))
        for on, sku in ((5, "A"), (7, "A"), (8, "B"))
    ]
    back = [brought_back("B5", 100, "2025-03-20"), brought_back("B7", 100, "2025-03-20")]
    play(begin(embedded_log), definition, *bills, *back, settled="2025-03-21")
    drain(embedded_log, clickhouse)

    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (1, [])
    days = clickhouse.query("SELECT period, value FROM customer_milestones ORDER BY period").result_rows
    assert days == [(day("2025-03-05"), 0), (day("2025-03-07"), 0), (day("2025-03-08"), 1)]
    ((things,),) = clickhouse.query("SELECT milestones.things FROM customer_state_latest").result_rows
    assert [len(one) for one in things] == [0, 0, 1]
    together = clickhouse.query("SELECT kind, period, number FROM unified_target_events ORDER BY seq").result_rows
    assert together == [("achieved", day("2025-03-08"), 1), ("unachieved", day("2025-03-08"), 1)]
