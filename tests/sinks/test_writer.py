"""The writer: the same token twice is the rows once."""

from __future__ import annotations

import errno
import tempfile
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from sinks.clickhouse.tables.notifications import NotificationRow
from sinks.clickhouse.tables.table import Source
from sinks.clickhouse.writer import ClickHouseWriter, NotInserted

MONTH_MS = 31 * 86_400_000


def notifications(count: int) -> list[NotificationRow]:
    """Rows in a hundred and fifty months."""
    return [
        NotificationRow(
            org_id=1,
            customer_id=index,
            event_name="pointsIssued",
            at=index % 150 * MONTH_MS,
            body=b"{}",
            src=Source(topic="points", partition=0, offset=index),
        )
        for index in range(count)
    ]


def count(client: Client) -> int:
    return int(client.query("SELECT count() FROM notifications").result_rows[0][0])


def test_a_block_inserted_again_with_its_token_is_there_once(clickhouse: Client) -> None:
    writer = ClickHouseWriter(lambda: clickhouse)

    for _ in range(3):
        writer.insert({"notifications": notifications(1_000)}, "writer:same")

    assert count(clickhouse) == 1_000


def test_the_same_rows_with_another_token_are_other_rows(clickhouse: Client) -> None:
    writer = ClickHouseWriter(lambda: clickhouse)

    writer.insert({"notifications": notifications(10)}, "writer:one")
    writer.insert({"notifications": notifications(10)}, "writer:two")

    assert count(clickhouse) == 20


def test_a_block_may_span_more_months_than_the_server_would_allow_by_itself(clickhouse: Client) -> None:
    ClickHouseWriter(lambda: clickhouse).insert({"notifications": notifications(150)}, "writer:months")

    assert clickhouse.query("SELECT uniq(toYYYYMM(at)) FROM notifications").result_rows == [(150,)]


def test_a_table_without_rows_is_left_alone(clickhouse: Client) -> None:
    ClickHouseWriter(lambda: clickhouse).insert({"notifications": []}, "writer:none")

    assert count(clickhouse) == 0


def test_an_insert_that_finds_the_disk_full_may_be_made_again(
    clickhouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ClickHouseWriter(lambda: clickhouse)

    def full(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "NamedTemporaryFile", full)  # by which the embedded engine inserts
        with pytest.raises(NotInserted, match="No space left on device"):
            writer.insert({"notifications": notifications(1)}, "writer:full")
    writer.insert({"notifications": notifications(1)}, "writer:full")

    assert count(clickhouse) == 1
