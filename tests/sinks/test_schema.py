"""Migrations and connections."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from traceback import format_exception

import pytest
from clickhouse_connect.driver.client import Client

from sinks.clickhouse.connect import CannotConnect, open_clickhouse
from sinks.clickhouse.schema import migrate, migrations
from sinks.clickhouse.tables import TABLES


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrating_again_applies_nothing(engine: Client) -> None:
    assert migrate(engine) == []


def test_a_migration_that_was_cut_off_is_applied_again(engine: Client) -> None:
    engine.command("TRUNCATE TABLE schema_migrations")

    assert migrate(engine) == [migration.name for migration in migrations()]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_remembers_tokens_except_the_one_whose_rows_replace_one_another(engine: Client, table: str) -> None:
    statement = str(engine.command(f"SHOW CREATE TABLE {table}"))

    assert ("non_replicated_deduplication_window = 10000" in statement) is (table != "customer_state")


@pytest.mark.usefixtures("engine")
def test_a_folder_held_by_another_process_is_an_error_that_names_it(folder: Path) -> None:
    script = (
        "import sys; from sinks.clickhouse.connect import *\n"
        "try: open_clickhouse(sys.argv[1])\n"
        "except CannotConnect as error: print(error)"
    )

    other = subprocess.run(
        [sys.executable, "-c", script, f"chdb://{folder}"], capture_output=True, text=True, check=False, timeout=60
    )

    assert other.stdout == (
        f"the ClickHouse folder {folder} is held by process {os.getpid()}, and one process at a time can use it: "
        "wait for it to end or stop it, then run this again\n"
    )


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "folder",
        "http://",
        "postgres://user:secret@host/db",
        "http://user:secret#1@host:8123/db",
        "http://user:secret[1@host:8123/db",
    ],
)
def test_an_address_of_another_kind_is_an_error_that_says_what_to_write_and_tells_no_password(dsn: str) -> None:
    with pytest.raises(
        CannotConnect, match=r"is not a ClickHouse address; write chdb:///folder or http://host:8123"
    ) as told:
        open_clickhouse(dsn)

    assert "secret" not in "".join(format_exception(told.value))


def test_a_server_that_does_not_answer_is_an_error_that_names_it() -> None:
    with pytest.raises(CannotConnect, match=r"^ClickHouse at 127\.0\.0\.1 does not answer"):
        open_clickhouse("clickhouse://user:secret@127.0.0.1:1/accrue")
