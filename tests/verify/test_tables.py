"""ClickHouse against the log: what the sink stored verifies; each row that is lost, doubled or other is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Partition
from pipeline.verify.report import Report
from pipeline.verify.tables import Figures, behind, figures, invariants, verify_tables, verify_views
from schemas.facts import decode_facts
from tests.runtime.workshop import DAY, START, Workshop, bill, clock
from tests.sinks.running import drain
from tests.verify.damage import Nobody, damage, found, without
from tests.verify.stored import SINK, sink_settings


@pytest.fixture
def stored(workshop: Workshop, clickhouse: Client) -> Workshop:
    """Everything decided is in ClickHouse."""
    drain(workshop.log, clickhouse, sink_settings(workshop))
    return workshop


def compared(client: Client, workshop: Workshop, *numbers: int) -> Report:
    report = Report(findings_max=20)
    verify_tables(client, workshop.log, workshop.catalog, SINK, numbers or (0, 1), report, Nobody())
    return report


def test_what_the_sink_stored_verifies(clickhouse: Client, stored: Workshop) -> None:
    report = compared(clickhouse, stored)

    assert found(report) == []
    assert report.looked_at["customer_state"] == 12
    assert report.looked_at["rows"] > len(stored.read("journal")) + len(stored.read("facts"))
    assert behind(stored.log, stored.catalog, SINK) == (0, 0)
    assert figures(clickhouse).customers == 12
    assert {(one.violations, one.settled) for one in invariants(clickhouse, stored.log, stored.catalog, SINK)} == {
        (0, True)
    }


def test_tables_beside_an_empty_log_are_of_another_log(clickhouse: Client, stored: Workshop, tmp_path: Path) -> None:
    empty = EmbeddedLog(tmp_path / "empty")
    empty.create_topics(list(stored.log.describe_topics().values()))
    report = Report(findings_max=20)

    verify_tables(clickhouse, empty, stored.catalog, SINK, (0, 1), report, Nobody())

    empty.close()
    places = {where for check, where, what in found(report) if check == "rows" and "and the log ends at 0" in what}
    assert places >= {"v.facts[0]", "v.facts[1]", "v.journal[0]", "v.journal[1]"}


def test_sink_that_is_behind_is_compared_up_to_where_it_is(clickhouse: Client, stored: Workshop) -> None:
    stored.journal(bill(3, 900, START + 50 * DAY), bill(99, 901, START + 50 * DAY), clock(START + 60 * DAY))
    before = len(stored.read("facts"))
    stored.decide_all()

    assert found(compared(clickhouse, stored)) == []
    late = len(stored.read("facts")) - before
    assert late >= 2
    assert behind(stored.log, stored.catalog, SINK)[0] == late


def test_empty_clickhouse_is_behind_and_not_broken(clickhouse: Client, workshop: Workshop) -> None:
    report = compared(clickhouse, workshop)

    assert (found(report), report.looked_at) == ([], {})
    assert figures(clickhouse) == Figures(0, 0)
    assert behind(workshop.log, workshop.catalog, SINK)[0] == len(workshop.read("facts"))


def test_violations_while_the_sink_is_behind_are_not_judged(clickhouse: Client, stored: Workshop) -> None:
    stored.journal(bill(3, 900, START + 50 * DAY))
    stored.decide_all()
    clickhouse.command("ALTER TABLE customer_state DELETE WHERE customer_id = 5", settings={"mutations_sync": 1})
    clickhouse.command(
        "ALTER TABLE ledger_entries DELETE WHERE customer_id = 5 AND leg = 0", settings={"mutations_sync": 1}
    )

    judged = {
        one.invariant: one.settled for one in invariants(clickhouse, stored.log, stored.catalog, SINK) if one.violations
    }

    assert judged["ledger_unbalanced"]
    assert not judged["balance_mismatches"]


def views_compared(client: Client, workshop: Workshop) -> Report:
    report = Report(findings_max=20)
    verify_views(client, workshop.log, workshop.catalog, SINK, report)
    return report


def test_views_that_say_what_the_state_says_verify(clickhouse: Client, stored: Workshop) -> None:
    report = views_compared(clickhouse, stored)

    assert (found(report), report.looked_at, report.unsettled) == ([], {"views": 12}, set())


def test_a_view_that_says_something_else_than_the_state_is_found(clickhouse: Client, stored: Workshop) -> None:
    clickhouse.command(
        "ALTER TABLE customer_state UPDATE tier = tier + 1 WHERE customer_id = 5", settings={"mutations_sync": 1}
    )

    [(check, where, what)] = found(views_compared(clickhouse, stored))

    assert (check, where) == ("views", "customer 1:5")
    assert what.startswith("in program ")
    assert "tier is " in what


def test_views_are_not_judged_while_the_sink_is_behind(clickhouse: Client, stored: Workshop) -> None:
    clickhouse.command(
        "ALTER TABLE customer_state UPDATE tier = tier + 1 WHERE customer_id = 5", settings={"mutations_sync": 1}
    )
    stored.journal(bill(3, 900, START + 50 * DAY))
    stored.decide_all()

    report = views_compared(clickhouse, stored)

    assert (found(report), report.looked_at, report.unsettled) == ([], {}, {"views"})


def open_lots(client: Client, customer: int) -> int:
    sql = f"SELECT length(`lots.lot_id`) FROM customer_state_latest WHERE customer_id = {customer}"
    ((lots,),) = client.query(sql).result_rows
    return int(lots)


def test_lot_of_a_late_record_in_a_backfill_may_stay_open_until_the_next_tick(
    clickhouse: Client, workshop: Workshop
) -> None:
    using = sink_settings(workshop)
    seen = []
    for record in (bill(99, 900, START + 5 * DAY), clock(START + 41 * DAY)):
        workshop.journal(record)
        workshop.decide_all()
        drain(workshop.log, clickhouse, using)
        broken = {
            one.invariant for one in invariants(clickhouse, workshop.log, workshop.catalog, SINK) if one.violations
        }
        seen.append((open_lots(clickhouse, 99), broken))

    assert seen == [(1, set()), (0, set())]


def test_lot_that_a_tick_left_open_is_found(clickhouse: Client, workshop: Workshop) -> None:
    workshop.journal(bill(99, 900, START + 41 * DAY), clock(START + 42 * DAY))
    workshop.decide_all()
    drain(workshop.log, clickhouse, sink_settings(workshop))
    late = f"toDateTime64({(START + 42 * DAY) // 1_000}, 3, 'UTC')"
    clickhouse.command(
        f"ALTER TABLE customer_state UPDATE `lots.closes_at` = [{late}] WHERE customer_id = 99",
        settings={"mutations_sync": 1},
    )

    found_broken = clickhouse.query("SELECT customer_id, open_points FROM lots_past_expiry").result_rows

    assert found_broken == [(99, 10)]


def message_of(workshop: Workshop, customer: int) -> tuple[int, int]:
    """Partition and offset of the customer's first facts."""
    return next(
        (one.partition, one.offset)
        for one in workshop.read("facts")
        if decode_facts(one.value or b"").customer_id == customer
    )


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(
            "ALTER TABLE ledger_entries DELETE WHERE customer_id = 5 AND seq <= 6 AND leg = 1",
            "1 rows in ledger_entries, and the message makes 2",
            id="a leg is missing",
        ),
        pytest.param(
            "ALTER TABLE facts DELETE WHERE customer_id = 5 AND seq = 1",
            "{without} rows in facts, and the message makes {made}",
            id="a fact is missing",
        ),
        pytest.param(
            "INSERT INTO facts SELECT * FROM facts WHERE customer_id = 5 AND seq = 1 "
            "SETTINGS insert_deduplication_token = '{token}'",
            "{twice} rows in facts, and the message makes {made}",
            id="a fact is doubled",
        ),
        *(
            pytest.param(
                f"ALTER TABLE facts UPDATE {change} WHERE customer_id = 5 AND seq <= 6 AND kind = '{kind}'",
                "its {made} rows in facts differ from what the message makes",
                id=what,
            )
            for kind, change, what in (
                ("TransactionRecorded", "data = replaceOne(data, 'minor\":', 'minor\":1')", "an amount is another"),
                ("RecordAccepted", "program_version = 9", "a version is another"),
                ("PointsIssued", "data = replaceOne(data, '\"bill_number\"', '\"notes\"')", "a field is another"),
            )
        ),
    ],
)
def test_row_that_is_not_as_the_message_makes_it_is_found(
    clickhouse: Client, stored: Workshop, tmp_path: Path, statement: str, what: str
) -> None:
    partition, offset = message_of(stored, 5)
    [made] = clickhouse.query(
        f"SELECT count() FROM facts WHERE src_partition = {partition} AND src_offset = {offset}"
    ).result_rows[0]

    clickhouse.command(statement.replace("{token}", str(tmp_path)), settings={"mutations_sync": 1})

    told = what.format(made=made, without=made - 1, twice=made + 1)
    assert found(compared(clickhouse, stored)) == [("rows", f"v.facts[{partition}]@{offset}", told)]


def test_lost_notification_and_journal_rows_are_found(clickhouse: Client, stored: Workshop) -> None:
    for table, topic in (("notifications", "v.notifications.points"), ("journal", "v.journal")):
        clickhouse.command(
            f"ALTER TABLE {table} DELETE WHERE src_topic = '{topic}' AND src_partition = 1 AND src_offset = 3",
            settings={"mutations_sync": 1},
        )

    assert found(compared(clickhouse, stored)) == [
        ("rows", "v.journal[1]@3", "0 rows in journal, and the message makes 1"),
        ("rows", "v.notifications.points[1]@3", "0 rows in notifications, and the message makes 1"),
    ]


def test_rows_of_a_message_that_the_log_does_not_have_are_found(clickhouse: Client, stored: Workshop) -> None:
    messages = [one for one in stored.read("notifications.points") if one.partition == 1]

    damage(stored.folder / "log", Partition("v.notifications.points", 1), without(len(messages) - 1))

    (first, *_) = found(compared(clickhouse, stored))
    assert first[0] == "rows"
    assert first[1].startswith("v.notifications.points[1]")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param("DELETE WHERE customer_id = 5", "not there", id="missing"),
        pytest.param(
            "UPDATE tier = tier + 1 WHERE customer_id = 5",
            "1 rows at seq {seq} differ from what the changelog says",
            id="other",
        ),
        pytest.param(
            "UPDATE `accounts.balance` = [-1] WHERE customer_id = 5",
            "1 rows at seq {seq} differ from what the changelog says",
            id="other balance",
        ),
    ],
)
def test_customer_that_is_not_as_the_changelog_says_is_found(
    clickhouse: Client, stored: Workshop, statement: str, what: str
) -> None:
    head = max((one for one in stored.read("state") if one.key == b"1:5"), key=lambda one: one.offset)
    seq = max(
        fact.seq for one in stored.read("facts") if one.key == b"1:5" for fact in decode_facts(one.value or b"").facts()
    )
    clickhouse.command("OPTIMIZE TABLE customer_state FINAL")

    clickhouse.command(f"ALTER TABLE customer_state {statement}", settings={"mutations_sync": 1})

    assert found(compared(clickhouse, stored)) == [
        ("customer_state", f"v.state[1]@{head.offset}", f"customer 1:5: {what.format(seq=seq)}")
    ]
    assert found(compared(clickhouse, stored, 0)) == []


def test_customer_that_the_changelog_does_not_know_is_found(clickhouse: Client, stored: Workshop) -> None:
    clickhouse.command(
        "INSERT INTO customer_state SELECT * REPLACE (toInt64(999) AS customer_id) "
        "FROM (SELECT * FROM customer_state WHERE customer_id = 5)"
    )

    ((check, _, what),) = found(compared(clickhouse, stored))
    assert (check, what) == (
        "customer_state",
        "customer 1:999: is in ClickHouse, and the changelog does not know them",
    )
