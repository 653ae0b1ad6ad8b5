"""Rows: every kind of fact has its place, and the columns are those of the tables."""

from __future__ import annotations

import inspect
from collections import defaultdict
from typing import Any, get_args

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.port import Message
from schemas import facts as known
from schemas.facts import AnyFact, FactMessage, IssuedFor, Refusal, Reversal, Taken
from schemas.records import Line, Profile, TransactionAdded, encode_record
from sinks.clickhouse.fact_rows import SHAPES, add_facts
from sinks.clickhouse.message_rows import add_journal_record, is_head
from sinks.clickhouse.rows import COLUMNS, Rows, Source
from sinks.clickhouse.writer import ClickHouseWriter

SOURCE = Source("facts", 3, 42)
HEAD = ("RedeemPoints:r1", 1_000)
PROGRAM = (*HEAD, 7, 2)
ONE_OF_EACH = (
    known.RecordAccepted(1, *HEAD, 1_000, 5, 0),
    known.RecordRefused(2, *HEAD, Refusal.BALANCE_TOO_LOW, 1_000, 7, 2, "40"),
    known.CustomerRegistered(3, *HEAD, Profile("Ann", extended={"pet": "cat"})),
    known.CustomerChanged(4, *HEAD, Profile("Bea"), ("first_name",)),
    known.TransactionRecorded(5, *HEAD, "B1", 900, "GBP", 9_000, 9_500),
    known.ReturnRecorded(6, *HEAD, "B1", 90, 900, 10, 1),
    known.ProgramAdopted(7, *PROGRAM, 0, ("m",), ("s",), 1),
    known.PurchaseCounted(8, *PROGRAM, "B1", 900, 1, 900, 0),
    known.ReturnCounted(9, *PROGRAM, "B1", 90, 900, 90),
    known.PointsIssued(10, *PROGRAM, "POINTS", 9, IssuedFor.SPEND, "spend", 15_000, 9_000, 9, 9, "B1"),
    known.PointsRedeemed(11, *PROGRAM, "POINTS", 2, "r1", (Taken(10, 2),), 7, 20),
    known.PointsExpired(12, *PROGRAM, "POINTS", 3, 15_000, (Taken(10, 3),), 4),
    known.PointsReversed(13, *PROGRAM, "POINTS", 1, "B1", (Reversal("spend", 10, 2, 1, 1),), 1, 3, 8),
    known.PointsDebited(14, *PROGRAM, "POINTS", 1, "mistake", (Taken(10, 1),), 2),
    known.MilestoneProgressed(15, *PROGRAM, "m", 490, 9_000, 1, 1, 2),
    known.MilestoneAchieved(16, *PROGRAM, "m", 490, 2, 2),
    known.StreakStarted(17, *PROGRAM, "s", 15_000, 15_100, 9_000),
    known.StreakExtended(18, *PROGRAM, "s", 490, 2, 3),
    known.StreakLevelReached(19, *PROGRAM, "s", 3, 490, 3),
    known.StreakEnded(20, *PROGRAM, "s", 15_100, 3, (3,)),
    known.TierUpgraded(21, *PROGRAM, 1, 2, 900),
)


def rows_of(*facts: Any) -> dict[str, list[Any]]:
    rows: Rows = defaultdict(list)
    add_facts(rows, FactMessage(3, 40, 1, 1, 11, facts[0].seq, 2_000, facts), SOURCE)
    return dict(rows)


def test_no_kind_of_fact_is_without_rows() -> None:
    assert set(SHAPES) == set(get_args(AnyFact)) == {type(fact) for fact in ONE_OF_EACH}


@pytest.mark.parametrize("fact", [pytest.param(fact, id=type(fact).__name__) for fact in ONE_OF_EACH])
def test_a_fact_fills_every_column_of_its_table(fact: Any) -> None:
    table = SHAPES[type(fact)].table

    assert len(rows_of(fact)[table]) == len(COLUMNS[table])


def test_a_fact_that_moves_points_is_a_row_and_two_legs() -> None:
    redeemed = ONE_OF_EACH[10]

    head = (1, 11, 11, "RedeemPoints:r1", 1_000, "facts", 3, 42, 0, 7, 2)
    assert rows_of(redeemed) == {
        "fact_messages": [1, 11, 11, 1, 2_000, 3, 40, 1, "facts", 3, 42, 0],
        "points_facts": [*head, "redeemed", "POINTS", 2, 7, "", "", "r1", None, 20, 0, [10], [2]],
        "ledger_entries": [*head, 0, "member", "POINTS", -2, *head, 1, "redeemed", "POINTS", 2],
    }


def test_rows_of_one_message_are_told_apart_by_their_index() -> None:
    rows = rows_of(*ONE_OF_EACH[7:9])["purchases"]

    width = len(COLUMNS["purchases"])
    index = COLUMNS["purchases"].index("idx")
    assert rows[index::width] == [0, 1]


def test_every_kind_of_fact_arrives_in_its_table(clickhouse: Client) -> None:
    ClickHouseWriter(lambda: clickhouse).insert(rows_of(*ONE_OF_EACH), "one-of-each")

    found = clickhouse.query("SELECT seq, fact, cause, toUnixTimestamp64Milli(at), idx FROM facts ORDER BY seq")
    assert [(seq, cause, at, idx) for seq, _, cause, at, idx in found.result_rows] == [
        (fact.seq, fact.cause, fact.at, index) for index, fact in enumerate(ONE_OF_EACH)
    ]
    assert [fact for _, fact, *_ in found.result_rows] == [
        "accepted",
        "refused",
        "customer_registered",
        "customer_changed",
        "bill_recorded",
        "bill_returned",
        "adopted",
        "purchase_counted",
        "purchase_returned",
        "points_issued",
        "points_redeemed",
        "points_expired",
        "points_reversed",
        "points_debited",
        "milestone_progressed",
        "milestone_achieved",
        "streak_started",
        "streak_extended",
        "streak_level_reached",
        "streak_ended",
        "tier_upgraded",
    ]


@pytest.mark.parametrize("table", sorted(COLUMNS))
def test_the_columns_that_are_filled_are_those_of_the_table(engine: Client, table: str) -> None:
    found = engine.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND default_kind = '' ORDER BY position",
        parameters={"table": table},
    )

    assert tuple(name for (name,) in found.result_rows) == COLUMNS[table]


def test_a_journal_record_is_a_json_object_with_names() -> None:
    record = TransactionAdded(5, "tx:0", 6, 1, 11, "t1", 7, 4, "B1", 900, "GBP", (Line("A", 900, 2, "tea"),))
    rows: Rows = defaultdict(list)

    add_journal_record(rows, Message("journal", 0, 9, b"1:11", encode_record(record), 5, ()))

    payload = rows["journal"].pop(8)
    assert rows["journal"] == ["TransactionAdded", 1, 11, "t1", 4, 5, "tx:0", 6, "journal", 0, 9, 0]
    assert payload == (
        '{"received_at":5,"source":"tx:0","offset":6,"org_id":1,"customer_id":11,"id":"t1","digest":7,"event_time":4,'
        '"bill_number":"B1","amount_minor":900,"currency":"GBP",'
        '"lines":[{"sku":"A","amount_minor":900,"quantity":2,"category":"tea"}],'
        '"discount_minor":0,"gross_minor":null,"store":"","till":""}'
    )


def test_what_is_no_record_is_kept_as_undecodable() -> None:
    rows: Rows = defaultdict(list)

    add_journal_record(rows, Message("journal", 0, 9, None, b"\xff?", 5, ()))

    assert rows["journal"] == ["Undecodable", 0, 0, "", 5, 5, "", 0, '{"raw":"/z8="}', "journal", 0, 9, 0]


@pytest.mark.parametrize(
    ("key", "head"),
    [(b"1:11", True), (b"1:11#bill:B1", False), (b"$partition", False), (b"$program:1:7:1", False)],
)
def test_heads_are_told_from_other_changelog_entries(key: bytes, *, head: bool) -> None:
    assert is_head(key) is head


def test_all_kinds_of_facts_in_the_schema_are_in_the_union() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(known, inspect.isclass)
        if issubclass(kind, known.Fact) and kind not in (known.Fact, known.ProgramFact)
    }

    assert kinds == set(SHAPES)
