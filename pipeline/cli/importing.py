"""`accrue import`: history from files of other systems."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import click

from pipeline.cli.backfill import begin_backfill
from pipeline.cli.identity import entries_of_org
from pipeline.cli.output import ERRORS, json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.cli.printing import printable, say
from pipeline.cli.resolving import Line, Resolver, with_person
from pipeline.cli.send import is_clock, key_of
from pipeline.cli.sending import send_inputs
from pipeline.cli.settings_topic import identifying_orgs_now
from pipeline.clock import SYSTEM_CLOCK
from pipeline.importer.retail import ImportReport
from pipeline.importer.retail_file import read_files
from pipeline.importer.retail_inputs import inputs, matched
from pipeline.importer.upstream import Input
from pipeline.intake.org_settings import known
from pipeline.log.port import Log
from pipeline.runtime.roles.intake import limits_of
from schemas.messages import IDENTITY_MAX


@click.group("import")
def import_group() -> None:
    """Import history, in event time.

    \b
    Example:
      accrue import retail online_retail.csv.xz --until 2011-12-10
      accrue import messages history.jsonl --resolve
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


@import_group.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--resolve",
    is_flag=True,
    help="Look up the customers of messages that name them by identifiers, before anything is sent.",
)
@placed
@json_option
def messages(files: tuple[Path, ...], place: Place, *, resolve: bool, as_json: bool) -> None:
    """Import messages as `accrue send` takes them, a JSON object a line, in event time.

    The journal refuses history that names a customer by identifiers. With --resolve, the customer id takes their place:
    that of the customer whom the org knows by them, or who gets them in a line of the files, an earlier one or else the
    first later one. Lines whose customer nobody knows are left out and told, and the exit code is 1.

    \b
    Example:
      accrue import messages customers.jsonl bills.jsonl --resolve
    """
    with place.log(create=True) as log:
        begin_backfill(place, log)
        resolver = _resolver(place, log, files) if resolve else None
        left_out: dict[Line, str] = {}
        sent = send_inputs(place, log, _inputs(files, resolver, left_out), lambda _sent, _time: None)
    if as_json:
        told = [{"file": line.file, "line": line.number, "reason": why} for line, why in left_out.items()]
        print_json({"sent": sent, "resolved": len(resolver.persons) if resolver else 0, "left_out": told})
    else:
        for line, why in left_out.items():
            say(f"{printable(line.file)}, line {line.number}: left out: {printable(why)}", err=True)
        say(f"sent {sent:,} messages to {place.catalog.name('transactions')}, left out {len(left_out):,} lines")
    if left_out:
        sys.exit(1)


def _resolver(place: Place, log: Log, files: Sequence[Path]) -> Resolver:
    orgs = {number: known(org) for number, org in identifying_orgs_now(place, log).items()}
    limits = limits_of(place.settings)._replace(orgs=orgs)
    resolver = Resolver(limits, SYSTEM_CLOCK.wall(), lambda org_id: entries_of_org(place, log, org_id))
    for line, value in _lines(files):
        resolver.look(line, value)
    return resolver


def _lines(files: Sequence[Path]) -> Iterator[tuple[Line, bytes]]:
    for path in files:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if value := line.strip():
                    yield Line(file=str(path), number=number), value


def _inputs(files: Sequence[Path], resolver: Resolver | None, left_out: dict[Line, str]) -> Iterator[Input]:
    """What is to be sent; into `left_out` goes what is not, and why."""
    for line, original in _lines(files):
        value = original
        if resolver is not None and line in resolver.persons:
            value = with_person(original, resolver.persons[line])
        key = key_of(value)
        if resolver is not None and line in resolver.unresolved:
            left_out[line] = resolver.unresolved[line]
        elif key is None and not is_clock(value):
            left_out[line] = "it names no customer"
        else:
            yield Input(key, value, 0)


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
