"""Two customers of two partitions become one: their requests match, the ledger balances, views and state agree."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import customers_compared, disagreements
from schemas.records import AnyCustomerRecord
from tests.runtime.workshop import Workshop, activation
from tests.sinks.running import drain
from tests.steps import bought, did, enrol_target, merge, redeem, set_target
from tests.verify.damage import verified
from tests.verify.stored import sink_settings
from tests.verify.test_lowered_views import PROGRAM

SURVIVOR, VICTIM, OTHER = 1, 5, 9
"""In partition 0, in partition 1, and one who is asked in vain."""
BEFORE = {
    SURVIVOR: (
        bought("B1", 1_000, "2020-10-01", store="North"),
        bought("B2", 1_200, "2020-10-02", store="North"),
    ),
    VICTIM: (
        enrol_target("invited", "2020-10-01"),
        set_target("invited", 7, "2020-10-01 13:00"),
        bought("V1", 700, "2020-10-02", store="North"),
        bought("V2", 900, "2020-10-03", store="South"),
        bought("V3", 400, "2020-10-04"),
        redeem(3, "2020-10-05"),
    ),
}
AFTER = (did("visit", "2020-10-07"), bought("V4", 300, "2020-10-08"), redeem(30, "2020-10-09"))


def about(customer: int, *records: AnyCustomerRecord) -> list[AnyCustomerRecord]:
    return [msgspec.structs.replace(record, customer_id=customer) for record in records]


@pytest.fixture
def merged(tmp_path: Path, embedded_log: EmbeddedLog) -> Workshop:
    """Merged, with records that still came for the victim, and a merge that was refused."""
    workshop = Workshop(embedded_log, tmp_path, "v.")
    workshop.journal(activation(PROGRAM))
    for customer, records in BEFORE.items():
        workshop.journal(*about(customer, *records))
    workshop.journal(*about(SURVIVOR, merge(VICTIM, "2020-10-06"), merge(OTHER, "2020-10-06 13:00")))
    for _ in range(3):  # what is asked, what is handed over, what is taken over
        workshop.decide_all()
    workshop.journal(*about(VICTIM, *AFTER))
    for _ in range(2):  # what is passed on, and what the survivor makes of it
        workshop.decide_all()
    return workshop


def test_nothing_is_lost_between_the_two_and_views_agree_with_the_state(
    merged: Workshop, embedded_log: EmbeddedLog, clickhouse: Client
) -> None:
    report = verified(merged)
    drain(embedded_log, clickhouse, sink_settings(merged))
    merged.close()

    assert report.findings == []
    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (3, [])
    assert clickhouse.query("SELECT invariant FROM invariants WHERE violations > 0").result_rows == []
    bills = "SELECT customer_id, transactions, purchases, balance, transferred FROM customer_summary ORDER BY 1"
    assert [tuple(row) for row in clickhouse.query(bills).result_rows] == [
        (SURVIVOR, 6, 4_500, 92, -32),
        (VICTIM, 0, 0, 0, 32),
    ]
    told = "SELECT kind, customer_id, other_id, reason FROM merges WHERE kind IN ('done', 'failed', 'refused')"
    assert sorted(map(tuple, clickhouse.query(told).result_rows)) == [
        ("done", SURVIVOR, VICTIM, ""),
        ("failed", SURVIVOR, OTHER, "customer_unknown"),
        ("refused", OTHER, SURVIVOR, "customer_unknown"),
    ]


@pytest.mark.parametrize("until", [1, 2])
def test_a_merge_that_is_under_way_breaks_no_invariant(
    tmp_path: Path, embedded_log: EmbeddedLog, clickhouse: Client, until: int
) -> None:
    workshop = Workshop(embedded_log, tmp_path, "v.")
    workshop.journal(activation(PROGRAM))
    for customer, records in BEFORE.items():
        workshop.journal(*about(customer, *records))
    workshop.journal(*about(SURVIVOR, merge(VICTIM, "2020-10-06")))
    for _ in range(until):
        workshop.decide_all()
    drain(embedded_log, clickhouse, sink_settings(workshop))
    workshop.close()
    assert clickhouse.query("SELECT invariant FROM invariants WHERE violations > 0").result_rows == []


def test_points_that_the_survivor_has_not_taken_over_are_found(
    merged: Workshop, embedded_log: EmbeddedLog, clickhouse: Client
) -> None:
    drain(embedded_log, clickhouse, sink_settings(merged))
    merged.close()
    clickhouse.command(
        "ALTER TABLE facts UPDATE data = replaceOne(data, '\"points\":32', '\"points\":31') "
        "WHERE kind = 'PointsTakenOver'",
        settings={"mutations_sync": 2},
    )
    found = clickhouse.query("SELECT merge_id, taken_less_handed_over FROM merge_mismatches").result_rows
    assert [tuple(row) for row in found] == [("m-2020-10-06", -1)]
