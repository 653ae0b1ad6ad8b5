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


def altered(kind: str, text: str, by: str) -> str:
    """Facts of a kind say something else."""
    return f"ALTER TABLE facts UPDATE data = replaceOne(data, '{text}', '{by}') WHERE kind = '{kind}'"


CORRUPTIONS = {
    "a leg is missing": (
        "ALTER TABLE ledger_entries DELETE WHERE seq = 5 AND customer_id = 11 AND account = 'issued'",
        {"ledger_unbalanced": 1},
    ),
    "a leg has other points": (
        "ALTER TABLE ledger_entries UPDATE points = 999 WHERE seq = 5 AND customer_id = 11 AND account = 'current'",
        {"ledger_unbalanced": 1, "ledger_fact_mismatches": 1, "balance_mismatches": 1},
    ),
    "a whole entry is missing": (
        "ALTER TABLE ledger_entries DELETE WHERE seq = 5 AND customer_id = 12",
        {"ledger_fact_mismatches": 1, "balance_mismatches": 1},
    ),
    "a state has another balance": (
        "ALTER TABLE customer_state UPDATE `accounts.balance` = [41, 7, 9] WHERE customer_id = 12",
        {"balance_mismatches": 1},
    ),
    "a state holds other points": (
        "ALTER TABLE customer_state UPDATE `accounts.blocked` = [4, 0, 0] WHERE customer_id = 12",
        {"hold_mismatches": 1},
    ),
    "points were received that nobody gave": (
        (
            "INSERT INTO ledger_entries SELECT * REPLACE ("
            "if(account = 'issued', 'transferred', 'issued') AS account, src_offset + 1000 AS src_offset) "
            "FROM ledger_entries WHERE customer_id = 12 AND seq = 4 SETTINGS insert_deduplication_token = 'received'"
        ),
        {"transfer_mismatches": 1},
    ),
    "a survivor takes over what nobody handed over": (
        (
            "INSERT INTO facts SELECT * REPLACE ('PointsTakenOver' AS kind, "
            """'{"currency":"POINTS","points":5,"balance":20,"merge_id":"m","victim_id":9}' AS data) """
            "FROM (SELECT * FROM facts WHERE kind = 'PointsExpired') SETTINGS insert_deduplication_token = 'taken over'"
        ),
        {
            "merge_mismatches": 1,
            "ledger_fact_mismatches": 1,
            "stated_balance_mismatches": 2,
            "seq_gaps": 1,
            "repeated_rows": 1,
        },
    ),
    "a lot has other points": (
        "ALTER TABLE customer_state UPDATE `lots.open_points` = [39, 7, 9] WHERE customer_id = 12",
        {"balance_mismatches": 1, "lot_mismatches": 1},
    ),
    "a lot should have expired": (
        (
            "ALTER TABLE customer_state UPDATE `lots.closes_at` = [toDateTime64('2011-04-09', 3), NULL, NULL] "
            "WHERE customer_id = 12"
        ),
        {"lots_past_expiry": 1},
    ),
    "a lot was awarded other points": (
        altered("PointsIssued", '"lots":[{"lot_id":1,"points":50', '"lots":[{"lot_id":1,"points":51'),
        {"lot_mismatches": 1},
    ),
    "points are taken from a lot of another number": (
        altered("PointsDebited", '"taken":[{"lot_id":1', '"taken":[{"lot_id":2'),
        {"lot_mismatches": 2},
    ),
    "a fact says other points than its awards": (
        altered("PointsIssued", '{"currency":"POINTS","points":50', '{"currency":"POINTS","points":51'),
        {"ledger_fact_mismatches": 1, "stated_balance_mismatches": 4},
    ),
    "more is reversed than was awarded": (
        altered("PointsReversed", '"claimed":600,"points":600', '"claimed":600,"points":1201'),
        {"lot_mismatches": 1, "reversals_over_award": 1},
    ),
    "more of a redemption is taken back than it took": (
        (
            "INSERT INTO facts SELECT * REPLACE ('RedemptionReversed' AS kind, "
            """'{"currency":"POINTS","points":101,"balance":20,"redemption_id":"R1","expired":101}' AS data) """
            "FROM (SELECT * FROM facts WHERE kind = 'PointsExpired') SETTINGS insert_deduplication_token = 'taken back'"
        ),
        {"reversals_over_redemption": 1, "seq_gaps": 1, "repeated_rows": 1},
    ),
    "a fact states another balance": (
        altered("PointsDebited", '"balance":40', '"balance":-1'),
        {"negative_balances": 1, "stated_balance_mismatches": 1},
    ),
    "a fact is missing": ("ALTER TABLE facts DELETE WHERE kind = 'TierUpgraded'", {"seq_gaps": 1}),
    "a fact is there twice": (
        (
            "INSERT INTO facts SELECT * FROM facts WHERE kind = 'TierUpgraded' "
            "SETTINGS insert_deduplication_token = 'fact twice'"
        ),
        {"seq_gaps": 1, "repeated_rows": 1},
    ),
    "a movement is there twice": (
        (
            "INSERT INTO ledger_entries SELECT * FROM ledger_entries WHERE customer_id = 12 AND seq = 5 "
            "SETTINGS insert_deduplication_token = 'movement twice'"
        ),
        {"ledger_fact_mismatches": 1, "balance_mismatches": 1, "repeated_rows": 2},
    ),
    "a notification is there twice": (
        (
            "INSERT INTO notifications SELECT * FROM notifications WHERE event_id = 'e-1' "
            "SETTINGS insert_deduplication_token = 'notification twice'"
        ),
        {"repeated_rows": 1},
    ),
}


def test_every_invariant_is_broken_by_one_of_the_corruptions(clickhouse: Client) -> None:
    known = {name for (name,) in clickhouse.query("SELECT invariant FROM invariants").result_rows}

    assert {name for _, broken in CORRUPTIONS.values() for name in broken} == known


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
