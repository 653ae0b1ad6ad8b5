"""The views on a story whose figures were worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from tests.sinks.running import drain
from tests.sinks.story import tell


@pytest.fixture(scope="module")
def clickhouse(engine: Client, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The whole story, told once: the tests here only read."""
    log = EmbeddedLog(tmp_path_factory.mktemp("log"))
    tell(log)
    drain(log, engine)
    log.close()
    return engine


def rows(client: Client, sql: str) -> list[dict[str, Any]]:
    return list(client.query(sql).named_results())


def test_customer_summary_has_the_figures_of_each_customer(clickhouse: Client) -> None:
    found = rows(clickhouse, "SELECT * EXCEPT (org_id, program_id) FROM customer_summary ORDER BY customer_id")

    no_points = {"event_points": 0, "milestone_points": 0, "streak_points": 0, "adjustment_points": 0}
    assert found == [
        {"customer_id": 11, "transactions": 2, "purchases": 122_000, "returned": 60_000, "spend_points": 1_220}
        | no_points
        | {
            "issued": 1_220,
            "reversed": 600,
            "expired": 500,
            "redeemed": 100,
            "debited": 0,
            "balance": 20,
            "promised": 0,
            "blocked": 0,
            "transferred": 0,
        }
        | {"tier": 2, "tier_name": "Silver", "streak_run": 0, "longest_run": 2},
        {"customer_id": 12, "transactions": 1, "purchases": 4_500, "returned": 0, "spend_points": 50}
        | no_points
        | {
            "issued": 50,
            "reversed": 0,
            "expired": 0,
            "redeemed": 0,
            "debited": 10,
            "balance": 40,
            "promised": 0,
            "blocked": 0,
            "transferred": 0,
        }
        | {"tier": 1, "tier_name": "Base", "streak_run": 0, "longest_run": 0},
    ]


def test_totals_by_program_add_the_customers_up(clickhouse: Client) -> None:
    assert rows(clickhouse, "SELECT * FROM totals_by_program") == [
        {
            "org_id": 1,
            "program_id": 7,
            "customers": 2,
            "transactions": 3,
            "purchases": 126_500,
            "returned": 60_000,
            "spend_points": 1_270,
            "event_points": 0,
            "milestone_points": 0,
            "streak_points": 0,
            "adjustment_points": 0,
            "issued": 1_270,
            "reversed": 600,
            "expired": 500,
            "redeemed": 100,
            "debited": 10,
            "balance": 60,
            "promised": 0,
            "blocked": 0,
            "transferred": 0,
        }
    ]


def test_points_of_other_currencies_are_told_apart_and_added_to_no_points(clickhouse: Client) -> None:
    sql = "SELECT customer_id, currency, spend_points, issued, balance FROM customer_points ORDER BY ALL"
    assert clickhouse.query(sql).result_rows == [
        (11, "POINTS", 1_220, 1_220, 20),
        (12, "COINS", 9, 9, 9),
        (12, "POINTS", 50, 50, 40),
        (12, "STARS", 7, 7, 7),
    ]
    totals = "SELECT currency, customers, issued, balance FROM totals_by_currency ORDER BY currency"
    assert clickhouse.query(totals).result_rows == [
        ("COINS", 1, 9, 9),
        ("POINTS", 2, 1_270, 60),
        ("STARS", 1, 7, 7),
    ]


def test_program_currencies_have_their_names_and_decimals(clickhouse: Client) -> None:
    assert rows(
        clickhouse, "SELECT * EXCEPT (org_id, program_id, version) FROM program_currencies ORDER BY currency"
    ) == [
        {"currency": "COINS", "name": "COINS", "scale": 0, "main": False, "retired": True},
        {"currency": "POINTS", "name": "POINTS", "scale": 0, "main": True, "retired": False},
        {"currency": "STARS", "name": "Stars", "scale": 1, "main": False, "retired": False},
    ]


def test_points_by_day_counts_days_in_the_zone_of_the_program(clickhouse: Client) -> None:
    found = clickhouse.query(
        "SELECT day, currency, issued, reversed, expired, redeemed, debited FROM points_by_day ORDER BY day, currency"
    ).result_rows

    assert found == [
        (date(2011, 1, 5), "POINTS", 1_200, 0, 0, 0, 0),
        (date(2011, 1, 31), "POINTS", 50, 0, 0, 0, 0),
        (date(2011, 2, 1), "COINS", 9, 0, 0, 0, 0),
        (date(2011, 2, 1), "POINTS", 0, 0, 0, 0, 10),
        (date(2011, 2, 1), "STARS", 7, 0, 0, 0, 0),
        (date(2011, 2, 10), "POINTS", 20, 0, 0, 0, 0),
        (date(2011, 3, 1), "POINTS", 0, 600, 0, 0, 0),
        (date(2011, 3, 2), "POINTS", 0, 0, 0, 100, 0),
        (date(2011, 4, 6), "POINTS", 0, 0, 500, 0, 0),  # midnight in summer time: still the fifth in UTC
    ]


def test_tier_distribution_by_day_fills_every_day_up_to_the_settlement(clickhouse: Client) -> None:
    found = clickhouse.query(
        "SELECT day, groupArray((name, customers)) FROM "
        "(SELECT * FROM tier_distribution_by_day ORDER BY day, tier) GROUP BY day ORDER BY day"
    ).result_rows

    assert len(found) == 96  # from 5 January to 10 April
    assert found[0] == (date(2011, 1, 5), [("Base", 0), ("Silver", 1)])
    assert found[25] == (date(2011, 1, 30), [("Base", 0), ("Silver", 1)])
    assert found[26] == (date(2011, 1, 31), [("Base", 1), ("Silver", 1)])
    assert found[-1] == (date(2011, 4, 10), [("Base", 1), ("Silver", 1)])


def test_milestone_funnel_narrows_from_the_program_to_repeated_achievement(clickhouse: Client) -> None:
    assert rows(clickhouse, "SELECT * EXCEPT (org_id, program_id) FROM milestone_funnel") == [
        {
            "milestone_id": "visit",
            "name": "A visit",
            "customers": 2,
            "progressed": 1,
            "achieved": 1,
            "achieved_twice": 1,
            "achieved_three_times": 0,
            "cycles": 2,
            "achievements": 2,
        }
    ]


def test_streak_lengths_count_longest_and_running_runs(clickhouse: Client) -> None:
    assert clickhouse.query("SELECT length, longest, running FROM streak_lengths ORDER BY length").result_rows == [
        (0, 0, 1),
        (2, 1, 0),
    ]


def test_notification_counts_are_by_event_name(clickhouse: Client) -> None:
    assert rows(clickhouse, "SELECT * FROM notification_counts") == [
        {"org_id": 1, "event_name": "pointsIssued", "notifications": 2, "event_ids": 2}
    ]


def test_customer_state_has_balance_lots_tier_and_streaks(clickhouse: Client) -> None:
    found = rows(
        clickhouse,
        "SELECT seq, clock, tier, accounts.balance, lots.lot_id, lots.open_points, lots.expires_on, streaks.run_last "
        "FROM customer_state_latest WHERE customer_id = 11",
    )

    assert found == [
        {
            "seq": 20,
            "clock": datetime(2011, 4, 5, 23, tzinfo=UTC).replace(tzinfo=None),
            "tier": 2,
            "accounts.balance": [20],
            "lots.lot_id": [2],
            "lots.open_points": [20],
            "lots.expires_on": [date(2011, 5, 11)],
            "streaks.run_last": [41 * 12 + 1],
        }
    ]
