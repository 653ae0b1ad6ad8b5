"""`accrue report`: the figures of a program, from ClickHouse."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import CONSOLE, json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.report.page import render_report
from pipeline.cli.report.summary import Summary
from schemas.program import ProgramDefinition


@click.command()
@click.option("--org", type=int, help="The org; needed where there are several programs.")
@click.option("--program", "program_id", type=int, help="The program; needed where there are several.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report with charts.")
@click.option(
    "--customers",
    "customers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one CSV row per customer.",
)
@placed
@json_option
def report(
    org: int | None,
    program_id: int | None,
    html: Path | None,
    customers_file: Path | None,
    place: Place,
    *,
    as_json: bool,
) -> None:
    """Show the figures of a program: totals, tiers, notifications; with --html as charts.

    \b
    Example:
      accrue report --data-dir accrue-demo --html report.html
    """
    with place.clickhouse() as client:
        rows = client.query("SELECT org_id, program_id, definition FROM programs_in_force").result_rows
        chosen = [row for row in rows if org in {None, row[0]} and program_id in {None, row[1]}]
        if len(chosen) != 1:
            known = ", ".join(f"--org {row[0]} --program {row[1]}" for row in rows) or "none"
            message = f"{len(chosen)} programs fit; those in force are: {known}"
            raise Unusable(message)
        summary = Summary(client, ProgramDefinition.model_validate_json(chosen[0][2]))
        if html:
            html.write_text(render_report(summary.report("from ClickHouse")), "utf-8")
        if customers_file:
            summary.write_customers(customers_file)
        figures = summary.as_json() if as_json else {}
        tables = () if as_json else tuple(summary.tables())  # while ClickHouse is at hand
    if as_json:
        print_json(figures)
    for table in tables:
        CONSOLE.print(table)
