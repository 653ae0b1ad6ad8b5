"""`accrue import`: history from files of other systems."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from pipeline.cli.backfill import begin_backfill
from pipeline.cli.output import ERRORS, json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.cli.printing import say
from pipeline.cli.sending import send_inputs
from pipeline.importer.retail import ImportReport
from pipeline.importer.retail_file import read_files
from pipeline.importer.retail_inputs import inputs, matched
from schemas.messages import IDENTITY_MAX


@click.group("import")
def import_group() -> None:
    """Import history, in event time.

    \b
    Example:
      accrue import retail online_retail.csv.xz --until 2011-12-10
    """


@import_group.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--org", type=click.IntRange(1, IDENTITY_MAX), default=1, show_default=True, help="The org to import for."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Settle as of the start of this day.")
@placed
@json_option
def retail(files: tuple[Path, ...], org: int, until: datetime | None, place: Place, *, as_json: bool) -> None:
    """Import files of the UCI Online Retail format (csv, csv.gz, csv.xz), in the order of time.

    Prints where every line went. The journal runs on event time (`accrue backfill begin` is done first where needed).

    \b
    Example:
      accrue import retail online_retail.csv.xz --until 2011-12-10
    """
    ERRORS.print("reading …", style="dim")
    invoices = read_files(files, lambda _part: None)
    messages = inputs(matched(invoices.in_order(), invoices.report), org, day_of(until))
    with place.log(create=True) as log:
        begin_backfill(place, log)
        sent = send_inputs(place, log, messages, lambda _sent, _time: None)
    report = invoices.report
    if as_json:
        print_json(
            {"lines": report.lines, "dispositions": report.counts(), "customers": report.customers, "sent": sent}
        )
    else:
        print_import(report)
        say(f"sent {sent:,} messages to {place.catalog.name('transactions')}")


def print_import(report: ImportReport) -> None:
    """Where every line of the files went."""
    print_table(f"{report.lines:,} lines", ("disposition", "lines"), list(report.counts().items()))
    for line in report.malformed:
        ERRORS.print(
            f"malformed: {line.file}, line {line.row}: {line.why}", style="yellow", markup=False, soft_wrap=True
        )


def day_of(moment: datetime | None) -> date | None:
    """The day of an option that was given as one."""
    return None if moment is None else moment.date()
