"""`accrue sql`: a query that only reads, on the ClickHouse of the place."""

from __future__ import annotations

import json
from typing import Final

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from pipeline.cli.output import json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import printable, say
from sinks.clickhouse.connect import reason

_READ_ONLY: Final = {"readonly": 1}
_NO_QUERY: Final = frozenset({62, 164})
"""ClickHouse's error codes for statements that are not queries, or would change something."""


@click.command()
@click.argument("query")
@placed
@json_option
def sql(query: str, place: Place, *, as_json: bool) -> None:
    """Run one SQL query on ClickHouse and print what it returns. It only reads: anything else is refused.

    A table shows the first 1,000 rows; --json prints all of them as a list of objects.

    \b
    Example:
      accrue sql "SHOW TABLES" --data-dir accrue-demo
      accrue sql "SELECT * FROM customer_state_latest LIMIT 5" --json
    """
    if not query.strip():
        message = "the query is empty"
        raise click.UsageError(message)
    with place.clickhouse(migrated=False) as client:
        found = _answer(client, query, "JSON" if as_json else "PrettyCompact")
    if as_json:
        print_json(json.loads(found)["data"] if found else [])
        return
    for line in found.splitlines():
        say(printable(line))
    if not found:
        say("no rows", err=True)


def _answer(client: Client, query: str, form: str) -> str:
    try:
        return client.raw_query(query, fmt=form, settings=_READ_ONLY).decode()
    except DatabaseError as error:
        if error.code not in _NO_QUERY:
            raise
        message = f"give one query that only reads, such as SELECT, SHOW or DESCRIBE, without FORMAT: {reason(error)}"
        raise Unusable(message) from error
