"""`accrue demo`: a whole loyalty program on one machine, from an input topic to the report."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli.activating import activate
from pipeline.cli.backfill import begin_backfill
from pipeline.cli.demo.feeding import Feed, RetailFeed, RoasteryFeed
from pipeline.cli.demo.roastery import CUSTOMERS, DAYS, SEED
from pipeline.cli.demo.screen import LiveScreen, PlainScreen, screen_on
from pipeline.cli.demo.sinking import SinkProcess
from pipeline.cli.demo.watching import Watcher
from pipeline.cli.importing import day_of, print_import
from pipeline.cli.key import new_access_key
from pipeline.cli.main import INTERRUPTED
from pipeline.cli.output import CONSOLE, ERRORS, json_option, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.program_file import load_program
from pipeline.cli.report.page import render_report
from pipeline.cli.report.summary import Summary
from pipeline.folders import private_folder
from pipeline.log.port import Log
from pipeline.runtime.settings import GATEWAY, ROLES, SINK, Settings
from pipeline.runtime.slot import SlotLock
from schemas.program import ProgramDefinition

if TYPE_CHECKING:
    from pipeline.runtime.host.app import HostApp

PROGRAMS: Final = Path(__file__).parents[3] / "examples" / "programs"
_FOLDER: Final = Path("accrue-demo")
_MARK: Final = "this-is-a-demo"
_LOOK_SECONDS: Final = 0.1
_STUCK_SECONDS: Final = 120.0
_MEMBERS_MAX: Final = 1_000_000
_DAYS_MAX: Final = 3_650
_ALMOST: Final = 0.99
"""Shown when everything is decided and ClickHouse is still catching up."""


@click.command()
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of the UCI Online Retail format (csv, csv.gz, csv.xz), not the roastery; several in order of time.",
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="With --data: settle as of the start of this day.")
@click.option(
    "--customers",
    "customers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one CSV row per customer.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=_FOLDER,
    show_default=True,
    help="Folder to run in; an earlier demo in it is replaced.",
)
@click.option(
    "--members",
    type=click.IntRange(1, _MEMBERS_MAX),
    default=CUSTOMERS,
    show_default=True,
    help="Customers of the roastery.",
)
@click.option(
    "--days", type=click.IntRange(1, _DAYS_MAX), default=DAYS, show_default=True, help="Days of the roastery."
)
@click.option("--seed", default=SEED, show_default=True, help="Another seed, another year.")
@json_option
def demo(
    files: tuple[Path, ...],
    until: datetime | None,
    customers_file: Path | None,
    data_dir: Path,
    members: int,
    days: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Run a loyalty program on this machine, without any server, and look at what it did.

    Streams a synthetic coffee roastery, or a file of real transactions, through the embedded log and the embedded
    ClickHouse, then prints figures and writes an HTML report. The folder it leaves works with every other command.

    \b
    Example:
      accrue demo
      accrue demo --data online_retail.csv.xz --until 2011-12-10
      accrue demo --data 2010.csv --data 2011.csv --json --customers customers.csv
    """
    if until and not files:
        message = "--until goes with --data: the roastery ends where its days end"
        raise click.UsageError(message)
    place = Place(_settings(data_dir))
    began = time.monotonic()
    feed: Feed
    if files:
        ERRORS.print("reading the file …", style="dim")
        feed = RetailFeed(files, day_of(until), 1)
    else:
        feed = RoasteryFeed(members, days, seed)
    _clear(place)  # after validating the files: a wrong file leaves the previous demo untouched
    if customers_file:  # what cannot be written is told now, not after minutes
        customers_file.touch()
    definition = load_program((PROGRAMS / feed.program).read_text("utf-8"))
    with closing(place.new_log()) as log:
        place.create_topics(log)
        begin_backfill(place, log)
        activate(place, log, definition)
        try:
            _run(place, log, feed, definition)
        except KeyboardInterrupt:
            ERRORS.print(f"stopped; {data_dir} holds an unfinished demo, which the next one replaces", markup=False)
            raise SystemExit(INTERRUPTED) from None
    with place.clickhouse() as client:
        summary = Summary(client, definition)
        report_file = data_dir / "report.html"
        report_file.write_text(render_report(summary.report(feed.source, _lines_of(feed))), "utf-8")
        if customers_file:
            summary.write_customers(customers_file)
        if as_json:
            print_json(_imported(feed) | summary.as_json())
        else:
            _print(feed, summary, report_file, time.monotonic() - began)
            _print_requests(place, definition, summary.most_active)


def _settings(data_dir: Path) -> Settings:
    """The settings of a demo, which ignores servers and workers named by the environment."""
    own = (
        "kafka_bootstrap",
        "clickhouse_dsn",
        "state_dir",
        "prefix",
        "partitions",
        "group",
        "slot",
        "roles",
        "gateway_port",
    )
    return Settings(data_dir=data_dir, web_port=None, **{name: Settings.model_fields[name].default for name in own})


def _run(place: Place, log: Log, feed: Feed, definition: ProgramDefinition) -> None:
    """Runs feed and worker until everything up to the end of the data is decided and in ClickHouse."""
    # Faust takes a second to load, which no other command should pay.
    from pipeline.runtime.host.app import build_app, running  # noqa: PLC0415

    app = build_app(place.settings, log, [role for role in place.settings.roles if role not in (SINK, GATEWAY)])
    feed.start(place)
    try:
        with (
            SinkProcess(place) as sink,
            closing(Watcher(log, place.catalog, definition)) as watcher,
            screen_on(ERRORS, definition.name) as screen,
            running(app),
        ):
            _watch(app, sink, feed, watcher, screen)
    finally:
        feed.stop()


def _watch(app: HostApp, sink: SinkProcess, feed: Feed, watcher: Watcher, screen: LiveScreen | PlainScreen) -> None:
    moved, before = time.monotonic(), (-1, 0, sink.lag())
    while True:
        notices = watcher.look(_LOOK_SECONDS)
        now = time.monotonic()
        clock, records = app.settled(), app.decided()
        if clock >= feed.end:
            sink.hurry()
        drained = clock >= feed.end and sink.lag() == 0
        done = 1.0 if drained else min(_ALMOST, records / max(feed.expected(), records, 1))
        screen.update(watcher.snapshot(now, done, records, clock, notices))
        if drained:
            return
        if app.roles.failure is not None:
            return  # `running` raises it
        if (records, clock, sink.lag()) != before:
            moved, before = now, (records, clock, sink.lag())
        stuck = f"nothing moved for {now - moved:.0f} s" if now - moved > _STUCK_SECONDS else None
        if problem := feed.failed() or sink.failed() or stuck:
            message = f"the demo stopped: {problem}; roles: {app.roles.status()}"
            raise Unusable(message)


def _clear(place: Place) -> None:
    """Removes the folder of an earlier demo; any other existing folder is an error."""
    folder = place.settings.data_dir
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            message = f"{folder} is not empty and holds no earlier demo: give another --data-dir, or remove it yourself"
            raise Unusable(message)
        for role in ROLES:
            SlotLock(place.settings.states, role).close()  # nothing is taken away from a worker that runs in it
        for one in folder.iterdir():
            if one.name == _MARK:  # removed last, so that a demo interrupted here can be started again
                continue
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one)
            else:
                one.unlink()
    private_folder(folder)
    (folder / _MARK).write_text("This folder is a demo's: the next demo in it removes everything here.\n", "utf-8")


def _lines_of(feed: Feed) -> list[tuple[str, int | str]]:
    return list(feed.report.counts().items()) if isinstance(feed, RetailFeed) else []


def _imported(feed: Feed) -> dict[str, object]:
    if isinstance(feed, RetailFeed):
        return {"lines": feed.report.lines, "dispositions": feed.report.counts()}
    return {}


def _print_requests(place: Place, definition: ProgramDefinition, customer: int) -> None:
    """Two requests to the gateway that work on the folder, with a key of their own."""
    org = definition.org_id
    with place.log() as log:
        key = new_access_key(place, log, org, ("produce", "read"), "demo")
    bill = {
        "type": "transactionAdded",
        "customerId": customer,
        "billNumber": "till-1",
        "amountMinor": 1250,
        "currency": definition.currency,
    }
    url, header = f"http://127.0.0.1:{place.settings.gateway_port}/v1", f'-H "Authorization: Bearer {key}"'
    CONSOLE.print("over HTTP, while a worker runs:")
    say(f"  {Path(sys.argv[0])} worker --data-dir {shlex.quote(str(place.settings.data_dir))}")
    say(f"  curl {url}/messages {header} -d '{json.dumps(bill)}'")
    say(f"  curl {url}/customers/{org}/{customer} {header}")


def _print(feed: Feed, summary: Summary, report_file: Path, seconds: float) -> None:
    if isinstance(feed, RetailFeed):
        print_import(feed.report)
    for table in summary.tables():
        CONSOLE.print(table)
    folder, customer = report_file.parent, summary.most_active
    CONSOLE.print(f"{summary.records:,} journal records, settled as of {summary.settled} UTC, in {seconds:.0f} s")
    say(f"report: {report_file.resolve()}")
    CONSOLE.print(
        f"this demo's clock stands at {summary.settled} UTC; `accrue backfill end` sets it to real time", style="dim"
    )
    CONSOLE.print("next:")
    accrue = Path(sys.argv[0])
    for command in (f"customer {summary.org} {customer}", "verify", "tail --event tierUpgraded"):
        say(f"  {accrue} {command} --data-dir {shlex.quote(str(folder))}")
