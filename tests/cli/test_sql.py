"""`accrue sql`: it prints what a query returns, changes nothing, and says why it cannot."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from pipeline.cli.place import Place
from pipeline.runtime.settings import Settings
from tests.cli.terminal import Terminal


@pytest.fixture
def stored(terminal: Terminal) -> Terminal:
    """A terminal on a folder whose ClickHouse has one table, with one row."""
    with Place(Settings(data_dir=terminal.folder)).clickhouse(create=True, migrated=False) as client:
        client.command("CREATE TABLE drinks (id Int64, name String) ENGINE = MergeTree ORDER BY id")
        client.command("INSERT INTO drinks VALUES (12345, 'fl\\x1b[31mat')")
    return terminal


def test_a_query_is_answered_with_a_table_that_a_terminal_does_not_obey(stored: Terminal) -> None:
    out = stored.done("sql", "SELECT * FROM drinks").out

    assert "│ 12345 │ fl\\x1b[31mat │" in out


def test_a_query_is_answered_with_a_list_of_objects(stored: Terminal) -> None:
    assert stored.done("sql", "SELECT * FROM drinks", "--json").json == [{"id": 12345, "name": "fl\x1b[31mat"}]


def test_a_query_without_rows_says_so(stored: Terminal) -> None:
    ended = stored.done("sql", "SELECT * FROM drinks WHERE id = 1")

    assert (ended.out, ended.err) == ("", "no rows\n")


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE drinks",
        "INSERT INTO drinks VALUES (2, 'x')",
        "ALTER TABLE drinks DELETE WHERE 1",
        "SELECT 1; DROP TABLE drinks",
        "SELECT 1 SETTINGS readonly = 0",
        "SET readonly = 0",
        "SELECT 1 FORMAT CSV",
    ],
)
def test_what_does_not_only_read_is_refused(stored: Terminal, query: str) -> None:
    ended = stored.run("sql", query)

    assert (ended.code, ended.out) == (2, "")
    assert "error: give one query that only reads, such as SELECT, SHOW or DESCRIBE, without FORMAT: " in ended.err
    assert stored.done("sql", "SELECT count() AS rows FROM drinks", "--json").json == [{"rows": 1}]


def test_a_mistake_in_a_query_is_told(stored: Terminal) -> None:
    ended = stored.run("sql", "SELECT nothing FROM drinks")

    assert ended.code == 2
    assert "Unknown expression identifier `nothing`" in ended.err


def test_no_database_is_created_where_there_is_none(terminal: Terminal) -> None:
    ended = terminal.run("sql", "SELECT 1")

    assert ended.code == 2
    assert f"there is no ClickHouse in the folder {terminal.folder}" in ended.err
    assert not Path(terminal.folder).exists()


def test_a_worker_that_holds_clickhouse_is_named(stored: Terminal) -> None:
    with (stored.folder / "clickhouse" / "status").open("w") as status:
        status.write("PID: 4242\n")
        status.flush()
        fcntl.flock(status, fcntl.LOCK_EX)
        ended = stored.run("sql", "SELECT 1")

    assert ended.code == 2
    assert "is held by process 4242, and one process at a time can use it" in ended.err
