"""`accrue verify`, in its first form: the invariants of every customer and every ledger entry, in ClickHouse."""

from __future__ import annotations

import click

from pipeline.cli.output import CONSOLE, json_option, placed, print_json, print_table
from pipeline.cli.place import Place


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
    broken = [one for one in found if one["violations"]]
    if as_json:
        print_json(
            {
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
