"""The schema: numbered SQL files, each applied once, in order, and noted in `schema_migrations`."""

from __future__ import annotations

from importlib.resources import files
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from sinks.clickhouse.connect import CannotConnect, NoAnswer, reason

_NOTES: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY version
"""


class Migration(NamedTuple):
    """One numbered file, such as `0001_tables.sql`."""

    version: int
    name: str
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """The migrations of this build, in order."""
    folder = files("sinks.clickhouse").joinpath("migrations")
    found = []
    for file in folder.iterdir():
        number, _, rest = file.name.partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(number), rest.removesuffix(".sql"), _statements(file.read_text("utf-8"))))
    return sorted(found)


def migrate(client: Client) -> list[str]:
    """Applies missing migrations; returns their names. Raises `CannotConnect`, and `NoAnswer` of its kinds.

    A migration that was cut off is applied again from its beginning, and two processes may migrate at once: every
    statement can run twice.
    """
    try:
        return _migrate(client)
    except OperationalError as error:
        message = f"ClickHouse does not answer while the tables are made: {reason(error)}"
        raise NoAnswer(message) from error
    except ClickHouseError as error:
        message = f"ClickHouse does not make the tables: {reason(error)}"
        raise CannotConnect(message) from error


def _migrate(client: Client) -> list[str]:
    client.command(_NOTES)
    applied = {version for (version,) in client.query("SELECT version FROM schema_migrations").result_rows}
    names = []
    for migration in migrations():
        if migration.version in applied:
            continue
        for statement in migration.statements:
            client.command(statement)
        client.insert("schema_migrations", [migration[:2]], column_names=["version", "name"])
        names.append(migration.name)
    return names


def _statements(sql: str) -> tuple[str, ...]:
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return tuple(statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip(" \n;"))
