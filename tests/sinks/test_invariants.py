"""The invariants: they hold in a sound story, and each way of spoiling it is found. Then, streaks as time goes on."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from tests.sinks.running import drain
from tests.sinks.story import tell


@pytest.fixture
def told(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)


def violated(client: Client) -> dict[str, int]:
    return {
        row["invariant"]: row["violations"]
        for row in client.query("SELECT * FROM invariants").named_results()
        if row["violations"]
    }


@pytest.mark.usefixtures("told")
def test_all_invariants_hold_in_a_sound_story(clickhouse: Client) -> None:
    assert violated(clickhouse) == {}


CORRUPTIONS = {
    "a leg is missing": (
        "ALTER TABLE ledger_entries DELETE WHERE seq = 5 AND customer_id = 11 AND account = 'issued:spend'",
        {"ledger_unbalanced": 1},
    ),
    "a leg has other points": (
        "ALTER TABLE ledger_entries UPDATE points = 999 WHERE seq = 5 AND customer_id = 11 AND account = 'member'",
        {"ledger_unbalanced": 1, "ledger_fact_mismatches": 1, "balance_mismatches": 1},
    ),
    "a whole entry is missing": (
        "ALTER TABLE ledger_entries DELETE WHERE seq = 5 AND customer_id = 12",
        {"ledger_fact_mismatches": 1, "balance_mismatches": 1},
    ),
    "a state has another balance": (
        "ALTER TABLE customer_state UPDATE `accounts.balance` = [41] WHERE customer_id = 12",
        {"balance_mismatches": 1},
    ),
    "a lot has other points": (
        "ALTER TABLE customer_state UPDATE `lots.open_points` = [39] WHERE customer_id = 12",
        {"balance_mismatches": 1, "lot_mismatches": 1},
    ),
    "a lot should have expired": (
        "ALTER TABLE customer_state UPDATE `lots.closes_at` = [toDateTime64('2011-04-09', 3)] WHERE customer_id = 12",
        {"lots_past_expiry": 1},
    ),
    "more is reversed than was awarded": (
        "ALTER TABLE points_facts UPDATE `taken.points` = [1201] WHERE kind = 'reversed'",
        {"lot_mismatches": 1, "reversals_over_award": 1},
    ),
    "a fact states another balance": (
        "ALTER TABLE points_facts UPDATE balance = -1 WHERE kind = 'debited'",
        {"negative_balances": 1, "stated_balance_mismatches": 1},
    ),
    "a fact is missing": ("ALTER TABLE tier_changes DELETE WHERE seq = 6", {"seq_gaps": 1}),
    "a row is there twice": (
        "INSERT INTO tier_changes SELECT * FROM tier_changes SETTINGS insert_deduplication_token = 'twice'",
        {"seq_gaps": 1, "repeated_rows": 1},
    ),
}


@pytest.mark.parametrize("corruption", [pytest.param(name, id=name) for name in CORRUPTIONS])
@pytest.mark.usefixtures("told")
def test_a_corruption_is_found(clickhouse: Client, corruption: str) -> None:
    statement, expected = CORRUPTIONS[corruption]

    clickhouse.command(statement, settings={"mutations_sync": 1})

    assert violated(clickhouse) == expected


@pytest.mark.parametrize(
    ("settled", "run"),
    [
        pytest.param("2011-02-28 23:59", 2, id="in the month of its last period"),
        pytest.param("2011-03-31 23:59", 2, id="in the month after, which breaks nothing while it runs"),
        pytest.param("2011-04-01 00:00", 0, id="a month was missed, by local time"),
    ],
)
def test_streak_run_is_the_one_that_stands_at_the_settlement(
    clickhouse: Client, embedded_log: EmbeddedLog, settled: str, run: int
) -> None:
    tell(embedded_log, settled=settled)
    drain(embedded_log, clickhouse)

    assert clickhouse.query("SELECT customer_id, run, longest FROM customer_streaks").result_rows == [(11, run, 2)]
