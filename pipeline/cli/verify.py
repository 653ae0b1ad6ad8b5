"""`accrue verify`, in its first form: the invariants of every customer and every ledger entry, in ClickHouse."""

from __future__ import annotations

import click
from clickhouse_connect.driver.client import Client

from pipeline.cli.output import CONSOLE, ERRORS, json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.reading import partitions_of, read_all
from pipeline.log.port import Partition


@click.command()
@placed
@json_option
@click.pass_context
def verify(context: click.Context, place: Place, *, as_json: bool) -> None:
    """Check the invariants of every customer and every ledger entry. Exit code 1 when one is broken.

    They hold when the sink has caught up with the log.

    \b
    Example:
      accrue verify --data-dir accrue-demo
    """
    with place.clickhouse() as client:
        found = list(client.query("SELECT invariant, promise, violations FROM invariants").named_results())
        [(customers,)] = client.query("SELECT uniqExact(org_id, customer_id) FROM customer_state").result_rows
        [(entries,)] = client.query("SELECT count() FROM ledger_entries").result_rows
        behind = _behind(place, client)
    if not customers and not behind:
        message = "there is nothing to check: ClickHouse has no customers, and no facts wait in the log"
        raise Unusable(message)
    if behind:
        ERRORS.print(f"ClickHouse is {behind:,} messages of facts behind the log; what follows may hold once it is not")
    broken = [one for one in found if one["violations"]]
    if as_json:
        print_json(
            {
                "behind": behind,
                "customers": customers,
                "ledger_rows": entries,
                "holds": not broken,
                "invariants": [dict(one) for one in found],
            }
        )
    else:
        rows = [
            ("[red]broken[/]" if one["violations"] else "holds", one["promise"], one["violations"]) for one in found
        ]
        print_table(f"{customers:,} customers, {entries:,} ledger rows", ("", "invariant", "violations"), rows)
        for one in broken:
            CONSOLE.print("see them in the view", one["invariant"])
    if broken:
        context.exit(1)


def _behind(place: Place, client: Client) -> int | None:
    """Messages of facts that are in the log and not in ClickHouse; None where there is no log to compare with."""
    if not place.has_log:
        return None
    topic = place.catalog.name("facts")
    stored = dict.fromkeys(partitions_of([topic], place.settings.partitions), 0)
    found = client.query(
        "SELECT src_partition, max(src_offset) FROM fact_messages WHERE src_topic = {topic:String} "
        "GROUP BY src_partition",
        parameters={"topic": topic},
    )
    for number, last in found.result_rows:
        stored[Partition(topic, number)] = last + 1
    with place.log(checked=False) as log:
        return sum(1 for _ in read_all(log, list(stored), firsts=stored))
